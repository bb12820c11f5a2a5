/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is decided of an event: the rule that wants it, the values that it binds, and whether it
 * is done now. Pure.
 */
#include "rule-stage.h"

#include "base/slice.h"
#include "hook/decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct slice text(const char *t)
{
	return (struct slice){t, strlen(t)};
}

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
	assert_string_equal(verdict(s, NOW), "run r: address=203.0.113.9; ttl=4h");
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
	return cmocka_run_group_tests_name("hook-decide", tests, NULL, NULL);
}
