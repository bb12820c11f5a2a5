/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Decisions of CrowdSec: one, an array, a stream, alerts that have some.
 */
#include "hook-stage.h"

#include "sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define DECISION(duration, scope, value)                                                                               \
	"{\"duration\":\"" duration "\",\"id\":1,\"origin\":\"crowdsec\",\"scenario\":\"crowdsecurity/ssh-bf\","       \
	"\"scope\":\"" scope "\",\"type\":\"ban\",\"uuid\":\"u-1\",\"value\":\"" value "\"}"
static const struct source *crowdsec(void)
{
	return source_find("crowdsec");
}

static void check(const char *message, const char *expected)
{
	_cleanup_free_ char *text = hook_events(crowdsec(), hook_text(message));
	assert_string_equal(text, expected);
}

#define ADD(duration, values)                                                                                          \
	"action text add\nduration text " duration "\norigin text crowdsec\nscenario text crowdsecurity/ssh-bf\n"      \
	"scope text Ip\ntype text ban\nvalue list " values "\n"
#define DELETE(values)                                                                                                 \
	"action text delete\norigin text crowdsec\nscenario text crowdsecurity/ssh-bf\nscope text Ip\ntype text ban\n"  \
	"value list " values "\n"

static void every_form_is_read(void **state)
{
	(void)state;
	check(DECISION("4h", "Ip", "203.0.113.9"), ADD("4h", "[203.0.113.9]"));
	check("[" DECISION("3h59m51.208s", "Ip", "203.0.113.9") "]\n", ADD("4h", "[203.0.113.9]"));
	check("{\"deleted\":null,\"new\":[" DECISION("4h", "Ip", "a") "," DECISION("3h30m", "Ip", "b") "]}",
	      ADD("4h", "[a]") "--\n" ADD("4h", "[b]"));
	check("{\"new\":[" DECISION("4h", "Ip", "a") "],\"deleted\":[" DECISION("-1h2m3s", "Ip", "b") "]}",
	      DELETE("[b]") "--\n" ADD("4h", "[a]"));
	check("[{\"id\":7,\"scenario\":\"x\",\"source\":{\"ip\":\"203.0.113.9\"},\"decisions\":["
	      DECISION("4h", "Ip", "203.0.113.9") "]},{\"id\":8,\"decisions\":null}]",
	      ADD("4h", "[203.0.113.9]"));
	static const char *const nothing[] = {"null", "[]", "{\"new\":null,\"deleted\":null}", "{\"new\":[]}"};
	for (size_t i = 0; i < COUNT(nothing); i++)
		check(nothing[i], "");
}

/* N decisions of these origins in turn; their values are 0, 1, ... */
static void many_of(struct buf *b, int n, const char *duration, const char *origin, const char *other)
{
	for (int i = 0; i < n; i++)
		buf_printf(b, "%c{\"duration\":\"%s\",\"origin\":\"%s\",\"scenario\":\"s\",\"scope\":\"Ip\","
		           "\"type\":\"ban\",\"value\":\"%d\"}", b->len ? ',' : '[', duration,
		         i % 2 ? other : origin, i);
}

static void many_that_are_alike_are_one_event(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf few = {0}, many = {0}, mixed = {0};
	many_of(&few, 20, "4h", "CAPI", "CAPI");
	buf_puts(&few, "]");
	_cleanup_free_ char *each = hook_events(crowdsec(), slice_of(&few));
	assert_non_null(strstr(each, "value list [18]\n--\n"));
	assert_non_null(strstr(each, "value list [19]\n"));
	many_of(&many, 21, "4h", "CAPI", "CAPI");
	buf_puts(&many, "]");
	HOOK_HAS(crowdsec(), slice_of(&many), "origin text CAPI", "duration text 4h",
	         "value list [0][1][2][3][4][5][6][7][8][9][10][11][12][13][14][15][16][17][18][19][20]");
	many_of(&mixed, 21, "4h", "CAPI", "lists");
	many_of(&mixed, 21, "1h", "CAPI", "lists");
	buf_puts(&mixed, "]");
	_cleanup_free_ char *two = hook_events(crowdsec(), slice_of(&mixed));
	assert_null(strstr(two, "origin"));
	assert_non_null(strstr(two, "duration text 4h\n"));
	assert_non_null(strstr(two, "--\naction text add\nduration text 1h\nscenario text s\n"));
	_cleanup_free_ char *both = hook_events(crowdsec(), hook_text("[" DECISION("4h", "Range", "192.0.2.0/24") ","
	                                                             DECISION("4h", "Ip", "a") "]"));
	assert_non_null(strstr(both, "scope text Range\n"));
	assert_non_null(strstr(both, "--\n"));
}

