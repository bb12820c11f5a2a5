/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report-html.h"

#include "report-render.h"
#include "report-text.h"

#include <string.h>

#define DEPTH_MAX 16 /* processes deeper in a tree are drawn at this depth */

/* ---- plan against outcome ------------------------------------------------------- */

static void put_count(struct buf *out, const char *label, size_t n)
{
	buf_printf(out, "<td class=\"n%s\" data-label=\"%s\">%zu</td>", n ? "" : " zero", label, n);
}

static void put_techniques_of(struct buf *out, const struct report_step *s)
{
	for (const char *const *t = s->known ? s->known->techniques : NULL; t && *t; t++) {
		_cleanup_buf_ struct buf id = {0};
		buf_add(&id, *t, strcspn(*t, " "));
		buf_putc(out, ' ');
		html_badge(out, REPORT_PLAIN, buf_text(&id));
	}
}

void html_outcomes(struct buf *out, const struct report *r)
{
	buf_puts(out, "<h2 id=\"outcome\">Plan against outcome</h2>\n<section class=\"card\">\n<table>\n<thead><tr><th>Step</th>"
	              "<th>Action</th><th class=\"n\">planned</th><th class=\"n\">done</th><th class=\"n\">held</th>"
	              "<th class=\"n\">not so</th><th class=\"n\">undone</th><th class=\"n\">refused</th><th class=\"n\">kept</th>"
	              "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < r->n_steps; i++) {
		const struct report_step *s = &r->steps[i];
		buf_puts(out, "<tr><th>");
		if (s->planned)
			buf_printf(out, "<a href=\"#step-%zu\">", i + 1);
		html_text(out, s->name);
		buf_puts(out, s->planned ? "</a></th><td>" : "</th><td>");
		html_text(out, s->action);
		if (!s->planned && !s->refused && !s->kept && !s->lost && !*s->failure)
			buf_puts(out, " <small>nothing to do</small>");
		html_put(out, "<br><small>could not be planned: ", s->failure, "</small>");
		buf_puts(out, "</td>");
		put_count(out, "planned", s->planned);
		put_count(out, "done", s->done);
		put_count(out, "held", s->held);
		put_count(out, "not so", s->missed);
		put_count(out, "undone", s->undone);
		put_count(out, "refused", s->refused);
		put_count(out, "kept", s->kept);
		buf_puts(out, "</tr>\n");
	}
	buf_puts(out, "</tbody>\n</table>\n</section>\n");
}

/* ---- changes --------------------------------------------------------------------- */

static void put_process(struct buf *out, const struct report_process *p)
{
	buf_printf(out, "<div class=\"proc%s\"><span class=\"pid\">%d</span> ", *p->marks ? " odd" : "", (int)p->pid);
	html_put(out, "<b>", p->name, "</b>");
	html_put(out, " <small>(", p->user, ")</small>");
	html_put(out, " <code>", p->exe, "</code>");
	if (strcmp(p->args, p->exe) != 0 && strcmp(p->args, p->name) != 0)
		html_put(out, " <code>", p->args, "</code>");
	if (*p->marks) {
		buf_putc(out, ' ');
		html_badge(out, REPORT_WARN, p->marks);
	}
	for (size_t i = 0; i < p->sockets.n; i++)
		html_put(out, "<span class=\"socket\">", p->sockets.v[i], "</span>");
	buf_puts(out, "</div>");
}

/* Nested lists; CSS draws the branches. */
static void put_tree(struct buf *out, const struct report_change *c)
{
	unsigned depth = 0;
	if (!c->n_processes)
		return;
	buf_puts(out, "<ul class=\"tree\">");
	for (size_t i = 0; i < c->n_processes; i++) {
		unsigned at = c->processes[i].depth < DEPTH_MAX ? c->processes[i].depth : DEPTH_MAX;
		if (i && at > depth)
			buf_puts(out, "<ul>");
		else if (i)
			buf_puts(out, "</li>\n");
		for (; i && at < depth; depth--)
			buf_puts(out, "</ul></li>\n");
		depth = at;
		buf_puts(out, "<li>");
		put_process(out, &c->processes[i]);
	}
	buf_puts(out, "</li>");
	while (depth--)
		buf_puts(out, "</ul></li>");
	buf_puts(out, "</ul>\n");
}

static const char *class_of_line(const char *line, bool diff)
{
	if (!diff || strncmp(line, "---", 3) == 0 || strncmp(line, "+++", 3) == 0)
		return "soft";
	switch (line[0]) {
	case '+': return "add";
	case '-': return "del";
	case '@': return "at";
	default: return "same";
	}
}

