/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/verify.h"

#include "core/record.h"
#include "core/vault-usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* By how much the end of a change may be rounded up. */
#define ROUNDED_S 60

/* A change that ends by itself is only held to it while that is sure to be ahead. */
static bool is_over(const struct change *c)
{
	int64_t until = c->kind->until ? c->kind->until(c) : 0;
	return until && until - ROUNDED_S <= (int64_t)time(NULL);
}

static bool is_concerned(const struct run_entry *e)
{
	return (e->outcome == OUTCOME_DONE || e->outcome == OUTCOME_HELD) && entry_live(e) && !is_over(e->change);
}

/* What was to be taken back and could not be is missed by nobody; that it may yet be taken
 * back is all that matters. */
static bool should_be_in_force(const struct run_entry *e)
{
	return e->undo == UNDO_NONE && !e->undo_open;
}

static int set(struct verify_item *item, enum verdict_on_change verdict, const char *why)
{
	item->verdict = verdict;
	item->why = why ? strdup(why) : NULL;
	return why && !item->why ? -ENOMEM : 0;
}

/* What undoing the change needs, where it can be looked at. */
static int check_vault(const struct engine *engine, const struct run *run, struct verify_item *item)
{
	_cleanup_buf_ struct buf why = {0};
	struct vault *vault = engine->host->vault;
	const char *when = NULL;
	int r = vault ? change_kept(run, item->entry->change, vault, &when) : 0;
	if (r == -ENODATA && item->verdict == VERIFY_IN_FORCE && !item->why) {
		buf_printf(&why, "it cannot be taken back: its copy was purged from the vault on %.10s", when);
		return set(item, VERIFY_IN_FORCE, buf_text(&why));
	}
	if (r != -EBADMSG && r != -ENOENT)
		return r == -ENOMEM ? r : 0;
	free(item->why);
	return set(item, VERIFY_DAMAGED, r == -ENOENT ? "its copy is missing in the vault"
	                                              : "its copy in the vault is damaged or was tampered with");
}

/* That a copy was purged is no news to find out: without the vault, the kind goes by what
 * is to be seen on the host. */
static int probe_without_copy(struct host *host, const struct change *c, enum change_state *ret)
{
	struct vault *vault = host->vault;
	host->vault = NULL;
	int r = c->kind->probe(host, c, ret);
	host->vault = vault;
	return r;
}

static int set_drifted(const struct engine *engine, struct verify_item *item)
{
	_cleanup_buf_ struct buf why = {0};
	const struct change *c = item->entry->change;
	int r = c->kind->drift ? c->kind->drift(engine->host, c, &why) : 0;
	return r == -ENOMEM ? r : set(item, VERIFY_DRIFTED, why.len ? why.data : "somebody changed it since");
}

static int probe(const struct engine *engine, const struct run *run, struct verify_item *item)
{
	enum change_state state;
	struct host *host = engine->host;
	const struct change *c = item->entry->change;
	bool purged = host->vault && change_purged(run, c, host->vault);
	int r = purged ? probe_without_copy(host, c, &state) : c->kind->probe(host, c, &state);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return set(item, VERIFY_UNKNOWN, strerror(-r));
	if (state == CHANGE_AFTER)
		return set(item, VERIFY_IN_FORCE, NULL);
	return state == CHANGE_DRIFTED ? set_drifted(engine, item)
	                               : set(item, VERIFY_DRIFTED, "it is as it was before the run");
}

static void count(struct verification *v, const struct verify_item *item)
{
	v->in_force += item->verdict == VERIFY_IN_FORCE;
	v->drifted += item->verdict == VERIFY_DRIFTED;
	v->unknown += item->verdict == VERIFY_UNKNOWN;
	v->damaged += item->verdict == VERIFY_DAMAGED;
}

void verification_free(struct verification *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i].why);
	free(v->v);
	*v = (struct verification){0};
}

int verify_run(const struct engine *engine, const struct run *run, struct verification *ret)
{
	struct verification v = {.v = calloc(run->n ? run->n : 1, sizeof(*v.v))};
	int r = v.v ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < run->n; i++) {
		const struct run_entry *e = &run->entries[i];
		struct verify_item *item = &v.v[v.n];
		if (!is_concerned(e))
			continue;
		item->entry = e;
		r = should_be_in_force(e) ? probe(engine, run, item) : 0;
		if (r == 0)
			r = check_vault(engine, run, item);
		if (should_be_in_force(e) || item->verdict == VERIFY_DAMAGED) {
			count(&v, item);
			v.n++;
		} else {
			free(item->why);
			item->why = NULL;
		}
	}
	if (r < 0)
		verification_free(&v);
	else
		*ret = v;
	return r;
}

