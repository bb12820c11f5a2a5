/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One page without scripts. Its policy allows the one style sheet in it, by hash, and
 * nothing else: a name that became markup in spite of everything could load or run nothing.
 */
#include "report-html.h"

#include "base/hash.h"
#include "report-render.h"
#include "report-style.h"
#include "report-text.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

void html_put(struct buf *out, const char *before, const char *text, const char *after)
{
	if (!text || !*text)
		return;
	buf_puts(out, before);
	html_text(out, text);
	buf_puts(out, after);
}

void html_badge(struct buf *out, enum report_tone tone, const char *text)
{
	buf_printf(out, "<span class=\"badge %s\">", report_tone_word(tone));
	html_text(out, text);
	buf_puts(out, "</span>");
}

void html_moment(struct buf *out, const char *time, bool date)
{
	if (strlen(time) < 24) {
		html_text(out, time);
		return;
	}
	_cleanup_buf_ struct buf text = {0};
	buf_puts(out, "<time datetime=\"");
	html_attr(out, time);
	buf_puts(out, "\">");
	if (date)
		buf_printf(&text, "%.10s %.8s %s", time, time + 11, time + 23);
	else
		buf_printf(&text, "%.12s", time + 11);
	html_text(out, buf_text(&text));
	buf_puts(out, "</time>");
}

