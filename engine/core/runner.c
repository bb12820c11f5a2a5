/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/runner.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/strset.h"
#include "core/record.h"
#include "core/vault-room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The state of one real run. */
struct runner {
	struct engine *engine;
	const struct playbook *playbook;
	struct facts *facts;
	struct writer writer;
	bool writing;         /* the journal has been started */
	struct strset keys;   /* what this run holds or put in force itself */
	struct strset refused; /* refusals that were told already */
	json_t *operator;
	struct run_result *result;
	struct buf *why;
	bool must_stop, must_undo;
	int64_t counted_from; /* the deadlines: when the first intent was written; 0: none was */
};

static const struct observer *observer(const struct runner *run)
{
	return run->engine->observer;
}

/* The journal begins when there is something to write: a run that finds nothing to do
 * leaves no trace. */
static int start_writing(struct runner *run)
{
	if (run->writing)
		return 0;
	struct engine *engine = run->engine;
	char id[RUN_ID_LEN];
	struct trail *trail = NULL;
	struct journal *journal = NULL;
	struct run *record = NULL;
	_cleanup_buf_ struct buf note = {0};
	int r = trail_open(engine->config->audit_required, &trail, &note);
	if (r < 0)
		return buf_puts(run->why, buf_text(&note)), r;
	do {
		run_id_new(id);
		r = journal_create(engine->state, id, &journal);
	} while (r == -EEXIST); /* the moment passes */
	if (r == 0)
		r = run_new(id, &record);
	if (r < 0) {
		buf_printf(run->why, "the journal cannot be started: %s; nothing was changed", strerror(-r));
		trail_close(&trail);
		journal_close(&journal);
		return r;
	}
	writer_init(&run->writer, engine, record, journal, trail);
	run->writing = true;
	memcpy(run->result->id, id, sizeof(id));
	if (note.len)
		writer_warn(&run->writer, "%s", note.data);
	r = writer_log(&run->writer, record_run(journal_key(journal), run->playbook, engine->allow, run->operator));
	return r < 0 ? r : trail_begin(trail, id, run->playbook->name ? run->playbook->name : run->playbook->file,
	                               run->playbook->sha256.hex);
}

/* Logs and audits a refusal, unless this run did so already. */
static int refuse(struct runner *run, const struct change *c, const struct verdict *v)
{
	_cleanup_buf_ struct buf key = {0};
	buf_printf(&key, "%s\n%s\n%s", v->rule, c ? c->step : "", v->why);
	int fresh = buf_error(&key) ? -ENOMEM : strset_add(&run->refused, key.data);
	if (fresh <= 0)
		return fresh;
	run->result->refused++;
	int r = result_add_trouble(run->result, "refused", c ? c->step : NULL, v->why, v->rule);
	if (r == 0)
		r = start_writing(run);
	if (r == 0)
		r = writer_log(&run->writer, record_refused(c, v->rule, v->why));
	return r < 0 ? r : trail_refusal(run->writer.trail, run->writer.run->id, c, v->rule);
}

static int log_refusals(struct runner *run, const struct round *round)
{
	int r = round->whole.rule ? refuse(run, NULL, &round->whole) : 0;
	for (size_t i = 0; r == 0 && i < plan_count(round->plan); i++)
		if (round->verdicts[i].rule)
			r = refuse(run, plan_at(round->plan, i), &round->verdicts[i]);
	return r;
}

static bool failed_before(const struct runner *run, const struct change *c)
{
	for (size_t i = 0; run->writing && i < run->writer.run->n; i++) {
		const struct run_entry *e = &run->writer.run->entries[i];
		if ((e->outcome == OUTCOME_FAILED || e->outcome == OUTCOME_PARTLY) && change_same(e->change, c))
			return true;
	}
	return false;
}

static int add_key(void *ctx, const char *key)
{
	int r = strset_add(ctx, key);
	return r < 0 ? r : 0;
}

static int is_new_key(void *ctx, const char *key)
{
	return !strset_has(ctx, key);
}

/* Something in force already that this run does not hold yet. */
static bool fresh_hold(struct runner *run, const struct round *round, size_t i)
{
	const struct change *c = plan_at(round->plan, i);
	return c->held && !round->verdicts[i].rule && !round->whole.rule && c->kind->keys &&
	       c->kind->keys(run->engine->host, c, is_new_key, &run->keys) > 0;
}

static bool to_do(struct runner *run, const struct round *round, size_t i)
{
	return (round_pending(round, i) && !failed_before(run, plan_at(round->plan, i))) || fresh_hold(run, round, i);
}

