/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/rollback.h"

#include "core/record.h"
#include "core/vault-usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether undoing has anything to do with this entry. What was reported as impossible
 * once is not reported again. */
static bool concerned(const struct run_entry *e, const struct undo_scope *scope)
{
	int64_t deadline = scope->due ? entry_deadline(e) : 0;
	if (scope->due && (!deadline || deadline > scope->due))
		return false;
	return entry_live(e) && e->undo != UNDO_IMPOSSIBLE && (!scope->step || strcmp(e->change->step, scope->step) == 0);
}

struct key_count {
	const struct holders *holders;
	size_t all, held;
	const char *by;
};

static int count_key(void *ctx, const char *key)
{
	struct key_count *count = ctx;
	const char *by = holders_find(count->holders, key);
	count->all++;
	count->held += by != NULL;
	count->by = by ? by : count->by;
	return 0;
}

/* "2026-11-23T22:08:31.000+01:00": the date is what people want. */
static void explain_purge(const char *when, struct buf *note)
{
	buf_printf(note, "its copy was purged from the vault on %.10s", when);
}

static int expect_without_copy(const char *when, struct undo_item *item)
{
	_cleanup_buf_ struct buf why = {0};
	explain_purge(when, &why);
	item->expect = UNDO_IMPOSSIBLE;
	item->why = buf_steal(&why);
	return item->why ? 0 : -ENOMEM;
}

/* What will become of the undo of a change from which the host has drifted. */
static int expect_of_drift(struct host *host, const struct change *c, struct undo_item *item)
{
	_cleanup_buf_ struct buf why = {0};
	int r = c->kind->drift ? c->kind->drift(host, c, &why) : -ESTALE;
	item->expect = r == 0 ? UNDO_DONE : r == -ESTALE ? UNDO_DRIFTED : UNDO_FAILED;
	if (r < 0 && r != -ESTALE)
		buf_puts(&why, strerror(-r));
	item->why = why.len ? buf_steal(&why) : strdup("was changed by somebody else since");
	return item->why ? 0 : -ENOMEM;
}

static int expect_by_probe(struct host *host, const struct run *run, const struct run_entry *e, struct undo_item *item)
{
	enum change_state state;
	int r = e->change->kind->probe(host, e->change, &state);
	const char *purged = r == 0 && state == CHANGE_BEFORE ? NULL : change_purged(run, e->change, host->vault);
	if (purged)
		return expect_without_copy(purged, item);
	if (r < 0) {
		item->expect = UNDO_FAILED;
		item->why = strdup(strerror(-r));
		return item->why ? 0 : -ENOMEM;
	}
	if (state == CHANGE_DRIFTED)
		return expect_of_drift(host, e->change, item);
	item->expect = UNDO_DONE;
	if (state == CHANGE_AFTER)
		return 0;
	item->why = strdup("is already as it was before");
	return item->why ? 0 : -ENOMEM;
}

/* Whether all that the change put in force is held by other runs too; -ENOMEM. */
static int all_held(struct host *host, const struct holders *holders, const struct change *c, const char **ret_by)
{
	struct key_count count = {.holders = holders};
	int r = c->kind->keys ? c->kind->keys(host, c, count_key, &count) : 0;
	*ret_by = count.by;
	return r == -ENOMEM ? r : r == 0 && count.all && count.held == count.all;
}

static int expect(const struct engine *engine, const struct holders *holders, const struct run *run,
                  const struct run_entry *e, struct undo_item *item)
{
	_cleanup_buf_ struct buf why = {0};
	const char *rule, *by;
	item->entry = e;
	if (e->change->kind->flags & CHANGE_IRREVERSIBLE) {
		item->expect = UNDO_IMPOSSIBLE;
		return 0;
	}
	int held = all_held(engine->host, holders, e->change, &by);
	if (held < 0)
		return held;
	if (held)
		buf_printf(&why, "run %s holds it too", by);
	else if (guard_undo(engine->guard, e->change, &rule, &why) == 0)
		return expect_by_probe(engine->host, run, e, item);
	item->expect = held ? UNDO_KEPT : UNDO_REFUSED;
	item->why = buf_steal(&why);
	return item->why ? 0 : -ENOMEM;
}

void undo_plan_free(struct undo_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->v[i].why);
	free(plan->v);
	*plan = (struct undo_plan){0};
}

int rollback_plan(const struct engine *engine, const struct run *run, const struct undo_scope *scope,
                  struct undo_plan *ret)
{
	struct undo_plan plan = {.v = calloc(run->n ? run->n : 1, sizeof(*plan.v))};
	_cleanup_strv_ struct strv unreadable = {0};
	struct holders *holders = NULL;
	int r = plan.v ? holders_load(engine->state, engine->host, engine->parts->kinds, run->id, &holders, &unreadable)
	               : -ENOMEM;
	for (size_t i = run->n; r == 0 && i-- > 0;)
		if (concerned(&run->entries[i], scope))
			r = expect(engine, holders, run, &run->entries[i], &plan.v[plan.n++]);
	holders_free(&holders);
	if (r < 0)
		undo_plan_free(&plan);
	else
		*ret = plan;
	return r;
}

static void count_undo(struct undo_result *result, enum undo undo)
{
	switch (undo) {
	case UNDO_DONE: result->done++; break;
	case UNDO_KEPT: result->kept++; break;
	case UNDO_DRIFTED: result->drifted++; break;
	case UNDO_IMPOSSIBLE: result->impossible++; break;
	case UNDO_REFUSED: result->refused++; break;
	default: result->failed++;
	}
}

