/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/line-diff.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CASES 4000

static struct buf text(const char *s)
{
	struct buf b = {0};
	assert_int_equal(buf_puts(&b, s), 0);
	return b;
}

/* A small generator with a fixed seed, so that a failure can be had again. */
static uint32_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Few different lines, so that equal ones meet in every way; sometimes no last newline. */
static void random_text(struct buf *b, unsigned max)
{
	buf_reset(b);
	for (unsigned n = pick(max + 1); n > 0; n--)
		buf_printf(b, "%c%s\n", 'a' + (int)pick(5), pick(6) ? "" : "\r");
	if (b->len && pick(3) == 0)
		b->data[--b->len] = '\0';
}

static size_t line_at(const struct buf *b, size_t line)
{
	size_t at = 0;
	while (line-- && at < b->len) {
		const char *newline = memchr(b->data + at, '\n', b->len - at);
		at = newline ? (size_t)(newline - b->data) + 1 : b->len;
	}
	return at;
}

static void put_lines(struct buf *out, const struct buf *from, size_t at, size_t n)
{
	size_t start = line_at(from, at), end = line_at(from, at + n);
	buf_add(out, buf_text(from) + start, end - start);
}

static void hunks_turn_old_into_new(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf old = {0}, new = {0}, made = {0};
	seed = 1;
	for (unsigned i = 0; i < CASES; i++) {
		struct hunks h = {0};
		random_text(&old, 14);
		random_text(&new, 14);
		assert_int_equal(line_diff(&old, &new, &h), 0);
		buf_reset(&made);
		size_t at = 0;
		for (size_t k = 0; k < h.n; k++) {
			assert_true(h.v[k].old_at >= at && (k == 0 || h.v[k].old_at > at));
			put_lines(&made, &old, at, h.v[k].old_at - at);
			put_lines(&made, &new, h.v[k].new_at, h.v[k].new_n);
			at = h.v[k].old_at + h.v[k].old_n;
		}
		put_lines(&made, &old, at, 1000);
		assert_true(buf_equal(&made, &new));
		assert_int_equal(h.n == 0, buf_equal(&old, &new));
		hunks_free(&h);
	}
}

static void an_own_edit_is_taken_out_whole(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf before = {0}, after = {0}, out = {0};
	seed = 2;
	for (unsigned i = 0; i < CASES; i++) {
		size_t line = 0;
		random_text(&before, 12);
		random_text(&after, 12);
		buf_reset(&out);
		assert_int_equal(line_diff_revert(&before, &after, &after, &out, &line), 0);
		assert_true(buf_equal(&out, &before));
	}
}

/* A text of numbered, so distinct, lines in which some are replaced, removed or added:
 * what ours is and what theirs is can then be told line by line. */
struct edit {
	enum { KEEP, DROP, CHANGE, INSERT } what;
};

static void build(struct buf *out, const struct edit *ours, const struct edit *theirs, unsigned n)
{
	buf_reset(out);
	for (unsigned i = 0; i < n; i++) {
		const struct edit *e[] = {ours ? &ours[i] : NULL, theirs ? &theirs[i] : NULL};
		bool dropped = false, changed = false;
		for (unsigned k = 0; k < 2; k++) {
			if (!e[k])
				continue;
			if (e[k]->what == INSERT)
				buf_printf(out, "%s new before %u\n", k ? "their" : "our", i);
			dropped |= e[k]->what == DROP;
			if (e[k]->what == CHANGE)
				buf_printf(out, "%s line %u\n", k ? "their" : "our", i), changed = true;
		}
		if (!dropped && !changed)
			buf_printf(out, "line %u\n", i);
	}
}

static void random_edits(struct edit *e, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		e[i].what = pick(6) == 0 ? 1 + pick(3) : KEEP;
}

/* Whether an edit of theirs stands two lines or more away from every one of ours. */
static bool apart(const struct edit *ours, const struct edit *theirs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i > 1 ? i - 2 : 0; ours[i].what != KEEP && k < n && k <= i + 2; k++)
			if (theirs[k].what != KEEP)
				return false;
	return true;
}

