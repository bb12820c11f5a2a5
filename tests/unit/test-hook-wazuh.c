/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Active responses of Wazuh 4 and 5, whole ones as wazuh-execd writes them.
 */
#include "hook-stage.h"

#include "sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUR(version, command, data)                                                                                   \
	"{\"version\":" version ",\"origin\":{\"name\":\"node01\",\"module\":\"wazuh-execd\"},\"command\":\"" command  \
	"\",\"parameters\":{\"extra_args\":[],\"alert\":{\"timestamp\":\"2025-01-01T10:00:00.000+0000\",\"rule\":{"    \
	"\"level\":10,\"description\":\"sshd: brute force\",\"id\":\"5763\",\"firedtimes\":1,\"mail\":false,"          \
	"\"groups\":[\"syslog\",\"sshd\",\"authentication_failures\"],\"mitre\":{\"id\":[\"T1110\"]}},\"agent\":{"     \
	"\"id\":\"001\",\"name\":\"web1\",\"ip\":\"192.0.2.10\"},\"manager\":{\"name\":\"m1\"},"                       \
	"\"id\":\"1696894457.995791\",\"full_log\":\"Jan  1 10:00:00 web1 sshd[77]: Failed password for invalid "      \
	"user bob \\\"$(id)\\\" from 203.0.113.9 port 56637 ssh2\",\"decoder\":{\"parent\":\"sshd\",\"name\":"         \
	"\"sshd\"},\"data\":" data ",\"location\":\"/var/log/auth.log\"},"                                             \
	"\"program\":\"active-response/bin/respond\"}}\n"
#define DATA "{\"srcip\":\"203.0.113.9\",\"srcport\":\"56637\",\"dstuser\":\"bob\"}"
#define FIVE(command, source)                                                                                          \
	"{\"wazuh\":{\"active_response\":{\"name\":\"respond\",\"executable\":\"respond\",\"location\":\"local\","     \
	"\"agent_id\":\"001\",\"type\":\"stateful\",\"stateful_timeout\":600,\"extra_arguments\":null},"               \
	"\"agent\":{\"id\":\"001\",\"name\":\"web01\"}}," source "\"user\":{\"name\":\"bob\"},"                        \
	"\"process\":{\"pid\":412},\"event\":{\"id\":\"e-1\"},\"command\":\"" command "\"}\n"
#define SOURCE "\"source\":{\"ip\":\"198.51.100.7\",\"port\":1},"

static const struct source *wazuh(void)
{
	return source_find("wazuh");
}

static void four_is_read_whole(void **state)
{
	(void)state;
	HOOK_HAS(wazuh(), hook_text(FOUR("1", "add", DATA)), "version number 4", "action text add",
	         "srcip text 203.0.113.9", "user text bob", "command text add", "parameters.extra_args empty ",
	         "parameters.alert.rule.level number 10", "parameters.alert.rule.id text 5763",
	         "parameters.alert.rule.mail yes or no no",
	         "parameters.alert.rule.groups list [syslog][sshd][authentication_failures]",
	         "parameters.alert.data.srcport text 56637", "parameters.alert.agent.name text web1",
	         "parameters.program text active-response/bin/respond", "origin.module text wazuh-execd");
	HOOK_HAS(wazuh(), hook_text(FOUR("1", "delete", DATA)), "action text delete", "srcip text 203.0.113.9");
	HOOK_HAS(wazuh(),
	         hook_text(FOUR("1", "add", "{\"win\":{\"eventdata\":{\"ipAddress\":\"203.0.113.10\"}}}")),
	         "srcip text 203.0.113.10");
}

static void an_alert_may_be_empty(void **state)
{
	(void)state;
	struct slice empty = hook_text("{\"version\":1,\"origin\":{\"name\":\"\",\"module\":\"wazuh-execd\"},"
	                               "\"command\":\"add\",\"parameters\":{\"extra_args\":[],\"alert\":{},"
	                               "\"program\":\"active-response/bin/respond\"}}");
	HOOK_HAS(wazuh(), empty, "action text add", "parameters.alert empty ");
	hook_lacks(wazuh(), empty, "srcip");
	hook_lacks(wazuh(), empty, "user");
}