static size_t count_to_do(struct runner *run, const struct round *round)
{
	size_t n = 0;
	for (size_t i = 0; i < plan_count(round->plan); i++)
		n += to_do(run, round, i);
	return n;
}

static const struct step *step_of(const struct runner *run, const char *name)
{
	for (size_t i = 0; i < run->playbook->n_steps; i++)
		if (strcmp(run->playbook->steps[i].name, name) == 0)
			return &run->playbook->steps[i];
	return NULL;
}

static void set_deadlines(struct runner *run, struct change *c)
{
	const struct step *step = step_of(run, c->step);
	if (!step || c->kind->flags & CHANGE_IRREVERSIBLE)
		return;
	int64_t confirm = engine_confirm_ms(run->engine, step), ttl = engine_ttl_ms(run->engine, step);
	if (!run->counted_from)
		run->counted_from = realtime_ms();
	c->deadlines = (struct deadlines){
		.confirm = confirm ? run->counted_from + confirm : 0,
		.ttl = ttl ? run->counted_from + ttl : 0,
	};
}

/* What waits must be there before there is something to wait for. */
static int start_waiting(struct runner *run)
{
	int64_t deadline = run_deadline(run->writer.run);
	if (!deadline || run->result->deadline || !run->engine->parts->await)
		return 0;
	int r = run->engine->parts->await(run->writer.run->id);
	if (r < 0)
		buf_printf(run->why, "nothing could be started that keeps its deadline: %s; nothing more was changed",
		           strerror(-r));
	return r;
}

static int log_intents(struct runner *run, struct round *round)
{
	size_t first = run->writer.run->n;
	for (size_t i = 0; i < plan_count(round->plan); i++) {
		if (!to_do(run, round, i))
			continue;
		struct change *c = plan_take(round->plan, i);
		set_deadlines(run, c);
		int r = c->kind->keys ? c->kind->keys(run->engine->host, c, add_key, &run->keys) : 0;
		if (r == 0)
			r = writer_intent(&run->writer, c);
		if (r < 0) {
			change_free(&c);
			return r;
		}
	}
	int r = writer_commit(&run->writer, run->writer.run->n - first);
	if (r == 0)
		r = start_waiting(run);
	if (r == 0)
		run->result->deadline = run_deadline(run->writer.run);
	return r;
}

/* What failed may lie between two steps, or be done all the same, where only the sync at the
 * end failed: that is put in order and found out, not assumed. What is not as before is
 * for a rollback to take back. */
static enum outcome find_out(struct runner *run, struct change *c)
{
	struct host *host = run->engine->host;
	struct effect *effect = &run->writer.effect;
	enum change_state state = CHANGE_BEFORE;
	if (c->kind->settle)
		c->kind->settle(host, c, effect);
	if (c->kind->probe(host, c, &state) < 0 || state == CHANGE_BEFORE)
		return OUTCOME_FAILED;
	buf_puts(&effect->note, state == CHANGE_AFTER ? "; the host shows it all the same"
	                                              : "; the host shows neither what was nor what is to be");
	return OUTCOME_PARTLY;
}

static enum outcome apply(struct runner *run, struct change *c)
{
	struct effect *effect = &run->writer.effect;
	int r = c->kind->apply(run->engine->host, c, effect);
	if (r == -ESTALE)
		return OUTCOME_DRIFTED;
	if (r < 0 && !effect->note.len)
		buf_puts(&effect->note, strerror(-r));
	if (r == -EINPROGRESS)
		return OUTCOME_PARTLY;
	if (r < 0)
		return find_out(run, c);
	enum change_state state = CHANGE_DRIFTED;
	r = c->kind->probe(run->engine->host, c, &state);
	if (r == 0 && state == CHANGE_AFTER)
		return OUTCOME_DONE;
	buf_printf(&effect->note, "%sthe host does not show it%s%s", effect->note.len ? "; " : "", r < 0 ? ": " : "",
	           r < 0 ? strerror(-r) : "");
	return OUTCOME_PARTLY;
}

static enum on_failure policy(const struct runner *run, const char *name)
{
	const struct step *step = step_of(run, name);
	return step ? step->on_failure : run->playbook->on_failure;
}

static void heed_policy(struct runner *run, const char *step)
{
	run->must_stop |= policy(run, step) != ON_FAILURE_CONTINUE;
	run->must_undo |= policy(run, step) == ON_FAILURE_ROLLBACK;
}

