/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whatever is not written here stands in code spans and fenced blocks. Tables hold only what
 * cannot have a bar in it.
 */
#include "report-render.h"
#include "report-text.h"

#include <string.h>

/* BEFORE `text` AFTER; nothing at all where there is no text. */
static void code(struct buf *out, const char *before, const char *text, const char *after)
{
	if (!text || !*text)
		return;
	buf_puts(out, before);
	md_code(out, text);
	buf_puts(out, after);
}

/* "2026-11-25 03:14:15.123 +01:00" of what the journal has. */
static void moment(struct buf *out, const char *before, const char *time)
{
	_cleanup_buf_ struct buf text = {0};
	if (strlen(time) < 24)
		return;
	buf_printf(&text, "%.10s %.12s %s", time, time + 11, time + 23);
	code(out, before, buf_text(&text), "");
}

static void heading(struct buf *out, const char *text)
{
	buf_printf(out, "\n## %s\n\n", text);
}

static void put_tasks(struct buf *out, const char *mark, const struct report_tasks *tasks)
{
	for (size_t i = 0; i < tasks->n; i++) {
		buf_printf(out, "- %s%s", mark, tasks->v[i].text);
		code(out, " ", tasks->v[i].command, "");
		buf_putc(out, '\n');
	}
}

static void put_summary(struct buf *out, const struct report *r)
{
	_cleanup_buf_ struct buf standing = {0};
	report_standing(r, &standing);
	buf_puts(out, "# Incident report:");
	code(out, " run ", r->run->id, "");
	code(out, " on ", r->host, "");
	buf_printf(out, "\n\n**%s.** %s\n\n", r->state, buf_text(&standing));
	code(out, "- Playbook: ", r->playbook, "");
	code(out, " (", r->description, ")");
	buf_puts(out, "\n");
	moment(out, "- Began: ", r->run->started ? r->run->started : "");
	buf_putc(out, '\n');
	if (r->run->ended) {
		moment(out, "- Ended: ", r->run->ended);
		buf_printf(out, ", exit status %d\n", r->run->status);
	}
	if (strcmp(r->last, r->run->ended ? r->run->ended : "") != 0) {
		moment(out, "- Last record: ", r->last);
		buf_putc(out, '\n');
	}
	code(out, "- Trigger: ", r->trigger, "\n");
	code(out, "- Operator: ", r->operator, "\n");
	for (size_t i = 0; i < r->allowed.n; i++)
		code(out, "- Rule of the guard that was lifted: ", r->allowed.v[i], "\n");
	heading(out, "What is left to do");
	put_tasks(out, "[ ] ", &r->todo);
	if (!r->todo.n)
		buf_puts(out, "Nothing.\n");
}

static void put_event(struct buf *out, const struct report_event *e)
{
	_cleanup_buf_ struct buf time = {0};
	buf_printf(&time, "%.12s", strlen(e->time) > 11 ? e->time + 11 : e->time);
	code(out, "- ", buf_text(&time), "");
	code(out, " ", e->word, "");
	code(out, " ", e->step, "");
	code(out, ": ", e->text, "");
	code(out, " (", e->note, ")");
	buf_putc(out, '\n');
}

static void put_timeline(struct buf *out, const struct report *r)
{
	heading(out, "Timeline");
	for (size_t i = 0; i < r->n_phases; i++) {
		const struct report_phase *p = &r->phases[i];
		buf_printf(out, "%s### %s\n\n", i ? "\n" : "", p->title);
		if (p->n)
			moment(out, "", r->events[p->first].time);
		code(out, ", ", p->author, "");
		code(out, ", ", p->about, "");
		buf_puts(out, "\n\n");
		for (size_t k = p->first; k < p->first + p->n; k++)
			put_event(out, &r->events[k]);
	}
}

/* A bar would end the cell. */
static void cell(struct buf *out, const char *text)
{
	_cleanup_buf_ struct buf safe = {0};
	for (const char *p = text; *p; p++)
		buf_putc(&safe, *p == '|' || *p == '\\' ? '?' : *p);
	code(out, " ", buf_text(&safe), "");
	buf_puts(out, " |");
}

static void put_outcomes(struct buf *out, const struct report *r)
{
	heading(out, "Plan against outcome");
	buf_puts(out, "| step | action | planned | done | held | not so | undone | refused | kept |\n"
	              "|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < r->n_steps; i++) {
		const struct report_step *s = &r->steps[i];
		buf_putc(out, '|');
		cell(out, s->name);
		cell(out, s->action);
		buf_printf(out, " %zu | %zu | %zu | %zu | %zu | %zu | %zu |\n", s->planned, s->done, s->held, s->missed, s->undone,
		           s->refused, s->kept);
	}
	for (size_t i = 0; i < r->n_steps; i++) {
		if (!*r->steps[i].failure)
			continue;
		code(out, "\nStep ", r->steps[i].name, " could not be planned:");
		code(out, " ", r->steps[i].failure, "\n");
	}
}

static void put_processes(struct buf *out, const struct report_change *c)
{
	_cleanup_buf_ struct buf tree = {0};
	for (size_t i = 0; i < c->n_processes; i++) {
		const struct report_process *p = &c->processes[i];
		for (unsigned k = 0; k < p->depth && k < 16; k++)
			buf_puts(&tree, k + 1 == p->depth || k == 15 ? "└─ " : "   ");
		buf_printf(&tree, "%d %s (%s) %s: %s%s%s\n", (int)p->pid, p->name, p->user, p->exe, p->args, *p->marks ? "  <- " : "",
		           p->marks);
		for (size_t k = 0; k < p->sockets.n; k++)
			buf_printf(&tree, "%*s%s\n", (int)(p->depth < 16 ? p->depth : 16) * 3 + 5, "", p->sockets.v[k]);
	}
	if (tree.len)
		md_block(out, "text", tree.data, "  ");
}

