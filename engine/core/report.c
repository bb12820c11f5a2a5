/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/report.h"

#include "base/escape.h"
#include "core/report-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *record, const char *field)
{
	const char *text = json_string_value(json_object_get(record, field));
	return text ? text : "";
}

/* ---- what it was about ---------------------------------------------------------- */

static void make_inputs(struct report *r)
{
	const char *name;
	json_t *values;
	json_object_foreach(json_object_get(r->run->head, "inputs"), name, values)
	{
		_cleanup_buf_ struct buf line = {0}, safe = {0};
		size_t i;
		const json_t *value;
		json_array_foreach(values, i, value)
			buf_printf(&line, "%s%s", i ? ", " : "", json_string_value(value) ? json_string_value(value) : "");
		if (!line.len)
			continue;
		escape_controls(&safe, buf_text(&line), line.len);
		strv_addf(&r->inputs, "%s = %s", name, buf_text(&safe));
	}
	const json_t *rule;
	size_t i;
	json_array_foreach(json_object_get(r->run->head, "allow"), i, rule)
		if (json_is_string(rule))
			strv_add(&r->allowed, json_string_value(rule));
}

static void make_head(struct report *r)
{
	const json_t *head = r->run->head;
	size_t n = json_array_size(r->run->records);
	r->host = report_shown(r, head, "host");
	r->playbook = report_shown(r, head, "playbook");
	r->description = report_shown(r, head, "description");
	r->file = report_shown(r, head, "file");
	r->sha256 = report_shown(r, head, "sha256");
	r->version = report_shown(r, head, "version");
	r->key = report_shown(r, head, "key");
	r->trigger = report_trigger(r, json_object_get(head, "operator"));
	r->operator = report_operator(r, json_object_get(head, "operator"));
	r->last = report_shown(r, n ? json_array_get(r->run->records, n - 1) : NULL, "time");
	r->rounds = r->run->round;
	make_inputs(r);
}

/* ---- steps and changes ----------------------------------------------------------- */

static void make_steps(struct report *r, const struct action *const *actions)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(r->run->head, "steps"), i, item)
	{
		struct report_step *step = report_step(r, text_of(item, "step"));
		if (!step || !step->action)
			return;
		free(step->action);
		step->action = report_shown(r, item, "action");
		step->known = action_find(actions, text_of(item, "action"));
	}
}