static void put_detail(struct buf *out, const char *detail)
{
	bool diff = strncmp(detail, "--- ", 4) == 0;
	size_t lines = 0;
	for (const char *p = detail; *p; p++)
		lines += *p == '\n';
	buf_printf(out, "<details><summary>%s, %zu line%s</summary><pre>", diff ? "Difference" : "More", lines, lines == 1 ? "" : "s");
	while (*detail) {
		_cleanup_buf_ struct buf line = {0};
		size_t len = strcspn(detail, "\n");
		buf_add(&line, detail, len);
		buf_printf(out, "<span class=\"%s\">", class_of_line(buf_text(&line), diff));
		html_text(out, buf_text(&line));
		buf_puts(out, "</span>\n");
		detail += len + (detail[len] == '\n');
	}
	buf_puts(out, "</pre></details>\n");
}

static void put_deadline(struct buf *out, const struct run_entry *e)
{
	char when[40];
	if (!entry_deadline(e))
		return;
	report_time(entry_deadline(e), when);
	html_put(out, "<p><small>In force until ", when, e->change->deadlines.confirm ? ", unless the run is confirmed.</small></p>\n"
	                                                                              : ".</small></p>\n");
}

static void put_change(struct buf *out, const struct report_change *c)
{
	const struct run_entry *e = c->entry;
	_cleanup_buf_ struct buf fate = {0};
	report_fate(c, &fate);
	buf_printf(out, "<article class=\"change %s\" id=\"change-%u\">\n<div class=\"head\">", report_tone_word(c->tone), e->change->id);
	html_badge(out, c->tone, buf_text(&fate));
	html_put(out, "<code>", c->what, "</code>");
	buf_printf(out, "<small>%u%s</small></div>\n", e->change->id, c->lasting ? " &middot; cannot be undone" : "");
	html_put(out, "<p><small>", e->note, "</small></p>\n");
	html_put(out, "<p><small>Rollback: ", e->undo_note, "</small></p>\n");
	put_deadline(out, e);
	put_tree(out, c);
	if (*c->detail)
		put_detail(out, c->detail);
	buf_puts(out, "</article>\n");
}

void html_changes(struct buf *out, const struct report *r)
{
	if (!r->run->n)
		return;
	buf_puts(out, "<h2 id=\"changes\">Changes</h2>\n");
	for (size_t s = 0; s < r->n_steps; s++) {
		if (!r->steps[s].planned)
			continue;
		buf_printf(out, "<div class=\"step-head\" id=\"step-%zu\">", s + 1);
		html_put(out, "<h3>", r->steps[s].name, "</h3>");
		html_put(out, "<span class=\"soft\">", r->steps[s].action, "</span>");
		buf_puts(out, "<span>");
		put_techniques_of(out, &r->steps[s]);
		buf_puts(out, "</span></div>\n");
		for (size_t i = 0; i < r->run->n; i++)
			if (r->changes[i].step == s)
				put_change(out, &r->changes[i]);
	}
}

/* ---- what was kept --------------------------------------------------------------- */

static void put_item(struct buf *out, const struct report_item *e)
{
	_cleanup_buf_ struct buf size = {0};
	report_size(e->size, &size);
	html_put(out, "<tr><td><code>", *e->name ? e->name : "?", "</code>");
	html_put(out, "<br><small>", e->note, "</small>");
	buf_printf(out, "</td><td>%s%s%s%s</td><td class=\"kept\">", e->what, size.len ? ", " : "", buf_text(&size), e->partial ? ", in part" : "");
	html_text(out, report_kept_word(e->kept));
	buf_puts(out, "</td><td>");
	if (e->change)
		buf_printf(out, "<a href=\"#change-%u\">", e->change);
	html_text(out, e->step);
	buf_puts(out, e->change ? "</a></td>" : "</td>");
	html_put(out, "<td class=\"hash\"><code>", *e->sha256 ? e->sha256 : "none", "</code></td></tr>\n");
}