static bool on_one_line(const struct edit *ours, const struct edit *theirs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ours[i].what == CHANGE && (theirs[i].what == CHANGE || theirs[i].what == DROP))
			return true;
	return false;
}

static void other_edits_survive_and_touching_ones_are_refused(void **state)
{
	(void)state;
	enum { LINES = 24 };
	struct edit ours[LINES], theirs[LINES];
	_cleanup_buf_ struct buf before = {0}, after = {0}, current = {0}, wanted = {0}, out = {0};
	unsigned merged = 0, refused = 0;
	seed = 3;
	for (unsigned i = 0; i < CASES; i++) {
		size_t line = 0;
		random_edits(ours, LINES);
		random_edits(theirs, LINES);
		for (unsigned k = 0; k < LINES; k++)
			if (ours[k].what != KEEP && theirs[k].what != INSERT)
				theirs[k].what = KEEP; /* a line of ours: the next test's */
		build(&before, NULL, NULL, LINES);
		build(&after, ours, NULL, LINES);
		build(&wanted, NULL, theirs, LINES);
		build(&current, ours, theirs, LINES);
		buf_reset(&out);
		buf_puts(&out, "untouched");
		int r = line_diff_revert(&before, &after, &current, &out, &line);
		if (apart(ours, theirs, LINES))
			assert_int_equal(r, 0);
		if (r == 0) {
			assert_true(buf_equal(&out, &wanted));
			merged++;
		} else {
			assert_int_equal(r, -EEXIST);
			assert_true(line >= 1 && line <= LINES * 2);
			assert_string_equal(buf_text(&out), "untouched");
			refused++;
		}
	}
	assert_true(merged > CASES / 100);
	assert_true(refused > CASES / 100);
}

static void an_edit_of_the_same_line_is_always_refused(void **state)
{
	(void)state;
	enum { LINES = 12 };
	struct edit ours[LINES], theirs[LINES];
	_cleanup_buf_ struct buf before = {0}, after = {0}, current = {0}, out = {0};
	unsigned seen = 0;
	seed = 4;
	build(&before, NULL, NULL, LINES);
	for (unsigned i = 0; i < CASES; i++) {
		size_t line = 0;
		random_edits(ours, LINES);
		random_edits(theirs, LINES);
		if (!on_one_line(ours, theirs, LINES))
			continue;
		/* Theirs is made on top of ours: their line replaces ours. */
		for (unsigned k = 0; k < LINES; k++)
			if (ours[k].what == CHANGE && theirs[k].what != KEEP && theirs[k].what != INSERT)
				ours[k].what = theirs[k].what == DROP ? DROP : KEEP;
		build(&current, ours, theirs, LINES);
		for (unsigned k = 0; k < LINES; k++)
			if (theirs[k].what == CHANGE || theirs[k].what == DROP)
				ours[k].what = CHANGE;
		build(&after, ours, NULL, LINES);
		assert_int_equal(line_diff_revert(&before, &after, &current, &out, &line), -EEXIST);
		seen++;
	}
	assert_true(seen > CASES / 100);
}

static const struct {
	const char *before, *after, *current, *result; /* NULL: refused */
	size_t line;
} reverts[] = {
	{"", "", "", "", 0},
	{"", "a\n", "a\n", "", 0},
	{"a\n", "", "", "a\n", 0},
	{"a", "a\n", "a\n", "a", 0},
	/* no final newline, before, after or with the other's edit */
	{"a\nb\nc\nd", "a\nc\nd", "X\nc\nd", NULL, 1},
	{"h\ni\na\nb\nc\nd", "h\ni\na\nc\nd", "X\nh\ni\na\nc\nd", "X\nh\ni\na\nb\nc\nd", 0},
	{"a\nb\nc\nd\ne", "a\nc\nd\ne", "a\nc\nd\nE", "a\nb\nc\nd\nE", 0},
	/* CRLF is of the line, and stays */
	{"a\r\nb\r\nc\r\nd\r\n", "a\r\nc\r\nd\r\n", "a\r\nc\r\nd\r\ne\r\n", "a\r\nb\r\nc\r\nd\r\ne\r\n", 0},
	/* somebody made CRLF of it all */
	{"a\nb\nc\n", "a\nc\n", "a\r\nc\r\n", NULL, 1},
	/* somebody put the line back where it was */
	{"a\nb\nc\n", "a\nc\n", "a\nb\nc\n", NULL, 2},
	/* appended right behind what was removed at the end */
	{"a\nb\n", "a\n", "a\nc\n", NULL, 2},
	/* all is gone */
	{"a\nb\nc\n", "a\nc\n", "", NULL, 1},
};