static int add_process(void *ctx, const struct process_view *p)
{
	struct report *r = *(struct report **)ctx;
	struct report_change *c = ((struct report_change **)ctx)[1];
	struct report_process *v = report_more(r, c->processes, &c->n_processes, sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->processes = v;
	v += c->n_processes - 1;
	v->depth = p->depth;
	v->pid = p->pid;
	v->name = report_safe(r, p->name);
	v->user = report_safe(r, p->user);
	v->exe = report_safe(r, p->exe);
	v->args = report_safe(r, p->args);
	v->marks = report_safe(r, p->marks);
	size_t i;
	const json_t *socket;
	json_array_foreach(p->sockets, i, socket)
	{
		_cleanup_free_ char *text = report_safe(r, json_string_value(socket));
		if (text)
			strv_add(&v->sockets, text);
	}
	return strv_error(&v->sockets) ? strv_error(&v->sockets) : r->error;
}

static enum report_tone tone_of(const struct run_entry *e)
{
	switch (e->outcome) {
	case OUTCOME_DONE: break;
	case OUTCOME_HELD: break;
	case OUTCOME_FAILED:
	case OUTCOME_PARTLY: return REPORT_BAD;
	default: return REPORT_WARN;
	}
	switch (e->undo) {
	case UNDO_NONE: return e->outcome == OUTCOME_DONE ? REPORT_GOOD : REPORT_PLAIN;
	case UNDO_DONE:
	case UNDO_KEPT: return REPORT_PLAIN;
	case UNDO_FAILED:
	case UNDO_REFUSED: return REPORT_BAD;
	default: return REPORT_WARN;
	}
}

/* Text of a kind's own, which is escaped. */
static char *text_by(struct report *r, int (*tell)(const struct change *change, struct buf *ret), const struct change *c)
{
	_cleanup_buf_ struct buf text = {0};
	if (tell && tell(c, &text) == -ENOMEM)
		r->error = -ENOMEM;
	return report_safe(r, buf_text(&text));
}

static void make_change(struct report *r, size_t i)
{
	const struct run_entry *e = &r->run->entries[i];
	const struct change_kind *kind = e->change->kind;
	struct report_change *c = &r->changes[i];
	struct report_step *step = report_step(r, e->change->step);
	void *ctx[] = {r, c};
	bool made = e->outcome == OUTCOME_DONE || e->outcome == OUTCOME_PARTLY;
	*c = (struct report_change){
		.entry = e,
		.what = text_by(r, kind->describe, e->change),
		.detail = text_by(r, e->change->held || kind->processes ? NULL : kind->detail, e->change),
		.tone = tone_of(e),
		.lasting = made && (kind->flags & CHANGE_IRREVERSIBLE || e->undo == UNDO_IMPOSSIBLE),
	};
	if (kind->processes && kind->processes(e->change, add_process, ctx) == -ENOMEM)
		r->error = -ENOMEM;
	r->lasting += c->lasting;
	if (!step)
		return;
	c->step = (size_t)(step - r->steps);
	step->planned++;
	step->done += e->outcome == OUTCOME_DONE;
	step->held += e->outcome == OUTCOME_HELD;
	step->missed += e->outcome != OUTCOME_DONE && e->outcome != OUTCOME_HELD;
	step->undone += e->undo == UNDO_DONE;
	r->missed += e->outcome != OUTCOME_DONE && e->outcome != OUTCOME_HELD;
}

static void make_changes(struct report *r)
{
	r->changes = calloc(r->run->n ? r->run->n : 1, sizeof(*r->changes));
	if (!r->changes)
		r->error = -ENOMEM;
	for (size_t i = 0; !r->error && i < r->run->n; i++)
		make_change(r, i);
}

/* ---- what is no change -------------------------------------------------------------- */

static void add_refusal(struct report *r, const json_t *record)
{
	struct report_refusal *v = report_more(r, r->refusals, &r->n_refusals, sizeof(*v));
	if (!v)
		return;
	r->refusals = v;
	v[r->n_refusals - 1] = (struct report_refusal){
		.step = report_shown(r, record, "step"),
		.rule = report_shown(r, record, "rule"),
		.what = report_shown(r, record, "target"),
		.why = report_said(r, record, "why"),
	};
	struct report_step *step = *text_of(record, "step") ? report_step(r, text_of(record, "step")) : NULL;
	if (step)
		step->refused++;
}

static void make_remarks(struct report *r)
{
	const json_t *record;
	size_t i;
	json_array_foreach(r->run->records, i, record)
	{
		const char *type = text_of(record, "type");
		struct report_step *step;
		if (strcmp(type, "refused") == 0) {
			add_refusal(r, record);
		} else if (strcmp(type, "residual") == 0) {
			_cleanup_free_ char *what = report_said(r, record, "what");
			if (what)
				strv_add(&r->residual, what);
		} else if (strcmp(type, "failed") == 0 && (step = report_step(r, text_of(record, "step")))) {
			free(step->failure);
			step->failure = report_said(r, record, "why");
		} else if (strcmp(type, "evidence") == 0 && (step = report_step(r, text_of(record, "step")))) {
			*(*text_of(record, "lost") ? &step->lost : &step->kept) += 1;
		}
		if (r->error)
			return;
	}
}

/* ---- techniques ----------------------------------------------------------------------- */

static void add_technique(struct report *r, const char *text, const char *step)
{
	struct report_technique *v = r->techniques;
	size_t len = strcspn(text, " ");
	for (size_t i = 0; i < r->n_techniques; i++) {
		if (strlen(v[i].id) == len && strncmp(v[i].id, text, len) == 0) {
			strv_add_new(&v[i].steps, step);
			return;
		}
	}
	v = report_more(r, v, &r->n_techniques, sizeof(*v));
	if (!v)
		return;
	r->techniques = v;
	v += r->n_techniques - 1;
	if (len < sizeof(v->id))
		memcpy(v->id, text, len);
	v->name = text + len + (text[len] != '\0');
	strv_add(&v->steps, step);
}

/* A step that found nothing has remedied nothing. */
static void make_techniques(struct report *r)
{
	for (size_t i = 0; i < r->n_steps && !r->error; i++) {
		const struct report_step *step = &r->steps[i];
		for (const char *const *t = step->known ? step->known->techniques : NULL; t && *t; t++)
			if (step->done || step->held)
				add_technique(r, *t, step->name);
	}
}

static enum report_tone tone_of_run(const struct report *r)
{
	if (run_open(r->run))
		return REPORT_BAD;
	if (r->counts.undone)
		return r->counts.live ? REPORT_WARN : REPORT_PLAIN;
	return r->run->status == 0 ? REPORT_GOOD : r->run->status == 3 ? REPORT_WARN : REPORT_BAD;
}

int report_new(const struct run *run, const struct action *const *actions, int64_t now, struct report **ret)
{
	struct report *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct report){.run = run, .state = run_word(run), .counts = run_count(run)};
	r->tone = tone_of_run(r);
	make_head(r);
	make_steps(r, actions);
	make_changes(r);
	if (!r->error)
		make_remarks(r);
	if (!r->error)
		make_techniques(r);
	if (!r->error)
		report_events(r);
	if (!r->error)
		report_items(r);
	if (!r->error)
		report_tasks(r, now);
	int error = r->error;
	if (strv_error(&r->inputs) || strv_error(&r->allowed) || strv_error(&r->residual))
		error = -ENOMEM;
	if (error)
		report_free(&r);
	else
		*ret = r;
	return error;
}

