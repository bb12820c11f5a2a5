/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include "base/clock.h"
#include "base/escape.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static const char *const style_codes[] = {"", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[36m"};

/* Text that is escaped already, but not trusted to be. */
static void print_text(const struct printer *p, const char *text)
{
	_cleanup_buf_ struct buf safe = {0};
	escape_controls(&safe, text, strlen(text));
	fputs(buf_text(&safe), p->out);
}

void print_styled(const struct printer *p, enum style style, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	bool coloured = p->colour && style != STYLE_PLAIN;
	if (coloured)
		fputs(style_codes[style], p->out);
	print_text(p, buf_text(&text));
	if (coloured)
		fputs("\033[0m", p->out);
}

static enum style style_of_mark(char mark)
{
	switch (mark) {
	case '+': return STYLE_GREEN;
	case '-': return STYLE_RED;
	case '!': return STYLE_RED;
	case '~': return STYLE_YELLOW;
	default: return STYLE_DIM;
	}
}

static char mark_of(const struct change *c)
{
	return c->held ? '=' : c->kind->flags & CHANGE_IRREVERSIBLE ? '!' : c->kind->mark;
}

void print_change_line(const struct printer *p, const struct change *c, const char *indent)
{
	_cleanup_buf_ struct buf line = {0};
	c->kind->describe(c, &line);
	print_styled(p, style_of_mark(mark_of(c)), "%s%c %s", indent, mark_of(c), buf_text(&line));
	if (c->held)
		print_styled(p, STYLE_DIM, " (in force already; this run holds it too)");
	fputc('\n', p->out);
}

/* Diff lines by their first character; headers dim. */
static enum style style_of_detail(const char *line)
{
	if (strncmp(line, "---", 3) == 0 || strncmp(line, "+++", 3) == 0)
		return STYLE_DIM;
	switch (line[0]) {
	case '+': return STYLE_GREEN;
	case '-': return STYLE_RED;
	case '@': return STYLE_CYAN;
	default: return STYLE_PLAIN;
	}
}

void print_detail(const struct printer *p, const struct change *c, const char *indent)
{
	if (!c->kind->detail || c->held)
		return;
	_cleanup_buf_ struct buf text = {0};
	if (c->kind->detail(c, &text) < 0)
		return;
	char *save = NULL;
	char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		fputs(indent, p->out);
		print_styled(p, style_of_detail(line), "%s", line);
		fputc('\n', p->out);
	}
}

static void print_verdict(const struct printer *p, const struct verdict *v, const char *indent)
{
	if (!v->rule)
		return;
	print_styled(p, STYLE_RED, "%srefused by the guard (%s): %s\n", indent, v->rule, v->why);
}

static bool reloads(const struct printer *p, const struct change *c)
{
	const struct service *service = c->service ? service_find(p->services, c->service) : NULL;
	return service && service_reloads(service);
}

static void print_end(const struct printer *p, int64_t ms, const char *unless)
{
	_cleanup_buf_ struct buf span = {0};
	if (ms && span_format(ms, &span) == 0)
		print_styled(p, STYLE_YELLOW, "    taken back after %s%s\n", buf_text(&span), unless);
}

void size_text(uint64_t bytes, char ret[SIZE_TEXT_LEN])
{
	static const char units[] = "KMGT";
	double n = (double)bytes / 1024;
	size_t unit = 0;
	if (bytes < 1024) {
		snprintf(ret, SIZE_TEXT_LEN, "%uB", (unsigned)bytes);
		return;
	}
	for (; n >= 1023.95 && unit < sizeof(units) - 2; unit++)
		n /= 1024;
	snprintf(ret, SIZE_TEXT_LEN, "%.1f%c", n, units[unit]);
}

void print_evidence(const struct printer *p, const char *name, int64_t size, bool partial, const char *lost,
                    const char *summary)
{
	char text[SIZE_TEXT_LEN];
	size_text((uint64_t)size, text);
	print_styled(p, STYLE_CYAN, "  * %s", name);
	print_styled(p, STYLE_PLAIN, "  %s", summary);
	print_styled(p, STYLE_DIM, " (%s)", text);
	if (partial)
		print_styled(p, STYLE_YELLOW, " partial: not all of it was seen");
	if (lost)
		print_styled(p, STYLE_YELLOW, " not kept: %s", lost);
	fputc('\n', p->out);
}

