/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules of hooks as they are read. Pure.
 */
#include "rule-stage.h"

#include <errno.h>
#include <string.h>

static void a_rule_is_read_whole(void **state)
{
	(void)state;
	_cleanup_rules_ struct rules rules = {0};
	read_right(RULE("open", SET "match a.B_c@x-1/y = >= 10, abc*, \"> 5\"\nmatch z = 1\nset ttl = 2h\nmode = enforce\n"
	                "protected = leave-out\ncooldown = 5m\nlimit = 7/2h\nttl = 3h\nundo-on b = gone\nkey = address\n"), &rules);
	assert_int_equal(rules.n, 1);
	const struct rule *r = &rules.v[0];
	assert_string_equal(r->name, "r");
	assert_ptr_equal(r->source, &open_source);
	assert_int_equal(r->match.n, 2);
	assert_string_equal(r->match.v[0].field, "a.B_c@x-1/y");
	assert_int_equal(r->match.v[0].n, 3);
	assert_int_equal(r->match.v[0].tests[0].kind, TEST_NUMBER);
	assert_int_equal(r->match.v[0].tests[1].kind, TEST_GLOB);
	assert_int_equal(r->match.v[0].tests[2].kind, TEST_TEXT);
	assert_string_equal(r->match.v[0].tests[2].text, "> 5");
	assert_int_equal(r->undo.n, 1);
	assert_string_equal(r->undo.v[0].field, "b");
	assert_true(r->enforce);
	assert_true(r->leave_out);
	assert_int_equal(r->cooldown_ms, 300000);
	assert_int_equal(r->limit, 7);
	assert_int_equal(r->limit_ms, 7200000);
	assert_int_equal(r->ttl_ms, 10800000);
	assert_string_equal(playbook_input(r->playbook, "ttl")->value.items.v[0], "7200000ms");
}