static void free_change(struct report_change *c)
{
	for (size_t i = 0; i < c->n_processes; i++) {
		struct report_process *p = &c->processes[i];
		free(p->name);
		free(p->user);
		free(p->exe);
		free(p->args);
		free(p->marks);
		strv_free(&p->sockets);
	}
	free(c->processes);
	free(c->what);
	free(c->detail);
}

static void free_tasks(struct report_tasks *tasks)
{
	for (size_t i = 0; i < tasks->n; i++) {
		free(tasks->v[i].text);
		free(tasks->v[i].command);
	}
	free(tasks->v);
}

static void free_lists(struct report *r)
{
	for (size_t i = 0; i < r->n_steps; i++) {
		free(r->steps[i].name);
		free(r->steps[i].action);
		free(r->steps[i].failure);
	}
	for (size_t i = 0; r->changes && i < r->run->n; i++)
		free_change(&r->changes[i]);
	for (size_t i = 0; i < r->n_phases; i++) {
		free(r->phases[i].about);
		free(r->phases[i].author);
	}
	for (size_t i = 0; i < r->n_events; i++) {
		free(r->events[i].time);
		free(r->events[i].step);
		free(r->events[i].text);
		free(r->events[i].note);
	}
	for (size_t i = 0; i < r->n_techniques; i++)
		strv_free(&r->techniques[i].steps);
	for (size_t i = 0; i < r->n_items; i++) {
		free(r->items[i].name);
		free(r->items[i].sha256);
		free(r->items[i].note);
		free(r->items[i].step);
	}
	for (size_t i = 0; i < r->n_refusals; i++) {
		free(r->refusals[i].step);
		free(r->refusals[i].rule);
		free(r->refusals[i].what);
		free(r->refusals[i].why);
	}
}

void report_free(struct report **report)
{
	struct report *r = *report;
	if (!r)
		return;
	char *texts[] = {r->host, r->playbook, r->description, r->file, r->sha256, r->version, r->key, r->trigger, r->operator,
	                 r->last};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(texts[i]);
	free_lists(r);
	void *lists[] = {r->steps, r->changes, r->phases, r->events, r->techniques, r->items, r->refusals};
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		free(lists[i]);
	strv_free(&r->inputs);
	strv_free(&r->allowed);
	strv_free(&r->residual);
	free_tasks(&r->todo);
	free_tasks(&r->ways);
	free(r);
	*report = NULL;
}
