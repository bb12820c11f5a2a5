/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"
#include "base/line-diff.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The same cases on every machine. */
static uint64_t seed = 20240229;

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static struct buf text_of(const char *text)
{
	struct buf b = {0};
	buf_puts(&b, text);
	return b;
}

static void random_text(struct buf *b, unsigned max_lines, unsigned letters)
{
	for (unsigned n = dice(max_lines + 1); n; n--)
		buf_printf(b, "%c%s", (int)('a' + dice(letters)), n > 1 || dice(4) ? "\n" : "");
}

/* Deletes, inserts and keeps lines of FROM by chance. */
static void random_edit(const struct buf *from, struct buf *to, unsigned letters)
{
	const char *p = buf_text(from);
	while (*p) {
		size_t n = strcspn(p, "\n");
		n += p[n] == '\n';
		if (dice(6))
			buf_add(to, p, n);
		if (!dice(6) && p[n - 1] == '\n')
			buf_printf(to, "%c\n", (int)('a' + dice(letters)));
		p += n;
	}
}

static size_t lines_in(const struct buf *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n' || i + 1 == b->len;
	return n;
}

static const char *line_at(const struct buf *b, size_t n, size_t *len)
{
	const char *p = buf_text(b);
	for (;; n--) {
		*len = strcspn(p, "\n");
		*len += p[*len] == '\n';
		if (!n)
			return p;
		p += *len;
	}
}

static void put_lines(struct buf *out, const struct buf *from, size_t at, size_t n)
{
	for (size_t len; n; n--, at++) {
		const char *line = line_at(from, at, &len);
		buf_add(out, line, len);
	}
}

static bool same_line(const struct buf *a, size_t i, const struct buf *b, size_t k)
{
	size_t x, y;
	const char *p = line_at(a, i, &x), *q = line_at(b, k, &y);
	return x == y && memcmp(p, q, x) == 0;
}

/* The fewest lines that any difference can have, the slow way. */
static size_t fewest(const struct buf *a, const struct buf *b)
{
	size_t n = lines_in(a), m = lines_in(b), common[32][32] = {{0}};
	assert_true(n < 32 && m < 32);
	for (size_t i = 1; i <= n; i++)
		for (size_t k = 1; k <= m; k++) {
			size_t up = common[i - 1][k], left = common[i][k - 1];
			common[i][k] = same_line(a, i - 1, b, k - 1) ? common[i - 1][k - 1] + 1 : up > left ? up : left;
		}
	return n + m - 2 * common[n][m];
}

static void check_hunks(const struct buf *a, const struct buf *b, const struct hunks *h)
{
	_cleanup_buf_ struct buf built = {0};
	size_t at = 0, new_at = 0;
	for (size_t i = 0; i < h->n; i++) {
		const struct hunk *k = &h->v[i];
		assert_true(k->old_n + k->new_n > 0);
		assert_true(i == 0 ? k->old_at >= at : k->old_at > at);
		assert_int_equal(k->old_at - at, k->new_at - new_at);
		put_lines(&built, a, at, k->old_at - at);
		put_lines(&built, b, k->new_at, k->new_n);
		at = k->old_at + k->old_n;
		new_at = k->new_at + k->new_n;
	}
	put_lines(&built, a, at, lines_in(a) - at);
	assert_true(buf_equal(&built, b));
}

static void differences_are_right_and_shortest(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		_cleanup_buf_ struct buf a = {0}, b = {0};
		_cleanup_(hunks_free) struct hunks h = {0};
		random_text(&a, 20, 2 + dice(5));
		if (dice(2))
			random_text(&b, 20, 2 + dice(5));
		else
			random_edit(&a, &b, 4);
		if (lines_in(&b) > 31)
			continue;
		assert_int_equal(line_diff(&a, &b, &h), 0);
		check_hunks(&a, &b, &h);
		size_t lines = 0;
		for (size_t k = 0; k < h.n; k++)
			lines += h.v[k].old_n + h.v[k].new_n;
		assert_int_equal(lines, fewest(&a, &b));
	}
}

static void many_differences_are_still_right(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf a = {0}, b = {0}, out = {0};
	_cleanup_(hunks_free) struct hunks h = {0};
	buf_puts(&a, "head\n");
	buf_puts(&b, "head\n");
	for (int i = 0; i < 6000; i++) {
		buf_printf(&a, "old %d\n", i);
		buf_printf(&b, "new %d\n", i);
	}
	buf_puts(&a, "tail\n");
	buf_puts(&b, "tail\n");
	assert_int_equal(line_diff(&a, &b, &h), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.v[0].old_at, 1);
	assert_int_equal(h.v[0].old_n, 6000);
	size_t line = 0;
	assert_int_equal(line_diff_revert(&a, &b, &b, &out, &line), 0);
	assert_true(buf_equal(&a, &out));
}