static void print_step_evidence(const struct printer *p, const struct round *round, const struct step_report *s)
{
	for (size_t i = s->first_evidence; i < s->first_evidence + s->n_evidence; i++) {
		const struct evidence *e = &plan_evidences(round->plan)->v[i];
		print_evidence(p, e->name, e->size, e->partial, e->lost, e->summary);
	}
}

static const char *what_nothing_means(const struct step_report *s)
{
	return !s->step->action->looks ? "  nothing to do" : s->notes.n ? "" : "  nothing found";
}

static void print_step(const struct printer *p, const struct round *round, const struct step_report *s)
{
	print_styled(p, STYLE_BOLD, "%s", s->step->name);
	print_styled(p, STYLE_DIM, "  %s", s->step->action->name);
	if (s->state == STEP_SKIPPED)
		print_styled(p, STYLE_DIM, "  skipped: not (%s)", s->step->when_text ? s->step->when_text : "");
	else if (s->state == STEP_NOT_REACHED)
		print_styled(p, STYLE_DIM, "  not reached");
	else if (s->state == STEP_PLANNED && !s->n && !s->residuals.n && !s->n_evidence)
		print_styled(p, STYLE_DIM, "%s", what_nothing_means(s));
	fputc('\n', p->out);
	if (s->state == STEP_FAILED)
		print_styled(p, STYLE_RED, "  cannot be planned: %s\n", s->failure);
	print_step_evidence(p, round, s);
	const char *service = NULL; /* whose configuration the step edits */
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct change *c = plan_at(round->plan, i);
		if (!c)
			continue;
		print_change_line(p, c, "  ");
		print_verdict(p, &round->verdicts[i], "    ");
		print_detail(p, c, "      ");
		if (reloads(p, c) && !round->verdicts[i].rule)
			service = c->service;
	}
	if (service)
		print_styled(p, STYLE_DIM, "    then reload %s\n", service);
	print_end(p, s->confirm_ms, " unless the run is confirmed");
	print_end(p, s->ttl_ms, "");
	for (size_t i = 0; i < s->notes.n; i++)
		print_styled(p, STYLE_DIM, "    %s\n", s->notes.v[i]);
	for (size_t i = 0; i < s->residuals.n; i++)
		print_styled(p, STYLE_YELLOW, "    left: %s\n", s->residuals.v[i]);
}

void print_round(const struct printer *p, const struct round *round)
{
	for (size_t i = 0; i < round->n_steps; i++)
		print_step(p, round, &round->steps[i]);
	print_verdict(p, &round->whole, "");
}

void print_blind(const struct printer *p, const struct host *host)
{
	if (!host->blind.n)
		return;
	print_styled(p, STYLE_YELLOW, "\nCould not be seen:\n");
	for (size_t i = 0; i < host->blind.n; i++)
		print_styled(p, STYLE_PLAIN, "  %s\n", host->blind.v[i]);
}

struct tally {
	char mark;
	const char *what;
};

/* What a run would keep: " 4 items of evidence (1.2 MiB) would be kept." */
static void print_evidence_summary(const struct printer *p, const struct round *round)
{
	const struct evidence_list *list = plan_evidences(round->plan);
	int64_t bytes = 0;
	size_t kept = 0;
	char size[SIZE_TEXT_LEN];
	for (size_t i = 0; i < list->n; i++) {
		kept += !list->v[i].lost;
		bytes += list->v[i].lost ? 0 : list->v[i].size;
	}
	size_text((uint64_t)bytes, size);
	if (kept)
		print_styled(p, STYLE_CYAN, " %zu item%s of evidence (%s) would be kept.", kept, kept == 1 ? "" : "s", size);
	if (list->n > kept)
		print_styled(p, STYLE_YELLOW, " %zu would not be kept.", list->n - kept);
}

