/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What all forms of the report say in the same words.
 */
#include "report-render.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *s(size_t n)
{
	return n == 1 ? "" : "s";
}

static const char *was(size_t n)
{
	return n == 1 ? "was" : "were";
}

static void changed(const struct report *r, struct buf *ret)
{
	size_t done = r->counts.done;
	if (!done && !r->counts.held) {
		buf_puts(ret, r->counts.undone ? "" : "Nothing on the host was changed.");
		return;
	}
	if (done)
		buf_printf(ret, "%zu change%s %s made in %zu round%s", done, s(done), was(done), r->rounds, s(r->rounds));
	else
		buf_puts(ret, r->missed || r->n_refusals ? "Nothing was changed" : "Nothing had to be changed");
	if (r->counts.held)
		buf_printf(ret, "; %zu %s in force before and %s held, too", r->counts.held, was(r->counts.held),
		           r->counts.held == 1 ? "is" : "are");
	buf_putc(ret, '.');
}

static void kept(const struct report *r, struct buf *ret)
{
	if (r->kept)
		buf_printf(ret, " %zu item%s of evidence %s kept.", r->kept, s(r->kept), was(r->kept));
	if (r->lost)
		buf_printf(ret, " %zu item%s of evidence could not be kept.", r->lost, s(r->lost));
}

static void stands(const struct report *r, struct buf *ret)
{
	size_t live = r->counts.live;
	if (r->counts.undone)
		buf_printf(ret, " %zu %s taken back since.", r->counts.undone, was(r->counts.undone));
	if (live)
		buf_printf(ret, " %zu %s in force.", live, live == 1 ? "is" : "are");
	else if (r->counts.done || r->counts.held)
		buf_puts(ret, " Nothing of it is in force any more that could be taken back.");
	if (r->lasting)
		buf_printf(ret, " %zu cannot be undone.", r->lasting);
}

int report_standing(const struct report *r, struct buf *ret)
{
	if (run_open(r->run))
		buf_puts(ret, r->run->ended ? "What was begun on this run since it ended has not come to an end. "
		                            : "This run has not come to an end. ");
	changed(r, ret);
	stands(r, ret);
	kept(r, ret);
	size_t bad = r->n_refusals + r->missed;
	if (r->n_refusals)
		buf_printf(ret, " The guard refused %zu time%s.", r->n_refusals, s(r->n_refusals));
	if (r->missed)
		buf_printf(ret, " %zu planned change%s did not come about as planned.", r->missed, s(r->missed));
	if (r->residual.n)
		buf_printf(ret, " %zu thing%s left that it could not put right.", r->residual.n, r->residual.n == 1 ? " is" : "s are");
	else if (!bad && r->run->status == 0 && !r->counts.undone)
		buf_puts(ret, " The host was planned again afterwards, and nothing was left to do.");
	return buf_error(ret);
}

const char report_techniques_note[] = "This goes by what each action is for: it does not say that all of it was seen here.";

void report_fate(const struct report_change *c, struct buf *ret)
{
	const struct run_entry *e = c->entry;
	buf_puts(ret, outcome_word(e->outcome));
	if (e->undo == UNDO_DONE || e->undo == UNDO_KEPT)
		buf_printf(ret, ", then %s", undo_word(e->undo));
	else if (e->undo != UNDO_NONE)
		buf_printf(ret, "; rollback: %s", undo_word(e->undo));
}

const char *report_kept_word(enum report_kept kept)
{
	static const char *const words[] = {
		[REPORT_KEPT] = "in the vault",
		[REPORT_HASH_ONLY] = "only its hash",
		[REPORT_PURGED] = "purged",
		[REPORT_LOST] = "not kept",
	};
	return words[kept];
}

const char *report_tone_word(enum report_tone tone)
{
	static const char *const words[] = {
		[REPORT_PLAIN] = "plain",
		[REPORT_GOOD] = "good",
		[REPORT_WARN] = "warn",
		[REPORT_BAD] = "bad",
	};
	return words[tone];
}

void report_size(int64_t size, struct buf *ret)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double n = (double)size / 1024;
	size_t unit = 0;
	if (size < 0)
		return;
	if (size < 1024) {
		buf_printf(ret, "%" PRId64 " byte%s", size, s((size_t)size));
		return;
	}
	for (; n >= 1023.95 && unit < 3; unit++)
		n /= 1024;
	buf_printf(ret, "%.1f %s", n, units[unit]);
}

void report_span(int64_t ms, struct buf *ret)
{
	int64_t s_all = ms / 1000, days = s_all / 86400, h = s_all / 3600 % 24, min = s_all / 60 % 60, sec = s_all % 60;
	if (days)
		buf_printf(ret, "%" PRId64 " d %" PRId64 " h", days, h);
	else if (h)
		buf_printf(ret, "%" PRId64 " h %" PRId64 " min", h, min);
	else if (min)
		buf_printf(ret, "%" PRId64 " min %" PRId64 " s", min, sec);
	else if (sec)
		buf_printf(ret, "%" PRId64 ".%" PRId64 " s", sec, ms / 100 % 10);
	else if (ms > 0)
		buf_printf(ret, "%" PRId64 " ms", ms);
}