static void what_has_expired_is_deleted(void **state)
{
	(void)state;
	check(DECISION("-3h2m", "Ip", "a"), DELETE("[a]"));
	check(DECISION("0s", "Ip", "a"), DELETE("[a]"));
	check("{\"deleted\":[{\"origin\":\"crowdsec\",\"scenario\":\"crowdsecurity/ssh-bf\",\"scope\":\"Ip\","
	      "\"type\":\"ban\",\"value\":\"a\"}]}", DELETE("[a]"));
}

/* CrowdSec says: a simulated decision is for nobody to act on. */
static void simulated_decisions_are_passed_over(void **state)
{
	(void)state;
	check("[{\"duration\":\"4h\",\"origin\":\"crowdsec\",\"scenario\":\"s\",\"scope\":\"Ip\",\"type\":\"ban\","
	      "\"value\":\"b\",\"simulated\":true}," DECISION("4h", "Ip", "a") "]", ADD("4h", "[a]"));
}

static void durations_are_go_durations(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"1ns", "1m"},       {"300ms", "1m"},  {"60s", "1m"},        {"61s", "2m"},     {"59m", "59m"},
		{"59m0.5s", "1h"},   {"1h", "1h"},     {"1h0m1ns", "2h"},    {"1.5h", "2h"},
		{"167h59m59.999999999s", "168h"},
		{"0.0000001h", "1m"}, {"5\xc2\xb5s", "1m"}, {"2562047h", "876000h"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		_cleanup_buf_ struct buf message = {0}, line = {0};
		buf_printf(&message, "{\"duration\":\"%s\",\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"a\"}",
		         cases[i][0]);
		buf_printf(&line, "duration text %s", cases[i][1]);
		hook_has(crowdsec(), slice_of(&message), (const char *const[]){buf_text(&line), NULL});
	}
	static const char *const none[] = {"", "-", "4", "h", "4 h", "4h ", " 4h", "4hours", "1h-2m", "4H", "1e3s", ".5h",
	                                   "1.h", "+4h", "99999999999999999999h", "9999999999h", "4h\\u0000"};
	for (size_t i = 0; i < COUNT(none); i++) {
		_cleanup_buf_ struct buf message = {0};
		buf_printf(&message, "{\"duration\":\"%s\",\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"a\"}",
		         none[i]);
		hook_refuses(crowdsec(), slice_of(&message), "");
	}
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *message, *why;
	} cases[] = {
		{"{}", "no \"value\""},
		{"{\"duration\":\"4h\",\"scope\":\"Ip\",\"type\":\"ban\"}", "no \"value\""},
		{"{\"duration\":\"4h\",\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"\"}", "no \"value\""},
		{"{\"duration\":\"4h\",\"scope\":\"Ip\",\"type\":\"ban\",\"value\":3221225985}", "no \"value\""},
		{"{\"duration\":\"4h\",\"scope\":\"Ip\",\"type\":\"ban\",\"value\":[\"a\"]}", "no \"value\""},
		{"{\"duration\":\"4h\",\"type\":\"ban\",\"value\":\"a\"}", "no \"value\", \"type\" or \"scope\""},
		{"{\"duration\":4,\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"a\"}", "no \"duration\""},
		{"{\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"a\"}", "no \"duration\""},
		{"[" DECISION("4h", "Ip", "a") ",{}]", "no \"value\""},
		{"[[]]", "is no object"},
		{"[1]", "is no object"},
		{"5", "list of decisions is none"},
		{"{\"new\":{}}", "list of decisions is none"},
		{"{\"new\":[],\"deleted\":\"x\"}", "list of decisions is none"},
		{"{\"decisions\":[{\"decisions\":[{}]}]}", "no \"value\""},
		{"{\"message\":\"access forbidden\"}", "no \"value\""},
		{"{\"new\":[],\"new\":[]}", "duplicate"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		hook_refuses(crowdsec(), hook_text(cases[i].message), cases[i].why);
	hook_refuses_truncated(crowdsec(), hook_text("{\"new\":[" DECISION("4h", "Ip", "a") "],\"deleted\":null}"));
}

static void ten_thousand_are_one_event(void **state)
{
	(void)state;
	enum { N = 10000 };
	_cleanup_buf_ struct buf message = {0}, why = {0};
	_cleanup_events_ struct events events = {0};
	buf_puts(&message, "{\"new\":[");
	for (int i = 0; i < N; i++)
		buf_printf(&message,
		         "%s{\"duration\":\"3h%dm%d.5s\",\"id\":%d,\"origin\":\"CAPI\",\"scenario\":\"ssh:bruteforce\","
		           "\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"198.18.%d.%d\"}", i ? "," : "", i % 59,
		         i % 60, i,
		           i / 256, i % 256);
	buf_puts(&message, "],\"deleted\":null}");
	assert_int_equal(crowdsec()->parse(slice_of(&message), &events, &why), 0);
	assert_int_equal(events.n, 1);
	const struct field *value = event_field(&events.v[0], "value");
	assert_int_equal(value->items.n, N);
	assert_string_equal(value->items.v[N - 1], "198.18.39.15");
	assert_string_equal(event_field(&events.v[0], "duration")->text, "4h");
}

/* One kind a minute or hour is as many as there can be; types are the message's. */
static void kinds_are_bounded(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf message = {0};
	buf_puts(&message, "[");
	for (int i = 0; i <= EVENTS_MAX; i++)
		buf_printf(&message, "%s{\"duration\":\"4h\",\"scope\":\"Ip\",\"type\":\"t%d\",\"value\":\"a\"}",
		         i ? "," : "", i);
	buf_puts(&message, "]");
	hook_refuses(crowdsec(), slice_of(&message), "too many different kinds");
}

static void a_list_that_is_full_is_continued(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf message = {0}, why = {0};
	_cleanup_events_ struct events events = {0};
	buf_puts(&message, "[");
	for (int i = 0; i < EVENT_ITEMS_MAX + 5; i++)
		buf_printf(&message, "%s{\"duration\":\"4h\",\"scope\":\"Ip\",\"type\":\"ban\",\"value\":\"%d\"}",
		         i ? "," : "", i);
	buf_puts(&message, "]");
	assert_int_equal(crowdsec()->parse(slice_of(&message), &events, &why), 0);
	assert_int_equal(events.n, 6);
	assert_int_equal(event_field(&events.v[0], "value")->items.n, EVENT_ITEMS_MAX);
	assert_string_equal(event_field(&events.v[5], "value")->items.v[0], "100004");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read),
		cmocka_unit_test(many_that_are_alike_are_one_event),
		cmocka_unit_test(what_has_expired_is_deleted),
		cmocka_unit_test(simulated_decisions_are_passed_over),
		cmocka_unit_test(durations_are_go_durations),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(ten_thousand_are_one_event),
		cmocka_unit_test(kinds_are_bounded),
		cmocka_unit_test(a_list_that_is_full_is_continued),
	};
	return cmocka_run_group_tests_name("hook-crowdsec", tests, NULL, NULL);
}