/* "3 changes: + 1 to add, ~ 2 to alter." */
void print_plan_summary(const struct printer *p, const struct round *round, const struct host *host)
{
	static const struct tally tallies[] = {
		{'+', "to add"}, {'~', "to alter"}, {'-', "to take away"}, {'!', "that cannot be undone"},
	};
	size_t pending = round_count_pending(round), refused = round_count_refused(round);
	size_t failed = round_count_failed(round), residual = round_count_residual(round);
	bool kept = plan_evidences(round->plan)->n > 0;
	fputc('\n', p->out);
	if (!pending)
		print_styled(p, STYLE_BOLD, refused || failed ? "Nothing would be changed."
		                            : host->blind.n   ? "Nothing to do, as far as could be seen."
		                            : kept            ? "Nothing would be changed."
		                                              : "Nothing to do.");
	else
		print_styled(p, STYLE_BOLD, "%zu change%s:", pending, pending == 1 ? "" : "s");
	const char *comma = "";
	for (size_t t = 0; t < sizeof(tallies) / sizeof(*tallies); t++) {
		size_t n = 0;
		for (size_t i = 0; i < plan_count(round->plan); i++)
			n += round_pending(round, i) && mark_of(plan_at(round->plan, i)) == tallies[t].mark;
		if (n)
			print_styled(p, style_of_mark(tallies[t].mark), "%s %c %zu %s", comma, tallies[t].mark, n,
			             tallies[t].what);
		comma = n ? "," : comma;
	}
	if (pending)
		fputc('.', p->out);
	print_evidence_summary(p, round);
	if (refused)
		print_styled(p, STYLE_RED, " %zu refused by the guard.", refused);
	if (failed)
		print_styled(p, STYLE_RED, " %zu step%s failed.", failed, failed == 1 ? "" : "s");
	if (residual)
		print_styled(p, STYLE_YELLOW, " %zu left for you.", residual);
	if (pending && round_must_stop(round))
		print_styled(p, STYLE_RED, "\nBecause of that, a run changes nothing (on-failure).");
	fputc('\n', p->out);
}

/* Of the longest word for what became of a change: "impossible". */
#define WORD_WIDTH 10

static void print_note(const struct printer *p, const char *note)
{
	if (note && *note)
		print_styled(p, STYLE_DIM, " (%s)", note);
	fputc('\n', p->out);
}

void print_outcome(const struct printer *p, const struct change *c, enum outcome outcome, const char *note)
{
	enum style style = outcome == OUTCOME_DONE      ? STYLE_GREEN
	                   : outcome == OUTCOME_DRIFTED ? STYLE_YELLOW
	                                                : STYLE_RED;
	_cleanup_buf_ struct buf line = {0};
	c->kind->describe(c, &line);
	print_styled(p, style, "  %-*s", WORD_WIDTH, outcome_word(outcome));
	print_styled(p, STYLE_PLAIN, " %s: %s", c->step, buf_text(&line));
	print_note(p, note);
}

void print_undone(const struct printer *p, const struct change *c, enum undo undo, const char *note)
{
	enum style style = undo == UNDO_DONE ? STYLE_GREEN : undo == UNDO_FAILED ? STYLE_RED : STYLE_YELLOW;
	_cleanup_buf_ struct buf line = {0};
	c->kind->describe(c, &line);
	print_styled(p, style, "  %-*s", WORD_WIDTH, undo_word(undo));
	print_styled(p, STYLE_PLAIN, " %s: %s", c->step, buf_text(&line));
	/* "impossible" says it already; the journal's note does for those who see but that. */
	print_note(p, undo == UNDO_IMPOSSIBLE && c->kind->flags & CHANGE_IRREVERSIBLE ? NULL : note);
}

void print_reloaded(const struct printer *p, const char *service, int error, const char *note)
{
	/* One that does not run has nothing to reload. */
	const char *word = !error ? "reloaded" : error == -ESRCH ? "skipped" : "failed";
	print_styled(p, error ? STYLE_YELLOW : STYLE_GREEN, "  %-*s", WORD_WIDTH, word);
	print_styled(p, STYLE_PLAIN, " %s: %s%s\n", service, error ? "not reloaded: " : "",
	             *note || !error ? note : strerror(-error));
}