static void unified_looks_as_diff_writes_it(void **state)
{
	(void)state;
	static const struct {
		const char *old, *new, *diff;
	} cases[] = {
		{"a\nb\nc\n", "a\nb\nc\n", ""},
		{"", "a\n", "@@ -0,0 +1 @@\n+a\n"},
		{"a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		{"a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"},
		{"a\nb", "x\nb", "@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n3\n4\n5\n6\n7\n8\n",
		 "@@ -1,9 +1,7 @@\n 1\n-2\n 3\n 4\n 5\n 6\n 7\n 8\n-9\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+10\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "2\n3\n4\n5\n6\n7\n8\n",
		 "@@ -1,4 +1,3 @@\n-1\n 2\n 3\n 4\n@@ -6,4 +5,3 @@\n 6\n 7\n 8\n-9\n"},
		{"a\r\n", "\033[2J\xff\\\n", "@@ -1 +1 @@\n-a\\x0d\n+\\x1b[2J\\xff\\\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf a = text_of(cases[i].old), b = text_of(cases[i].new), diff = {0};
		assert_int_equal(line_diff_unified(&a, &b, 3, &diff), 0);
		assert_string_equal(buf_text(&diff), cases[i].diff);
	}
}

static void put_at(const char *path, const struct buf *b)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, buf_text(b), b->len), 0);
}

static void patch_understands_it(void **state)
{
	(void)state;
	if (access("/usr/bin/patch", X_OK) < 0)
		skip();
	char dir[] = "/tmp/test-line-diff-XXXXXX", old[64], diff[64], out[64];
	assert_non_null(mkdtemp(dir));
	snprintf(old, sizeof(old), "%s/old", dir);
	snprintf(diff, sizeof(diff), "%s/diff", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	for (int i = 0; i < 200; i++) {
		_cleanup_buf_ struct buf a = {0}, b = {0}, u = {0}, got = {0}, said = {0};
		random_text(&a, 40, 8);
		random_edit(&a, &b, 8);
		if (buf_equal(&a, &b) || !a.len || !b.len)
			continue;
		buf_puts(&u, "--- old\n+++ old\n");
		assert_int_equal(line_diff_unified(&a, &b, dice(4), &u), 0);
		put_at(old, &a);
		put_at(diff, &u);
		const char *argv[] = {"/usr/bin/patch", "-s", "-f", "-F0", "-o", out, old, diff, NULL};
		int status = -1;
		assert_int_equal(spawn_read(argv, 60000, &said, NULL, &status), 0);
		if (status)
			fail_msg("%s\n%s", buf_text(&said), u.data);
		_cleanup_close_ int fd = open(out, O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_read(fd, 1 << 20, &got), 0);
		assert_true(buf_equal(&got, &b));
	}
	const char *argv[] = {"/bin/rm", "-rf", dir, NULL};
	assert_int_equal(spawn_read(argv, 60000, NULL, NULL, NULL), 0);
}

/* A base, what we made of it, and what somebody made of that: built from pieces whose
 * author is known, of lines that occur once each. */
struct story {
	struct buf before, after, current, wanted;
	unsigned serial;
	size_t conflict_line; /* of current, from 1 */
};

static void story_free(struct story *s)
{
	buf_free(&s->before);
	buf_free(&s->after);
	buf_free(&s->current);
	buf_free(&s->wanted);
}

static void keep(struct story *s, unsigned n)
{
	while (n--) {
		char line[32];
		int len = snprintf(line, sizeof(line), "kept %u\n", s->serial++);
		buf_add(&s->before, line, (size_t)len);
		buf_add(&s->after, line, (size_t)len);
		buf_add(&s->current, line, (size_t)len);
		buf_add(&s->wanted, line, (size_t)len);
	}
}

static void lines(struct story *s, const char *what, unsigned n, struct buf *one, struct buf *other)
{
	while (n--) {
		buf_printf(one, "%s %u\n", what, s->serial);
		buf_printf(other, "%s %u\n", what, s->serial++);
	}
}

static void our_edit(struct story *s)
{
	unsigned out = dice(3), in = dice(3) + (out == 0);
	lines(s, "we took", out, &s->before, &s->wanted);
	lines(s, "we put", in, &s->after, &s->current);
}

static void their_edit(struct story *s)
{
	unsigned out = dice(3), in = dice(3) + (out == 0);
	lines(s, "they took", out, &s->before, &s->after);
	lines(s, "they put", in, &s->current, &s->wanted);
}

/* Takes the last newline off all that end in the same kept line. */
static void unend(struct story *s)
{
	struct buf *all[] = {&s->before, &s->after, &s->current, &s->wanted};
	for (size_t i = 0; i < 4; i++)
		all[i]->data[--all[i]->len] = '\0';
}

static void their_edits_survive_ours(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		_cleanup_(story_free) struct story s = {0};
		_cleanup_buf_ struct buf out = {0};
		size_t line = 0;
		for (unsigned n = 1 + dice(8); n; n--) {
			keep(&s, n > 7 ? dice(2) : 1 + dice(4));
			dice(2) ? our_edit(&s) : their_edit(&s);
		}
		if (dice(2)) {
			keep(&s, 1 + dice(4));
			if (dice(2))
				unend(&s);
		}
		int r = line_diff_revert(&s.before, &s.after, &s.current, &out, &line);
		assert_int_equal(r, 0);
		assert_string_equal(buf_text(&out), buf_text(&s.wanted));
		assert_int_equal(out.len, s.wanted.len);
	}
}

