/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/recover.h"

#include "base/clock.h"
#include "core/record.h"
#include "core/vault.h"

#include <errno.h>
#include <string.h>

static const char *const how_words[] = {
	[RECOVER_UNDO] = "rollback",
	[RECOVER_KEEP] = "keep",
	[RECOVER_DUE] = "deadline",
};

static enum outcome outcome_of(enum change_state state, struct buf *note)
{
	if (state == CHANGE_BEFORE) {
		buf_puts(note, "not in force when the run was recovered");
		return OUTCOME_SKIPPED;
	}
	if (state == CHANGE_AFTER) {
		buf_puts(note, "found in force when the run was recovered");
		return OUTCOME_DONE;
	}
	buf_puts(note, "neither as before nor as after when the run was recovered: have a look at it");
	return OUTCOME_PARTLY;
}

static void count(struct recovery *ret, enum outcome outcome)
{
	ret->done += outcome == OUTCOME_DONE;
	ret->not_begun += outcome == OUTCOME_SKIPPED;
	ret->unclear += outcome == OUTCOME_PARTLY;
}

/* Changes are made in their order, and what became of one is written before the next:
 * only the first without an outcome can have begun. One that cannot be undone and had
 * begun is finished where the run is kept: half a process tree is worse than none. */
static bool to_finish(const struct change *c, enum change_state state, enum recover_how how, bool first)
{
	return first && how != RECOVER_UNDO && state == CHANGE_BEFORE && c->kind->flags & CHANGE_IRREVERSIBLE;
}

static int finish(struct writer *w, struct change *c, enum change_state *ret_state)
{
	const char *rule;
	struct host *host = w->engine->host;
	if (guard_change(w->engine->guard, c, &rule, &w->effect.note) < 0)
		return 0;
	int r = c->kind->apply(host, c, &w->effect);
	if (r < 0) {
		if (!w->effect.note.len)
			buf_puts(&w->effect.note, strerror(-r));
		*ret_state = CHANGE_DRIFTED;
		return 0;
	}
	return c->kind->probe(host, c, ret_state);
}

/* Which state the host is in, once nothing is left between the steps of the change. */
static int look(struct writer *w, const struct change *c, enum change_state *ret)
{
	writer_aim(w, c);
	int r = c->kind->settle ? c->kind->settle(w->engine->host, c, &w->effect) : 0;
	return r < 0 ? r : c->kind->probe(w->engine->host, c, ret);
}

static int settle_outcome(struct writer *w, struct run_entry *e, enum recover_how how, bool first,
                          struct recovery *ret)
{
	struct change *c = e->change;
	struct buf *note = &w->effect.note;
	enum change_state state = CHANGE_DRIFTED;
	int r = look(w, c, &state);
	if (r == 0 && to_finish(c, state, how, first))
		r = finish(w, c, &state);
	if (r == -ENOMEM)
		return r;
	if (note->len)
		buf_puts(note, "; ");
	if (r < 0)
		buf_printf(note, "it cannot be found out: %s; ", strerror(-r));
	enum outcome outcome = outcome_of(r < 0 ? CHANGE_DRIFTED : state, note);
	count(ret, outcome);
	r = writer_log(w, record_outcome(c->id, outcome, buf_text(note)));
	if (w->engine->observer->outcome)
		w->engine->observer->outcome(w->engine->observer->ctx, c, outcome, buf_text(note));
	return r;
}

/* An undo that was about to be made, where the rollback is not gone on with. */
static int settle_undo(struct writer *w, struct run_entry *e)
{
	enum change_state state = CHANGE_DRIFTED;
	int r = look(w, e->change, &state);
	if (r < 0 || state != CHANGE_BEFORE)
		return r == -ENOMEM ? r : 0;
	return writer_log(w, record_undo(e->change->id, UNDO_DONE, "found undone when the run was recovered"));
}

/* Also of what is undone next: what lies between the steps must be out of its way. */
static int settle_all(struct writer *w, enum recover_how how, struct recovery *ret)
{
	struct run *run = w->run;
	bool first = true;
	int r = 0;
	for (size_t i = 0; r == 0 && i < run->n; i++) {
		struct run_entry *e = &run->entries[i];
		enum change_state state;
		if (e->outcome == OUTCOME_UNKNOWN) {
			r = settle_outcome(w, e, how, first, ret);
			first = false;
		} else if (e->undo_open && how == RECOVER_KEEP) {
			r = settle_undo(w, e);
		} else if (e->undo_open || e->again_open) {
			r = look(w, e->change, &state) == -ENOMEM ? -ENOMEM : 0;
		}
	}
	return r;
}

static size_t count_done(const struct run *run)
{
	size_t n = 0;
	for (size_t i = 0; i < run->n; i++)
		n += run->entries[i].outcome == OUTCOME_DONE || run->entries[i].outcome == OUTCOME_PARTLY;
	return n;
}