static void put_change(struct buf *out, const struct report_change *c)
{
	const struct run_entry *e = c->entry;
	_cleanup_buf_ struct buf fate = {0};
	char when[40];
	report_fate(c, &fate);
	buf_printf(out, "- Change %u: **%s**", e->change->id, buf_text(&fate));
	code(out, " ", c->what, "");
	code(out, " (", e->note, ")");
	code(out, " (rollback: ", e->undo_note, ")");
	if (c->lasting)
		buf_puts(out, " *cannot be undone*");
	if (entry_deadline(e)) {
		report_time(entry_deadline(e), when);
		buf_printf(out, " *in force until %s%s*", when, e->change->deadlines.confirm ? ", unless it is confirmed" : "");
	}
	buf_putc(out, '\n');
	put_processes(out, c);
	if (*c->detail)
		md_block(out, strncmp(c->detail, "--- ", 4) == 0 ? "diff" : "text", c->detail, "  ");
}

static void put_changes(struct buf *out, const struct report *r)
{
	if (!r->run->n)
		return;
	heading(out, "Changes");
	for (size_t s = 0; s < r->n_steps; s++) {
		if (!r->steps[s].planned)
			continue;
		code(out, "### Step ", r->steps[s].name, "");
		code(out, ": ", r->steps[s].action, "");
		buf_puts(out, "\n\n");
		for (size_t i = 0; i < r->run->n; i++)
			if (r->changes[i].step == s)
				put_change(out, &r->changes[i]);
		buf_putc(out, '\n');
	}
}

static void put_items(struct buf *out, const struct report *r)
{
	if (!r->n_items)
		return;
	heading(out, "Evidence and what was kept");
	for (size_t i = 0; i < r->n_items; i++) {
		const struct report_item *e = &r->items[i];
		_cleanup_buf_ struct buf size = {0};
		report_size(e->size, &size);
		code(out, "- ", *e->name ? e->name : "?", "");
		buf_printf(out, ": %s, %s%s%s%s", e->what, report_kept_word(e->kept), size.len ? ", " : "", buf_text(&size),
		           e->partial ? ", in part" : "");
		code(out, " (", e->note, ")");
		code(out, "; step ", e->step, "");
		if (e->change)
			buf_printf(out, ", change %u", e->change);
		buf_putc(out, '\n');
		code(out, "  SHA-256 ", e->sha256, "\n");
	}
}

static void put_refusals(struct buf *out, const struct report *r)
{
	if (r->n_refusals)
		heading(out, "Refused by the guard");
	for (size_t i = 0; i < r->n_refusals; i++) {
		const struct report_refusal *f = &r->refusals[i];
		code(out, "- ", *f->what ? f->what : "the plan as a whole", "");
		code(out, ", step ", f->step, "");
		code(out, ": ", f->why, "");
		code(out, " (rule ", f->rule, ")");
		buf_putc(out, '\n');
	}
	if (r->residual.n)
		heading(out, "Left over");
	for (size_t i = 0; i < r->residual.n; i++)
		code(out, "- ", r->residual.v[i], "\n");
}

static void put_lasting(struct buf *out, const struct report *r)
{
	bool any = false;
	for (size_t i = 0; i < r->run->n; i++) {
		const struct report_change *c = &r->changes[i];
		enum undo undo = c->entry->undo;
		if (!c->lasting && undo != UNDO_DRIFTED && undo != UNDO_FAILED && undo != UNDO_REFUSED)
			continue;
		if (!any)
			heading(out, "What could not be undone, or cannot");
		any = true;
		buf_printf(out, "- change %u", c->entry->change->id);
		code(out, ", step ", c->entry->change->step, ":");
		code(out, " ", c->what, "");
		code(out, " (", c->entry->undo_note, ")");
		buf_putc(out, '\n');
	}
	if (!r->ways.n)
		return;
	heading(out, "How to take it back");
	put_tasks(out, "", &r->ways);
}

static void put_techniques(struct buf *out, const struct report *r)
{
	if (!r->n_techniques)
		return;
	heading(out, "Techniques of MITRE ATT&CK that these actions remedy");
	for (size_t i = 0; i < r->n_techniques; i++) {
		const struct report_technique *t = &r->techniques[i];
		buf_printf(out, "- **%s** %s", t->id, t->name);
		for (size_t k = 0; k < t->steps.n; k++)
			code(out, k ? ", " : ": ", t->steps.v[k], "");
		buf_putc(out, '\n');
	}
	buf_printf(out, "\n%s\n", report_techniques_note);
}

static void put_verification(struct buf *out, const struct report *r)
{
	heading(out, "For verification");
	code(out, "- Playbook, SHA-256: ", r->sha256, "");
	code(out, " ", r->file, "");
	buf_putc(out, '\n');
	for (size_t i = 0; i < r->inputs.n; i++)
		code(out, "- Input: ", r->inputs.v[i], "\n");
	code(out, "- Head of the journal, SHA-256: ", r->run->journal_head.hex, "");
	buf_printf(out, " (%zu records)\n", json_array_size(r->run->records));
	code(out, "- Key of the journal: ", r->key, "\n");
	code(out, "- Made by respond ", r->version, "\n");
}

int report_md(const struct report *r, struct buf *ret)
{
	put_summary(ret, r);
	put_timeline(ret, r);
	put_outcomes(ret, r);
	put_changes(ret, r);
	put_items(ret, r);
	put_refusals(ret, r);
	put_lasting(ret, r);
	put_techniques(ret, r);
	put_verification(ret, r);
	return buf_error(ret);
}
