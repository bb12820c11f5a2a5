/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "after-run.h"

#include "base/clock.h"
#include "base/escape.h"
#include "core/await.h"
#include "core/record.h"
#include "core/recover.h"
#include "core/vault.h"
#include "core/verify.h"
#include "print-json.h"
#include "show.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS 200 /* until whoever is at work on the host has done */

static void say(const char *run, const char *what)
{
	fprintf(stderr, "respond: run %s %s\n", run, what);
}

static const char *reason(int r, const struct buf *why)
{
	return why->len ? why->data : strerror(-r);
}

/* A run with a mark, if it is nobody's work at the moment; NULL otherwise. */
static struct run *load_idle(const struct session *s, const char *id)
{
	_cleanup_buf_ struct buf why = {0};
	struct run *run = NULL;
	int busy = journal_busy(&s->state, id);
	if (busy != 0 && busy != -ENOENT)
		return NULL;
	return run_load(&s->state, id, s->engine.parts->kinds, &run, &why) < 0 ? NULL : run;
}

void session_notice(struct session *s)
{
	enum command command = s->options->command;
	_cleanup_strv_ struct strv ids = {0};
	if (command == COMMAND_HELP || command == COMMAND_VERSION || command == COMMAND_RECOVER ||
	    command == COMMAND_AWAIT || state_pending(&s->state, &ids) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		struct run *run = load_idle(s, ids.v[i]);
		int64_t deadline = run ? run_deadline(run) : 0;
		if (run && run_open(run))
			say(run->id, "was interrupted: respond --recover brings it to an end");
		else if (deadline && deadline < realtime_ms() - 1000)
			say(run->id, "should have been taken back by now: respond --recover does it");
		run_free(&run);
	}
}

/* Everything that alters the host needs these. */
static int prepare(struct session *s, const char *what)
{
	int status = session_need_root(what);
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_guard(s);
	if (status == EXIT_DONE)
		heed_signals();
	return status;
}

int keep_deadlines(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	const struct observer talking = s->observer;
	int status = EXIT_DONE;
	if (state_pending(&s->state, &ids) < 0)
		return EXIT_DONE;
	/* What the command says is about what it was asked for. */
	s->observer = (struct observer){.ctx = s, .phase = talking.phase, .warning = talking.warning};
	for (size_t i = 0; i < ids.n; i++) {
		struct run *run = load_idle(s, ids.v[i]);
		int64_t deadline = run ? run_deadline(run) : 0;
		_cleanup_buf_ struct buf why = {0};
		struct recovery recovery;
		run_free(&run);
		if (!deadline || deadline > realtime_ms())
			continue;
		say(ids.v[i], "is taken back first: its time is over");
		int r = recover_run(&s->engine, ids.v[i], RECOVER_DUE, operator_record("deadline"), &recovery, &why);
		if (r < 0)
			status = complain(ids.v[i], reason(r, &why));
	}
	s->observer = talking;
	return status;
}

/* ---- confirm ------------------------------------------------------------------------ */

/* The newest word on what was waiting: it was confirmed, or taken back. */
static const char *why_nothing(const struct run *run)
{
	for (size_t i = json_array_size(run->records); i-- > 0;) {
		const json_t *record = json_array_get(run->records, i);
		const char *type = json_string_value(json_object_get(record, "type"));
		if (strcmp(type, "confirmed") == 0)
			return "was confirmed already";
		if (strcmp(type, "undo") == 0 && json_object_get(record, "due"))
			return "was not confirmed in time: what waited for it has been taken back";
		if (strcmp(type, "undo") == 0)
			return "has been taken back";
	}
	return "has nothing that waits to be confirmed";
}

static int confirm(struct session *s, struct writer *w)
{
	if (!run_confirm_by(w->run)) {
		const char *why = why_nothing(w->run);
		say(w->run->id, why);
		return strstr(why, "already") ? EXIT_DONE : EXIT_FAILED;
	}
	int r = writer_log(w, record_new("confirmed", json_pack("{so}", "operator", operator_record("command"))));
	if (r == 0)
		r = writer_sync(w);
	if (r == 0)
		r = trail_end(w->trail, w->run->id, "confirmed", journal_head(w->journal)->hex, true);
	if (r == 0)
		r = writer_seal(w);
	if (r < 0)
		return complain(w->run->id, strerror(-r));
	if (s->options->json)
		return put_json(&s->printer, json_pack("{ss sb so}", "run", w->run->id, "confirmed", 1, "deadline",
		                                       json_ms(run_deadline(w->run))));
	print_styled(&s->printer, STYLE_GREEN, "Run %s is confirmed: it stays.\n", w->run->id);
	return EXIT_DONE;
}

