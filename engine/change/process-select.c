/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-select.h"

#include "change/process-match.h"
#include "change/process-record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often newcomers are looked at again after a scan, while some of them vanish
 * under the eye: a process that hops from pid to pid is met this way. */
#define TAIL_ROUNDS 64
#define TAIL_MAX 4096 /* more newcomers than this at once: scan everything again */

struct selector {
	bool tree;
	bool given[MATCH_COUNT];
	struct strv wanted[MATCH_COUNT];
};

void selector_free(struct selector **selector)
{
	if (!*selector)
		return;
	for (size_t i = 0; i < MATCH_COUNT; i++)
		strv_free(&(*selector)->wanted[i]);
	free(*selector);
	*selector = NULL;
}

int selector_from_args(const struct args *args, struct selector **ret)
{
	_cleanup_(selector_free) struct selector *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->tree = args_yes(args, "tree");
	for (size_t i = 0; i < MATCH_COUNT; i++) {
		s->given[i] = args_has(args, matchers[i].name);
		int r = strv_add_all(&s->wanted[i], args_list(args, matchers[i].name));
		if (r < 0)
			return r;
	}
	*ret = s;
	s = NULL;
	return 0;
}

int selector_from_json(const json_t *json, struct selector **ret)
{
	_cleanup_(selector_free) struct selector *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	const json_t *tree = json_object_get(json, "tree");
	if (!json_is_boolean(tree))
		return -EINVAL;
	s->tree = json_is_true(tree);
	for (size_t i = 0; i < MATCH_COUNT; i++) {
		const json_t *list = json_object_get(json, matchers[i].name);
		s->given[i] = list;
		int r = list ? json_texts_get(list, &s->wanted[i]) : 0;
		if (r < 0)
			return r;
	}
	*ret = s;
	s = NULL;
	return 0;
}

