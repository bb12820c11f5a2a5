/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen-commands.h"

#include "after-run.h"
#include "base/users.h"
#include "hook-commands.h"
#include "hook/live.h"
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define HOOK_SOCKET "/run/respond/hook.sock"
#define SOCKET_HANDED_OVER 3 /* sd_listen_fds(3) */

/* A run that waits for others is not lost: nobody repeats the alert. */
#define LOCK_WAIT_MS (10 * 60 * 1000)

struct living {
	struct session *session;
	struct rules rules;
	struct hook hook;
	struct live live;
	struct listener listener;
	struct follow follow;
	uid_t *uids;
};

/* ---- in the child: one event ------------------------------------------------------------ */

/* A line for the log; --show has the rest. */
static void told(void *ctx, const struct hook_result *result)
{
	(void)ctx;
	const struct decision *d = result->decision;
	const struct run_result *run = result->run;
	_cleanup_buf_ struct buf line = {0};
	if (!d->rule) { /* the rules were read again while it waited */
		fputs("respond: no rule wants an event any more that waited\n", stderr);
		return;
	}
	buf_printf(&line, "%s: %s: %s", d->rule->name, event_verdict_word(d->verdict),
	           d->binding.text ? d->binding.text : "");
	if (run)
		buf_printf(&line, ": %s%s%s", result_word(run), run->id[0] ? ", run " : "", run->id);
	if (d->verdict == EVENT_UNDO)
		buf_printf(&line, ": %zu runs, %zu changes taken back", result->undone, result->undo.done);
	if (result->round)
		buf_printf(&line, ": %zu changes would be made", round_count_pending(result->round));
	if (result->why[0] || d->why.len)
		buf_printf(&line, ": %s", result->why[0] ? result->why : buf_text(&d->why));
	fprintf(stderr, "respond: %s\n", buf_text(&line));
}

static int before(void *ctx)
{
	struct session *s = ctx;
	int status = s->engine.guard ? EXIT_DONE : session_guard(s);
	return status == EXIT_DONE ? keep_deadlines(s) : status;
}

static int act(void *ctx, struct errand *errand)
{
	struct living *v = ctx;
	struct session *s = v->session;
	_cleanup_buf_ struct buf why = {0};
	struct ledger *ledger = NULL;
	int status = EXIT_DONE;
	prctl(PR_SET_NAME, "respond-run");
	heed_signals();
	if (s->config.lock_wait_ms < LOCK_WAIT_MS)
		s->config.lock_wait_ms = LOCK_WAIT_MS;
	/* Its own: what the parent has counted, the parent writes. */
	int r = ledger_open(&s->state, s->engine.parts->kinds, &ledger, &why);
	v->hook.ledger = ledger;
	v->hook.told = told;
	v->hook.source = errand->source;
	v->hook.waited = true;
	if (r == 0)
		r = hook_handle_event(&v->hook, &errand->event, &status);
	if (r == 0)
		r = hook_flush(&v->hook);
	if (r < 0)
		complain(errand->source->name, reason(&why, r));
	fflush(NULL);
	return r < 0 ? EXIT_FAILED : status;
}

/* ---- in the parent ---------------------------------------------------------------------- */

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "respond: %s\n", text);
}

static int add_uid(struct living *v, const struct users *users, const char *name)
{
	const struct user *user = users_by_name(users, name);
	if (!user) {
		fprintf(stderr, "respond: [listen] users: this host has no user %s\n", name);
		return 0;
	}
	uid_t *uids = reallocarray(v->uids, v->listener.n_uids + 1, sizeof(*uids));
	if (!uids)
		return -ENOMEM;
	v->uids = uids;
	uids[v->listener.n_uids++] = user->uid;
	v->listener.uids = uids;
	return 0;
}

/* What respond.conf says of it, at the start and when it is read again. */
static int take_config(struct living *v)
{
	const struct config *c = &v->session->config;
	_cleanup_(users_free) struct users users = {0};
	int r = c->listen_users.n ? users_load(v->session->host.root, &users) : 0;
	v->listener.n_uids = 0;
	for (size_t i = 0; r == 0 && i < c->listen_users.n; i++)
		r = add_uid(v, &users, c->listen_users.v[i]);
	if (r < 0)
		v->listener.n_uids = 0;
	v->live.intake.queue.runs = c->listen_runs;
	v->live.intake.queue.per_rule = c->listen_queue;
	return r;
}

