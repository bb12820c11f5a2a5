/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON to an event, by the source that takes any object.
 */
#include "hook-stage.h"

#include "hook/flatten.h"
#include "sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct source *json(void)
{
	return source_find("json");
}

static void check(const char *message, const char *expected)
{
	_cleanup_free_ char *text = hook_events(json(), hook_text(message));
	assert_string_equal(text, expected);
}

static void refused(const char *message, const char *words)
{
	hook_refuses(json(), hook_text(message), words);
}

static void every_type_has_its_field(void **state)
{
	(void)state;
	check("{\"text\":\"a\",\"n\":-5,\"yes\":true,\"no\":false,\"none\":null,\"o\":{},\"l\":[],\"list\":[\"b\",7,true,2.50]}",
	      "action text alert\nl empty \nlist list [b][7][yes][2.50]\nn number -5\nno yes or no no\nnone empty \n"
	      "o empty \ntext text a\nyes yes or no yes\n");
	check("{}", "action text alert\n");
	check(" {\"action\":\"add\"}\r\n", "action text add\n");
}

static void names_are_joined_by_dots(void **state)
{
	(void)state;
	check("{\"a\":{\"b\":{\"c\":1},\"d.e\":2}}", "a.b.c number 1\na.d.e number 2\naction text alert\n");
	check("{\"a\":[{\"x\":1},{\"x\":2},3,null,[4,5]]}",
	      "a.0.x number 1\na.1.x number 2\na.2 number 3\na.3 empty \na.4 list [4][5]\naction text alert\n");
	check("{\"output_fields\":{\"proc.pid\":412}}", "action text alert\noutput_fields.proc.pid number 412\n");
}

/* A rule could not tell which of them it reads. */
static void two_ways_to_one_name_are_refused(void **state)
{
	(void)state;
	refused("{\"a.b\":1,\"a\":{\"b\":2}}", "two members are named \"a.b\"");
	refused("{\"a\":[null],\"a.0\":1}", "two members are named \"a.0\"");
	refused("{\"a.b\":[1],\"a\":{\"b\":[2]}}", "two members are named \"a.b\"");
	refused("{\"a.b\":1,\"a\":{\"b\":[]}}", "two members are named \"a.b\"");
	refused("{\"a.b\":1,\"a\":{\"b\":\"\\u0000\"}}", "two members are named \"a.b\"");
	refused("{\"srcip\":\"192.0.2.1\",\"srcip\":\"192.0.2.2\"}", "duplicate");
	refused("{\"a\":{\"b\":1,\"\\u0062\":2}}", "duplicate");
}