void time_format(int64_t ms, char ret[32])
{
	time_t seconds = ms / 1000;
	struct tm local;
	localtime_r(&seconds, &local);
	strftime(ret, 32, "%Y-%m-%d %H:%M:%S", &local);
}

static void print_deadlines(const struct printer *p, const struct run_result *result)
{
	char when[32];
	if (result->confirm_by) {
		time_format(result->confirm_by, when);
		print_styled(p, STYLE_YELLOW, "To be confirmed until %s, best from a new login: respond --confirm %s\n"
		             "Otherwise what waits for that is taken back.\n", when, result->id);
	} else if (result->deadline) {
		time_format(result->deadline, when);
		print_styled(p, STYLE_YELLOW, "At %s some of it is taken back by itself; respond --list shows it.\n", when);
	}
	print_styled(p, STYLE_DIM, "To take it back: respond --rollback %s\n", result->id);
}

/* ", 2 refused": nothing where there are none. */
static void print_count(const struct printer *p, enum style style, size_t n, const char *what)
{
	if (n)
		print_styled(p, style, ", %zu %s", n, what);
}

static const char *unplanned_words(const struct run_result *r)
{
	return r->unplanned == 1 ? "step could not be planned" : "steps could not be planned";
}

static void print_counts(const struct printer *p, const struct run_result *r)
{
	print_styled(p, STYLE_BOLD, "Run %s: ", r->id);
	if (r->done)
		print_styled(p, STYLE_GREEN, "%zu change%s done in %u round%s", r->done, r->done == 1 ? "" : "s", r->rounds,
		             r->rounds == 1 ? "" : "s");
	else
		print_styled(p, STYLE_PLAIN, "no change done");
	print_count(p, STYLE_PLAIN, r->held, "already in force");
	print_count(p, STYLE_CYAN, r->evidence, r->evidence == 1 ? "item of evidence kept" : "items of evidence kept");
	print_count(p, STYLE_RED, r->refused, "refused");
	print_count(p, STYLE_RED, r->failed - r->partly - r->unplanned, "failed");
	print_count(p, STYLE_RED, r->unplanned, unplanned_words(r));
	print_count(p, STYLE_RED, r->partly, "begun and not finished");
	print_count(p, STYLE_YELLOW, r->drifted, "overtaken by a change of somebody else");
	print_count(p, STYLE_YELLOW, r->skipped, "not begun");
	if (r->status == 0)
		print_styled(p, STYLE_GREEN, "; nothing is left to do");
	fputs(".\n", p->out);
}

static void print_why_stopped(const struct printer *p, const struct run_result *r)
{
	if (r->signalled)
		print_styled(p, STYLE_RED, "Stopped by a signal.\n");
	else if (r->stopped)
		print_styled(p, STYLE_RED, "Stopped at the first failure or refusal%s.\n",
		             r->rolled_back ? ", and taken back (on-failure = rollback)" : "");
}

/* What this run has put in force or holds, and has not taken back. */
static void print_in_force(const struct printer *p, const struct run_result *r)
{
	size_t put = r->done + r->held + r->partly, back = r->undo.done + r->undo.kept;
	size_t live = put > back ? put - back : 0;
	if (!live) {
		print_styled(p, STYLE_BOLD, "In force: nothing of this run.\n");
		return;
	}
	print_styled(p, STYLE_BOLD, "In force: %zu change%s of this run", live, live == 1 ? "" : "s");
	if (r->partly && !r->rolled_back)
		print_styled(p, STYLE_RED, ", of which %zu only in part", r->partly);
	print_styled(p, STYLE_PLAIN, "; respond --show %s tells which.\n", r->id);
	if (live > r->undo.impossible)
		print_deadlines(p, r);
}