static void five_is_read_whole(void **state)
{
	(void)state;
	HOOK_HAS(wazuh(), hook_text(FIVE("enable", SOURCE)), "version number 5", "action text enable",
	         "srcip text 198.51.100.7", "user text bob", "pid number 412", "source.port number 1",
	         "wazuh.active_response.stateful_timeout number 600",
	         "wazuh.active_response.extra_arguments empty ", "wazuh.agent.name text web01");
	HOOK_HAS(wazuh(), hook_text(FIVE("disable", SOURCE)), "action text disable", "srcip text 198.51.100.7");
	hook_lacks(wazuh(), hook_text(FIVE("enable", "")), "srcip");
}

/* What is no text is no address: the field that the playbook is given is not there. */
static void odd_addresses_are_copied_or_missing(void **state)
{
	(void)state;
	HOOK_HAS(wazuh(), hook_text(FOUR("1", "add", "{\"srcip\":\"$(reboot)\"}")), "srcip text $(reboot)");
	HOOK_HAS(wazuh(), hook_text(FOUR("1", "add", "{\"srcip\":\"010.0.0.1 \"}")), "srcip text 010.0.0.1 ");
	static const char *const none[] = {
		FOUR("1", "add", "{\"srcip\":[\"192.0.2.1\",\"192.0.2.2\"]}"),
		FOUR("1", "add", "{\"srcip\":3221225985}"),
		FOUR("1", "add", "{\"srcip\":\"\"}"),
		FOUR("1", "add", "{\"srcip\":null}"),
		FOUR("1", "add", "{\"srcip\":{\"a\":\"b\"}}"),
	};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		hook_lacks(wazuh(), hook_text(none[i]), "srcip");
}

static void other_versions_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *message, *words;
	} cases[] = {
		{FOUR("2", "add", DATA), "\"version\" is not 1"},
		{FOUR("\"1\"", "add", DATA), "\"version\" is not 1"},
		{FOUR("1.0", "add", DATA), "\"version\" is not 1"},
		{FOUR("null", "add", DATA), "\"version\" is not 1"},
		{FOUR("1", "enable", DATA), "neither \"add\" nor \"delete\""},
		{FOUR("1", "continue", DATA), "neither \"add\" nor \"delete\""},
		{FOUR("1", "", DATA), "neither \"add\" nor \"delete\""},
		{FIVE("add", SOURCE), "neither \"enable\" nor \"disable\""},
		{FIVE("enable", "\"version\":1,"), "both \"version\""},
		{"{\"command\":\"add\"}", "neither \"version\""},
		{"{}", "neither \"version\""},
		{"{\"wazuh\":{},\"command\":\"enable\"}", "no \"active_response\""},
		{"{\"wazuh\":1,\"command\":\"enable\"}", "no \"active_response\""},
		{"{\"version\":1,\"command\":\"add\"}", "no \"parameters\""},
		{"{\"version\":1,\"command\":\"add\",\"parameters\":{\"alert\":[]}}", "no \"parameters\""},
		{"[]", "neither"},
		{"add", "no JSON"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		hook_refuses(wazuh(), hook_text(cases[i].message), cases[i].words);
	hook_refuses_truncated(wazuh(), hook_text(FOUR("1", "add", DATA)));
	hook_refuses_truncated(wazuh(), hook_text(FIVE("enable", SOURCE)));
}

/* A message that brings a common field itself would let two names compete. */
static void a_field_of_ours_cannot_be_brought(void **state)
{
	(void)state;
	hook_refuses(wazuh(), hook_text(FIVE("enable", SOURCE "\"srcip\":\"192.0.2.1\",")), "named \"srcip\"");
	hook_refuses(wazuh(), hook_text(FIVE("enable", SOURCE "\"action\":\"disable\",")), "named \"action\"");
	hook_refuses(wazuh(), hook_text(FOUR("1", "add", "{\"x.y\":1,\"x\":{\"y\":2}}")), "two members");
	hook_refuses(wazuh(), hook_text(FOUR("1", "add", "{\"srcip\":\"192.0.2.1\",\"srcip\":\"192.0.2.2\"}")),
	             "duplicate");
}

static void greets(const char *message, const char *expected)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0}, line = {0};
	assert_int_equal(wazuh()->parse(hook_text(message), &events, &why), 0);
	assert_int_equal(wazuh()->greet(&events.v[0], &line), 0);
	assert_string_equal(buf_text(&line), expected);
}