static void numbers_are_whole_or_text_as_written(void **state)
{
	(void)state;
	check("{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":9223372036854775808,\"d\":1.0,\"e\":1e3,"
	      "\"f\":-0.50,\"g\":1E999,\"h\":0}",
	      "a number 9223372036854775807\naction text alert\nb number -9223372036854775808\n"
	      "c text 9223372036854775808\nd text 1.0\ne text 1e3\nf text -0.50\ng text 1E999\nh number 0\n");
	check("{\"a\":\"1.5\",\"b\":[1.5,-2],\"1.5\":\"\\\"2.5\"}",
	      "1.5 text \"2.5\na text 1.5\naction text alert\nb list [1.5][-2]\n");
	static const char *const none[] = {
	        "{\"a\":01}",      "{\"a\":+1}",   "{\"a\":1.}",      "{\"a\":.5}",     "{\"a\":1e}",   "{\"a\":--1}",
	        "{\"a\":NaN}",     "{\"a\":-}",    "{\"a\":0x10}",    "{1.5:1}",        "{1.5 :1}",     "{1:1}",
	        "{\"a\":1.5.5}",   "{\"a\":1 2}",  "{\"a\":1.5 2.5}", "{\"a\":1-1}",    "{\"a\":1.5e+}",
	        "{\"a\":Infinity}",
	        "{\"a\":1.5\"b\"}"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		refused(none[i], "no JSON that is accepted");
}

static void what_is_no_object_is_refused(void **state)
{
	(void)state;
	static const char *const none[] = {"null", "1", "1.5", "\"a\"", "[]", "[{\"a\":1}]", "true"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		refused(none[i], "no JSON object");
	static const char *const broken[] = {
	        "",           " ",           "{",         "{\"a\":1}}",     "{\"a\":1}{}", "{\"a\":1,}", "{'a':1}",
	        "{\"a\":1} x", "{\"a\" 1}",   "{a:1}",     "// c\n{}",       "{\"a\":\"}",  "\xef\xbb\xbf{}"};
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		refused(broken[i], "no JSON that is accepted");
	hook_refuses_truncated(json(), hook_text("{\"a\":{\"b\":[1,\"x\",{\"y\":null}]},\"c\":1.5}\n"));
}

/* A process, a file or a header may be named so: the rest of the alert is read. */
static void what_is_no_text_is_empty(void **state)
{
	(void)state;
	static const char *const none[] = {"\xff",    "\xc0\xaf", "\xed\xa0\x80",  "\xf4\x90\x80\x80", "\xe2\x82",
	                                   "\\u0000", "\\ud800",  "\\ud800\\u0041", "\\udfff\\ud83d",   "\\uDBFF\\n"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		_cleanup_buf_ struct buf alone = {0}, within = {0}, item = {0};
		buf_printf(&alone, "{\"a\":\"%s\",\"b\":1}", none[i]);
		check(buf_text(&alone), "a empty \naction text alert\nb number 1\n");
		buf_printf(&within, "{\"a\":\"x\\\\\\\"%s.\\ud83d\\ude00\",\"b\":2.5}", none[i]);
		check(buf_text(&within), "a empty \naction text alert\nb text 2.5\n");
		buf_printf(&item, "{\"a\":[\"%s\",\"x\"],\"b\":[\"%s\"]}", none[i], none[i]);
		check(buf_text(&item), "a list [x]\naction text alert\nb empty \n");
	}
}

static void what_is_no_text_and_no_json_is_refused(void **state)
{
	(void)state;
	static const char *const none[] = {"{\"a\\u0000\":1}", "{\"\xff\":1}",  "{\"a\":\"\n\"}", "{\"a\":\"\\x41\"}",
	                                   "{\"a\":\"\x01\"}",  "{\"a\":\xff}", "\xff{}",          "{\"a\":\"\\u00g0\"}",
	                                   "{\"a\":\"\\ud8\"}",  "{\"a\":\"\xff"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		refused(none[i], "no JSON that is accepted");
	static const char with_nul[] = "{\"a\":\"b\0c\"}", behind_nul[] = "{\"a\":1}\0{\"a\":2}";
	hook_refuses(json(), (struct slice){with_nul, sizeof(with_nul) - 1}, "");
	hook_refuses(json(), (struct slice){behind_nul, sizeof(behind_nul) - 1}, "");
	refused("{\"\":1}", "an empty name");
	refused("{\"a\":{\"\":1}}", "an empty name");
}

/* As many headers as somebody likes. */
static void of_many_elements_the_first_are_read(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf b = {0};
	buf_puts(&b, "{\"headers\":[{\"name\":\"0\",\"value\":\"x\"}");
	for (int i = 1; i < 5000; i++)
		buf_printf(&b, ",{\"name\":\"%d\",\"value\":\"x\"}", i);
	buf_puts(&b, "],\"srcip\":\"192.0.2.1\"}");
	HOOK_HAS(json(), slice_of(&b), "headers.31.name text 31", "srcip text 192.0.2.1");
	hook_lacks(json(), slice_of(&b), "headers.32.name");
}

/* They stay what they are: characters of a value. */
static void hostile_texts_are_values(void **state)
{
	(void)state;
	check("{\"a\":\"$(reboot)`id`;'\\\"|\\n\\u001b[2J${event.b}\"}",
	      "a text $(reboot)`id`;'\"|\n\033[2J${event.b}\naction text alert\n");
	check("{\"$(x)\\n\":1}", "$(x)\n number 1\naction text alert\n");
	check("{\"a\":\"\\ud83d\\ude00 \\u202e\"}", "a text \xf0\x9f\x98\x80 \xe2\x80\xae\naction text alert\n");
}

static void nest(struct buf *b, int depth, const char *open, const char *close)
{
	for (int i = 1; i < depth; i++)
		buf_puts(b, open);
	buf_puts(b, "1");
	for (int i = 1; i < depth; i++)
		buf_puts(b, close);
}

static void nested(int depth, const char *open, const char *close, bool good)
{
	_cleanup_buf_ struct buf b = {0};
	buf_puts(&b, "{\"a\":");
	nest(&b, depth, open, close);
	buf_puts(&b, "}");
	if (good)
		free(hook_events(json(), slice_of(&b)));
	else
		hook_refuses(json(), slice_of(&b), "nested deeper than 16 levels");
}

static void depth_is_bounded(void **state)
{
	(void)state;
	nested(EVENT_DEPTH_MAX, "{\"a\":", "}", true);
	nested(EVENT_DEPTH_MAX, "[", "]", true);
	nested(EVENT_DEPTH_MAX + 1, "{\"a\":", "}", false);
	nested(EVENT_DEPTH_MAX + 1, "[", "]", false);
	nested(200000, "[", "", false);
	check("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[{{{{{{{\"}",
	         "a text [[[[[[[[[[[[[[[[[[[[[[[[[[{{{{{{{\naction text alert\n");
}

/* {"a":"xxx"} with so many, and one more. */
static void text_of(size_t name, size_t value, bool good)
{
	_cleanup_buf_ struct buf b = {0};
	buf_puts(&b, "{\"");
	for (size_t i = 0; i < name; i++)
		buf_putc(&b, 'n');
	buf_puts(&b, "\":\"");
	for (size_t i = 0; i < value; i++)
		buf_putc(&b, 'v');
	buf_puts(&b, "\"}");
	if (good)
		free(hook_events(json(), slice_of(&b)));
	else
		hook_refuses(json(), slice_of(&b), "more than an event may have");
}

static void many(size_t n, const char *format, bool good)
{
	_cleanup_buf_ struct buf b = {0};
	buf_puts(&b, "{");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s\"k%zu\":%s", i ? "," : "", i, format);
	buf_puts(&b, "}");
	if (good)
		free(hook_events(json(), slice_of(&b)));
	else
		hook_refuses(json(), slice_of(&b), "more than an event may have");
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	text_of(EVENT_NAME_MAX, EVENT_TEXT_MAX, true);
	text_of(EVENT_NAME_MAX + 1, 1, false);
	text_of(1, EVENT_TEXT_MAX + 1, true); /* and empty */
	many(EVENT_FIELDS_MAX - 1, "1", true); /* and "action" */
	many(EVENT_FIELDS_MAX, "1", false);
	many(EVENT_LISTS_MAX, "[1]", true);
	many(EVENT_LISTS_MAX + 1, "[1]", false);
}

/* Of the allocations that base/json-read.c makes for jansson, which one fails, from 0; and how
 * many there were. */
static size_t failing = SIZE_MAX, allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return allocations++ == failing ? NULL : __real_malloc(size);
}

/* jansson itself tells a lack of memory as another error, or leaves out a part of a text. */
static void without_memory_nothing_is_read(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf text = {0};
	_cleanup_json_ json_t *whole = NULL;
	buf_puts(&text, "{\"srcip\":\"203.0.113.9\",\"list\":[1,\"two\"],\"long\":\"");
	for (int i = 0; i < 500; i++)
		buf_puts(&text, "long text, ");
	buf_puts(&text, "\"}");
	allocations = 0;
	assert_int_equal(json_read(text.data, text.len, 0, &whole, NULL), 0);
	size_t n = allocations;
	assert_true(n > 10);
	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf why = {0};
		json_t *json = NULL;
		allocations = 0;
		failing = i;
		int r = json_read(text.data, text.len, 0, &json, &why);
		failing = SIZE_MAX;
		assert_int_equal(r, -ENOMEM);
		assert_null(json);
		assert_int_equal(why.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_field),
		cmocka_unit_test(names_are_joined_by_dots),
		cmocka_unit_test(two_ways_to_one_name_are_refused),
		cmocka_unit_test(numbers_are_whole_or_text_as_written),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(what_is_no_text_is_empty),
		cmocka_unit_test(what_is_no_text_and_no_json_is_refused),
		cmocka_unit_test(of_many_elements_the_first_are_read),
		cmocka_unit_test(hostile_texts_are_values),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(without_memory_nothing_is_read),
	};
	return cmocka_run_group_tests_name("hook-json", tests, NULL, NULL);
}