/* What failed, now or before, may lie between two steps. */
static void put_in_order(struct writer *w, const struct change *c)
{
	if (c->kind->settle)
		c->kind->settle(w->engine->host, c, &w->effect);
}

static enum undo revert(struct writer *w, const struct run_entry *e)
{
	struct buf *note = &w->effect.note;
	const struct change *c = e->change;
	writer_aim(w, c);
	if (c->kind->flags & CHANGE_IRREVERSIBLE) {
		buf_puts(note, "cannot be undone");
		return UNDO_IMPOSSIBLE;
	}
	const char *rule = NULL;
	if (guard_undo(w->engine->guard, c, &rule, note) < 0) {
		trail_refusal(w->trail, w->run->id, c, rule ? rule : "guard.undecided");
		return UNDO_REFUSED;
	}
	if (e->outcome == OUTCOME_PARTLY || e->undo == UNDO_FAILED)
		put_in_order(w, c);
	int r = c->kind->revert(w->engine->host, c, &w->effect);
	if (r == 0)
		return UNDO_DONE;
	if (r == -EBUSY)
		return UNDO_KEPT;
	const char *purged = change_purged(w->run, c, w->engine->host->vault);
	if (purged) {
		buf_reset(note);
		explain_purge(purged, note);
		return UNDO_IMPOSSIBLE;
	}
	if (!note->len)
		buf_puts(note, strerror(-r));
	if (r == -ESTALE)
		return UNDO_DRIFTED;
	put_in_order(w, c);
	return UNDO_FAILED;
}

static int undo_one(struct writer *w, size_t i, struct undo_result *result, struct strv *services)
{
	const struct change *c = w->run->entries[i].change;
	enum undo undo = revert(w, &w->run->entries[i]);
	count_undo(result, undo);
	const char *note = buf_text(&w->effect.note);
	int r = writer_log(w, record_undo(c->id, undo, note));
	if (r == 0 && undo == UNDO_DONE && c->service)
		r = strv_add_new(services, c->service);
	if (w->engine->observer->undone)
		w->engine->observer->undone(w->engine->observer->ctx, c, undo, note);
	int audited = undo == UNDO_IMPOSSIBLE || undo == UNDO_KEPT || undo == UNDO_REFUSED
	                      ? 0 : trail_undo(w->trail, w->run->id, c, undo == UNDO_DONE);
	return r < 0 ? r : audited;
}

static int log_intents(struct writer *w, const struct undo_scope *scope)
{
	size_t n = 0;
	int r = 0;
	for (size_t i = w->run->n; r == 0 && i-- > 0;) {
		if (!concerned(&w->run->entries[i], scope))
			continue;
		n++;
		r = writer_log(w, record_new("undo-intent", json_pack("{si}", "change", (int)i + 1)));
	}
	return r < 0 ? r : writer_commit(w, n);
}

static int log_end(struct writer *w, const struct undo_result *result)
{
	int r = writer_log(w, record_new("undo-end", json_pack("{si}", "status", undo_status(result))));
	return r < 0 ? r : writer_sync(w);
}

/* Whether the service could not be told to reload when it last was to. */
static bool told_in_vain(const struct run *run, const char *service)
{
	for (size_t i = json_array_size(run->records); i-- > 0;) {
		const json_t *record = json_array_get(run->records, i);
		const char *of = json_string_value(json_object_get(record, "service"));
		if (strcmp(json_string_value(json_object_get(record, "type")), "reload") == 0 && of && strcmp(of, service) == 0)
			return json_integer_value(json_object_get(record, "error")) != 0;
	}
	return false;
}

/* What an earlier rollback had undone and told no service about, being cut short or in
 * vain. */
static int services_of_undone(const struct run *run, struct strv *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < run->n; i++) {
		const struct run_entry *e = &run->entries[i];
		const char *service = e->change->service;
		if (e->undo == UNDO_DONE && service && (run->undoing || told_in_vain(run, service)))
			r = strv_add_new(ret, service);
	}
	return r;
}

int rollback_run(struct writer *w, const struct undo_scope *scope, json_t *operator, struct undo_result *ret)
{
	_cleanup_strv_ struct strv services = {0};
	struct undo_result result = {0};
	int r = services_of_undone(w->run, &services);
	if (r == 0)
		r = writer_log(w, record_rollback(operator, scope, w->engine->allow));
	else
		json_decref(operator);
	if (r == 0)
		r = log_intents(w, scope);
	writer_phase(w, "rolling back");
	for (size_t i = w->run->n; r == 0 && i-- > 0;)
		if (concerned(&w->run->entries[i], scope))
			r = undo_one(w, i, &result, &services);
	writer_phase(w, NULL);
	if (r == 0 && writer_reload(w, &services) < 0)
		result.failed++;
	if (r == 0)
		r = log_end(w, &result);
	if (r == 0)
		r = trail_end(w->trail, w->run->id, "rolled-back", journal_head(w->journal)->hex, undo_status(&result) == 0);
	if (r == 0 && w->run->ended)
		r = writer_seal(w);
	*ret = result;
	return r;
}

int undo_status(const struct undo_result *result)
{
	if (result->refused)
		return 4;
	size_t bad = result->drifted + result->failed + result->impossible;
	if (!bad)
		return 0;
	return result->done || result->kept || !result->failed ? 3 : 1;
}
