/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules:
 *  1. What cannot be decided is refused.
 *  2. Names, titles and environments are the attacker's to choose: they may add
 *     protection, they never take it away, and they alone never grant it where it
 *     would shield a process or file from the response.
 *  3. The guard only reads.
 */
#include "core/guard.h"
#include "core/guard-rules.h"
#include "base/escape.h"
#include "base/strset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct guard_rule guard_rules[] = {
	{"process.init", true, "pid 1 is never signalled"},
	{"process.self", true, "this program never signals itself"},
	{"process.ancestor", true, "what started this program is never signalled: shell, sshd, agent"},
	{"process.kernel-thread", true, "kernel threads are never signalled"},
	{"process.session", false, "the operator's session: its leader, and whatever shares its terminal"},
	{"process.sshd-listener", false, "the sshd that accepts logins is never signalled"},
	{"process.ssh-session", false, "an sshd behind which somebody is logged in is not signalled, but by a step that ends sessions"},
	{"process.audit-daemon", false, "the audit daemon is never signalled"},
	{"process.essential", false, "udev, journald, D-Bus, logind, network and container services"},
	{"process.database", false, "database servers, told by their executable"},
	{"process.protected", false, "processes that respond.conf(5) protects"},
	{"net.too-wide", false, "prefixes wider than the floor in respond.conf(5)"},
	{"net.loopback", true, "127.0.0.0/8 and ::1"},
	{"net.unspecified", true, "0.0.0.0/8 and ::"},
	{"net.multicast", false, "224.0.0.0/4 and ff00::/8"},
	{"net.broadcast", false, "255.255.255.255 and the broadcast addresses of this host's networks"},
	{"net.link-local", false, "169.254.0.0/16 and fe80::/10"},
	{"net.own", false, "this host's own addresses"},
	{"net.gateway", false, "gateways in this host's routes"},
	{"net.resolver", false, "the name servers that this host asks"},
	{"net.time-server", false, "the time servers that this host asks, where their addresses are configured"},
	{"net.dhcp-server", false, "the DHCP server that gave this host its address"},
	{"net.operator", false, "where the operator's own session comes from"},
	{"net.ssh-peer", false, "where other SSH sessions come from that are open now"},
	{"net.protected", false, "addresses that respond.conf(5) protects"},
	{"net.port-operator", false, "the port that the operator's own session came by is not closed"},
	{"net.port-ssh", false, "ports that sshd listens on, or that somebody has come by who is logged in over SSH, are not closed"},
	{"file.pseudo", true, "/proc, /sys and other filesystems of the kernel, and device nodes"},
	{"file.own-state", true, "this program, its configuration, journals and vault"},
	{"file.mount-point", true, "files with something mounted on them"},
	{"file.device", false, "/dev, except /dev/shm"},
	{"file.interpreter", false, "shells, interpreters, libc, sshd, PAM modules, the kernel and /boot"},
	{"file.essential", false, "files without which nobody logs in or nothing boots"},
	{"file.packaged", false, "files that a package owns are not taken away"},
	{"file.data", false, "files below databases, mail and logs are not taken away"},
	{"file.setuid", false, "files that give rights to who runs them are not put back"},
	{"file.protected", false, "paths that respond.conf(5) protects"},
	{"unit.essential", false, "what lets people log in, or the host run: sshd, D-Bus, udev, journald, networks, targets"},
	{"unit.protected", false, "units that respond.conf(5) protects"},
	{"user.protected", false, "accounts, processes and keys of users whom respond.conf(5) protects"},
	{"account.root", false, "root (where there is none of that name, the first account of uid 0) is not locked: its cron jobs and its console would be, too"},
	{"account.operator", false, "the account that the operator is logged in to is not locked"},
	{"login.last-way", false, "the last way to log in is not taken away"},
	{"limit.processes", false, "no more processes at once than respond.conf(5) allows"},
	{"limit.files", false, "no more files at once than respond.conf(5) allows"},
	{"limit.addresses", false, "no more addresses at once than respond.conf(5) allows"},
	{NULL, false, NULL},
};

static bool fixed(const char *rule)
{
	for (const struct guard_rule *r = guard_rules; r->name; r++)
		if (strcmp(r->name, rule) == 0)
			return r->fixed;
	return false;
}

bool guard_lifted(const struct guard *guard, const char *rule)
{
	return guard->allow && strv_has(guard->allow, rule) && !fixed(rule);
}

__attribute__((format(printf, 2, 0)))
static void add_sentence(struct buf *why, const char *fmt, va_list ap)
{
	buf_reset(why);
	buf_vprintf(why, fmt, ap);
}

static void add_lift(struct buf *why, const char *rule)
{
	if (!fixed(rule))
		buf_printf(why, "; --allow %s lifts the rule for one run", rule);
}