static void put_style(struct buf *out)
{
	struct sha256 hash;
	uint8_t bytes[SHA256_LEN];
	char base64[BASE64_ENCODE_RAW_LENGTH(SHA256_LEN) + 1] = "";
	sha256_bytes(report_style, strlen(report_style), &hash);
	for (size_t i = 0; i < SHA256_LEN; i++) {
		const char digits[] = {hash.hex[2 * i], hash.hex[2 * i + 1], '\0'};
		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	base64_encode_raw(base64, sizeof(bytes), bytes);
	buf_printf(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
	                "base-uri 'none'; form-action 'none'\">\n<style>", base64);
	buf_puts(out, report_style);
	buf_puts(out, "</style>\n");
}

static void put_head(struct buf *out, const struct report *r)
{
	buf_puts(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	              "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
	              "<meta name=\"robots\" content=\"noindex\">\n");
	put_style(out);
	html_put(out, "<title>Incident report: run ", r->run->id, "");
	html_put(out, " on ", r->host, "");
	buf_puts(out, "</title>\n</head>\n<body>\n<main>\n");
}

/* ---- the summary ---------------------------------------------------------------- */

/* What is not there is not worth a tile. */
static void put_tile(struct buf *out, size_t n, const char *tone, const char *text)
{
	if (n)
		buf_printf(out, "<div class=\"tile %s\"><b>%zu</b><small>%s</small></div>\n", tone, n, text);
}

static void put_fact(struct buf *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	buf_printf(out, "<dt>%s</dt><dd>", name);
	html_text(out, text);
	buf_puts(out, "</dd>\n");
}

static void put_time_fact(struct buf *out, const char *name, const char *time)
{
	buf_printf(out, "<dt>%s</dt><dd>", name);
	html_moment(out, time, true);
	buf_puts(out, "</dd>\n");
}

static void put_facts(struct buf *out, const struct report *r)
{
	_cleanup_buf_ struct buf end = {0};
	buf_puts(out, "<dl class=\"facts\">\n");
	put_fact(out, "Host", r->host);
	put_time_fact(out, "Began", r->run->started ? r->run->started : "");
	if (r->run->ended)
		put_time_fact(out, "Ended", r->run->ended);
	if (strcmp(r->last, r->run->ended ? r->run->ended : "") != 0)
		put_time_fact(out, "Last record", r->last);
	put_fact(out, "Trigger", r->trigger);
	put_fact(out, "Operator", r->operator);
	buf_printf(&end, "%s%s%s", r->playbook, *r->file ? ": " : "", r->file);
	put_fact(out, "Playbook", buf_text(&end));
	for (size_t i = 0; i < r->allowed.n; i++)
		put_fact(out, "Rule lifted", r->allowed.v[i]);
	buf_puts(out, "</dl>\n");
}

void html_tasks(struct buf *out, const char *class, const struct report_tasks *tasks)
{
	buf_printf(out, "<ul class=\"%s\">\n", class);
	for (size_t i = 0; i < tasks->n; i++) {
		buf_printf(out, "<li class=\"%s\">", report_tone_word(tasks->v[i].tone));
		html_text(out, tasks->v[i].text);
		html_put(out, "<code>", tasks->v[i].command, "</code>");
		buf_puts(out, "</li>\n");
	}
	buf_puts(out, "</ul>\n");
}

static void put_nav(struct buf *out, const struct report *r)
{
	const struct {
		bool there;
		const char *link;
	} links[] = {
		{true, "<a href=\"#timeline\">Timeline</a>"},
		{true, "<a href=\"#outcome\">Plan against outcome</a>"},
		{r->run->n, "<a href=\"#changes\">Changes</a>"},
		{r->n_items, "<a href=\"#evidence\">Evidence</a>"},
		{r->n_refusals || r->residual.n, "<a href=\"#left\">Refused and left</a>"},
		{r->run->n, "<a href=\"#undo\">Undo</a>"},
		{r->n_techniques, "<a href=\"#techniques\">ATT&amp;CK</a>"},
		{true, "<a href=\"#verify\">Verification</a>"},
	};
	buf_puts(out, "<nav>");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		buf_puts(out, links[i].there ? links[i].link : "");
	buf_puts(out, "</nav>\n");
}

static void put_summary(struct buf *out, const struct report *r)
{
	_cleanup_buf_ struct buf standing = {0};
	report_standing(r, &standing);
	html_put(out, "<p class=\"kicker\">Incident report &middot; run ", r->run->id, "");
	html_put(out, " &middot; ", r->host, "");
	buf_puts(out, "</p>\n");
	html_put(out, "<h1>", *r->description ? r->description : r->playbook, "</h1>\n");
	buf_printf(out, "<section class=\"card summary %s\">\n", report_tone_word(r->tone));
	html_badge(out, r->tone, r->state);
	html_put(out, "<p class=\"standing\">", buf_text(&standing), "</p>\n");
	buf_puts(out, "<div class=\"tiles\">\n");
	put_tile(out, r->n_steps, "plain", r->n_steps == 1 ? "step" : "steps");
	put_tile(out, r->counts.done, "good", "made");
	put_tile(out, r->counts.live, "good", "in force");
	put_tile(out, r->counts.undone, "plain", "taken back");
	put_tile(out, r->kept, "plain", "evidence kept");
	put_tile(out, r->lost, "warn", "evidence lost");
	put_tile(out, r->lasting, "warn", "cannot be undone");
	put_tile(out, r->missed, "bad", "not as planned");
	put_tile(out, r->n_refusals, "bad", "refused");
	put_tile(out, r->residual.n, "warn", "left over");
	buf_puts(out, "</div>\n");
	put_facts(out, r);
	buf_puts(out, "</section>\n");
	put_nav(out, r);
	buf_puts(out, "<h2 id=\"todo\">What is left to do</h2>\n<section class=\"card\">\n");
	if (r->todo.n)
		html_tasks(out, "todo", &r->todo);
	else
		buf_puts(out, "<p>Nothing.</p>\n");
	buf_puts(out, "</section>\n");
}

/* ---- the timeline ---------------------------------------------------------------- */

/* A phase as a line with a stroke for each event, to the scale of that phase. */
static void put_strip(struct buf *out, const struct report *r, const struct report_phase *p)
{
	const struct report_event *first = &r->events[p->first], *last = &r->events[p->first + p->n - 1];
	int64_t span = last->ms - first->ms;
	_cleanup_buf_ struct buf took = {0};
	if (p->n < 2 || span <= 0)
		return;
	buf_puts(out, "<svg class=\"strip\" viewBox=\"0 0 1000 26\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
	              "<rect x=\"0\" y=\"9\" width=\"1000\" height=\"8\" rx=\"4\"/>");
	for (size_t i = p->first; i < p->first + p->n; i++) {
		int64_t at = 5 + (r->events[i].ms - first->ms) * 990 / span;
		buf_printf(out, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"3\" y2=\"23\"/>", report_tone_word(r->events[i].tone),
		           (int)at, (int)at);
	}
	buf_puts(out, "</svg>\n<div class=\"scale\"><span>");
	html_moment(out, first->time, false);
	report_span(span, &took);
	html_put(out, "</span><span>", buf_text(&took), "");
	buf_puts(out, "</span><span>");
	html_moment(out, last->time, false);
	buf_puts(out, "</span></div>\n");
}

static void put_event(struct buf *out, const struct report_event *e)
{
	buf_printf(out, "<li class=\"%s\">", report_tone_word(e->tone));
	html_moment(out, e->time, false);
	html_badge(out, e->tone, e->word);
	html_put(out, " <span class=\"step\">", e->step, "</span>");
	if (e->change && *e->text) {
		buf_printf(out, " <a href=\"#change-%u\">", e->change);
		html_put(out, "<code>", e->text, "</code>");
		buf_puts(out, "</a>");
	} else {
		html_put(out, " <span class=\"said\">", e->text, "</span>");
	}
	html_put(out, "<small>", e->note, "</small>");
	buf_puts(out, "</li>\n");
}

static void put_gap(struct buf *out, const struct report *r, const struct report_phase *p)
{
	_cleanup_buf_ struct buf span = {0};
	if (p->first && p->first < r->n_events)
		report_span(r->events[p->first].ms - r->events[p->first - 1].ms, &span);
	html_put(out, "<p class=\"gap\">", buf_text(&span), " later</p>\n");
}

static void put_phase(struct buf *out, const struct report *r, const struct report_phase *p)
{
	buf_puts(out, "<section class=\"card phase\">\n<header>");
	html_put(out, "<h3>", p->title, "</h3>");
	if (p->n) {
		buf_puts(out, "<span class=\"soft\">");
		html_moment(out, r->events[p->first].time, true);
		buf_puts(out, "</span>");
	}
	html_put(out, "<span class=\"soft\">", p->about, "</span>");
	html_put(out, "<span class=\"soft\">", p->author, "</span>");
	buf_puts(out, "</header>\n");
	if (p->n)
		put_strip(out, r, p);
	buf_puts(out, "<ol class=\"rail\">\n");
	for (size_t i = p->first; i < p->first + p->n; i++)
		put_event(out, &r->events[i]);
	buf_puts(out, "</ol>\n</section>\n");
}

static void put_timeline(struct buf *out, const struct report *r)
{
	buf_puts(out, "<h2 id=\"timeline\">Timeline</h2>\n");
	for (size_t i = 0; i < r->n_phases; i++) {
		put_gap(out, r, &r->phases[i]);
		put_phase(out, r, &r->phases[i]);
	}
}

int report_html(const struct report *r, struct buf *ret)
{
	put_head(ret, r);
	put_summary(ret, r);
	put_timeline(ret, r);
	html_outcomes(ret, r);
	html_changes(ret, r);
	html_items(ret, r);
	html_rest(ret, r);
	html_put(ret, "<footer>Made from the journal of the run by respond ", r->version, "; times are the host's local time. "
	                  "The host itself was not looked at.</footer>\n");
	buf_puts(ret, "</main>\n</body>\n</html>\n");
	return buf_error(ret);
}
