/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print-json.h"
#include "report-render.h"

static json_t *strings(const struct strv *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, json_string(list->v[i]));
	return array;
}

/* A text that may be "": null for machines. */
static json_t *text(const char *t)
{
	return *t ? json_string(t) : json_null();
}

static json_t *number(unsigned n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *summary(const struct report *r)
{
	_cleanup_buf_ struct buf standing = {0};
	report_standing(r, &standing);
	return json_pack("{ss ss ss si si si si si si si si si}", "state", r->state, "tone", report_tone_word(r->tone), "text",
	                 buf_text(&standing), "done", (int)r->counts.done, "held", (int)r->counts.held, "undone",
	                 (int)r->counts.undone, "in-force", (int)r->counts.live, "lasting", (int)r->lasting, "missed",
	                 (int)r->missed, "refused", (int)r->n_refusals, "kept", (int)r->kept, "lost",
	                 (int)r->lost);
}

static json_t *phases(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n_phases; i++) {
		const struct report_phase *p = &r->phases[i];
		json_t *events = json_array();
		for (size_t k = p->first; k < p->first + p->n; k++) {
			const struct report_event *e = &r->events[k];
			json_array_append_new(events, json_pack("{ss ss so so so so ss}", "time", e->time, "what", e->word, "step",
			                                        text(e->step), "text", text(e->text), "note", text(e->note), "change",
			                                        number(e->change), "tone", report_tone_word(e->tone)));
		}
		json_array_append_new(list, json_pack("{ss so so so}", "title", p->title, "about", text(p->about), "by", text(p->author),
		                                      "events", events));
	}
	return list;
}

static json_t *processes(const struct report_change *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n_processes; i++) {
		const struct report_process *p = &c->processes[i];
		json_array_append_new(list, json_pack("{si si ss ss ss ss so so}", "depth", (int)p->depth, "pid", (int)p->pid, "name",
		                                      p->name, "user", p->user, "exe", p->exe, "args", p->args, "marks", text(p->marks),
		                                      "sockets", strings(&p->sockets)));
	}
	return list;
}

static json_t *changes(const struct report *r, size_t step)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->run->n; i++) {
		const struct report_change *c = &r->changes[i];
		const struct run_entry *e = c->entry;
		if (c->step != step)
			continue;
		json_array_append_new(list, json_pack(
			"{si si ss ss ss so sb sb ss so so so so}", "change", (int)e->change->id, "round", (int)e->round, "kind",
			e->change->kind->name, "what", c->what, "outcome", outcome_word(e->outcome), "note", text(e->note ? e->note : ""),
			"in-force", entry_live(e) && !c->lasting, "lasting", c->lasting, "undo", undo_word(e->undo), "undo-note",
			text(e->undo_note ? e->undo_note : ""), "deadline", json_ms(entry_deadline(e)), "detail", text(c->detail),
			"processes", processes(c)));
	}
	return list;
}

static json_t *steps(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n_steps; i++) {
		const struct report_step *s = &r->steps[i];
		json_t *techniques = json_array();
		for (const char *const *t = s->known ? s->known->techniques : NULL; t && *t; t++)
			json_array_append_new(techniques, json_string(*t));
		json_array_append_new(list, json_pack("{ss so so si si si si si si si si so so}", "step", s->name, "action", text(s->action),
		                                      "techniques", techniques, "planned", (int)s->planned, "done", (int)s->done, "held",
		                                      (int)s->held, "missed", (int)s->missed, "undone", (int)s->undone, "refused",
		                                      (int)s->refused, "kept", (int)s->kept, "lost", (int)s->lost, "failure", text(s->failure), "changes",
		                                      changes(r, i)));
	}
	return list;
}

static json_t *items(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n_items; i++) {
		const struct report_item *e = &r->items[i];
		json_array_append_new(list, json_pack("{ss ss so ss so ss so so sb}", "what", e->what, "name", e->name, "sha256",
		                                      text(e->sha256), "kept", report_kept_word(e->kept), "note", text(e->note), "step",
		                                      e->step, "change", number(e->change), "size",
		                                      e->size < 0 ? json_null() : json_integer(e->size), "partial", e->partial));
	}
	return list;
}

static json_t *refusals(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n_refusals; i++) {
		const struct report_refusal *f = &r->refusals[i];
		json_array_append_new(list, json_pack("{ss so so ss}", "rule", f->rule, "step", text(f->step), "target", text(f->what),
		                                      "why", f->why));
	}
	return list;
}

static json_t *tasks(const struct report_tasks *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list, json_pack("{ss ss so}", "tone", report_tone_word(t->v[i].tone), "text", t->v[i].text,
		                                      "command", text(t->v[i].command)));
	return list;
}

static json_t *techniques(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n_techniques; i++)
		json_array_append_new(list, json_pack("{ss ss so}", "id", r->techniques[i].id, "name", r->techniques[i].name, "steps",
		                                      strings(&r->techniques[i].steps)));
	return list;
}

json_t *report_json(const struct report *r)
{
	json_t *playbook = json_pack("{ss so ss ss so}", "name", r->playbook, "description", text(r->description), "file", r->file,
	                             "sha256", r->sha256, "inputs", strings(&r->inputs));
	json_t *verify = json_pack("{ss so ss}", "version", r->version, "journal-head", text(r->run->journal_head.hex), "key", r->key);
	json_t *status = r->run->status < 0 ? json_null() : json_integer(r->run->status);
	return json_pack("{ss ss ss so ss so so so so so so so so so so so so so so so so so}", "run", r->run->id, "host", r->host,
	                 "began", r->run->started ? r->run->started : "", "ended", text(r->run->ended ? r->run->ended : ""), "last",
	                 r->last, "status", status, "trigger", text(r->trigger), "operator",
	                 text(r->operator), "allowed", strings(&r->allowed), "playbook", playbook,
	                 "summary", summary(r), "confirm-by", json_ms(run_confirm_by(r->run)), "deadline",
	                 json_ms(run_deadline(r->run)), "to-do", tasks(&r->todo), "undo", tasks(&r->ways), "timeline", phases(r), "steps", steps(r),
	                 "evidence", items(r), "refusals", refusals(r), "residual", strings(&r->residual), "techniques",
	                 techniques(r), "verify", verify);
}