/* What is in force and perhaps no service was told about. */
static int reload(struct writer *w)
{
	_cleanup_strv_ struct strv services = {0};
	for (size_t i = 0; i < w->run->n; i++) {
		const struct run_entry *e = &w->run->entries[i];
		if (e->outcome == OUTCOME_DONE && e->change->service && strv_add_new(&services, e->change->service) < 0)
			return -ENOMEM;
	}
	writer_reload(w, &services);
	return 0;
}

static int log_end(struct writer *w)
{
	size_t done = count_done(w->run);
	int status = done ? 3 : 1;
	int r = writer_log(w, record_new("end", json_pack("{si si sb}", "status", status, "done", (int)done, "recovered", 1)));
	if (r == 0)
		r = writer_sync(w);
	return r < 0 ? r : trail_end(w->trail, w->run->id, "recovered", journal_head(w->journal)->hex, false);
}

int recover_settle(struct writer *w, enum recover_how how, json_t *operator, struct recovery *ret)
{
	int r = writer_log(w, record_new("recover", json_pack("{so ss}", "operator", operator, "how", how_words[how])));
	writer_phase(w, "finding out how far it came");
	if (r == 0)
		r = vault_sweep(w->engine->host->vault);
	if (r == 0)
		r = settle_all(w, how, ret);
	writer_phase(w, NULL);
	if (r == 0)
		r = writer_sync(w);
	if (r == 0 && how != RECOVER_UNDO)
		r = reload(w);
	return r == 0 && !w->run->ended ? log_end(w) : r;
}

int recover_rollback(struct writer *w, const struct undo_scope *scope, json_t *operator, struct undo_result *ret)
{
	struct recovery recovery = {0};
	int r = run_open(w->run) ? recover_settle(w, RECOVER_UNDO, json_incref(operator), &recovery) : 0;
	if (r == 0)
		r = rollback_run(w, scope, json_incref(operator), ret);
	json_decref(operator);
	return r;
}

/* Ends what has begun on a run since it ended, and is not gone on with. */
static int close_rest(struct writer *w)
{
	int r = 0;
	if (w->run->undoing)
		r = writer_log(w, record_new("undo-end", json_pack("{si}", "status", 3)));
	if (r == 0 && w->run->reapplying)
		r = writer_log(w, record_new("reapply-end", json_pack("{si}", "status", 3)));
	return r == 0 ? writer_sync(w) : r;
}

static int undo(struct writer *w, struct undo_scope scope, json_t *operator, struct recovery *ret)
{
	ret->undone = true;
	return rollback_run(w, &scope, operator, &ret->undo);
}

/* The scope is the interrupted rollback's own; a copy, since replaying replaces it. */
static int go_on_undoing(struct writer *w, json_t *operator, struct recovery *ret)
{
	struct undo_scope scope = {.due = w->run->undo_scope.due};
	_cleanup_free_ char *step = w->run->undo_scope.step ? strdup(w->run->undo_scope.step) : NULL;
	if (w->run->undo_scope.step && !step) {
		json_decref(operator);
		return -ENOMEM;
	}
	scope.step = step;
	return undo(w, scope, operator, ret);
}

static int recover(struct writer *w, enum recover_how how, json_t *operator, struct recovery *ret)
{
	int64_t now = realtime_ms(), deadline;
	bool interrupted = !w->run->ended || w->run->to_undo, open = run_open(w->run);
	int r = open ? recover_settle(w, how, json_incref(operator), ret) : 0;
	if (r == 0 && open && how != RECOVER_KEEP && w->run->undoing)
		r = go_on_undoing(w, json_incref(operator), ret);
	else if (r == 0 && interrupted && how == RECOVER_UNDO)
		r = undo(w, (struct undo_scope){0}, json_incref(operator), ret);
	if (r == 0)
		r = close_rest(w);
	deadline = run_deadline(w->run);
	if (r == 0 && deadline && deadline <= now)
		r = undo(w, (struct undo_scope){.due = now}, json_incref(operator), ret);
	ret->ended = !open && !ret->undone;
	return r < 0 ? r : writer_seal(w);
}

int recover_run(struct engine *engine, const char *run, enum recover_how how, json_t *operator,
                struct recovery *ret, struct buf *ret_why)
{
	_cleanup_close_ int lock = -1;
	struct writer w;
	*ret = (struct recovery){0};
	int r = writer_reopen(&w, engine, run, &lock, ret_why);
	if (r == -ENOENT) {
		buf_reset(ret_why);
		ret->dropped = true;
		r = state_drop_run(engine->state, run);
	} else if (r == 0) {
		if (json_array_size(w.run->records)) {
			r = recover(&w, how, operator, ret);
		} else {
			ret->dropped = true;
			r = vault_sweep(engine->host->vault);
			if (r == 0)
				r = state_drop_run(engine->state, run);
		}
		writer_end(&w);
		vault_close(&engine->host->vault);
	}
	json_decref(operator);
	if (r < 0 && !ret_why->len)
		buf_printf(ret_why, "run %s cannot be recovered: %s", run, strerror(-r));
	return r;
}

int recover_status(const struct recovery *r)
{
	int undone = r->undone ? undo_status(&r->undo) : 0;
	return undone ? undone : r->unclear ? 3 : 0;
}
