/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Three texts with "----" between them: before, after, and what somebody made of
 * after. Hunks turn before into after; taking our edit out again gives before back, or
 * what somebody else made of it, line for line.
 */
#include "fuzz.h"

#include "base/line-diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	struct buf *v;
	size_t n;
};

static struct lines split(const struct buf *text)
{
	struct lines lines = {0};
	for (size_t at = 0, len; at < text->len; at += len) {
		const char *newline = memchr(text->data + at, '\n', text->len - at);
		len = newline ? (size_t)(newline - text->data) - at + 1 : text->len - at;
		lines.v = reallocarray(lines.v, lines.n + 1, sizeof(*lines.v));
		MUST(lines.v);
		lines.v[lines.n] = (struct buf){0};
		buf_add(&lines.v[lines.n++], text->data + at, len);
	}
	return lines;
}

static void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		buf_free(&lines->v[i]);
	free(lines->v);
}

#define _cleanup_lines_ _cleanup_(lines_free)

static void put(struct buf *out, const struct lines *lines, size_t at, size_t end)
{
	MUST(at <= end && end <= lines->n);
	for (; at < end; at++)
		buf_add(out, lines->v[at].data, lines->v[at].len);
}

static void hunks_make_it(const struct buf *old, const struct buf *new, const struct hunks *hunks)
{
	_cleanup_lines_ struct lines a = split(old), b = split(new);
	_cleanup_buf_ struct buf out = {0};
	size_t at = 0, new_at = 0;
	for (size_t i = 0; i < hunks->n; i++) {
		const struct hunk *h = &hunks->v[i];
		MUST(h->old_n || h->new_n);
		MUST(i == 0 || (h->old_at > at && h->new_at > new_at));
		put(&out, &a, at, h->old_at);
		put(&out, &b, h->new_at, h->new_at + h->new_n);
		at = h->old_at + h->old_n;
		new_at = h->new_at + h->new_n;
	}
	put(&out, &a, at, a.n);
	MUST(buf_equal(&out, new));
}

/* Every line of a unified diff says by its first byte what it is. */
static void diff_shows_it(const struct buf *old, const struct buf *new, const struct hunks *hunks)
{
	_cleanup_buf_ struct buf text = {0};
	size_t removed = 0, added = 0;
	MUST(line_diff_unified(old, new, 3, &text) == 0);
	MUST((text.len == 0) == (hunks->n == 0));
	_cleanup_lines_ struct lines lines = split(&text);
	for (size_t i = 0; i < lines.n; i++) {
		MUST(strchr("@ +-\\", lines.v[i].data[0]));
		MUST(lines.v[i].data[lines.v[i].len - 1] == '\n');
		removed += lines.v[i].data[0] == '-';
		added += lines.v[i].data[0] == '+';
	}
	for (size_t i = 0; i < hunks->n; i++) {
		removed -= hunks->v[i].old_n;
		added -= hunks->v[i].new_n;
	}
	MUST(removed == 0 && added == 0);
}

static long count(const struct lines *lines, const struct buf *line)
{
	long n = 0;
	for (size_t i = 0; i < lines->n; i++)
		n += buf_equal(&lines->v[i], line);
	return n;
}

/* No line of anybody else gets lost or doubled. */
static void lines_add_up(const struct buf *before, const struct buf *after, const struct buf *current,
                         const struct buf *result)
{
	_cleanup_lines_ struct lines b = split(before), a = split(after), c = split(current), r = split(result);
	const struct lines *all[] = {&b, &a, &c, &r};
	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < all[k]->n; i++) {
			const struct buf *line = &all[k]->v[i];
			MUST(count(&r, line) == count(&c, line) - count(&a, line) + count(&b, line));
		}
}

static void undo_gives_it_back(const struct buf *before, const struct buf *after)
{
	_cleanup_buf_ struct buf result = {0};
	size_t line = 0;
	MUST(line_diff_revert(before, after, after, &result, &line) == 0);
	MUST(buf_equal(&result, before));
}

static void undo_keeps_what_others_did(const struct buf *before, const struct buf *after, const struct buf *current)
{
	_cleanup_buf_ struct buf result = {0};
	size_t line = 0;
	int r = line_diff_revert(before, after, current, &result, &line);
	MUST(r == 0 || r == -EEXIST);
	if (r == 0)
		lines_add_up(before, after, current, &result);
	else
		MUST(line >= 1 && !result.len);
	if (buf_equal(before, after))
		MUST(r == 0 && buf_equal(&result, current));
}

/* What our edit took away does not stand in what it left; where some of it stands again,
 * it does in all of before. */
static void what_came_back_is_seen(const struct buf *before, const struct buf *after, const struct buf *current)
{
	_cleanup_lines_ struct lines c = split(current);
	size_t line = 0;
	MUST(line_diff_stands_again(before, before, current, &line) == 0);
	MUST(line_diff_stands_again(before, after, after, &line) == 0 && line == 0);
	int r = line_diff_stands_again(before, after, current, &line);
	MUST(r == 0 ? line == 0 : r == 1 && line >= 1 && line <= c.n);
	if (r == 0)
		return;
	_cleanup_buf_ struct buf both = {0};
	buf_add(&both, current->data, current->len);
	buf_add(&both, "\nx", 2);
	MUST(line_diff_stands_again(before, after, &both, &line) == 1);
	MUST(line_diff_stands_again(before, after, before, &line) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf before = fuzz_part(&in), after = fuzz_part(&in), current = fuzz_part(&in);
	struct hunks hunks = {0};
	MUST(line_diff(&before, &after, &hunks) == 0);
	hunks_make_it(&before, &after, &hunks);
	diff_shows_it(&before, &after, &hunks);
	hunks_free(&hunks);
	undo_gives_it_back(&before, &after);
	undo_keeps_what_others_did(&before, &after, &current);
	what_came_back_is_seen(&before, &after, &current);
	return 0;
}
