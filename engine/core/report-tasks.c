/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is left to do about a run, and how it is taken back.
 */
#include "core/report-parts.h"

#include <stdio.h>
#include <stdlib.h>

static const char *s(size_t n)
{
	return n == 1 ? "" : "s";
}

/* Steals TEXT. The run's id stands behind COMMAND, which may be "", and before WITH. */
static void add_with(struct report *r, struct report_tasks *tasks, enum report_tone tone, char *text, const char *command,
                     const char *with)
{
	struct report_task *v = report_more(r, tasks->v, &tasks->n, sizeof(*v));
	if (!v) {
		free(text);
		return;
	}
	tasks->v = v;
	v[tasks->n - 1] = (struct report_task){
		.tone = tone,
		.text = text,
		.command = *command ? report_printf(r, "respond %s %s%s", command, r->run->id, with) : report_safe(r, NULL),
	};
}

static void add(struct report *r, enum report_tone tone, char *text, const char *command)
{
	add_with(r, &r->todo, tone, text, command, "");
}

static size_t count_waiting(const struct run *run, bool confirm)
{
	size_t n = 0;
	for (size_t i = 0; i < run->n; i++) {
		const struct deadlines *d = &run->entries[i].change->deadlines;
		n += entry_deadline(&run->entries[i]) && (confirm ? d->confirm : d->ttl);
	}
	return n;
}

static int64_t first_ttl(const struct run *run)
{
	int64_t first = 0;
	for (size_t i = 0; i < run->n; i++) {
		int64_t ttl = run->entries[i].change->deadlines.ttl;
		if (entry_deadline(&run->entries[i]) && ttl && (!first || ttl < first))
			first = ttl;
	}
	return first;
}

static void deadlines(struct report *r, int64_t now)
{
	int64_t confirm = run_confirm_by(r->run), ttl = first_ttl(r->run), first = run_deadline(r->run);
	size_t to_confirm = count_waiting(r->run, true), to_end = count_waiting(r->run, false);
	char when[40];
	if (first && first <= now) {
		report_time(first, when);
		add(r, REPORT_BAD, report_printf(r, "The time was over at %s, and it is still in force: take back what is due.", when),
		    "--recover");
		return;
	}
	if (confirm) {
		report_time(confirm, when);
		add(r, REPORT_WARN,
		    report_printf(r, "Confirm by %s, from a new login that works; otherwise %zu change%s taken back.", when, to_confirm,
		                  to_confirm == 1 ? " is" : "s are"),
		    "--confirm");
	}
	if (ttl) {
		report_time(ttl, when);
		add(r, REPORT_PLAIN, report_printf(r, "At %s %zu change%s taken back by itself; nothing needs to be done for that.",
		                                            when, to_end, to_end == 1 ? " is" : "s are"), "");
	}
}

struct tally {
	size_t failed, partly, drifted, skipped, unknown; /* outcomes */
	size_t unplanned;                                 /* steps */
	size_t not_undone;
};

static struct tally count(const struct report *r)
{
	struct tally t = {0};
	for (size_t i = 0; i < r->run->n; i++) {
		const struct run_entry *e = &r->run->entries[i];
		t.failed += e->outcome == OUTCOME_FAILED;
		t.partly += e->outcome == OUTCOME_PARTLY && e->undo != UNDO_DONE;
		t.drifted += e->outcome == OUTCOME_DRIFTED;
		t.skipped += e->outcome == OUTCOME_SKIPPED;
		t.unknown += e->outcome == OUTCOME_UNKNOWN;
		t.not_undone += e->undo == UNDO_DRIFTED || e->undo == UNDO_FAILED || e->undo == UNDO_REFUSED;
	}
	for (size_t i = 0; i < r->n_steps; i++)
		t.unplanned += r->steps[i].failure && *r->steps[i].failure;
	return t;
}

static void leftovers(struct report *r)
{
	const struct tally t = count(r);
	if (t.partly)
		add(r, REPORT_BAD, report_printf(r, "%zu change%s begun and not finished: look at what is left of %s.", t.partly,
		                                           t.partly == 1 ? " was" : "s were", t.partly == 1 ? "it" : "them"), "");
	if (t.not_undone)
		add(r, REPORT_BAD, report_printf(r, "%zu change%s not taken back: its reason stands beside each.", t.not_undone,
		                                           t.not_undone == 1 ? " was" : "s were"), "");
	if (t.failed)
		add(r, REPORT_BAD, report_printf(r, "%zu change%s failed: the host is there as it was before.", t.failed, s(t.failed)), "");
	if (t.unplanned)
		add(r, REPORT_BAD, report_printf(r, "%zu step%s could not be planned.", t.unplanned, s(t.unplanned)), "");
	if (r->n_refusals)
		add(r, REPORT_BAD, report_printf(r, "The guard refused %zu time%s: decide whether it is right. "
		                                           "A rule can be lifted for one run, with --allow.", r->n_refusals, s(r->n_refusals)), "");
	if (r->residual.n)
		add(r, REPORT_WARN, report_printf(r, "%zu thing%s left that the run could not put right.", r->residual.n,
		                                            r->residual.n == 1 ? " is" : "s are"), "");
	if (r->lost)
		add(r, REPORT_WARN, report_printf(r, "%zu item%s of evidence could not be kept.", r->lost, s(r->lost)), "");
	if (t.skipped && r->counts.undone == 0)
		add(r, REPORT_WARN, report_printf(r, "%zu change%s not begun, because the run stopped before.", t.skipped,
		                                            t.skipped == 1 ? " was" : "s were"), "");
}

void report_tasks(struct report *r, int64_t now)
{
	bool back = r->counts.live && !run_open(r->run);
	if (run_open(r->run))
		add(r, REPORT_BAD, report_safe(r, "It did not end. Unless it is at work this moment, bring it to an end: "
		                                            "it is taken back; with --recover=keep what was done stays."), "--recover");
	deadlines(r, now);
	leftovers(r);
	if (r->counts.undone)
		add(r, REPORT_WARN, report_printf(r, "%zu change%s taken back: what %s had put right is as it was before the run.",
		                                  r->counts.undone, r->counts.undone == 1 ? " was" : "s were",
		                                  r->counts.undone == 1 ? "it" : "they"), "");
	if (r->counts.live)
		add(r, REPORT_PLAIN, report_safe(r, "See that it is still in force: this report goes by the journal alone."), "--verify");
	if (!back)
		return;
	add_with(r, &r->ways, REPORT_PLAIN, report_safe(r, "See what would be taken back, and what stands in the way."),
	         "--rollback", " --dry-run");
	add_with(r, &r->ways, REPORT_PLAIN, report_printf(r, "Take back all that can be, newest change first: %zu change%s.",
	                                                  r->counts.live, s(r->counts.live)), "--rollback", "");
	add_with(r, &r->ways, REPORT_PLAIN, report_safe(r, "Take back only one step."), "--rollback", " --step NAME");
}