/* What a step wants kept and cannot be is a failure of that step. */
static int keep_evidence(struct runner *run, const struct round *round)
{
	struct evidence_list *list = plan_evidences(round->plan);
	int r = list->n ? start_writing(run) : 0;
	if (r < 0 || !list->n)
		return r;
	writer_phase(&run->writer, "keeping evidence");
	for (size_t i = 0; r >= 0 && i < list->n; i++) {
		struct evidence *e = &list->v[i];
		size_t had = run->writer.run->n_evidence;
		bool unwanted = e->lost; /* over a limit: that is said, and no failure */
		r = writer_evidence(&run->writer, e);
		run->result->evidence += r > 0;
		if (r < 0 || unwanted || !e->lost || run->writer.run->n_evidence == had)
			continue;
		run->result->failed++;
		heed_policy(run, e->step);
		r = result_add_trouble(run->result, "not kept", e->step, e->name, e->lost);
	}
	writer_phase(&run->writer, NULL);
	return r < 0 ? r : 0;
}

static int note_outcome(struct runner *run, struct change *c, enum outcome outcome, struct strv *services)
{
	struct run_result *result = run->result;
	const char *note = buf_text(&run->writer.effect.note);
	int r = writer_log(&run->writer, record_outcome(c->id, outcome, note));
	if ((outcome == OUTCOME_DONE || outcome == OUTCOME_PARTLY) && c->service && r == 0)
		r = strv_add_new(services, c->service);
	if (outcome == OUTCOME_DONE) {
		result->done++;
	} else if (outcome == OUTCOME_FAILED || outcome == OUTCOME_PARTLY) {
		result->failed++;
		result->partly += outcome == OUTCOME_PARTLY;
		heed_policy(run, c->step);
		if (r == 0)
			r = result_add_failure(run->result, c, outcome, note);
	}
	result->drifted += outcome == OUTCOME_DRIFTED;
	result->skipped += outcome == OUTCOME_SKIPPED;
	if (observer(run)->outcome)
		observer(run)->outcome(observer(run)->ctx, c, outcome, note);
	int audited = outcome == OUTCOME_SKIPPED
	                      ? 0 : trail_change(run->writer.trail, run->writer.run->id, c, outcome == OUTCOME_DONE);
	return r < 0 ? r : audited;
}

/* A service that did not take its new configuration: a failure of the steps that edited it. */
static int heed_reload(struct runner *run, size_t first, const struct strv *services)
{
	_cleanup_buf_ struct buf names = {0};
	for (size_t i = 0; i < services->n; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", services->v[i]);
	run->result->failed++;
	for (size_t i = first; i < run->writer.run->n; i++) {
		const struct run_entry *e = &run->writer.run->entries[i];
		if (e->outcome == OUTCOME_DONE && e->change->service)
			heed_policy(run, e->change->step);
	}
	return result_add_trouble(run->result, "failed", NULL, "to reload what was configured", buf_text(&names));
}

static int apply_round(struct runner *run, size_t first)
{
	struct run *record = run->writer.run;
	_cleanup_strv_ struct strv services = {0};
	int r = 0;
	for (size_t i = first; r == 0 && i < record->n; i++) {
		struct change *c = record->entries[i].change;
		if (c->held) {
			run->result->held++;
			continue;
		}
		run->result->signalled |= run->engine->stop && *run->engine->stop;
		run->must_stop |= run->result->signalled;
		enum outcome outcome = OUTCOME_SKIPPED;
		writer_aim(&run->writer, c);
		if (!run->must_stop) {
			writer_phase(&run->writer, c->step);
			outcome = apply(run, c);
		}
		writer_phase(&run->writer, NULL);
		r = note_outcome(run, c, outcome, &services);
	}
	if (r == 0 && writer_reload(&run->writer, &services) < 0)
		r = heed_reload(run, first, &services);
	return r < 0 ? r : writer_sync(&run->writer);
}

/* A vault that is full is found before the first change: what comes in a later round ends
 * the run there. */
static int check_quota(struct runner *run, const struct round *round)
{
	const struct vault *vault = run->engine->host->vault;
	_cleanup_(vault_room_free) struct vault_room room = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < plan_count(round->plan); i++)
		if (to_do(run, round, i))
			r = vault_room_add(&room, vault, plan_at(round->plan, i));
	if (r < 0 || vault_admit(vault, room.bytes) == 0)
		return r;
	buf_puts(run->why, vault_room_lacking);
	return -EDQUOT;
}

static int execute(struct runner *run, struct round *round, unsigned number)
{
	int r = check_quota(run, round);
	if (r == -EDQUOT && run->writing) {
		writer_warn(&run->writer, "%s", buf_text(run->why));
		buf_reset(run->why);
		run->result->failed++;
		run->must_stop = true;
		return 0;
	}
	if (r == 0)
		r = start_writing(run);
	if (r == 0)
		r = writer_log(&run->writer, record_round(number));
	size_t first = run->writing ? run->writer.run->n : 0;
	if (r == 0)
		r = log_intents(run, round);
	if (r == 0)
		r = apply_round(run, first);
	run->result->rounds = number;
	return r;
}

