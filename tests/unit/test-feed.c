/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of a stream: whole, however they come, and none that is too long.
 */
#include "feed-stage.h"

#include "hook/feed.h"

#include <string.h>

static void put(struct feed *feed, const char *text, struct buf *taken)
{
	struct slice line;
	assert_int_equal(feed_put(feed, (struct slice){text, strlen(text)}), 0);
	while (feed_line(feed, &line))
		note(taken, line);
}

static void lines_come_whole_however_they_were_cut(void **state)
{
	(void)state;
	static const char text[] = "one\n\ntwo\nthree and more\n\n\nfour\n";
	for (size_t cut = 1; cut < sizeof(text); cut++) {
		struct feed feed;
		struct slice rest;
		_cleanup_buf_ struct buf taken = {0};
		feed_init(&feed, 100);
		for (size_t at = 0; at < sizeof(text) - 1; at += cut) {
			char piece[sizeof(text)] = "";
			memcpy(piece, text + at, at + cut < sizeof(text) ? cut : sizeof(text) - 1 - at);
			put(&feed, piece, &taken);
		}
		assert_taken(&taken, "one|two|three and more|four|");
		assert_false(feed_rest(&feed, &rest));
		assert_int_equal(feed.too_long, 0);
		feed_free(&feed);
	}
}

static void a_line_that_is_too_long_is_passed_over_and_counted_once(void **state)
{
	(void)state;
	struct feed feed;
	_cleanup_buf_ struct buf taken = {0};
	feed_init(&feed, 5);
	put(&feed, "12345\n123456\nab\n", &taken);
	assert_taken(&taken, "12345|ab|");
	assert_int_equal(feed.too_long, 1);
	put(&feed, "12345", &taken);
	put(&feed, "\n1234567", &taken);
	put(&feed, "89", &taken);
	put(&feed, "0\nnext\n", &taken);
	assert_taken(&taken, "12345|next|");
	assert_int_equal(feed.too_long, 2);
	feed_free(&feed);
}

static void the_rest_of_a_stream_is_a_line_unless_it_is_too_long(void **state)
{
	(void)state;
	struct feed feed;
	struct slice rest;
	_cleanup_buf_ struct buf taken = {0};
	feed_init(&feed, 5);
	put(&feed, "a\nbc", &taken);
	assert_true(feed_rest(&feed, &rest));
	assert_int_equal(rest.len, 2);
	assert_memory_equal(rest.p, "bc", 2);
	assert_false(feed_rest(&feed, &rest));
	put(&feed, "1234567", &taken);
	assert_false(feed_rest(&feed, &rest));
	assert_int_equal(feed.too_long, 1);
	feed_join(&feed);
	put(&feed, "midst\nwhole\n", &taken);
	assert_taken(&taken, "a|whole|");
	assert_int_equal(feed.too_long, 1);
	feed_free(&feed);
}

/* A stranger who never ends a line costs no more than one who does. */
static void an_endless_line_takes_no_memory(void **state)
{
	(void)state;
	static char block[FEED_READ_MAX];
	struct feed feed;
	struct slice line;
	feed_init(&feed, 1000000);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(feed_put(&feed, (struct slice){block, sizeof(block)}), 0);
		assert_false(feed_line(&feed, &line));
		assert_true(feed.cap <= 1000000 + 4 * FEED_READ_MAX);
	}
	assert_int_equal(feed.too_long, 1);
	assert_true(feed.cap <= 4 * FEED_READ_MAX); /* given back when it had gone by */
	feed_free(&feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_however_they_were_cut),
		cmocka_unit_test(a_line_that_is_too_long_is_passed_over_and_counted_once),
		cmocka_unit_test(the_rest_of_a_stream_is_a_line_unless_it_is_too_long),
		cmocka_unit_test(an_endless_line_takes_no_memory),
	};
	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
