/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What others do to a file between our edit and its undo: random stories (drift-story.h)
 * on real files with a real vault, until 10,000 of them were clear. RESPOND_SEED=N tells
 * other stories.
 *
 * The undo sees three texts: before, after and current. Where equal lines repeat, each of
 * the two edits between them can be read in several shortest ways (line-readings.h); two
 * edits meet where both touch one boundary between two lines of `after`. So that no case
 * rests on a guess, it is judged by all of the readings:
 *
 *  apart    In no reading of ours and in no reading of theirs do the two meet, every
 *           boundary that theirs touch is in one and the same place of `before`, every one
 *           that ours touches is in one and the same place of `current`, and the script of
 *           the story is among the readings. The undo must succeed; the file must then be
 *           `before` with the edits that the others made, byte by byte.
 *  meeting  Some boundary is touched in every reading of ours and in every reading of
 *           theirs. The undo must refuse (-ESTALE), and the file must not be touched.
 *  undone   The others have put back what was there before. There is nothing to do.
 *           So it may also be where edits meet, or are unclear, and others have edited
 *           elsewhere: unless in every reading they touched in `before` what we did.
 *  unclear  The rest: readings disagree. The undo may refuse, and then the file is not
 *           touched; or it may take one reading, and then the file has every line of
 *           `before`, what others put in and not what they took out, each as often as it
 *           must be, and all that they put in in its order.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "change/file-edit.h"
#include "core/vault.h"
#include "drift-story.h"
#include "file-stage.h"
#include "line-readings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CASES 10000
#define SEED 20240229
#define FILE_NAME "other/file"
#define VAULT_NAME "other/vault"

enum verdict { APART, MEETING, UNDONE, UNCLEAR, VERDICTS };

static const char *const verdict_words[] = {"apart", "meeting", "undone", "unclear"};
static const char *const intent_words[] = {"apart", "overlapping", "both"};

struct judge {
	struct readings ours, theirs; /* both from `after`: to `before`, to `current` */
};

/* ---- the oracle -------------------------------------------------------------- */

static bool all_apart(const struct judge *j, const struct story *s)
{
	if (s->intent != INTENT_APART || s->after.n + s->current.n - 2 * s->kept != j->theirs.edits)
		return false;
	for (size_t at = 0; at <= s->after.n; at++) {
		bool ours = readings_may_touch(&j->ours, at), theirs = readings_may_touch(&j->theirs, at);
		int place = readings_place(&j->ours, at);
		if (ours && (theirs || readings_place(&j->theirs, at) < 0))
			return false;
		if (theirs && (place < 0 || place != story_place(s, at)))
			return false;
	}
	return true;
}

static bool surely_meeting(const struct judge *j, const struct story *s)
{
	for (size_t at = 0; at <= s->after.n; at++)
		if (readings_must_touch(&j->ours, at) && readings_must_touch(&j->theirs, at))
			return true;
	return false;
}

/* The same question asked of `before`: whether in every reading others have touched there
 * what we touched, so that what was there cannot be said to be back. */
static bool surely_not_back(struct judge *j, const struct story *s)
{
	readings_make(&j->ours, s->before.v, s->before.n, s->after.v, s->after.n);
	readings_make(&j->theirs, s->before.v, s->before.n, s->current.v, s->current.n);
	for (size_t at = 0; at <= s->before.n; at++)
		if (readings_must_touch(&j->ours, at) && readings_must_touch(&j->theirs, at))
			return true;
	return false;
}

static bool same_text(const struct text *a, const struct text *b)
{
	return a->n == b->n && memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0;
}

static enum verdict judge(struct judge *j, const struct story *s)
{
	readings_make(&j->ours, s->after.v, s->after.n, s->before.v, s->before.n);
	readings_make(&j->theirs, s->after.v, s->after.n, s->current.v, s->current.n);
	if (same_text(&s->current, &s->before))
		return UNDONE;
	return all_apart(j, s) ? APART : surely_meeting(j, s) ? MEETING : UNCLEAR;
}