int command_confirm(struct session *s)
{
	char id[RUN_ID_LEN];
	struct writer w;
	_cleanup_close_ int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	int status = prepare(s, "a confirmation");
	if (status == EXIT_DONE)
		status = session_find_run(s, id);
	if (status == EXIT_DONE)
		status = keep_deadlines(s);
	if (status != EXIT_DONE)
		return status;
	int r = writer_reopen(&w, &s->engine, id, &lock, &why);
	if (r < 0)
		return complain(id, reason(r, &why));
	status = confirm(s, &w);
	writer_end(&w);
	vault_close(&s->host.vault);
	return status;
}

/* ---- recover ------------------------------------------------------------------------- */

static void print_recovery(const struct printer *p, const struct recovery *r)
{
	if (r->dropped) {
		print_styled(p, STYLE_PLAIN, "It had not begun: nothing was changed, and its record is removed.\n");
		return;
	}
	print_styled(p, r->unclear ? STYLE_YELLOW : STYLE_PLAIN,
	             "Of what was not recorded, %zu found in force, %zu not begun, %zu unclear.\n", r->done, r->not_begun,
	             r->unclear);
	if (r->undone)
		print_undo_result(p, &r->undo);
	else
		print_styled(p, STYLE_PLAIN, "What it did stays in force; respond --rollback takes it back.\n");
}

static json_t *json_recovery(const char *id, const struct recovery *r)
{
	return json_pack("{ss si si si sb so si}", "run", id, "done", (int)r->done, "not-begun", (int)r->not_begun, "unclear",
	                 (int)r->unclear, "dropped", r->dropped, "rollback",
	                 r->undone ? json_undo_result(&r->undo) : json_null(), "status", recover_status(r));
}

enum need { NEED_NOTHING, NEED_RECOVERY, NEED_WAITING, NEED_TIDYING };

/* What is to be done about a run. -errno: its journal cannot be used. */
static int what_it_needs(const struct session *s, const char *id, struct buf *ret_why)
{
	struct run *run = NULL;
	if (journal_busy(&s->state, id) > 0) {
		say(id, "is being worked on by another respond: left alone");
		return NEED_NOTHING;
	}
	int r = run_load(&s->state, id, s->engine.parts->kinds, &run, ret_why);
	if (r < 0)
		return r;
	int64_t deadline = run_deadline(run);
	enum need need = NEED_NOTHING;
	if (run_open(run) || (deadline && deadline <= realtime_ms()))
		need = NEED_RECOVERY;
	else if (deadline)
		need = NEED_WAITING;
	else if (state_marked(&s->state, id))
		need = NEED_TIDYING; /* it ended just when its mark was to go */
	run_free(&run);
	return need;
}

static int recover_one(struct session *s, const char *id, json_t *list)
{
	struct recovery recovery = {0};
	_cleanup_buf_ struct buf why = {0};
	enum recover_how how = s->options->keep ? RECOVER_KEEP : RECOVER_UNDO;
	int r = recover_run(&s->engine, id, how, operator_record("recover"), &recovery, &why);
	if (r < 0)
		return complain(id, reason(r, &why));
	if (s->options->json)
		json_array_append_new(list, json_recovery(id, &recovery));
	else if (!recovery.ended)
		print_recovery(&s->printer, &recovery);
	return recover_status(&recovery);
}

/* Whether B is to be told rather than A. */
static int worse(int a, int b)
{
	return b > a ? b : a;
}

/* One run: what it needs, done. RET_N counts those that were recovered. */
static int recover_if_needed(struct session *s, const char *id, json_t *list, size_t *ret_n)
{
	_cleanup_buf_ struct buf why = {0};
	int need = what_it_needs(s, id, &why), status = EXIT_DONE;
	if (need < 0) {
		complain(id, reason(need, &why));
		return need == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILED;
	}
	if (need == NEED_RECOVERY && !s->options->json)
		print_styled(&s->printer, STYLE_BOLD, "Run %s\n", id);
	if (need == NEED_RECOVERY || need == NEED_TIDYING) {
		*ret_n += need == NEED_RECOVERY;
		status = recover_one(s, id, list);
		need = what_it_needs(s, id, &why);
	}
	int r = need == NEED_WAITING ? s->engine.parts->await(id) : 0;
	return r < 0 ? complain(id, strerror(-r)) : status;
}

static int recover_all(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	json_t *list = json_array();
	size_t n = 0;
	int r = state_runs(&s->state, &ids), status = EXIT_DONE;
	if (r < 0)
		status = complain("the runs", strerror(-r));
	for (size_t i = 0; i < ids.n; i++)
		status = worse(status, recover_if_needed(s, ids.v[i], list, &n));
	if (s->options->json)
		put_json(&s->printer, json_incref(list));
	else if (!n && status == EXIT_DONE)
		print_styled(&s->printer, STYLE_BOLD, "Nothing to recover.\n");
	json_decref(list);
	return status;
}