int guard_refuse(struct guard *guard, struct refusal *v, const char *rule, const char *fmt, ...)
{
	if (guard_lifted(guard, rule))
		return 0;
	v->rule = rule;
	va_list ap;
	va_start(ap, fmt);
	add_sentence(v->why, fmt, ap);
	va_end(ap);
	add_lift(v->why, rule);
	return -EPERM;
}

int guard_unsure(struct refusal *v, int error, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add_sentence(v->why, fmt, ap);
	va_end(ap);
	buf_printf(v->why, ": %s; what cannot be checked is not done", strerror(-error));
	return error;
}

const char *guard_text(struct buf *ret, const char *text)
{
	buf_reset(ret);
	escape_str(ret, text);
	return buf_text(ret);
}

int guard_new(struct host *host, const struct config *config, const struct proof *const *proofs,
              const struct strv *allow, struct guard **ret)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	if (!guard)
		return -ENOMEM;
	guard->host = host;
	guard->config = config;
	guard->proofs = proofs;
	guard->allow = allow;
	*ret = guard;
	return 0;
}

static void radius_reset(struct radius *r)
{
	strset_free(&r->processes);
	strset_free(&r->files);
	r->addresses = 0;
}

void guard_free(struct guard **guard)
{
	if (!*guard)
		return;
	process_facts_free(&(*guard)->process);
	socket_facts_free(&(*guard)->sockets);
	net_facts_free(&(*guard)->net);
	file_facts_free(&(*guard)->file);
	users_free(&(*guard)->users);
	radius_reset(&(*guard)->radius);
	free(*guard);
	*guard = NULL;
}

int guard_users(struct guard *guard, const struct users **ret)
{
	int r = guard->users_known ? 0 : users_load(guard->host->root, &guard->users);
	if (r < 0)
		return r;
	guard->users_known = true;
	*ret = &guard->users;
	return 0;
}

static int judge(struct guard *guard, const struct subject *s, enum deed deed, struct refusal *v)
{
	switch (s->type) {
	case SUBJECT_PROCESS:
		return deed == DEED_UNDO ? 0 : guard_process(guard, s, v);
	case SUBJECT_ADDRESS:
		return deed == DEED_UNDO ? 0 : guard_address(guard, &s->address, v);
	case SUBJECT_ALL_BUT:
		return deed == DEED_UNDO ? 0 : guard_all_but(guard, s->kept, v);
	case SUBJECT_PORT:
		return deed == DEED_UNDO ? 0 : guard_port(guard, s, v);
	case SUBJECT_EDIT_PATH:
	case SUBJECT_REMOVE_PATH:
	case SUBJECT_RIGHTS:
		return guard_path(guard, s, deed, v);
	case SUBJECT_UNIT:
		return deed == DEED_UNDO ? 0 : guard_unit(guard, s, v);
	case SUBJECT_ACCOUNT:
		return deed == DEED_UNDO ? 0 : guard_account(guard, s, v);
	}
	return guard_unsure(v, -EINVAL, "a change touches something unknown");
}

struct visit {
	struct guard *guard;
	enum deed deed;
	struct refusal refusal;
};

static int visit_subject(void *ctx, const struct subject *subject)
{
	struct visit *v = ctx;
	return judge(v->guard, subject, v->deed, &v->refusal);
}

/* The outputs stay untouched unless there is a verdict. */
static int deliver(int r, const struct refusal *v, const char **ret_rule, struct buf *ret_why)
{
	if (r == -EPERM && v->rule)
		*ret_rule = v->rule;
	if (r < 0)
		buf_puts(ret_why, buf_text(v->why));
	return r;
}

static int judge_change(struct guard *guard, const struct change *change, enum deed deed, const char **ret_rule,
                        struct buf *ret_why)
{
	_cleanup_buf_ struct buf why = {0};
	struct visit v = {guard, deed, {.why = &why}};
	int r = change->kind->subjects ? change->kind->subjects(change, visit_subject, &v) : 0;
	return deliver(r, &v.refusal, ret_rule, ret_why);
}

int guard_change(struct guard *guard, const struct change *change, const char **ret_rule, struct buf *ret_why)
{
	return judge_change(guard, change, DEED_APPLY, ret_rule, ret_why);
}

int guard_undo(struct guard *guard, const struct change *change, const char **ret_rule, struct buf *ret_why)
{
	return judge_change(guard, change, DEED_UNDO, ret_rule, ret_why);
}

int guard_subject(struct guard *guard, const struct subject *subject, const char **ret_rule, struct buf *ret_why)
{
	_cleanup_buf_ struct buf why = {0};
	struct refusal v = {.why = &why};
	return deliver(judge(guard, subject, DEED_APPLY, &v), &v, ret_rule, ret_why);
}

