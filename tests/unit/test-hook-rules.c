/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules as they are read, what they match, and what they bind and decide. Pure.
 */
#include "fake-actions.h"

#include "base/slice.h"
#include "hook/decide.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct source_field shut_fields[] = {
	{"ip", FIELD_TEXT, "who"}, {"many", FIELD_LIST, "which"}, {"action", FIELD_TEXT, "what"}, {0}};
static const struct source open_source = {.name = "open", .undo_on = "action = delete, disable"};
static const struct source shut_source = {.name = "shut", .fields = shut_fields, .closed = true};
static const struct source jails_source = {.name = "jails", .party = "jail", .undo_on = "action = unban"};
static const struct source *const known[] = {&open_source, &shut_source, &jails_source, NULL};

#define BLOCK "[playbook]\nname = block\n" \
	"[input address]\ntype = address-list\nrequired = yes\n" \
	"[input ttl]\ntype = duration\ndefault = 1h\n" \
	"[input who]\ntype = user\ndefault = nobody\n" \
	"[input paths]\ntype = glob-list\n" \
	"[step block]\naction = net.block\naddress = ${address}\nttl = ${ttl}\nnote = ${who}\n" \
	"[step move]\naction = file.move\npath = ${paths}\n"

static int find(void *ctx, const char *name, struct playbook **ret, struct diags *diags)
{
	(void)ctx;
	struct buf bytes = {.data = (char *)BLOCK, .len = strlen(BLOCK)};
	if (strcmp(name, "block.pb") == 0)
		return playbook_parse("block.pb", &bytes, fake_actions, ret, diags);
	diags->file = strdup(name);
	diag_add(diags, 3, "it is on fire");
	return -EINVAL;
}

/* What is wrong with it goes to RET_SAID. */
static int parse(const char *text, struct rules *ret, struct buf *ret_said)
{
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	_cleanup_(diags_free) struct diags diags = {.file = strdup("h.conf")};
	int r = rules_parse(&bytes, known, find, NULL, ret, &diags);
	assert_int_equal(diags_print(&diags, ret_said), 0);
	return r;
}

static void read_right(const char *text, struct rules *ret)
{
	_cleanup_buf_ struct buf said = {0};
	int r = parse(text, ret, &said);
	assert_string_equal(buf_text(&said), "");
	assert_int_equal(r, 0);
}

#define RULE(source, lines) "[rule r]\nsource = " source "\nplaybook = block.pb\n" lines
#define SET "set address = ${event.ip}\n"

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

/* ---- matching ------------------------------------------------------------------------------ */

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

/* ---- deciding ------------------------------------------------------------------------------- */

struct stage {
	struct rules rules;
	struct ledger *ledger;
	struct event event;
};

static int stage_make(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	*state = s;
	return ledger_new(&s->ledger);
}

static int stage_drop(void **state)
{
	struct stage *s = *state;
	rules_free(&s->rules);
	ledger_free(&s->ledger);
	event_free(&s->event);
	free(s);
	return 0;
}

static void put(struct stage *s, const char *name, const char *value)
{
	assert_int_equal(event_add_text(&s->event, name, text(value)), 0);
}

#define NOW 1700000000000

/* The verdict, with the values and the reason, if there is one. */
static const char *verdict(struct stage *s, int64_t now)
{
	static char said[800];
	_cleanup_decision_ struct decision d = {0};
	assert_int_equal(decide(&s->rules, &open_source, &s->event, s->ledger, now, &d), 0);
	snprintf(said, sizeof(said), "%s%s%s%s%s%s%s", event_verdict_word(d.verdict), d.rule ? " " : "",
	         d.rule ? d.rule->name : "", d.binding.text && *d.binding.text ? ": " : "",
	         d.binding.text ? d.binding.text : "", d.why.len ? "; " : "", buf_text(&d.why));
	return said;
}

/* As who acts would. */
static void begin_of(struct stage *s, const struct source *source, int64_t now, const char *run, int64_t until)
{
	_cleanup_decision_ struct decision d = {0};
	assert_int_equal(decide(&s->rules, source, &s->event, s->ledger, now, &d), 0);
	assert_true(d.verdict == EVENT_RUN || d.verdict == EVENT_DRY);
	assert_int_equal(ledger_begin(s->ledger, d.rule->name, d.binding.key, d.binding.text, d.rule->enforce, d.rule->limit,
	                              now), 0);
	if (d.rule->enforce)
		assert_int_equal(ledger_end(s->ledger, d.binding.key, run, until, false), 0);
}