static int log_residual(struct runner *run)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < run->result->residual.n; i++) {
		const char *what = run->result->residual.v[i];
		r = writer_log(&run->writer, record_new("residual", json_pack("{so}", "what", json_text(what))));
	}
	return r;
}

static int log_failed_steps(struct runner *run, const struct round *round)
{
	int r = 0;
	for (size_t s = 0; r == 0 && s < round->n_steps; s++) {
		const struct step_report *report = &round->steps[s];
		if (report->state != STEP_FAILED)
			continue;
		run->result->failed++;
		run->result->unplanned++;
		r = result_add_trouble(run->result, "not planned", report->step->name, report->failure, NULL);
		if (r == 0 && run->writing)
			r = writer_log(&run->writer, record_new("failed", json_pack("{ss so}", "step", report->step->name, "why",
			                                                            json_text(report->failure))));
	}
	return r;
}

static void settle(struct runner *run)
{
	int64_t ms = run->playbook->settle_ms;
	if (ms <= 0)
		return;
	if (observer(run)->wait)
		observer(run)->wait(observer(run)->ctx, ms);
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		if (run->engine->stop && *run->engine->stop)
			return;
}

/* Rounds, until planning again yields nothing, a policy ends the run, or the limit of
 * rounds is reached. The last plan is the proof, or tells the residual. */
static int run_rounds(struct runner *run)
{
	for (unsigned number = 1;; number++) {
		struct round *round = NULL;
		int r = round_plan(run->engine, run->playbook, run->facts, &round);
		if (r < 0)
			return r;
		bool acts = !round_must_stop(round) && !run->must_stop && number <= run->engine->config->max_rounds &&
		            count_to_do(run, round);
		if (observer(run)->round)
			observer(run)->round(observer(run)->ctx, number, round, acts);
		r = log_refusals(run, round);
		if (r == 0)
			r = keep_evidence(run, round);
		bool stop = round_must_stop(round) || run->must_stop;
		run->must_undo |= number > 1 && round_must_undo(round, run->playbook);
		bool last = stop || !acts;
		if (r == 0 && !last)
			r = execute(run, round, number);
		last = last || run->must_stop;
		if (r == 0 && last)
			r = result_add_residual(run->result, round);
		if (r == 0 && last)
			r = log_failed_steps(run, round);
		run->result->stopped = stop || run->must_stop;
		round_free(&round);
		if (r < 0 || last)
			return r;
		settle(run);
	}
}

static int log_end(struct runner *run)
{
	const struct run_result *result = run->result;
	int r = writer_log(&run->writer, record_new("end", json_pack("{si si si si}", "status", result->status, "done",
	                                                             (int)result->done, "refused", (int)result->refused,
	                                                             "failed", (int)result->failed)));
	if (r == 0)
		r = writer_sync(&run->writer);
	run->result->deadline = run_deadline(run->writer.run);
	run->result->confirm_by = run_confirm_by(run->writer.run);
	if (r == 0)
		r = trail_end(run->writer.trail, run->writer.run->id, result_word(run->result),
		              journal_head(run->writer.journal)->hex, run->result->status == 0);
	return r < 0 ? r : writer_seal(&run->writer);
}

static int finish(struct runner *run)
{
	int r = 0;
	if (run->must_undo && run->writing) {
		run->result->rolled_back = true;
		r = rollback_run(&run->writer, &(struct undo_scope){0}, json_incref(run->operator), &run->result->undo);
	}
	run->result->status = result_status(run->result);
	if (!run->writing)
		return r;
	if (r == 0)
		r = log_residual(run);
	return r < 0 ? r : log_end(run);
}

int runner_run(struct engine *engine, const struct playbook *playbook, json_t *operator, struct run_result *ret,
               struct buf *ret_why)
{
	*ret = (struct run_result){.status = 1};
	struct runner run = {.engine = engine, .playbook = playbook, .operator = operator, .result = ret, .why = ret_why};
	_cleanup_close_ int lock = -1;
	int r = engine_lock(engine, &lock, ret_why);
	if (r == 0)
		r = facts_new(&run.facts);
	if (r == 0)
		r = run_rounds(&run);
	if (r == 0)
		r = finish(&run);
	if (run.writing)
		writer_end(&run.writer);
	vault_close(&engine->host->vault);
	facts_free(&run.facts);
	strset_free(&run.keys);
	strset_free(&run.refused);
	json_decref(operator);
	return r;
}
