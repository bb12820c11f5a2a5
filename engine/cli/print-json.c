/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print-json.h"

#include "base/escape.h"

#include <string.h>

/* What describe and detail give is escaped text already. */
static json_t *escaped(const struct buf *text)
{
	_cleanup_buf_ struct buf safe = {0};
	escape_controls(&safe, buf_text(text), text->len);
	return json_string(buf_text(&safe));
}

static json_t *escaped_str(const char *text)
{
	const struct buf view = {.data = (char *)text, .len = text ? strlen(text) : 0};
	return text ? escaped(&view) : json_null();
}

json_t *json_ms(int64_t ms)
{
	return ms ? json_integer(ms) : json_null();
}

json_t *json_failure(const char *run, int error, const struct buf *why)
{
	return json_pack("{ss so}", "run", run, "error", why->len ? escaped(why) : json_string(strerror(-error)));
}

static json_t *json_strings(const struct strv *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, escaped_str(list->v[i]));
	return array;
}

static json_t *json_change(const struct change *c)
{
	_cleanup_buf_ struct buf line = {0}, detail = {0};
	c->kind->describe(c, &line);
	if (c->kind->detail)
		c->kind->detail(c, &detail);
	return json_pack("{ss ss so so so sb sb ss* sO}", "kind", c->kind->name, "step", c->step, "target",
	                 json_text(c->target), "summary", escaped(&line), "detail", escaped(&detail), "reversible",
	                 !(c->kind->flags & CHANGE_IRREVERSIBLE), "held", c->held, "service", c->service, "data", c->data);
}

static json_t *json_verdict(const struct verdict *v)
{
	return v->rule ? json_pack("{ss so}", "rule", v->rule, "why", escaped_str(v->why)) : json_null();
}

static json_t *json_evidence(const struct evidence *e)
{
	return json_pack("{so sI sb so so}", "name", escaped_str(e->name), "size", (json_int_t)e->size, "partial", e->partial,
	                 "lost", escaped_str(e->lost), "summary", escaped_str(e->summary));
}

static json_t *json_step(const struct round *round, const struct step_report *s)
{
	static const char *const states[] = {"planned", "skipped", "failed", "not-reached"};
	json_t *changes = json_array(), *evidence = json_array();
	for (size_t i = s->first_evidence; i < s->first_evidence + s->n_evidence; i++)
		json_array_append_new(evidence, json_evidence(&plan_evidences(round->plan)->v[i]));
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct change *c = plan_at(round->plan, i);
		json_t *item = c ? json_change(c) : NULL;
		if (!item)
			continue;
		json_object_set_new(item, "refused", json_verdict(&round->verdicts[i]));
		json_array_append_new(changes, item);
	}
	return json_pack("{ss ss ss so so so so so sI sI}", "step", s->step->name, "action", s->step->action->name, "state",
	                 states[s->state], "failure", escaped_str(s->failure), "changes", changes, "evidence", evidence,
	                 "notes", json_strings(&s->notes), "residual", json_strings(&s->residuals), "confirm-ms",
	                 (json_int_t)s->confirm_ms, "ttl-ms", (json_int_t)s->ttl_ms);
}

json_t *json_round(const struct round *round)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < round->n_steps; i++)
		json_array_append_new(steps, json_step(round, &round->steps[i]));
	return json_pack("{so so si si si}", "steps", steps, "refused", json_verdict(&round->whole), "pending",
	                 (int)round_count_pending(round), "refusals", (int)round_count_refused(round), "failures",
	                 (int)round_count_failed(round));
}

json_t *json_plan(const struct playbook *playbook, const struct round *round, const struct host *host, int status)
{
	return json_pack("{so ss so so si}", "playbook", json_text(playbook->name ? playbook->name : playbook->file),
	                 "sha256", playbook->sha256.hex, "plan", json_round(round), "blind", json_strings(&host->blind),
	                 "status", status);
}

json_t *json_undo_result(const struct undo_result *r)
{
	return json_pack("{si si si si si si si}", "undone", (int)r->done, "kept", (int)r->kept, "drifted", (int)r->drifted,
	                 "failed", (int)r->failed, "impossible", (int)r->impossible, "refused", (int)r->refused, "status", undo_status(r));
}

json_t *json_result(const struct run_result *r)
{
	size_t failed = r->failed - r->partly - r->unplanned;
	return json_pack("{so si si si si si si si si si so so sb sb so so so si}", "run",
	                 r->id[0] ? json_string(r->id) : json_null(), "rounds", (int)r->rounds, "done", (int)r->done, "held",
	                 (int)r->held, "refused", (int)r->refused, "failed", (int)failed, "unplanned", (int)r->unplanned,
	                 "partly", (int)r->partly, "drifted", (int)r->drifted, "skipped", (int)r->skipped, "troubles",
	                 json_strings(&r->troubles), "residual", json_strings(&r->residual), "stopped", r->stopped,
	                 "signalled", r->signalled, "rolled_back",
	                 r->rolled_back ? json_undo_result(&r->undo) : json_null(), "confirm-by", json_ms(r->confirm_by),
	                 "deadline", json_ms(r->deadline), "status", r->status);
}

json_t *json_undo_plan(const struct undo_plan *plan)
{
	json_t *items = json_array();
	for (size_t i = 0; i < plan->n; i++)
		json_array_append_new(items, json_pack("{si ss so so}", "change", (int)plan->v[i].entry->change->id, "expect",
		                                       undo_word(plan->v[i].expect), "why", escaped_str(plan->v[i].why),
		                                       "what", json_change(plan->v[i].entry->change)));
	return items;
}

static json_t *json_kept(const struct run_evidence *e)
{
	return json_pack("{ss so ss* so sI sb si so}", "step", e->step, "name", escaped_str(e->name), "sha256",
	                 e->lost ? NULL : e->sha256.hex, "lost", escaped_str(e->lost), "size", (json_int_t)e->size,
	                 "partial", e->partial, "round", (int)e->round, "summary", escaped_str(e->summary));
}

json_t *json_run(const struct run *run)
{
	json_t *changes = json_array();
	for (size_t i = 0; i < run->n; i++) {
		const struct run_entry *e = &run->entries[i];
		json_t *item = json_change(e->change);
		if (!item)
			continue;
		json_object_set_new(item, "change", json_integer(e->change->id));
		json_object_set_new(item, "round", json_integer(e->round));
		json_object_set_new(item, "outcome", json_string(outcome_word(e->outcome)));
		json_object_set_new(item, "note", escaped_str(e->note));
		json_object_set_new(item, "undo", json_string(undo_word(e->undo)));
		json_object_set_new(item, "undo_note", escaped_str(e->undo_note));
		json_object_set_new(item, "deadline", json_ms(entry_deadline(e)));
		json_array_append_new(changes, item);
	}
	json_t *evidence = json_array();
	for (size_t i = 0; i < run->n_evidence; i++)
		json_array_append_new(evidence, json_kept(&run->evidence[i]));
	return json_pack("{ss so so so so so so so so sO}", "run", run->id, "confirm-by", json_ms(run_confirm_by(run)),
	                 "deadline", json_ms(run_deadline(run)), "playbook", escaped_str(run->playbook), "started",
	                 escaped_str(run->started), "ended", escaped_str(run->ended), "status",
	                 run->status < 0 ? json_null() : json_integer(run->status), "changes", changes, "evidence", evidence,
	                 "records", run->records);
}