static void begin(struct stage *s, int64_t now, const char *run, int64_t until)
{
	begin_of(s, &open_source, now, run, until);
}

static void the_first_rule_that_matches_wins(void **state)
{
	struct stage *s = *state;
	read_right("[rule a]\nsource = shut\nplaybook = block.pb\n" SET
	           "[rule b]\nsource = open\nplaybook = block.pb\nmatch level = >= 10\nmode = enforce\n" SET
	           "[rule c]\nsource = open\nplaybook = block.pb\n" SET
	           "[rule d]\nsource = open\nplaybook = block.pb\nmode = enforce\n" SET, &s->rules);
	put(s, "ip", "203.0.113.9");
	assert_string_equal(verdict(s, NOW), "dry-run c: address=203.0.113.9");
	event_add_number(&s->event, "level", 12);
	assert_string_equal(verdict(s, NOW), "run b: address=203.0.113.9");
}

static void nothing_wants_it(void **state)
{
	struct stage *s = *state;
	_cleanup_buf_ struct buf why = {0};
	read_right(RULE("open", SET "match level = >= 10\n"), &s->rules);
	put(s, "ip", "203.0.113.9");
	assert_string_equal(verdict(s, NOW), "unmatched");
	assert_false(rule_matches(&s->rules.v[0], &s->event, &why));
	assert_string_equal(why.data, "the event has no field 'level'");
	put(s, "level", "9\n");
	buf_reset(&why);
	assert_false(rule_matches(&s->rules.v[0], &s->event, &why));
	assert_string_equal(why.data, "'level' is '9\\n', not >= 10");
}

/* Whatever stands there: an address, or a refusal with a reason. */
static void hostile_values_are_refused(void **state)
{
	static const char *const values[] = {"", "$(reboot)", "203.0.113.9; reboot", "203.0.113.9,203.0.113.10", "file:/etc/passwd",
	                                     "010.1.2.3", "1.2.3", "0x7f.1", "evil.example", "203.0.113.9\n", " 203.0.113.9",
	                                     "\"203.0.113.9\"", "203.0.113.9/8", "fe80::1%eth0", "-1", "${event.ip}"};
	struct stage *s = *state;
	read_right(RULE("open", SET "mode = enforce\n"), &s->rules);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		event_free(&s->event);
		put(s, "ip", values[i]);
		const char *said = verdict(s, NOW);
		if (strncmp(said, "refused r; ", 11) != 0)
			fail_msg("'%s': %s", values[i], said);
	}
	event_free(&s->event);
	assert_string_equal(verdict(s, NOW), "refused r; the event has no field 'ip'");
	event_add_empty(&s->event, "ip");
	assert_string_equal(verdict(s, NOW), "refused r; the field 'ip' is empty");
	event_free(&s->event);
	put(s, "ip", "::ffff:203.0.113.9");
	assert_string_equal(verdict(s, NOW), "run r: address=203.0.113.9");
}

static void a_list_goes_to_a_list_only(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "set who = ${event.user}\n"), &s->rules);
	event_add_item(&s->event, "ip", text("203.0.113.9"));
	event_add_item(&s->event, "ip", text("2001:db8::1"));
	put(s, "user", "bob");
	assert_string_equal(verdict(s, NOW), "dry-run r: address=203.0.113.9, 2001:db8::1; who=bob");
	event_free(&s->event);
	put(s, "ip", "203.0.113.9");
	event_add_item(&s->event, "user", text("bob"));
	event_add_item(&s->event, "user", text("eve"));
	assert_string_equal(verdict(s, NOW), "refused r; input 'who': it takes one value, and these are 2");
}

static void the_same_is_not_done_again_at_once(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "mode = enforce\n"), &s->rules);
	put(s, "ip", "203.0.113.9");
	begin(s, NOW, "20260101-000000-0000", 0);
	assert_string_equal(verdict(s, NOW + 59999), "cooled r: address=203.0.113.9; the same was done 59 s ago; again after 1m");
	assert_string_equal(verdict(s, NOW + 60000), "run r: address=203.0.113.9");
	assert_string_equal(verdict(s, NOW - 1), "run r: address=203.0.113.9"); /* a clock that was set back */
	event_free(&s->event);
	put(s, "ip", "203.0.113.10");
	assert_string_equal(verdict(s, NOW), "run r: address=203.0.113.10");
}

/* What was only shown does not keep a rule from doing it once it may. */
static void a_dry_run_cools_dry_runs_alone(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET), &s->rules);
	put(s, "ip", "203.0.113.9");
	begin(s, NOW, NULL, 0);
	assert_string_equal(verdict(s, NOW + 1), "cooled r: address=203.0.113.9; the same was done 0 s ago; again after 1m");
	s->rules.v[0].enforce = true;
	assert_string_equal(verdict(s, NOW + 1), "run r: address=203.0.113.9");
}