int command_recover(struct session *s)
{
	char id[RUN_ID_LEN];
	size_t n = 0;
	int status = prepare(s, "a recovery");
	if (status != EXIT_DONE)
		return status;
	if (!s->options->subject)
		return recover_all(s);
	status = session_find_run(s, id);
	if (status != EXIT_DONE)
		return status;
	json_t *list = json_array();
	status = recover_if_needed(s, id, list, &n);
	if (s->options->json)
		put_json(&s->printer, json_incref(list));
	else if (!n && status == EXIT_DONE)
		print_styled(&s->printer, STYLE_BOLD, "Nothing to recover.\n");
	json_decref(list);
	return status;
}

/* ---- verify --------------------------------------------------------------------------- */

static const char *const verdict_words[] = {
	[VERIFY_IN_FORCE] = "in force",
	[VERIFY_DRIFTED] = "drifted",
	[VERIFY_UNKNOWN] = "unknown",
	[VERIFY_DAMAGED] = "damaged",
};

/* Only what is not as it should be: the job that calls this sends mail about it. */
static void print_verification(const struct printer *p, const struct run *run, const struct verification *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct verify_item *item = &v->v[i];
		const struct change *c = item->entry->change;
		_cleanup_buf_ struct buf line = {0};
		if (item->verdict == VERIFY_IN_FORCE)
			continue;
		c->kind->describe(c, &line);
		print_styled(p, item->verdict == VERIFY_DRIFTED ? STYLE_YELLOW : STYLE_RED, "%s  %-8s", run->id,
		             verdict_words[item->verdict]);
		print_styled(p, STYLE_PLAIN, " %s: %s", c->step, buf_text(&line));
		print_styled(p, STYLE_DIM, " (%s)\n", item->why);
	}
}

static json_t *json_verification(const struct run *run, const struct verification *v)
{
	json_t *items = json_array();
	for (size_t i = 0; i < v->n; i++) {
		const struct verify_item *item = &v->v[i];
		json_t *o = json_pack("{si ss ss ss so}", "change", (int)item->entry->change->id, "step",
		                      item->entry->change->step, "kind", item->entry->change->kind->name, "state",
		                      verdict_words[item->verdict], "why", item->why ? json_text(item->why) : json_null());
		json_array_append_new(items, o);
	}
	return json_pack("{ss so}", "run", run->id, "changes", items);
}

struct totals {
	size_t runs, in_force, drifted, unknown, damaged;
};

static void print_totals(const struct printer *p, const struct totals *t)
{
	print_styled(p, STYLE_BOLD, "%zu run%s: ", t->runs, t->runs == 1 ? "" : "s");
	print_styled(p, STYLE_GREEN, "%zu change%s in force", t->in_force, t->in_force == 1 ? "" : "s");
	if (t->drifted)
		print_styled(p, STYLE_YELLOW, ", %zu drifted", t->drifted);
	if (t->unknown)
		print_styled(p, STYLE_RED, ", %zu cannot be found out", t->unknown);
	if (t->damaged)
		print_styled(p, STYLE_RED, ", %zu damaged", t->damaged);
	fputs(".\n", p->out);
	if (t->drifted)
		print_styled(p, STYLE_DIM, "To put it in force again: respond --verify --reapply\n");
}

static int totals_status(const struct totals *t)
{
	return t->damaged ? EXIT_DAMAGED : t->unknown ? EXIT_FAILED : t->drifted ? EXIT_PARTLY : EXIT_DONE;
}

static int verify_one(struct session *s, const char *id, json_t *list, struct totals *t)
{
	struct run *run = NULL;
	struct verification v = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = run_load(&s->state, id, s->engine.parts->kinds, &run, &why);
	if (r == 0)
		r = verify_run(&s->engine, run, &v);
	t->runs++;
	if (r < 0) {
		complain(id, reason(r, &why));
		*(r == -EBADMSG ? &t->damaged : &t->unknown) += 1;
	} else if (s->options->json) {
		json_array_append_new(list, json_verification(run, &v));
	} else {
		print_verification(&s->printer, run, &v);
	}
	t->in_force += v.in_force;
	t->drifted += v.drifted;
	t->unknown += v.unknown;
	t->damaged += v.damaged;
	verification_free(&v);
	run_free(&run);
	return r == -ENOMEM ? r : 0;
}

/* The runs that the command is about: the one that is named, or all. */
static int find_runs(struct session *s, struct strv *ret)
{
	char id[RUN_ID_LEN];
	if (!s->options->subject) {
		int r = state_runs(&s->state, ret);
		return r < 0 ? complain("the runs", strerror(-r)) : EXIT_DONE;
	}
	int status = session_find_run(s, id);
	return status == EXIT_DONE && strv_add(ret, id) < 0 ? EXIT_FAILED : status;
}