/* All or nothing: what is wrong has been said, and what there was stays. */
static int reload(void *ctx)
{
	struct living *v = ctx;
	struct session *s = v->session;
	struct config old = s->config;
	struct rules rules = {0};
	s->config = (struct config){0};
	int status = session_config(s);
	if (status == EXIT_DONE)
		status = session_rules(s, &rules);
	if (status != EXIT_DONE) {
		config_free(&s->config);
		s->config = old;
		say(NULL, "the rules and the configuration stay as they were");
		return -EINVAL;
	}
	config_free(&old);
	rules_free(&v->rules);
	v->rules = rules;
	int r = take_config(v);
	say(NULL, "the rules were read again");
	if (r < 0)
		fprintf(stderr, "respond: [listen] users: %s; only root may send now\n", strerror(-r));
	return r;
}

static int begin(struct living *v)
{
	struct session *s = v->session;
	v->listener.fd = -1;
	live_hold_signals();
	int status = session_become_root("a hook");
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_rules(s, &v->rules);
	if (status != EXIT_DONE)
		return status;
	/* What is done is told in a line, told(). */
	s->observer = (struct observer){.ctx = s, .warning = s->observer.warning};
	v->hook = (struct hook){.engine = &s->engine, .rules = &v->rules, .operator = operator_record, .before = before,
	                        .ctx = s};
	status = session_ledger(s, &v->hook.ledger);
	if (status != EXIT_DONE)
		return status;
	intake_init(&v->live.intake, &v->hook);
	v->live.act = act;
	v->live.reload = reload;
	v->live.tell = say;
	v->live.ctx = v;
	v->live.input = -1;
	int r = take_config(v);
	return r < 0 ? complain("[listen]", strerror(-r)) : EXIT_DONE;
}

static int live(struct living *v)
{
	int r = live_run(&v->live);
	return r < 0 ? complain("events cannot be waited for", strerror(-r)) : EXIT_DONE;
}

static void end(struct living *v)
{
	if (v->hook.ledger) {
		intake_free(&v->live.intake);
		ledger_free(&v->hook.ledger);
	}
	rules_free(&v->rules);
	free(v->uids);
}

/* ---- --listen ---------------------------------------------------------------------------- */

static bool handed_over;

unsigned listen_keep_socket(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	handed_over = pid && n && strtol(pid, NULL, 10) == getpid() && strcmp(n, "1") == 0 &&
	              listen_is(SOCKET_HANDED_OVER) && fcntl(SOCKET_HANDED_OVER, F_SETFD, FD_CLOEXEC) == 0;
	return handed_over;
}

/* Where others may send, the socket lets everybody connect: the kernel says who they are. */
static int open_socket(struct living *v, bool *ret_made)
{
	int fd = SOCKET_HANDED_OVER;
	bool made = !handed_over;
	int r = made ? listen_make(HOOK_SOCKET, v->session->config.listen_users.n ? 0666 : 0600, &fd) : 0;
	v->listener.limit = v->session->config.listen_connections;
	v->listener.find = source_find;
	if (r == 0)
		r = listener_open(&v->listener, fd);
	*ret_made = made && r == 0;
	return r;
}

int command_listen(struct session *s)
{
	struct living *v = calloc(1, sizeof(*v));
	bool made = false;
	if (!v)
		return complain("start", strerror(ENOMEM));
	v->session = s;
	int status = begin(v);
	if (status == EXIT_DONE) {
		int r = open_socket(v, &made);
		v->live.listener = &v->listener;
		status = r < 0 ? complain(HOOK_SOCKET, strerror(-r)) : live(v);
	}
	listener_close(&v->listener);
	if (made)
		unlink(HOOK_SOCKET);
	end(v);
	free(v);
	return status;
}

/* ---- --hook SOURCE, --follow FILE -------------------------------------------------------- */

static int follow_file(struct living *v, const char *file)
{
	_cleanup_buf_ struct buf path = {0};
	int r = absolute_path(file, &path);
	if (r == 0)
		r = follow_open(v->session->host.root, buf_text(&path), v->live.source->size_max, &v->follow);
	if (r < 0)
		return complain(file, strerror(-r));
	v->live.follow = &v->follow;
	if (v->follow.trouble < 0)
		fprintf(stderr, "respond: %s: %s; it is waited for\n", file, strerror(-v->follow.trouble));
	return EXIT_DONE;
}

int command_live(struct session *s, const struct source *source)
{
	if (!source->lines) {
		fprintf(stderr, "respond: --follow: the messages of %s are not lines\n", source->name);
		return EXIT_USAGE;
	}
	struct living *v = calloc(1, sizeof(*v));
	if (!v)
		return complain("start", strerror(ENOMEM));
	v->session = s;
	int status = begin(v);
	v->live.source = source;
	if (status == EXIT_DONE && s->options->follow)
		status = follow_file(v, s->options->follow);
	else
		v->live.input = STDIN_FILENO;
	if (status == EXIT_DONE)
		status = live(v);
	if (v->live.follow)
		follow_close(&v->follow);
	end(v);
	free(v);
	return status;
}