#define KEYS(key)                                                                                                      \
	"{\"version\": 1, \"origin\": {\"name\": \"respond\", \"module\": \"active-response\"}, "                      \
	"\"command\": \"check_keys\", \"parameters\": {\"keys\": [\"" key "\"]}}\n"

static void compact(const char *message, const char *spaced)
{
	_cleanup_buf_ struct buf b = {0};
	for (const char *p = spaced; *p; p++)
		if (*p != ' ')
			buf_putc(&b, *p);
	greets(message, buf_text(&b));
}

static void an_addition_is_greeted_and_nothing_else(void **state)
{
	(void)state;
	compact(FOUR("1", "add", DATA), KEYS("203.0.113.9"));
	compact(FIVE("enable", SOURCE), KEYS("198.51.100.7"));
	compact(FOUR("1", "add", "{\"dstuser\":\"bob\"}"), KEYS("bob"));
	compact(FOUR("1", "add", "{}"), KEYS("1696894457.995791"));
	compact(FOUR("1", "add", "{\"srcip\":\"\\\"\\n\\u001b\\u00e9\"}"), KEYS("\\\"\\n\\u001B\\u00E9"));
	greets(FOUR("1", "delete", DATA), "");
	greets(FIVE("disable", SOURCE), "");
	greets("{\"version\":1,\"command\":\"add\",\"parameters\":{\"alert\":{}}}", "");
}

static int answered(const char *message)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = wazuh()->answer->parse(hook_text(message), &events, &why);
	assert_true(r == -EINVAL ? why.len && !events.n : r == 0 && events.n == 1);
	return r < 0 ? r : wazuh()->answered(&events.v[0]);
}

static void the_answer_decides(void **state)
{
	(void)state;
	assert_int_equal(answered("{\"version\":1,\"origin\":{\"name\":\"node01\",\"module\":\"wazuh-execd\"},"
	                          "\"command\":\"continue\",\"parameters\":{}}\n"), 1);
	assert_int_equal(answered("{\"version\":1,\"origin\":{\"name\":\"node01\",\"module\":\"wazuh-execd\"},"
	                          "\"command\":\"abort\",\"parameters\":{}}"), 0);
	assert_int_equal(answered("{\"version\":1,\"command\":\"check_keys\"}"), -EINVAL);
	assert_int_equal(answered("{\"version\":2,\"command\":\"continue\"}"), -EINVAL);
	assert_int_equal(answered("{\"command\":\"continue\"}"), -EINVAL);
	assert_int_equal(answered("continue"), -EINVAL);
	assert_int_equal(answered(""), -EINVAL);
	assert_int_equal(answered(FOUR("1", "add", DATA)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_is_read_whole),
		cmocka_unit_test(an_alert_may_be_empty),
		cmocka_unit_test(five_is_read_whole),
		cmocka_unit_test(odd_addresses_are_copied_or_missing),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(a_field_of_ours_cannot_be_brought),
		cmocka_unit_test(an_addition_is_greeted_and_nothing_else),
		cmocka_unit_test(the_answer_decides),
	};
	return cmocka_run_group_tests_name("hook-wazuh", tests, NULL, NULL);
}