static void touching_edits_are_refused_with_their_line(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		_cleanup_(story_free) struct story s = {0};
		_cleanup_buf_ struct buf out = {0};
		size_t line = 0;
		keep(&s, dice(4));
		if (dice(2)) {
			our_edit(&s);
			keep(&s, 1 + dice(3));
		}
		if (dice(2)) {
			their_edit(&s);
			keep(&s, 1 + dice(3));
		}
		bool ours_first = dice(2);
		if (ours_first)
			our_edit(&s);
		size_t expected = lines_in(&s.current) + 1;
		their_edit(&s);
		if (!ours_first)
			our_edit(&s);
		keep(&s, dice(4));
		assert_int_equal(line_diff_revert(&s.before, &s.after, &s.current, &out, &line), -EEXIST);
		assert_int_equal(line, expected);
		assert_int_equal(out.len, 0);
	}
}

/* Where lines repeat nobody can say whose they are, but nothing breaks. */
static void repeated_lines_do_no_harm(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		_cleanup_buf_ struct buf a = {0}, b = {0}, c = {0}, out = {0}, same = {0}, none = {0};
		size_t line = 0;
		random_text(&a, 15, 3);
		random_edit(&a, &b, 3);
		random_edit(&b, &c, 3);
		int r = line_diff_revert(&a, &b, &c, &out, &line);
		assert_true(r == 0 || (r == -EEXIST && line >= 1 && line <= lines_in(&c) + 1));
		assert_int_equal(line_diff_revert(&a, &b, &b, &same, &line), 0);
		assert_true(buf_equal(&same, &a));
		assert_int_equal(line_diff_revert(&b, &b, &c, &none, &line), 0);
		assert_true(buf_equal(&none, &c));
	}
}

static void lines_that_stand_again(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after, *current;
		size_t line; /* 0: none does */
	} cases[] = {
		{"a\nx\nb\n", "a\nb\n", "a\nb\n", 0},
		{"a\nx\nb\n", "a\nb\n", "a\nb\nc\n", 0},
		{"a\nx\nb\n", "a\nb\n", "a\nb\nc\nx\n", 4},
		{"a\nx\nb\n", "a\nb\n", "x", 1},
		{"a\nx\nb\n", "a\nb\n", "a\nx \t\r\n", 2},
		{"a\nx\nb\n", "a\nb\n", "a\n x\nxx\n", 0},
		{"a\nx\nx\n", "a\nx\n", "a\nx\nx\nx\n", 0}, /* one of them was left */
		{"a\n\n \nb\n", "a\nb\n", "\n\na\n \nb\n", 0},
		{"x", "", "b\nx\n", 2},
		{"", "a\n", "a\na\n", 0},
		{"x\n", "", "", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf before = text_of(cases[i].before), after = text_of(cases[i].after);
		_cleanup_buf_ struct buf current = text_of(cases[i].current);
		size_t line = 0;
		int r = line_diff_stands_again(&before, &after, &current, &line);
		if (r != (cases[i].line != 0) || line != cases[i].line)
			fail_msg("case %zu: %d, line %zu", i, r, line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_right_and_shortest),
		cmocka_unit_test(many_differences_are_still_right),
		cmocka_unit_test(unified_looks_as_diff_writes_it),
		cmocka_unit_test(patch_understands_it),
		cmocka_unit_test(their_edits_survive_ours),
		cmocka_unit_test(touching_edits_are_refused_with_their_line),
		cmocka_unit_test(repeated_lines_do_no_harm),
		cmocka_unit_test(lines_that_stand_again),
	};
	return cmocka_run_group_tests_name("line-diff", tests, NULL, NULL);
}
