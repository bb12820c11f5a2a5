/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "after-run.h"

#include "authorise.h"
#include "base/clock.h"
#include "base/escape.h"
#include "core/await.h"
#include "core/record.h"
#include "core/recover.h"
#include "core/vault.h"
#include "print-json.h"
#include "show.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Between two tries to keep a deadline: what is in the way may go soon, or stay for long. */
#define RETRY_MS 200
#define RETRY_MAX_MS 30000

static void say(const char *run, const char *what)
{
	fprintf(stderr, "respond: run %s %s\n", run, what);
}

/* Between its mark and the lock of its journal a run is about to begin, under the lock of
 * the host. */
static bool beginning(const struct session *s)
{
	int lock, r = state_lock(&s->state, 0, &lock);
	if (r == 0)
		close(lock);
	return r == -EWOULDBLOCK;
}

/* A run with a mark, if it is nobody's work at the moment; NULL otherwise. */
static struct run *load_idle(const struct session *s, const char *id)
{
	_cleanup_buf_ struct buf why = {0};
	struct run *run = NULL;
	int busy = journal_busy(&s->state, id);
	if ((busy != 0 && busy != -ENOENT) || (busy == -ENOENT && beginning(s)))
		return NULL;
	return run_load(&s->state, id, s->engine.parts->kinds, &run, &why) < 0 ? NULL : run;
}