static int count(const struct text *t, int line)
{
	int n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += t->v[i] == line;
	return n;
}

static void tags_of(const struct text *t, struct text *ret)
{
	for (size_t i = 0; i < t->n; i++)
		if (text_is_tag(t->v[i]))
			ret->v[ret->n++] = t->v[i];
}

/* Nothing of theirs and nothing of `before` is lost or made up. */
static bool nothing_lost(const struct story *s, const struct text *now)
{
	const struct text *all[] = {&s->before, &s->after, &s->current, now};
	for (size_t t = 0; t < 4; t++)
		for (size_t i = 0; i < all[t]->n; i++) {
			int line = all[t]->v[i];
			if (count(now, line) != count(&s->before, line) + count(&s->current, line) - count(&s->after, line))
				return false;
		}
	struct text put = {.n = 0}, there = {.n = 0};
	tags_of(&s->current, &put);
	tags_of(now, &there);
	return same_text(&put, &there);
}

/* ---- the real thing ------------------------------------------------------------ */

/* Files and vault on a filesystem in memory: a sync costs nothing there. */
static int drift_stage_make(void **state)
{
	if (file_stage_make(state) < 0)
		return -1;
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=64m,mode=755");
	vault_close(&s->host.vault);
	return vault_open(s->host.root, at(s, VAULT_NAME), &s->host.vault);
}

static struct change *edit(struct file_stage *s, const struct buf *before, const struct buf *after)
{
	_cleanup_buf_ struct buf seen = {0};
	struct change *c = NULL;
	plan_again(s);
	put_bytes(s, FILE_NAME, buf_text(before), before->len);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, FILE_NAME), &seen), 0);
	assert_true(buf_equal(&seen, before));
	assert_int_equal(file_edit_plan(&s->host, s->plan, at(s, FILE_NAME), &seen, after, NULL, &c), 0);
	assert_non_null(c);
	assert_int_equal(apply_change(s, c), 0);
	return c;
}

static void read_now(struct file_stage *s, struct buf *ret)
{
	buf_reset(ret);
	assert_int_equal(path_read(s->host.root, at(s, FILE_NAME), 1 << 24, ret, NULL), 0);
}

static void forget_image(struct file_stage *s, const struct change *c)
{
	char object[128];
	snprintf(object, sizeof(object), VAULT_NAME "/%s", json_string_value(json_object_get(c->data, "before")));
	assert_int_equal(unlink(at(s, object)), 0);
}

/* What the undo did. */
struct end {
	enum change_state probed;
	int r;
	bool touched; /* another file, or other bytes */
	struct buf content;
};

static void live(struct file_stage *s, const struct story *story, struct end *ret)
{
	_cleanup_buf_ struct buf before = {0}, after = {0}, current = {0}, now = {0};
	struct stat was, is;
	text_bytes(&story->before, &before);
	text_bytes(&story->after, &after);
	text_bytes(&story->current, &current);
	struct change *c = edit(s, &before, &after);
	read_now(s, &now);
	assert_true(buf_equal(&now, &after));
	put_bytes(s, FILE_NAME, buf_text(&current), current.len);
	assert_int_equal(stat(at(s, FILE_NAME), &was), 0);
	ret->probed = probe_change(s, c);
	ret->r = revert_change(s, c);
	assert_int_equal(stat(at(s, FILE_NAME), &is), 0);
	read_now(s, &ret->content);
	ret->touched = was.st_ino != is.st_ino || !buf_equal(&ret->content, &current);
	forget_image(s, c);
}