static void a_flood_meets_the_limit(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "mode = enforce\nlimit = 3/1m\n"), &s->rules);
	for (int i = 0; i < 3; i++) {
		char ip[32];
		snprintf(ip, sizeof(ip), "203.0.113.%d", i + 1);
		event_free(&s->event);
		put(s, "ip", ip);
		begin(s, NOW + i * 1000, "20260101-000000-0000", 0);
	}
	event_free(&s->event);
	put(s, "ip", "203.0.113.77");
	assert_string_equal(verdict(s, NOW + 3000), "limited r: address=203.0.113.77; the rule has had its 3 runs within 1m");
	assert_string_equal(verdict(s, NOW + 59999), "limited r: address=203.0.113.77; the rule has had its 3 runs within 1m");
	assert_string_equal(verdict(s, NOW + 60000), "run r: address=203.0.113.77");
}

static void undo_finds_its_run_by_the_values(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "mode = enforce\nmatch action = add\nmatch level = >= 10\n"), &s->rules);
	put(s, "ip", "203.0.113.9");
	put(s, "action", "add");
	event_add_number(&s->event, "level", 10);
	begin(s, NOW, "20260101-000000-0000", 0);

	event_free(&s->event);
	put(s, "ip", "203.0.113.10");
	put(s, "action", "delete");
	assert_string_equal(verdict(s, NOW), "nothing-done r: address=203.0.113.10");
	event_free(&s->event);
	put(s, "ip", "203.0.113.9");
	put(s, "action", "disable");
	assert_string_equal(verdict(s, NOW), "undo r: address=203.0.113.9"); /* a field that it lacks */
	event_add_number(&s->event, "level", 3);
	assert_string_equal(verdict(s, NOW), "unmatched"); /* one that speaks against it */
}

/* The event that takes back may lack what the key does not need. */
static void undo_needs_the_key_only(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "set ttl = ${event.for}\nkey = address\nmode = enforce\n"), &s->rules);
	put(s, "ip", "203.0.113.9");
	put(s, "for", "4h");
	begin(s, NOW, "20260101-000000-0000", 0);
	event_free(&s->event);
	put(s, "ip", "203.0.113.9");
	put(s, "action", "delete");
	assert_string_equal(verdict(s, NOW), "undo r: address=203.0.113.9");
}

static void what_has_run_out_is_nothing_to_undo(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "mode = enforce\n"), &s->rules);
	put(s, "ip", "203.0.113.9");
	begin(s, NOW, "20260101-000000-0000", NOW + 3600000);
	put(s, "action", "delete");
	assert_string_equal(verdict(s, NOW + 3600000), "undo r: address=203.0.113.9");
	assert_string_equal(verdict(s, NOW + 4600000), "nothing-done r: address=203.0.113.9");
}

/* Of two rules, the one that did it. */
static void undo_goes_to_the_rule_that_acted(void **state)
{
	struct stage *s = *state;
	read_right("[rule a]\nsource = open\nplaybook = block.pb\nmatch x = 1\nmode = enforce\n" SET
	           "[rule b]\nsource = open\nplaybook = block.pb\nmode = enforce\n" SET, &s->rules);
	put(s, "ip", "203.0.113.9");
	begin(s, NOW, "20260101-000000-0000", 0);
	put(s, "action", "delete");
	assert_string_equal(verdict(s, NOW), "undo b: address=203.0.113.9");
}

/* Two jails have banned the same address: the shorter ban does not end the longer one. */
static void one_party_does_not_take_back_what_another_wanted(void **state)
{
	struct stage *s = *state;
	read_right("[rule a]\nsource = jails\nplaybook = block.pb\nmode = enforce\n" SET, &s->rules);
	for (int i = 0; i < 2; i++) {
		event_free(&s->event);
		put(s, "ip", "203.0.113.9");
		put(s, "jail", i ? "recidive" : "sshd");
		begin_of(s, &jails_source, NOW, i ? "20260101-000001-0000" : "20260101-000000-0000", 0);
	}
	for (int i = 0; i < 2; i++) {
		_cleanup_decision_ struct decision d = {0};
		event_free(&s->event);
		put(s, "ip", "203.0.113.9");
		put(s, "jail", i ? "recidive" : "sshd");
		put(s, "action", "unban");
		assert_int_equal(decide(&s->rules, &jails_source, &s->event, s->ledger, NOW, &d), 0);
		assert_int_equal(d.verdict, EVENT_UNDO);
		const struct ledger_key *k = ledger_find(s->ledger, d.binding.key);
		assert_int_equal(k->n, 1);
		assert_string_equal(k->runs[0].id, i ? "20260101-000001-0000" : "20260101-000000-0000");
	}
}

