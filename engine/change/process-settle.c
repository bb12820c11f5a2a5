/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-settle.h"

#include "change/process-record.h"
#include "change/process-select.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

struct settling {
	struct host *host;
	bool keep;          /* what is recorded is left as it is */
	struct pids seen;   /* sorted */
	struct pids family; /* whose children are looked at */
	size_t continued;
};

static void settling_end(struct settling *s)
{
	pids_free(&s->seen);
	pids_free(&s->family);
}

/* What is stopped, or may be: a stop takes effect when the process has its turn or leaves the
 * kernel, and where the main thread has ended the state says nothing. */
static bool may_be_stopped(const struct proc_stat *st)
{
	return st->state == 'T' || st->state == 'R' || st->state == 'D' || st->state == 'Z';
}

static int go_on(struct settling *s, pid_t pid, int pidfd)
{
	struct proc_stat st;
	int r = proc_stat(s->host->proc, pid, &st);
	if (r == 0 && !may_be_stopped(&st))
		return 0;
	if (r == 0)
		r = proc_signal(pidfd, SIGCONT);
	if (r == 0)
		s->continued += st.state == 'T';
	return r == -ESRCH ? 0 : r;
}

static int meet(struct settling *s, pid_t pid)
{
	int r = pids_sorted_add(&s->seen, pid);
	return r < 0 ? r : pids_add(&s->family, pid);
}

/* They are not ours to continue, but their children may be. */
static int meet_left_out(struct settling *s, const json_t *list)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		struct proc_identity id;
		int pidfd;
		r = identity_from_json(json_array_get(list, i), &id);
		if (r == 0)
			r = proc_hold(s->host->proc, &id, &pidfd);
		if (r == 0) {
			close_fd(&pidfd);
			r = meet(s, id.pid);
		} else if (r == -ESRCH) {
			r = 0;
		}
	}
	return r;
}

static int continue_recorded(struct settling *s, const struct processes *list)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct process *p = &list->v[i];
		int pidfd;
		r = proc_hold(s->host->proc, &p->id, &pidfd);
		if (r == -ESRCH) {
			r = 0;
			continue;
		}
		if (r < 0)
			return r;
		r = meet(s, p->id.pid);
		if (r == 0 && !p->stopped && !s->keep)
			r = go_on(s, p->id.pid, pidfd);
		close_fd(&pidfd);
	}
	return r;
}

/* One that is not on record. */
static int continue_found(void *ctx, pid_t pid)
{
	struct settling *s = ctx;
	struct proc_identity id;
	int pidfd;
	if (pids_sorted_has(&s->seen, pid))
		return 0;
	int r = proc_hold_pid(s->host->proc, pid, &id, &pidfd);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	r = meet(s, pid);
	if (r == 0)
		r = go_on(s, pid, pidfd);
	close_fd(&pidfd);
	return r;
}

static int continue_matching(struct settling *s, const struct selector *selector, struct buf *note)
{
	struct scan *scan = NULL;
	int r = scan_new(s->host, selector, &scan, note);
	if (r == 0)
		r = scan_run(scan, &s->seen, continue_found, s);
	scan_free(&scan);
	return r;
}

/* The family grows on the way. */
static int continue_children(struct settling *s)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->family.n; i++) {
		_cleanup_pids_ struct pids children = {0};
		r = proc_children(s->host->proc, s->family.v[i], &children);
		r = r == -ESRCH ? 0 : r;
		for (size_t k = 0; r == 0 && k < children.n; k++)
			r = continue_found(s, children.v[k]);
	}
	return r;
}

static int continue_all(struct settling *s, const struct change *c, struct buf *note)
{
	_cleanup_processes_ struct processes list = {0};
	struct selector *selector = NULL;
	int r = processes_of(c, &list);
	if (r == 0)
		r = selector_from_json(json_object_get(c->data, "select"), &selector);
	if (r == 0)
		r = meet_left_out(s, json_object_get(c->data, "left-out"));
	if (r == 0)
		r = continue_recorded(s, &list);
	if (r == 0 && selector_repeats(selector))
		r = continue_matching(s, selector, note);
	if (r == 0 && selector_tree(selector))
		r = continue_children(s);
	selector_free(&selector);
	return r;
}

int processes_settle(struct host *host, const struct change *c, struct effect *effect, bool keep)
{
	_cleanup_(settling_end) struct settling s = {.host = host, .keep = keep};
	int r = process_same_boot(host, c);
	if (r <= 0)
		return r;
	r = proc_is_ours(host->proc);
	if (r == 0)
		r = continue_all(&s, c, &effect->note);
	if (s.continued)
		buf_printf(&effect->note, "%s%zu continued that had been left stopped", effect->note.len ? "; " : "",
		           s.continued);
	return r;
}