static const char *what_is_wrong(struct judge *j, const struct story *story, enum verdict verdict,
                                 const struct end *end)
{
	_cleanup_buf_ struct buf wanted = {0};
	struct text now;
	if (end->r != 0 && end->r != -ESTALE)
		return "the undo failed";
	if (end->r != 0 && end->touched)
		return "refused, and yet the file was touched";
	if (verdict != UNDONE && verdict != APART && end->probed == CHANGE_BEFORE)
		return end->r || end->touched             ? "it was to be so already"
		       : surely_not_back(j, story) ? "it is not so already"
		                                   : NULL;
	enum change_state told = verdict == UNDONE ? CHANGE_BEFORE : end->r ? CHANGE_DRIFTED : CHANGE_AFTER;
	if (end->probed != told)
		return "the probe foretold something else";
	switch (verdict) {
	case APART:
		text_bytes(&story->wanted, &wanted);
		return end->r == 0 && buf_equal(&wanted, &end->content) ? NULL : "edits that are apart must both be kept";
	case MEETING: return end->r ? NULL : "edits that meet must be refused";
	case UNDONE: return end->touched ? "there was nothing to undo" : NULL;
	default:
		text_split(&end->content, &now);
		return end->r || nothing_lost(story, &now) ? NULL : "something was lost or made up";
	}
}

static void show(const char *name, const struct buf *b)
{
	_cleanup_buf_ struct buf safe = {0};
	escape_controls(&safe, buf_text(b), b->len);
	print_message("%s:\n%s\n", name, buf_text(&safe));
}

static void show_story(const struct story *s, const struct buf *now)
{
	static const char *const names[] = {"before", "after", "current", "wanted"};
	const struct text *all[] = {&s->before, &s->after, &s->current, &s->wanted};
	for (size_t i = 0; i < 4; i++) {
		_cleanup_buf_ struct buf b = {0};
		text_bytes(all[i], &b);
		if (i < 3 || s->intent == INTENT_APART)
			show(names[i], &b);
	}
	show("now", now);
}

static void nothing_of_others_is_lost(void **state)
{
	struct file_stage *s = *state;
	const char *wanted = getenv("RESPOND_SEED");
	unsigned long long seed = wanted ? strtoull(wanted, NULL, 10) : SEED;
	unsigned tally[INTENTS][VERDICTS] = {{0}}, clear = 0, taken = 0, i = 0;
	struct judge *j = malloc(sizeof(*j));
	struct story *story = malloc(sizeof(*story));
	assert_true(j && story);
	for (; clear < CASES; i++) {
		struct end end = {0};
		story_make(story, seed, i);
		enum verdict verdict = judge(j, story);
		live(s, story, &end);
		const char *wrong = what_is_wrong(j, story, verdict, &end);
		if (wrong) {
			show_story(story, &end.content);
			fail_msg("RESPOND_SEED=%llu, case %u, meant as %s, judged %s: %s (%s; %s)", seed, i,
			         intent_words[story->intent], verdict_words[verdict], wrong, strerror(-end.r),
			         buf_text(&s->effect.note));
		}
		tally[story->intent][verdict]++;
		clear += verdict == APART || verdict == MEETING;
		taken += verdict == UNCLEAR && end.r == 0;
		buf_free(&end.content);
	}
	print_message("# RESPOND_SEED=%llu, %u stories\n", seed, i);
	for (size_t k = 0; k < INTENTS; k++)
		print_message("# meant as %-11s  apart %4u, meeting %4u, undone %3u, unclear %4u\n", intent_words[k],
		              tally[k][APART], tally[k][MEETING], tally[k][UNDONE], tally[k][UNCLEAR]);
	print_message("# of the unclear %u were taken back\n", taken);
	assert_true(tally[INTENT_APART][APART] > CASES / 4);
	assert_true(tally[INTENT_OVERLAP][MEETING] > CASES / 8);
	assert_true(tally[INTENT_BOTH][MEETING] > CASES / 8);
	assert_int_equal(leftovers(s), 0);
	free(story);
	free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_of_others_is_lost, drift_stage_make, file_stage_drop),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("drift", tests, file_stage_group, NULL);
}
