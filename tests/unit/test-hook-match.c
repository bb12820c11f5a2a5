/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What patterns and the fields of rules match. Pure.
 */
#include "base/slice.h"
#include "hook/event.h"
#include "hook/rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void patterns(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"*", "", true},          {"a*", "a", true},        {"a*", "ba", false},     {"*a", "bbba", true},
		{"a*b*c", "axxbyyc", true}, {"a*b*c", "axxcyyb", false}, {"?", "\xc3\xa4", true}, {"?", "ab", false},
		{"[a-c]x", "bx", true},   {"[a-c]x", "dx", false},  {"[!a-c]x", "dx", true}, {"[^a]", "a", false},
		{"[]]", "]", true},       {"[a-]", "-", true},      {"[\\]]", "]", true},    {"[\xc3\xa4-\xc3\xb6]", "\xc3\xb5", true},
		{"\\*", "*", true},       {"\\*", "x", false},      {"a/*", "a/b/c", true},  {"**", "abc", true},
		{"", "", true},           {"", "a", false},         {"a?*", "a", false},     {"*[0-9]", "x9", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(glob_check(cases[i].pattern, &why), 0);
		if (glob_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].text);
	}
	static const char *const wrong[] = {"[", "a[b", "[]", "[!]", "[\\]", "a\\"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(glob_check(wrong[i], &why), -EINVAL);
	}
}

/* Twenty stars against sixty thousand letters: fnmatch(3) would not come back. */
static void a_pattern_takes_no_time(void **state)
{
	(void)state;
	char *text = malloc(60001);
	memset(text, 'a', 60000);
	text[60000] = '\0';
	assert_false(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", text));
	text[59999] = 'b';
	assert_true(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", text));
	free(text);
}

static struct slice text(const char *t)
{
	return (struct slice){t, strlen(t)};
}

static void fields_of_each_type(void **state)
{
	(void)state;
	static const struct {
		const char *field, *values;
		bool holds;
	} cases[] = {
		{"text", "hello", true},       {"text", "hell", false},      {"text", "x, hello", true},  {"text", "h*o", true},
		{"text", ">= 0", false},       {"number", "10", true},       {"number", ">= 10", true},   {"number", "> 10", false},
		{"number", "< 11", true},      {"number", "<= 9", false},    {"number", "= 10", true},    {"number", "1*", true},
		{"digits", ">= 5000", true},   {"digits", "5763", true},     {"digits", "< 5000", false}, {"yes", "yes", true},
		{"yes", "no", false},          {"empty", "*", false},        {"gone", "*", false},        {"ip", "203.0.113.0/24", true},
		{"ip", "203.0.113.9", true},   {"ip", "203.0.114.0/24", false}, {"mapped", "203.0.113.9", true}, {"ip", "2001:db8::/32", false},
		{"net", "203.0.113.0/24", true}, {"net", "203.0.113.0/26", false}, {"list", "sshd", true}, {"list", "ss*", true},
		{"list", "ftp", false},        {"list", "ftp, 17", true},    {"text", "\"h*o\"", false},  {"huge", "> 5", false},
		{"text", "203.0.113.0/24", false},
	};
	_cleanup_event_ struct event event = {0};
	event_add_text(&event, "text", text("hello"));
	event_add_number(&event, "number", 10);
	event_add_text(&event, "digits", text("5763"));
	event_add_text(&event, "huge", text("99999999999999999999"));
	event_add_yes_no(&event, "yes", true);
	event_add_empty(&event, "empty");
	event_add_text(&event, "ip", text("203.0.113.9"));
	event_add_text(&event, "mapped", text("::ffff:203.0.113.9"));
	event_add_text(&event, "net", text("203.0.113.0/25"));
	event_add_item(&event, "list", text("sshd"));
	event_add_item(&event, "list", text("17"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct matcher m = {0};
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(matcher_parse(cases[i].field, cases[i].values, &m, &why), 0);
		if (matcher_holds(&m, &event) != cases[i].holds)
			fail_msg("%s = %s", cases[i].field, cases[i].values);
		matcher_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(a_pattern_takes_no_time),
		cmocka_unit_test(fields_of_each_type),
	};
	return cmocka_run_group_tests_name("hook-match", tests, NULL, NULL);
}