static void special_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(reverts) / sizeof(*reverts); i++) {
		_cleanup_buf_ struct buf before = text(reverts[i].before), after = text(reverts[i].after);
		_cleanup_buf_ struct buf current = text(reverts[i].current), out = {0};
		size_t line = 0;
		int r = line_diff_revert(&before, &after, &current, &out, &line);
		if (!reverts[i].result) {
			if (r != -EEXIST || line != reverts[i].line)
				fail_msg("case %zu: %d, line %zu", i, r, line);
			continue;
		}
		if (r != 0 || strcmp(buf_text(&out), reverts[i].result) != 0)
			fail_msg("case %zu: %d \"%s\"", i, r, buf_text(&out));
	}
}

static const struct {
	const char *old, *new, *diff;
} unified[] = {
	{"a\n", "a\n", ""},
	{"", "a\n", "@@ -0,0 +1 @@\n+a\n"},
	{"a\n", "", "@@ -1 +0,0 @@\n-a\n"},
	{"a\nb\nc\n", "a\nc\n", "@@ -1,3 +1,2 @@\n a\n-b\n c\n"},
	{"a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"},
	{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n3\n4\n5\n6\n7\n9\n",
	 "@@ -1,3 +1,2 @@\n 1\n-2\n 3\n@@ -7,3 +6,2 @@\n 7\n-8\n 9\n"},
	{"1\n2\n3\n4\n5\n", "1\n3\n5\n", "@@ -1,5 +1,3 @@\n 1\n-2\n 3\n-4\n 5\n"},
	/* nothing that acts on a terminal gets through */
	{"\033[2Jx\xff\n", "y\r\n", "@@ -1 +1 @@\n-\\x1b[2Jx\\xff\n+y\\x0d\n"},
};

static void the_unified_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unified) / sizeof(*unified); i++) {
		_cleanup_buf_ struct buf old = text(unified[i].old), new = text(unified[i].new), diff = {0};
		assert_int_equal(line_diff_unified(&old, &new, 1, &diff), 0);
		assert_string_equal(buf_text(&diff), unified[i].diff);
	}
}

/* Far more differing lines than are searched for one by one. */
static void a_large_difference_is_still_right(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf old = {0}, new = {0}, out = {0};
	struct hunks h = {0};
	size_t line = 0;
	for (unsigned i = 0; i < 20000; i++) {
		buf_printf(&old, "old %u\n", i);
		buf_printf(&new, i % 5 ? "new %u\n" : "old %u\n", i);
	}
	assert_int_equal(line_diff(&old, &new, &h), 0);
	assert_true(h.n >= 1);
	hunks_free(&h);
	assert_int_equal(line_diff_revert(&old, &new, &new, &out, &line), 0);
	assert_true(buf_equal(&out, &old));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hunks_turn_old_into_new),
		cmocka_unit_test(an_own_edit_is_taken_out_whole),
		cmocka_unit_test(other_edits_survive_and_touching_ones_are_refused),
		cmocka_unit_test(an_edit_of_the_same_line_is_always_refused),
		cmocka_unit_test(special_cases),
		cmocka_unit_test(the_unified_form),
		cmocka_unit_test(a_large_difference_is_still_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
