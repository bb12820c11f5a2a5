/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with two numbers, the longest line that may be and into how long pieces the rest is
 * cut: the lines that come out do not depend on the pieces, and none is lost but those that are
 * too long, which are counted.
 */
#include "fuzz.h"

#include "hook/feed.h"

#include <stdlib.h>
#include <string.h>

/* Lengths and bytes of what came out, so that two ways can be compared. */
static void note(struct buf *out, struct slice line)
{
	buf_printf(out, "%zu ", line.len);
	buf_add(out, line.p, line.len);
}

static uint64_t cut(const struct buf *text, size_t max, size_t piece, struct buf *ret)
{
	struct feed feed;
	struct slice line;
	feed_init(&feed, max);
	for (size_t at = 0; at < text->len; at += piece) {
		size_t len = text->len - at < piece ? text->len - at : piece;
		MUST(feed_put(&feed, (struct slice){text->data + at, len}) == 0);
		while (feed_line(&feed, &line)) {
			MUST(line.len && line.len <= max && !memchr(line.p, '\n', line.len));
			note(ret, line);
		}
		MUST(feed.to - feed.from <= max);
	}
	if (feed_rest(&feed, &line))
		note(ret, line);
	uint64_t too_long = feed.too_long;
	feed_free(&feed);
	return too_long;
}

/* The same, seen all at once. */
static uint64_t expect(const struct buf *text, size_t max, struct buf *ret)
{
	uint64_t too_long = 0;
	for (size_t at = 0; at < text->len;) {
		const char *begin = text->data + at, *end = memchr(begin, '\n', text->len - at);
		struct slice line = {begin, end ? (size_t)(end - begin) : text->len - at};
		too_long += line.len > max;
		if (line.len && line.len <= max)
			note(ret, line);
		at += line.len + 1;
	}
	return too_long;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *head = fuzz_line(&in);
	_cleanup_buf_ struct buf text = fuzz_rest(&in), got = {0}, wanted = {0};
	char *end;
	size_t max = strtoul(head, &end, 10) % 5000, piece = strtoul(end, NULL, 10) % 5000 + 1;
	if (text.len / piece > 100000)
		return 0;
	uint64_t too_long = cut(&text, max, piece, &got);
	MUST(too_long == expect(&text, max, &wanted));
	MUST(buf_equal(&got, &wanted));
	return 0;
}