int command_verify(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	struct totals t = {0};
	int status = session_need_root("to verify");
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = find_runs(s, &ids);
	if (status != EXIT_DONE)
		return status;
	int r = engine_open_to_read(&s->engine);
	if (r < 0)
		return complain("the vault", strerror(-r));
	json_t *list = json_array();
	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = verify_one(s, ids.v[i], list, &t);
	status = r < 0 ? complain("verifying", strerror(-r)) : totals_status(&t);
	if (s->options->json)
		put_json(&s->printer, json_pack("{sO si si si si si}", "runs", list, "in-force", (int)t.in_force, "drifted",
		                                (int)t.drifted, "unknown", (int)t.unknown, "damaged", (int)t.damaged, "status",
		                                status));
	else
		print_totals(&s->printer, &t);
	json_decref(list);
	vault_close(&s->host.vault);
	return status;
}

/* ---- reapply -------------------------------------------------------------------------- */

static int reapply_one(struct session *s, const char *id, struct reapply_result *total)
{
	struct writer w;
	struct reapply_result result = {0};
	_cleanup_close_ int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	int r = writer_reopen(&w, &s->engine, id, &lock, &why);
	if (r < 0) {
		complain(id, reason(r, &why));
		return r == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILED;
	}
	if (run_open(w.run))
		r = -EBUSY; /* session_notice() has said so */
	else
		r = verify_reapply(&w, operator_record("command"), &result);
	writer_end(&w);
	vault_close(&s->host.vault);
	total->done += result.done;
	total->drifted += result.drifted;
	total->failed += result.failed;
	total->refused += result.refused;
	return r < 0 ? complain(id, r == -EBUSY ? "recover it first" : strerror(-r)) : EXIT_DONE;
}

static int reapply_status(const struct reapply_result *t)
{
	return t->refused ? EXIT_REFUSED : t->drifted || t->failed ? t->done ? EXIT_PARTLY : EXIT_FAILED : EXIT_DONE;
}

int command_reapply(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	struct reapply_result t = {0};
	int status = prepare(s, "to put changes in force again");
	if (status == EXIT_DONE)
		status = find_runs(s, &ids);
	if (status == EXIT_DONE)
		status = keep_deadlines(s);
	if (status != EXIT_DONE)
		return status;
	for (size_t i = 0; i < ids.n; i++)
		status = worse(status, reapply_one(s, ids.v[i], &t));
	status = worse(status, reapply_status(&t));
	if (s->options->json)
		return put_json(&s->printer, json_pack("{sO si si si si si}", "outcomes", s->outcomes, "done", (int)t.done,
		                                       "drifted", (int)t.drifted, "failed", (int)t.failed, "refused",
		                                       (int)t.refused, "status", status)), status;
	if (!(t.done || t.drifted || t.failed || t.refused))
		print_styled(&s->printer, STYLE_BOLD, "All is in force.\n");
	else
		print_styled(&s->printer, STYLE_BOLD, "%zu put in force again, %zu left alone because somebody changed them, "
		             "%zu failed, %zu refused by the guard.\n", t.done, t.drifted, t.failed, t.refused);
	return status;
}

/* ---- await ---------------------------------------------------------------------------- */

/* The configuration and the guard are those of the moment. */
static int take_back_due(struct session *s, const char *id)
{
	struct recovery recovery;
	_cleanup_buf_ struct buf why = {0};
	int r, status = session_config(s);
	if (status == EXIT_DONE)
		status = session_guard(s);
	if (status != EXIT_DONE)
		return status;
	do {
		buf_reset(&why);
		r = recover_run(&s->engine, id, RECOVER_DUE, operator_record("deadline"), &recovery, &why);
		if (r == -EWOULDBLOCK)
			sleep_ms(RETRY_MS);
	} while (r == -EWOULDBLOCK);
	guard_free(&s->engine.guard);
	config_free(&s->config);
	return r < 0 ? complain(id, reason(r, &why)) : recover_status(&recovery);
}

int command_await(struct session *s)
{
	char id[RUN_ID_LEN];
	_cleanup_close_ int mark = -1;
	_cleanup_buf_ struct buf why = {0};
	int status = session_need_root("to wait for deadlines");
	if (status == EXIT_DONE)
		status = session_find_run(s, id);
	if (status != EXIT_DONE)
		return status;
	if (state_hold_mark(&s->state, id, &mark) < 0)
		return EXIT_DONE; /* nothing to wait for, or somebody waits already */
	signal(SIGHUP, SIG_IGN);
	int r;
	while ((r = await_deadline(&s->state, id, s->engine.parts->kinds, &why)) > 0)
		status = take_back_due(s, id);
	return r < 0 ? complain(id, reason(r, &why)) : status;
}