static void what_a_rule_does_not_say(void **state)
{
	(void)state;
	_cleanup_rules_ struct rules rules = {0};
	read_right(RULE("open", SET) "[rule s]\nsource = shut\nplaybook = block.pb\n" SET
	           "[rule t]\nsource = open\nplaybook = block.pb\nundo-on = never\n" SET, &rules);
	assert_false(rules.v[0].leave_out);
	assert_false(rules.v[0].enforce); /* a new rule alters nothing */
	assert_int_equal(rules.v[0].cooldown_ms, 60000);
	assert_int_equal(rules.v[0].limit, 20);
	assert_int_equal(rules.v[0].limit_ms, 60000);
	assert_int_equal(rules.v[0].ttl_ms, 0);
	assert_int_equal(rules.v[0].undo.n, 1); /* as the source says */
	assert_int_equal(rules.v[0].undo.v[0].n, 2);
	assert_int_equal(rules.v[1].undo.n, 0); /* this one says nothing */
	assert_int_equal(rules.v[2].undo.n, 0);
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"[rule]\nsource = open\n", "h.conf:1: [rule] has no name: write [rule NAME]\n"},
		{"[hook r]\n", "h.conf:1: [hook] is no section of this file: it has [rule NAME]\n"},
		{"[rule r]\n", "h.conf:1: rule 'r' has no source: add source = NAME\n"
		               "h.conf:1: rule 'r' has no playbook: add playbook = FILE\n"},
		{"[rule r]\nsource = opn\nplaybook = block.pb\n" SET,
		 "h.conf:2: 'opn' is no source (did you mean 'open'?): there are open, shut, jails\n"},
		{"[rule r]\nsource = open\nplaybook = x.pb\n", "h.conf:3: playbook x.pb:3: it is on fire\n"},
		{RULE("open", SET "cooldwn = 1m\n"), "h.conf:5: 'cooldwn' is no key of a rule (did you mean 'cooldown'?): it has "
		 "source, match FIELD, playbook, set INPUT, mode, cooldown, limit, ttl, key, undo-on and protected\n"},
		{RULE("open", SET "match = 5\n"), "h.conf:5: 'match' is no key of a rule: it has source, match FIELD, playbook, "
		 "set INPUT, mode, cooldown, limit, ttl, key, undo-on and protected\n"},
		{RULE("open", ""), "h.conf:1: playbook 'block' requires the input 'address': add set address = ${event.FIELD}\n"},
		{RULE("shut", "set address = ${event.pi}\n"),
		 "h.conf:4: events of 'shut' have no field 'pi': they have ip, many, action\n"},
		{RULE("shut", SET "match io = 1\n"),
		 "h.conf:5: events of 'shut' have no field 'io' (did you mean 'ip'?): they have ip, many, action\n"},
		{RULE("shut", SET "set who = ${event.many}\n"),
		 "h.conf:5: 'set who': 'many' is a list, and the input takes one value\n"},
		{RULE("open", SET "set hwo = x\n"), "h.conf:5: 'set hwo': playbook 'block' has no input 'hwo': "
		 "it has address, ttl, who, paths\n"},
		{RULE("open", SET "set paths = ${event.path}\n"),
		 "h.conf:5: 'set paths': input 'paths' is of type glob-list: what somebody else chose cannot be one\n"},
		{RULE("open", "set address = x${event.ip}\n"), "h.conf:4: 'set address': 'x${event.ip}' is no value: a value is "
		 "${event.FIELD} and nothing beside it, or text without '${'\n"},
		{RULE("open", "set address = ${event.}\n"), "h.conf:4: 'set address': '${event.}' is no value: a value is "
		 "${event.FIELD} and nothing beside it, or text without '${'\n"},
		{RULE("open", "set address = ${event.a}${event.b}\n"), "h.conf:4: 'set address': '${event.a}${event.b}' is no value: "
		 "a value is ${event.FIELD} and nothing beside it, or text without '${'\n"},
		{RULE("open", SET "set ttl = ${event.a}, ${event.b}\n"), "h.conf:5: 'set ttl': the input takes one value\n"},
		{RULE("open", SET "set ttl = soon\n"), "h.conf:5: 'set ttl': input 'ttl': 'soon' is not a duration: a whole number "
		 "with a unit, such as 500ms, 30s, 10m, 24h or 7d\n"},
		{RULE("open", SET "key = ttl\n"), "h.conf:5: 'key': 'ttl' is no input that this rule sets from the event\n"},
		{RULE("open", SET "protected = no\n"), "h.conf:5: 'protected': 'no' is not one of refuse, leave-out\n"},
		{RULE("open", SET "limit = 0/1m\n"), "h.conf:5: 'limit': write how many runs within which time, such as 20/1m: 1 to "
		 "1000\n"},
		{RULE("open", SET "limit = 20\n"), "h.conf:5: 'limit': write how many runs within which time, such as 20/1m: 1 to "
		 "1000\n"},
		{RULE("open", SET "limit = 1001/1m\n"), "h.conf:5: 'limit': write how many runs within which time, such as 20/1m: 1 "
		 "to 1000\n"},
		{RULE("open", SET "match a = >= x\n"), "h.conf:5: 'match a': 'x' is no whole number, and '>=' compares with one: put "
		 "the value in quotes if it is text\n"},
		{RULE("open", SET "match a = [x\n"), "h.conf:5: 'match a': the pattern has a '[' without its ']': write \\[ for the "
		 "character itself, or put the value in quotes\n"},
		{RULE("open", SET "match a = 10.0.0.1/8\n"), "h.conf:5: 'match a': '10.0.0.1/8' has bits set behind its prefix "
		 "length: write the network's address\n"},
		{RULE("open", SET "match a b = 1\n"), "h.conf:5: 'a b' cannot stand in a key: letters, digits, '.', '_', '@', '/' "
		 "and '-' can\n"},
		{RULE("open", SET "match a = 1\nmatch a = 2\n"), "h.conf:6: 'match a' is given again: the first is in line 5\n"},
		{RULE("open", SET "undo-on = always\n"), "h.conf:5: 'undo-on': write undo-on FIELD = VALUE, or undo-on = never\n"},
		{RULE("open", SET "undo-on a = 1\nundo-on = never\n"), "h.conf:6: 'undo-on': never, and line 5 says when\n"},
		{RULE("open", SET) "[rule r]\n", "h.conf:5: [rule r] stands here again: the first is in line 1\n"
		 "h.conf:5: there is a rule 'r' already: h.conf:1\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_rules_ struct rules rules = {0};
		_cleanup_buf_ struct buf said = {0};
		assert_int_equal(parse(cases[i].text, &rules, &said), -EINVAL);
		assert_string_equal(buf_text(&said), cases[i].said);
	}
}

static void mode_is_one_of_two(void **state)
{
	(void)state;
	_cleanup_rules_ struct rules rules = {0};
	_cleanup_buf_ struct buf said = {0};
	assert_int_equal(parse(RULE("open", SET "mode = enforced\n"), &rules, &said), -EINVAL);
	assert_non_null(strstr(buf_text(&said), "h.conf:5: 'mode': "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_read_whole),
		cmocka_unit_test(what_a_rule_does_not_say),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(mode_is_one_of_two),
	};
	return cmocka_run_group_tests_name("hook-rules", tests, NULL, NULL);
}