static int measure(void *ctx, const struct subject *subject)
{
	struct radius *r = ctx;
	char pid[24];
	int n = 0;
	switch (subject->type) {
	case SUBJECT_PROCESS:
		snprintf(pid, sizeof(pid), "%d", (int)subject->pid);
		n = strset_add(&r->processes, pid);
		break;
	case SUBJECT_EDIT_PATH:
	case SUBJECT_REMOVE_PATH:
	case SUBJECT_RIGHTS:
		n = strset_add(&r->files, subject->path);
		break;
	case SUBJECT_ADDRESS:
		r->addresses++;
		break;
	case SUBJECT_ALL_BUT: /* no number says how many */
	case SUBJECT_PORT:    /* a step names each */
	case SUBJECT_UNIT: /* its links count as files */
	case SUBJECT_ACCOUNT: /* so does its entry */
		break;
	}
	return n < 0 ? n : 0;
}

/* What a change comes to touch beyond the plan. */
struct growth {
	const struct radius *known;
	struct radius fresh;
	bool any; /* something that has grown may be no more than evidence */
};

static void growth_end(struct growth *growth)
{
	radius_reset(&growth->fresh);
}

static int measure_new(void *ctx, const struct subject *subject)
{
	struct growth *growth = ctx;
	struct radius one = {0};
	int r = measure(&one, subject);
	growth->any = true;
	bool known = (one.processes.list.n && strset_has(&growth->known->processes, one.processes.list.v[0])) ||
	             (one.files.list.n && strset_has(&growth->known->files, one.files.list.v[0]));
	radius_reset(&one);
	return r < 0 || known ? r : measure(&growth->fresh, subject);
}

/* What is reached already, and MORE, which is all new. */
static int check_limits(struct guard *guard, const struct radius *r, const struct radius *more, struct refusal *v)
{
	const struct {
		const char *rule, *verb, *noun;
		size_t n, max;
	} limits[] = {
		{"limit.processes", "signal", "processes", r->processes.list.n + more->processes.list.n, guard->config->max_processes},
		{"limit.files", "alter", "files", r->files.list.n + more->files.list.n, guard->config->max_files},
		{"limit.addresses", "block", "addresses", r->addresses + more->addresses, guard->config->max_addresses},
	};
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].n <= limits[i].max)
			continue;
		int e = guard_refuse(guard, v, limits[i].rule,
		                     "the plan would %s %zu %s, more than the %zu that respond.conf(5) allows at once: "
		                     "narrow the steps",
		                     limits[i].verb, limits[i].n, limits[i].noun, limits[i].max);
		if (e < 0)
			return e;
	}
	return 0;
}

static int check_proofs(struct guard *guard, const struct plan *plan, struct refusal *v)
{
	for (const struct proof *const *p = guard->proofs; p && *p; p++) {
		_cleanup_buf_ struct buf why = {0};
		if (guard_lifted(guard, (*p)->rule))
			continue;
		int r = (*p)->check(guard->host, plan, &why);
		if (r == -EPERM)
			return guard_refuse(guard, v, (*p)->rule, "%s", buf_text(&why));
		if (r < 0)
			return guard_unsure(v, r, "%s%s%s", (*p)->rule, why.len ? ": " : "", buf_text(&why));
	}
	return 0;
}

int guard_plan(struct guard *guard, const struct plan *plan, const char **ret_rule, struct buf *ret_why)
{
	radius_reset(&guard->radius);
	for (size_t i = 0; i < plan_count(plan); i++) {
		const struct change *c = plan_at(plan, i);
		/* What is only held is in force already: nothing more is touched. */
		if (!c || c->held || !c->kind->subjects)
			continue;
		int r = c->kind->subjects(c, measure, &guard->radius);
		if (r < 0)
			return r;
	}
	_cleanup_buf_ struct buf why = {0};
	struct refusal v = {.why = &why};
	const struct radius none = {0};
	int r = check_limits(guard, &guard->radius, &none, &v);
	if (r == 0)
		r = check_proofs(guard, plan, &v);
	return deliver(r, &v, ret_rule, ret_why);
}

int guard_growth(struct guard *guard, const struct change *part, const char **ret_rule, struct buf *ret_why)
{
	_cleanup_(growth_end) struct growth growth = {.known = &guard->radius};
	_cleanup_buf_ struct buf why = {0};
	struct refusal v = {.why = &why};
	int r = guard_change(guard, part, ret_rule, ret_why);
	if (r < 0 || !part->kind->subjects)
		return r;
	r = part->kind->subjects(part, measure_new, &growth);
	if (r < 0 || !growth.any)
		return r;
	r = check_limits(guard, &guard->radius, &growth.fresh, &v);
	/* What is refused is not done: it does not count. */
	return r < 0 ? deliver(r, &v, ret_rule, ret_why) : part->kind->subjects(part, measure, &guard->radius);
}