json_t *selector_to_json(const struct selector *s)
{
	json_t *json = json_pack("{s:b}", "tree", s->tree);
	for (size_t i = 0; json && i < MATCH_COUNT; i++) {
		if (s->given[i] && json_object_set_new(json, matchers[i].name, json_texts(&s->wanted[i])) < 0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

bool selector_tree(const struct selector *s)
{
	return s->tree;
}

bool selector_repeats(const struct selector *s)
{
	for (size_t i = 0; i < s->wanted[MATCH_PARENT].n; i++)
		if (match_is_number(s->wanted[MATCH_PARENT].v[i]))
			return false;
	return !s->given[MATCH_CPU_ABOVE] && !s->given[MATCH_PID];
}

/* The index of the first that is not smaller. */
static size_t position(const struct pids *p, pid_t pid)
{
	size_t low = 0, high = p->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->v[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool pids_sorted_has(const struct pids *p, pid_t pid)
{
	size_t at = position(p, pid);
	return at < p->n && p->v[at] == pid;
}

int pids_sorted_add(struct pids *p, pid_t pid)
{
	size_t at = position(p, pid);
	if (at < p->n && p->v[at] == pid)
		return 0;
	int r = pids_add(p, pid); /* makes room */
	if (r < 0)
		return r;
	memmove(&p->v[at + 1], &p->v[at], (p->n - 1 - at) * sizeof(*p->v));
	p->v[at] = pid;
	return 0;
}

struct scan {
	const struct selector *selector;
	struct match match;
	struct pids ancestors; /* sorted */
	pid_t self;
	/* Of the scan that is going on. */
	const struct pids *known;
	struct pids matched; /* sorted */
	found_fn found;
	void *ctx;
};

static int read_ancestors(struct scan *scan)
{
	pid_t pid = scan->self;
	struct proc_stat st;
	int r = 0;
	while (r == 0 && proc_stat(scan->match.host->proc, pid, &st) == 0 && st.ppid > 0) {
		pid = st.ppid;
		if (pids_sorted_has(&scan->ancestors, pid))
			break;
		r = pids_sorted_add(&scan->ancestors, pid);
	}
	return r;
}

static int prepare(struct scan *scan, struct buf *ret_why)
{
	for (size_t i = 0; i < MATCH_COUNT; i++) {
		int r = scan->selector->given[i] && matchers[i].prepare
		                ? matchers[i].prepare(&scan->match, &scan->selector->wanted[i], ret_why)
		                : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int scan_new(struct host *host, const struct selector *selector, struct scan **ret, struct buf *ret_why)
{
	_cleanup_(scan_free) struct scan *scan = calloc(1, sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	scan->selector = selector;
	scan->match.host = host;
	scan->self = getpid();
	int r = proc_is_ours(host->proc);
	if (r < 0) {
		buf_puts(ret_why, r == -EXDEV ? "/proc belongs to another pid namespace" : "cannot read /proc");
		return r;
	}
	r = read_ancestors(scan);
	if (r == 0)
		r = prepare(scan, ret_why);
	if (r < 0)
		return r;
	*ret = scan;
	scan = NULL;
	return 0;
}

void scan_free(struct scan **scan)
{
	if (!*scan)
		return;
	match_free(&(*scan)->match);
	pids_free(&(*scan)->ancestors);
	pids_free(&(*scan)->matched);
	free(*scan);
	*scan = NULL;
}

/* Whether PID is a process, and one that may be meant at all. */
static int eligible(struct scan *scan, pid_t pid)
{
	struct proc_stat st;
	struct proc_status status;
	if (scan->selector->given[MATCH_CMDLINE] && pids_sorted_has(&scan->ancestors, pid))
		return 0;
	int r = proc_stat(scan->match.host->proc, pid, &st);
	if (r < 0)
		return r;
	if (st.kthread || !proc_alive(scan->match.host->proc, &st))
		return 0;
	r = proc_status(scan->match.host->proc, pid, &status);
	return r < 0 ? r : status.tgid == pid;
}

/* 1, 0 or -errno; what cannot be seen is noted and does not match. */
static int ask(struct scan *scan, pid_t pid)
{
	const struct selector *s = scan->selector;
	int r = 1;
	for (size_t i = 0; r == 1 && i < MATCH_COUNT; i++)
		if (s->given[i] && matchers[i].ask)
			r = matchers[i].ask(&scan->match, pid, &s->wanted[i]);
	if (r == 1)
		r = eligible(scan, pid);
	if (r == -EACCES || r == -EPERM) {
		struct host *host = scan->match.host;
		int noted = geteuid() == 0 ? host_blind(host, "cannot look into process %d: %s", (int)pid, strerror(-r))
		                           : host_blind(host, "cannot look into the processes of other users: not root");
		return noted < 0 ? noted : 0;
	}
	return r == -ENOENT || r == -ENAMETOOLONG ? 0 : r;
}

/* Reports PID if it matches; *RET_VANISHED tells that it went meanwhile. */
static int look_at(struct scan *scan, pid_t pid, bool *ret_vanished)
{
	if (pid == scan->self || (scan->known && pids_sorted_has(scan->known, pid)) ||
	    pids_sorted_has(&scan->matched, pid))
		return 0;
	int r = ask(scan, pid);
	if (r == -ESRCH)
		*ret_vanished = true;
	if (r != 1)
		return r == -ESRCH ? 0 : r;
	r = pids_sorted_add(&scan->matched, pid);
	if (r < 0 || scan->selector->given[MATCH_CPU_ABOVE])
		return r;
	r = scan->found(scan->ctx, pid);
	return r < 0 ? r : 0;
}

static int look_at_all(struct scan *scan)
{
	_cleanup_pids_ struct pids all = {0};
	const struct selector *s = scan->selector;
	bool vanished;
	int r = 0;
	if (s->given[MATCH_PID])
		for (size_t i = 0; r == 0 && i < s->wanted[MATCH_PID].n; i++)
			r = pids_sorted_add(&all, (pid_t)strtol(s->wanted[MATCH_PID].v[i], NULL, 10));
	else
		r = proc_pids(scan->match.host->proc, &all);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = look_at(scan, all.v[i], &vanished);
	return r;
}

/* Looks at who came after FROM until none of them vanishes meanwhile. */
static int look_at_newcomers(struct scan *scan, pid_t from)
{
	for (int round = 0; round < TAIL_ROUNDS; round++) {
		pid_t last;
		int r = proc_last_pid(scan->match.host->proc, &last);
		if (r < 0 || last == from)
			return r;
		bool vanished = false;
		if (last < from || last - from > TAIL_MAX)
			r = look_at_all(scan);
		else
			for (pid_t pid = from + 1; r == 0 && pid <= last; pid++)
				r = look_at(scan, pid, &vanished);
		if (r < 0 || !vanished)
			return r;
		from = last;
	}
	return 0;
}

/* Takes the sample, of those that fit otherwise. */
static int report_busy(struct scan *scan)
{
	const struct strv *percent = &scan->selector->wanted[MATCH_CPU_ABOVE];
	if (percent->n == 0)
		return 0;
	int r = match_cpu_above(&scan->matched, (unsigned)value_number(percent->v[0]));
	for (size_t i = 0; r >= 0 && i < scan->matched.n; i++)
		r = scan->found(scan->ctx, scan->matched.v[i]);
	return r < 0 ? r : 0;
}

int scan_run(struct scan *scan, const struct pids *known, found_fn found, void *ctx)
{
	_cleanup_buf_ struct buf why = {0};
	pid_t last;
	scan->matched.n = 0;
	scan->known = known;
	scan->found = found;
	scan->ctx = ctx;
	int r = proc_last_pid(scan->match.host->proc, &last);
	if (r == 0)
		r = prepare(scan, &why);
	if (r == 0)
		r = look_at_all(scan);
	if (r == 0 && !scan->selector->given[MATCH_PID])
		r = look_at_newcomers(scan, last);
	if (r == 0 && scan->selector->given[MATCH_CPU_ABOVE])
		r = report_busy(scan);
	return r;
}