void session_notice(struct session *s)
{
	enum command command = s->options->command;
	_cleanup_strv_ struct strv ids = {0};
	if (command == COMMAND_HELP || command == COMMAND_VERSION || command == COMMAND_RECOVER ||
	    command == COMMAND_AWAIT || command == COMMAND_HOOK || command == COMMAND_EXPLAIN || state_pending(&s->state, &ids) < 0)
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

/* Starts what waits for a deadline that is ahead, unless it is there. */
static int keep_waiting(const struct session *s, const char *id)
{
	int mark;
	if (state_hold_mark(&s->state, id, &mark) < 0)
		return 0;
	close(mark);
	return s->engine.parts->await(id);
}

static int keep_deadline(struct session *s, const char *id)
{
	_cleanup_buf_ struct buf why = {0};
	struct recovery recovery;
	struct run *run = load_idle(s, id);
	int64_t deadline = run ? run_deadline(run) : 0;
	int r = 0;
	run_free(&run);
	if (deadline > realtime_ms()) {
		r = keep_waiting(s, id);
	} else if (deadline) {
		say(id, "is taken back first: its time is over");
		r = recover_run(&s->engine, id, RECOVER_DUE, operator_record("deadline"), &recovery, &why);
	}
	return r < 0 ? run_failed(id, r, &why) : EXIT_DONE;
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
	for (size_t i = 0; i < ids.n; i++)
		status = worse_status(status, keep_deadline(s, ids.v[i]));
	s->observer = talking;
	return status;
}

/* ---- confirm ------------------------------------------------------------------------ */

/* The newest word on what was waiting: it was confirmed, or taken back. */
static const char *why_nothing(const struct run *run, bool *ret_confirmed)
{
	*ret_confirmed = false;
	for (size_t i = json_array_size(run->records); i-- > 0;) {
		const json_t *record = json_array_get(run->records, i);
		const char *type = json_string_value(json_object_get(record, "type"));
		*ret_confirmed = strcmp(type, "confirmed") == 0;
		if (*ret_confirmed)
			return "was confirmed already";
		if (strcmp(type, "undo") == 0 && json_object_get(record, "due"))
			return "was not confirmed in time: what waited for it has been taken back";
		if (strcmp(type, "undo") == 0)
			return "has been taken back";
	}
	return "has nothing that waits to be confirmed";
}

static int log_confirmation(struct writer *w)
{
	int r = writer_log(w, record_new("confirmed", json_pack("{so}", "operator", operator_record("command"))));
	if (r == 0)
		r = writer_sync(w);
	if (r == 0)
		r = trail_end(w->trail, w->run->id, "confirmed", journal_head(w->journal)->hex, true);
	return r < 0 ? r : writer_seal(w);
}

static int tell_confirmed(const struct session *s, const struct run *run, bool confirmed, const char *why)
{
	int64_t left = run_deadline(run);
	char when[32];
	if (why)
		say(run->id, why);
	if (s->options->json)
		put_json(&s->printer, json_pack("{ss sb so}", "run", run->id, "confirmed", confirmed, "deadline", json_ms(left)));
	else if (!why)
		print_styled(&s->printer, STYLE_GREEN, "Run %s is confirmed: it stays.\n", run->id);
	if (confirmed && left && !s->options->json) {
		time_format(left, when);
		print_styled(&s->printer, STYLE_YELLOW, "What has a ttl is taken back all the same, from %s on.\n", when);
	}
	return confirmed ? EXIT_DONE : EXIT_FAILED;
}

/* RET_LATE: its time has passed while the lock was waited for, and it is still in force. */
static int confirm(struct session *s, struct writer *w, bool *ret_late)
{
	int64_t by = run_confirm_by(w->run);
	bool confirmed;
	*ret_late = by && by <= realtime_ms();
	if (*ret_late)
		return EXIT_DONE;
	if (!by) {
		const char *why = why_nothing(w->run, &confirmed);
		return tell_confirmed(s, w->run, confirmed, why);
	}
	int r = log_confirmation(w);
	return r < 0 ? complain(w->run->id, strerror(-r)) : tell_confirmed(s, w->run, true, NULL);
}

static int confirm_in_time(struct session *s, const char *id, bool *ret_late)
{
	struct writer w;
	_cleanup_close_ int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	int status = keep_deadlines(s);
	if (status != EXIT_DONE)
		return status;
	int r = writer_reopen(&w, &s->engine, id, &lock, &why);
	if (r < 0)
		return run_failed(id, r, &why);
	status = confirm(s, &w, ret_late);
	writer_end(&w);
	vault_close(&s->host.vault);
	return status;
}

int command_confirm(struct session *s)
{
	char id[RUN_ID_LEN];
	int status = session_prepare(s, "a confirmation");
	if (status == EXIT_DONE)
		status = authorise("a confirmation");
	if (status == EXIT_DONE)
		status = session_find_run(s, id);
	for (bool late = true; status == EXIT_DONE && late;) {
		late = false;
		status = confirm_in_time(s, id, &late);
	}
	return status;
}

/* ---- recover ------------------------------------------------------------------------- */

static void print_recovery(const struct printer *p, const struct recovery *r)
{
	if (r->dropped) {
		print_styled(p, STYLE_PLAIN, "It had not begun: nothing was changed, and its record is removed.\n");
		return;
	}
	if (r->done + r->not_begun + r->unclear)
		print_styled(p, r->unclear ? STYLE_YELLOW : STYLE_PLAIN,
		             "Of what was not recorded, %zu had been done, %zu had not%s.\n", r->done, r->not_begun,
		             r->unclear ? ", and the rest is unclear: have a look at it" : "");
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

enum need { NEED_NOTHING, NEED_PATIENCE, NEED_RECOVERY, NEED_WAITING, NEED_TIDYING };

/* What is to be done about a run. -errno: its journal cannot be used. */
static int what_it_needs(const struct session *s, const char *id, struct buf *ret_why)
{
	struct run *run = NULL;
	if (journal_busy(&s->state, id) > 0) {
		say(id, "is being worked on by another respond: left alone");
		return NEED_PATIENCE;
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

static int recover_one(struct session *s, const char *id, struct buf *ret_why, json_t *list)
{
	struct recovery recovery = {0};
	enum recover_how how = s->options->keep ? RECOVER_KEEP : RECOVER_UNDO;
	int r = recover_run(&s->engine, id, how, operator_record("recover"), &recovery, ret_why);
	if (r < 0)
		return r;
	if (s->options->json)
		json_array_append_new(list, json_recovery(id, &recovery));
	else if (!recovery.ended)
		print_recovery(&s->printer, &recovery);
	return recover_status(&recovery);
}

static int cannot_recover(const struct session *s, const char *id, int error, const struct buf *why, json_t *list)
{
	int status = run_failed(id, error, why);
	if (s->options->json)
		json_array_append_new(list, json_failure(id, error, why));
	return status;
}

/* One run: what it needs, done. RET_N counts those about which there was something to say. */
static int recover_if_needed(struct session *s, const char *id, json_t *list, size_t *ret_n)
{
	_cleanup_buf_ struct buf why = {0};
	int need = what_it_needs(s, id, &why), r = 0;
	*ret_n += need != NEED_NOTHING && need != NEED_TIDYING;
	if (need < 0)
		return cannot_recover(s, id, need, &why, list);
	if (need == NEED_RECOVERY && !s->options->json)
		print_styled(&s->printer, STYLE_BOLD, "Run %s\n", id);
	if (need == NEED_RECOVERY || need == NEED_TIDYING) {
		r = recover_one(s, id, &why, list);
		need = r < 0 ? NEED_NOTHING : what_it_needs(s, id, &why);
	}
	int waits = need == NEED_WAITING ? keep_waiting(s, id) : 0;
	r = r < 0 ? r : waits < 0 ? waits : r;
	return r < 0 ? cannot_recover(s, id, r, &why, list) : r;
}

/* A mark may be all that there is of a run. */
static int add_pending(const struct session *s, struct strv *ids)
{
	_cleanup_strv_ struct strv marks = {0};
	int r = state_pending(&s->state, &marks);
	for (size_t i = 0; r == 0 && i < marks.n; i++)
		r = strv_add_new(ids, marks.v[i]);
	return r < 0 ? complain("the runs", strerror(-r)) : EXIT_DONE;
}

int command_recover(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	size_t n = 0;
	int status = session_prepare(s, "a recovery");
	if (status == EXIT_DONE)
		status = session_find_runs(s, &ids);
	if (status == EXIT_DONE && !s->options->subject)
		status = add_pending(s, &ids);
	if (status != EXIT_DONE)
		return status;
	json_t *list = json_array();
	for (size_t i = 0; i < ids.n; i++)
		status = worse_status(status, recover_if_needed(s, ids.v[i], list, &n));
	if (s->options->json)
		put_json(&s->printer, json_incref(list));
	else if (!n)
		print_styled(&s->printer, STYLE_BOLD, "Nothing to recover.\n");
	json_decref(list);
	return status;
}

/* ---- await ---------------------------------------------------------------------------- */

/* The configuration and the guard are those of the moment. An exit status, or -errno where
 * it cannot be done now: somebody is at work, the configuration has an error, the disk is
 * full. */
static int take_back_due(struct session *s, const char *id)
{
	struct recovery recovery;
	_cleanup_buf_ struct buf why = {0};
	int r = -EAGAIN;
	if (session_config(s) == EXIT_DONE && session_guard(s) == EXIT_DONE)
		r = recover_run(&s->engine, id, RECOVER_DUE, operator_record("deadline"), &recovery, &why);
	guard_free(&s->engine.guard);
	config_free(&s->config);
	return r < 0 ? r : recover_status(&recovery);
}

int command_await(struct session *s)
{
	char id[RUN_ID_LEN];
	_cleanup_close_ int mark = -1;
	_cleanup_buf_ struct buf why = {0};
	int status = session_need_root("waiting for deadlines");
	if (status == EXIT_DONE)
		status = session_find_run(s, id);
	if (status != EXIT_DONE)
		return status;
	if (state_hold_mark(&s->state, id, &mark) < 0)
		return EXIT_DONE; /* nothing to wait for, or somebody waits already */
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "respond"); /* it was started as /proc/self/exe */
	int r, pause = RETRY_MS;
	while ((r = await_deadline(&s->state, id, s->engine.parts->kinds, &why)) > 0) {
		status = take_back_due(s, id);
		if (status >= 0)
			continue;
		sleep_ms((unsigned)pause);
		if (status != -EWOULDBLOCK) /* which has waited already */
			pause = pause * 2 < RETRY_MAX_MS ? pause * 2 : RETRY_MAX_MS;
	}
	return r < 0 ? run_failed(id, r, &why) : status;
}