static void the_order_of_a_list_makes_no_other_key(void **state)
{
	struct stage *s = *state;
	_cleanup_buf_ struct buf why = {0};
	struct binding one = {0}, two = {0}, three = {0};
	read_right(RULE("open", SET), &s->rules);
	event_add_item(&s->event, "ip", text("203.0.113.9"));
	event_add_item(&s->event, "ip", text("203.0.113.10"));
	assert_int_equal(bind_event(&s->rules.v[0], &s->event, false, &one, &why), 0);
	event_free(&s->event);
	event_add_item(&s->event, "ip", text("203.0.113.10"));
	event_add_item(&s->event, "ip", text("203.0.113.9"));
	event_add_item(&s->event, "ip", text("203.0.113.9"));
	assert_int_equal(bind_event(&s->rules.v[0], &s->event, true, &two, &why), 0);
	assert_string_equal(one.key, two.key);
	event_free(&s->event);
	put(s, "ip", "203.0.113.9");
	assert_int_equal(bind_event(&s->rules.v[0], &s->event, false, &three, &why), 0);
	assert_string_not_equal(one.key, three.key);
	binding_free(&one);
	binding_free(&two);
	binding_free(&three);
}

/* Each event has its own values: none is left from the one before. */
static void values_are_given_to_the_playbook(void **state)
{
	struct stage *s = *state;
	read_right(RULE("open", SET "set who = ${event.user}\n"), &s->rules);
	const struct rule *rule = &s->rules.v[0];
	for (int i = 0; i < 2; i++) {
		_cleanup_buf_ struct buf why = {0};
		struct binding b = {0};
		event_free(&s->event);
		put(s, "ip", i ? "203.0.113.9" : "2001:db8::1");
		put(s, "user", i ? "bob" : "eve");
		assert_int_equal(bind_event(rule, &s->event, false, &b, &why), 0);
		assert_int_equal(binding_apply(&b, rule, &why), 0);
		const struct strv *items = &playbook_input(rule->playbook, "address")->value.items;
		assert_int_equal(items->n, 1);
		assert_string_equal(items->v[0], i ? "203.0.113.9" : "2001:db8::1");
		assert_string_equal(playbook_input(rule->playbook, "who")->value.items.v[0], i ? "bob" : "eve");
		binding_free(&b);
	}
}

static void long_values_are_cut_for_people(void **state)
{
	struct stage *s = *state;
	_cleanup_buf_ struct buf summary = {0};
	read_right(RULE("open", SET "match a = *\nmatch b = *\n"), &s->rules);
	char *far = malloc(5001);
	for (int i = 0; i < 5000; i += 2)
		memcpy(far + i, "\xc3\xa4", 2);
	far[5000] = '\0';
	put(s, "a", far);
	put(s, "b", "x\x1b[31m\n");
	put(s, "ip", "203.0.113.9");
	assert_int_equal(event_summary(&s->rules.v[0], &s->event, &summary), 0);
	assert_true(summary.len < 150);
	assert_non_null(strstr(summary.data, "..., b=x\\x1b[31m\\n"));
	free(far);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_read_whole),
		cmocka_unit_test(what_a_rule_does_not_say),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(mode_is_one_of_two),
		cmocka_unit_test(patterns),
		cmocka_unit_test(a_pattern_takes_no_time),
		cmocka_unit_test(fields_of_each_type),
		STAGED(the_first_rule_that_matches_wins),
		STAGED(nothing_wants_it),
		STAGED(hostile_values_are_refused),
		STAGED(a_list_goes_to_a_list_only),
		STAGED(the_same_is_not_done_again_at_once),
		STAGED(a_dry_run_cools_dry_runs_alone),
		STAGED(a_flood_meets_the_limit),
		STAGED(undo_finds_its_run_by_the_values),
		STAGED(undo_needs_the_key_only),
		STAGED(what_has_run_out_is_nothing_to_undo),
		STAGED(undo_goes_to_the_rule_that_acted),
		STAGED(one_party_does_not_take_back_what_another_wanted),
		STAGED(the_order_of_a_list_makes_no_other_key),
		STAGED(values_are_given_to_the_playbook),
		STAGED(long_values_are_cut_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