void html_items(struct buf *out, const struct report *r)
{
	if (!r->n_items)
		return;
	buf_puts(out, "<h2 id=\"evidence\">Evidence and what was kept</h2>\n<section class=\"card\">\n<table>\n<thead><tr><th>Name</th>"
	              "<th>What</th><th>Kept</th><th>Step</th><th>SHA-256</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < r->n_items; i++)
		put_item(out, &r->items[i]);
	buf_puts(out, "</tbody>\n</table>\n<p><small>Copy one out of the vault: <code>respond --vault export SHA256 FILE</code>"
	              "</small></p>\n</section>\n");
}

/* ---- refused, left over, undo, techniques, verification ------------------------------- */

static void put_refusals(struct buf *out, const struct report *r)
{
	if (!r->n_refusals && !r->residual.n)
		return;
	buf_puts(out, "<h2 id=\"left\">Refused and left over</h2>\n");
	for (size_t i = 0; i < r->n_refusals; i++) {
		const struct report_refusal *f = &r->refusals[i];
		buf_puts(out, "<article class=\"change bad\"><div class=\"head\">");
		html_badge(out, REPORT_BAD, "refused");
		html_put(out, "<code>", *f->what ? f->what : "the plan as a whole", "</code>");
		html_put(out, "<small>step ", f->step, "</small>");
		buf_puts(out, "</div>\n");
		html_put(out, "<p>", f->why, "</p>");
		html_put(out, "<p><small>Rule ", f->rule, "</small></p>");
		buf_puts(out, "</article>\n");
	}
	for (size_t i = 0; i < r->residual.n; i++) {
		buf_puts(out, "<article class=\"change warn\"><div class=\"head\">");
		html_badge(out, REPORT_WARN, "left");
		html_put(out, "<code>", r->residual.v[i], "</code>");
		buf_puts(out, "</div></article>\n");
	}
}

static bool not_undone(const struct report_change *c)
{
	enum undo undo = c->entry->undo;
	return c->lasting || undo == UNDO_DRIFTED || undo == UNDO_FAILED || undo == UNDO_REFUSED;
}

static void put_undo(struct buf *out, const struct report *r)
{
	size_t lasting = 0;
	if (!r->run->n)
		return;
	buf_puts(out, "<h2 id=\"undo\">Undo</h2>\n<section class=\"card\">\n");
	if (r->ways.n)
		html_tasks(out, "ways", &r->ways);
	else
		buf_printf(out, "<p>%s</p>\n", run_open(r->run) ? "The run has to be brought to an end first."
		                                                : "Nothing is in force that could be taken back now.");
	for (size_t i = 0; i < r->run->n; i++) {
		const struct report_change *c = &r->changes[i];
		if (!not_undone(c))
			continue;
		if (!lasting++)
			buf_puts(out, "<p><b>What could not be undone, or cannot:</b></p>\n<ul class=\"rail\">\n");
		buf_puts(out, "<li class=\"warn\">");
		html_put(out, "<span class=\"step\">", c->entry->change->step, "</span>");
		buf_printf(out, " <a href=\"#change-%u\">", c->entry->change->id);
		html_put(out, "<code>", c->what, "</code>");
		buf_puts(out, "</a>");
		html_put(out, "<small>", c->entry->undo_note, "</small>");
		buf_puts(out, "</li>\n");
	}
	buf_puts(out, lasting ? "</ul>\n</section>\n" : "</section>\n");
}

static void put_techniques(struct buf *out, const struct report *r)
{
	if (!r->n_techniques)
		return;
	buf_puts(out, "<h2 id=\"techniques\">Techniques of MITRE ATT&amp;CK that these actions remedy</h2>\n<section class=\"card\">\n"
	              "<dl class=\"facts\">\n");
	for (size_t i = 0; i < r->n_techniques; i++) {
		const struct report_technique *t = &r->techniques[i];
		html_put(out, "<dt>", t->id, "</dt><dd>");
		html_text(out, t->name);
		for (size_t k = 0; k < t->steps.n; k++)
			html_put(out, k ? ", " : " <small>by ", t->steps.v[k], k + 1 == t->steps.n ? "</small>" : "");
		buf_puts(out, "</dd>\n");
	}
	buf_printf(out, "</dl>\n<p><small>%s</small></p>\n</section>\n", report_techniques_note);
}

static void put_hash(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "<dt>%s</dt>", name);
	html_put(out, "<dd><code>", *text ? text : "none", "</code></dd>\n");
}

void html_rest(struct buf *out, const struct report *r)
{
	put_refusals(out, r);
	put_undo(out, r);
	put_techniques(out, r);
	buf_puts(out, "<h2 id=\"verify\">For verification</h2>\n<section class=\"card\">\n<dl class=\"facts\">\n");
	put_hash(out, "Run", r->run->id);
	put_hash(out, "Head of the journal, SHA-256", r->run->journal_head.hex);
	buf_printf(out, "<dt>Records</dt><dd>%zu</dd>\n", json_array_size(r->run->records));
	put_hash(out, "Key of the journal", r->key);
	put_hash(out, "Playbook", r->file);
	put_hash(out, "Playbook, SHA-256", r->sha256);
	for (size_t i = 0; i < r->inputs.n; i++)
		put_hash(out, "Input", r->inputs.v[i]);
	put_hash(out, "Version of respond", r->version);
	buf_puts(out, "</dl>\n</section>\n");
}