void print_result(const struct printer *p, const struct run_result *result)
{
	fputc('\n', p->out);
	for (size_t i = 0; i < result->troubles.n; i++)
		print_styled(p, STYLE_RED, "%s\n", result->troubles.v[i]);
	for (size_t i = 0; i < result->residual.n; i++)
		print_styled(p, STYLE_YELLOW, "left: %s\n", result->residual.v[i]);
	if (!result->id[0]) {
		bool clean = !result->failed && !result->residual.n;
		print_styled(p, STYLE_BOLD, "%s", clean ? "Nothing to do" : "Nothing was changed");
		print_count(p, STYLE_RED, result->unplanned, unplanned_words(result));
		fputs(".\n", p->out);
		return;
	}
	print_counts(p, result);
	print_why_stopped(p, result);
	if (result->rolled_back)
		print_undo_result(p, &result->undo);
	if (result->status != 0)
		print_in_force(p, result);
	else if (result->done || result->held)
		print_deadlines(p, result);
	if (result->evidence)
		print_styled(p, STYLE_DIM, "The evidence in one file: respond --export %s FILE.tar.zst\n", result->id);
}

void print_undo_plan(const struct printer *p, const struct undo_plan *plan)
{
	static const char *const words[] = {
		[UNDO_NONE] = "",           [UNDO_DONE] = "undo",          [UNDO_KEPT] = "keep",
		[UNDO_DRIFTED] = "drifted", [UNDO_FAILED] = "cannot tell", [UNDO_IMPOSSIBLE] = "cannot undo",
		[UNDO_REFUSED] = "refused",
	};
	size_t n[UNDO_REFUSED + 1] = {0};
	if (plan->n)
		print_styled(p, STYLE_DIM, "Dry run of a rollback: nothing is changed.\n\n");
	for (size_t i = 0; i < plan->n; i++) {
		const struct undo_item *item = &plan->v[i];
		n[item->expect]++;
		_cleanup_buf_ struct buf line = {0};
		item->entry->change->kind->describe(item->entry->change, &line);
		enum style style = item->expect == UNDO_DONE ? STYLE_GREEN : STYLE_YELLOW;
		print_styled(p, style, "  %-11s", words[item->expect]);
		print_styled(p, STYLE_PLAIN, " %s: %s", item->entry->change->step, buf_text(&line));
		print_note(p, item->why);
	}
	if (!plan->n) {
		print_styled(p, STYLE_BOLD, "Nothing to take back.\n");
		return;
	}
	print_styled(p, STYLE_BOLD, "\n%zu would be undone", n[UNDO_DONE]);
	print_count(p, STYLE_PLAIN, n[UNDO_KEPT], "kept for other runs");
	print_count(p, STYLE_YELLOW, n[UNDO_DRIFTED], "left alone because somebody changed them since");
	print_count(p, STYLE_YELLOW, n[UNDO_IMPOSSIBLE], "cannot be undone");
	print_count(p, STYLE_RED, n[UNDO_REFUSED], "refused by the guard");
	print_count(p, STYLE_RED, n[UNDO_FAILED], "cannot be told");
	fputs(".\n", p->out);
}

void print_undo_result(const struct printer *p, const struct undo_result *r)
{
	if (!(r->done || r->kept || r->drifted || r->impossible || r->refused || r->failed)) {
		print_styled(p, STYLE_BOLD, "Nothing is left to undo.\n");
		return;
	}
	print_styled(p, STYLE_BOLD, "Rolled back: ");
	print_styled(p, STYLE_GREEN, "%zu undone", r->done);
	if (r->kept)
		print_styled(p, STYLE_PLAIN, ", %zu kept for other runs", r->kept);
	if (r->drifted)
		print_styled(p, STYLE_YELLOW, ", %zu left alone because somebody changed them since", r->drifted);
	if (r->impossible)
		print_styled(p, STYLE_YELLOW, ", %zu cannot be undone", r->impossible);
	if (r->refused)
		print_styled(p, STYLE_RED, ", %zu refused by the guard", r->refused);
	if (r->failed)
		print_styled(p, STYLE_RED, ", %zu failed", r->failed);
	fputs(".\n", p->out);
}