/* Finds what is no longer in force; how many changes, or -errno. */
static int find_drifted(struct writer *w, struct verification *v)
{
	int r = verify_run(w->engine, w->run, v);
	size_t n = 0;
	for (size_t i = 0; r == 0 && i < v->n; i++)
		if (v->v[i].verdict == VERIFY_DRIFTED)
			n++;
	return r < 0 ? r : (int)n;
}

static int log_intents(struct writer *w, const struct verification *v, size_t n)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < v->n; i++)
		if (v->v[i].verdict == VERIFY_DRIFTED)
			r = writer_log(w, record_new("reapply-intent", json_pack("{si}", "change", (int)v->v[i].entry->change->id)));
	return r < 0 ? r : writer_commit(w, n);
}

static enum outcome apply(struct writer *w, struct change *c, struct reapply_result *result)
{
	struct host *host = w->engine->host;
	struct buf *note = &w->effect.note;
	const char *rule = NULL;
	enum change_state state = CHANGE_DRIFTED;
	writer_aim(w, c);
	if (guard_change(w->engine->guard, c, &rule, note) < 0) {
		result->refused++;
		trail_refusal(w->trail, w->run->id, c, rule ? rule : "guard.undecided");
		return OUTCOME_SKIPPED;
	}
	int r = (c->kind->reapply ? c->kind->reapply : c->kind->apply)(host, c, &w->effect);
	if (r == 0)
		r = c->kind->probe(host, c, &state);
	if (r == 0 && state == CHANGE_AFTER) {
		result->done++;
		return OUTCOME_DONE;
	}
	if (!note->len)
		buf_puts(note, r < 0 ? strerror(-r) : "the host does not show it");
	result->drifted += r == -ESTALE;
	result->failed += r != -ESTALE;
	return r == -ESTALE ? OUTCOME_DRIFTED : r < 0 && r != -EINPROGRESS ? OUTCOME_FAILED : OUTCOME_PARTLY;
}

static int apply_one(struct writer *w, struct change *c, struct reapply_result *result, struct strv *services)
{
	enum outcome outcome = apply(w, c, result);
	const char *note = buf_text(&w->effect.note);
	int r = writer_log(w, record_reapplied(c->id, outcome, note));
	if (r == 0 && outcome == OUTCOME_DONE && c->service)
		r = strv_add_new(services, c->service);
	if (w->engine->observer->outcome)
		w->engine->observer->outcome(w->engine->observer->ctx, c, outcome, note);
	int audited = outcome == OUTCOME_SKIPPED ? 0 : trail_change(w->trail, w->run->id, c, outcome == OUTCOME_DONE);
	return r < 0 ? r : audited;
}

static int apply_all(struct writer *w, const struct verification *v, struct reapply_result *result)
{
	_cleanup_strv_ struct strv services = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < v->n; i++)
		if (v->v[i].verdict == VERIFY_DRIFTED)
			r = apply_one(w, v->v[i].entry->change, result, &services);
	if (r == 0 && writer_reload(w, &services) < 0)
		result->failed++;
	return r;
}

static int log_end(struct writer *w, const struct reapply_result *result)
{
	bool good = !result->drifted && !result->failed && !result->refused;
	int r = writer_log(w, record_new("reapply-end", json_pack("{si}", "status", good ? 0 : 3)));
	if (r == 0)
		r = writer_sync(w);
	if (r == 0)
		r = trail_end(w->trail, w->run->id, "reapplied", journal_head(w->journal)->hex, good);
	return r < 0 ? r : writer_seal(w);
}

int verify_reapply(struct writer *w, json_t *operator, struct reapply_result *ret)
{
	struct verification v = {0};
	struct reapply_result result = {0};
	int n = find_drifted(w, &v), r = n < 0 ? n : 0;
	if (n > 0) {
		r = writer_log(w, record_new("reapply", json_pack("{sO}", "operator", operator)));
		if (r == 0)
			r = log_intents(w, &v, (size_t)n);
		if (r == 0)
			r = apply_all(w, &v, &result);
		if (r == 0)
			r = log_end(w, &result);
	}
	verification_free(&v);
	json_decref(operator);
	*ret = result;
	return r;
}
