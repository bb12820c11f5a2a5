/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of events, with the engine and toy actions: what is run once, what is not, what is
 * taken back, and what is known of it afterwards.
 */
#include "toy-stage.h"

#include "core/round.h"
#include "core/vault.h"
#include "hook/handle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct source toy_source = {.name = "toy", .undo_on = "action = delete"};
static const struct source *const known[] = {&toy_source, NULL};

#define TOY HEAD "[input cell]\ntype = number-list\nrequired = yes\n" \
	"[step set]\naction = toy.set\ncell = ${cell}\n"
#define BURN HEAD "[input cell]\ntype = number-list\nrequired = yes\n" \
	"[step set]\naction = toy.set\ncell = ${cell}\n[step burn]\naction = toy.burn\ncell = 7\n"

struct bench_of_hooks {
	struct bench *b;
	struct rules rules;
	struct ledger *ledger;
	struct hook hook;
	/* What was told last. */
	enum verdict_on_event verdict;
	char run[RUN_ID_LEN];
	char why[200];
	size_t told, pending;
	struct undo_result undo;
};

static int find(void *ctx, const char *name, struct playbook **ret, struct diags *diags)
{
	struct bench *b = ctx;
	const char *text = strcmp(name, "burn.pb") == 0 ? BURN : TOY;
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	return playbook_parse(name, &bytes, b->engine.parts->actions, ret, diags);
}

static json_t *operator(const char *by)
{
	return json_pack("{ss}", "by", by);
}

static void told(void *ctx, const struct hook_result *result)
{
	struct bench_of_hooks *s = ctx;
	s->told++;
	s->verdict = result->decision->verdict;
	snprintf(s->run, sizeof(s->run), "%s", result->run ? result->run->id : "");
	snprintf(s->why, sizeof(s->why), "%s", result->why);
	s->undo = result->undo;
	s->pending = result->round ? round_count_pending(result->round) : 0;
}

static void open_hook(struct bench_of_hooks *s)
{
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(ledger_open(&s->b->state, s->b->engine.parts->kinds, &s->ledger, &why), 0);
	s->hook = (struct hook){.engine = &s->b->engine, .source = &toy_source, .rules = &s->rules, .ledger = s->ledger,
	                        .operator = operator, .told = told, .ctx = s};
}

static void reopen(struct bench_of_hooks *s)
{
	assert_int_equal(hook_flush(&s->hook), 0);
	ledger_free(&s->ledger);
	open_hook(s);
}

static int make(void **state)
{
	void *bench = NULL;
	struct bench_of_hooks *s = calloc(1, sizeof(*s));
	if (bench_make(&bench) < 0)
		return -1;
	s->b = bench;
	if (state_prepare(&s->b->state) < 0)
		return -1;
	open_hook(s);
	*state = s;
	return 0;
}

static int drop(void **state)
{
	struct bench_of_hooks *s = *state;
	void *bench = s->b;
	rules_free(&s->rules);
	ledger_free(&s->ledger);
	free(s);
	return bench_drop(&bench);
}

static void read_rules(struct bench_of_hooks *s, const char *text)
{
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	_cleanup_(diags_free) struct diags diags = {.file = strdup("h.conf")};
	_cleanup_buf_ struct buf said = {0};
	rules_free(&s->rules);
	int r = rules_parse(&bytes, known, find, s->b, &s->rules, &diags);
	assert_int_equal(diags_print(&diags, &said), 0);
	assert_string_equal(buf_text(&said), "");
	assert_int_equal(r, 0);
}

#define RULE(lines) "[rule r]\nsource = toy\nplaybook = toy.pb\nset cell = ${event.cell}\n" lines

/* Handles one event; its exit status. */
static int event(struct bench_of_hooks *s, const char *action, const char *cell)
{
	struct event event = {0};
	struct events events = {0};
	int status = -1;
	assert_int_equal(event_add_text(&event, "action", (struct slice){action, strlen(action)}), 0);
	assert_int_equal(event_add_text(&event, "cell", (struct slice){cell, strlen(cell)}), 0);
	assert_int_equal(events_add(&events, &event), 0);
	assert_int_equal(hook_handle(&s->hook, &events, &status), 0);
	events_free(&events);
	return status;
}

static uint64_t count_of(struct bench_of_hooks *s, enum tally tally)
{
	const struct ledger_rule *r = ledger_rule_find(s->ledger, "r");
	return r ? r->saved[tally] + r->fresh[tally] : 0;
}

static size_t runs(struct bench_of_hooks *s)
{
	_cleanup_strv_ struct strv ids = {0};
	assert_int_equal(state_runs(&s->b->state, &ids), 0);
	return ids.n;
}

static void an_alert_is_acted_upon_once(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	assert_int_equal(event(s, "add", "3"), 0);
	assert_int_equal(s->verdict, EVENT_RUN);
	assert_int_equal(toy.value[3], 1);
	struct run *run = load(s->b, s->run);
	const json_t *who = json_object_get(run->head, "operator");
	assert_string_equal(json_string_value(json_object_get(who, "by")), "hook");
	assert_string_equal(json_string_value(json_object_get(who, "source")), "toy");
	assert_string_equal(json_string_value(json_object_get(who, "rule")), "r");
	assert_string_equal(json_string_value(json_object_get(who, "values")), "cell=3");
	run_free(&run);
	assert_int_equal(event(s, "add", "3"), 0);
	assert_int_equal(s->verdict, EVENT_COOLED);
	assert_int_equal(event(s, "add", "4"), 0);
	assert_string_equal(toy.order, "a3 a4 ");
	assert_int_equal(runs(s), 2);
	assert_int_equal(count_of(s, TALLY_MATCHED), 3);
	assert_int_equal(count_of(s, TALLY_RUNS), 2);
	assert_int_equal(count_of(s, TALLY_COOLED), 1);
}

static void a_new_rule_only_shows(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE(""));
	assert_int_equal(event(s, "add", "3"), 0);
	assert_int_equal(s->verdict, EVENT_DRY);
	assert_int_equal(s->pending, 1);
	assert_string_equal(toy.order, "");
	assert_int_equal(runs(s), 0);
	assert_int_equal(count_of(s, TALLY_DRY), 1);
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->verdict, EVENT_NOTHING_DONE);
}

static void the_undo_event_takes_back(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	event(s, "add", "3");
	event(s, "add", "4");
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->verdict, EVENT_UNDO);
	assert_int_equal(s->undo.done, 1);
	assert_int_equal(toy.value[3], 0);
	assert_int_equal(toy.value[4], 1);
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->verdict, EVENT_NOTHING_DONE);
	assert_int_equal(event(s, "delete", "5"), 0);
	assert_int_equal(s->verdict, EVENT_NOTHING_DONE);
	/* What was taken back may be done again at once. */
	assert_int_equal(event(s, "add", "3"), 0);
	assert_int_equal(s->verdict, EVENT_RUN);
	assert_int_equal(toy.value[3], 1);
	assert_int_equal(count_of(s, TALLY_UNDONE), 1);
	assert_int_equal(count_of(s, TALLY_NOTHING), 2);
}

/* Somebody rolls it back by hand, or its time is over: the undo event finds nothing, and says so. */
static void two_ways_back_may_meet(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	event(s, "add", "3");
	roll_back(s->b, s->run, NULL);
	assert_string_equal(toy.order, "a3 r3 ");
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_string_equal(toy.order, "a3 r3 ");
	assert_int_equal(s->verdict, EVENT_UNDO);
	assert_int_equal(s->undo.done, 0);
	assert_int_equal(count_of(s, TALLY_NOTHING), 1);
}

static void all_runs_of_a_key_are_taken_back(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\ncooldown = 0s\n"));
	event(s, "add", "3");
	event(s, "add", "3"); /* holds it, too */
	assert_int_equal(runs(s), 2);
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(toy.value[3], 0);
	assert_int_equal(s->undo.done + s->undo.kept, 2);
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->verdict, EVENT_NOTHING_DONE);
}

/* What cannot be undone was told when it was done. */
static void what_cannot_be_undone_is_no_failure(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, "[rule r]\nsource = toy\nplaybook = burn.pb\nset cell = ${event.cell}\nmode = enforce\n");
	assert_int_equal(event(s, "add", "3"), 0);
	assert_string_equal(toy.order, "a3 a7 ");
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->undo.done, 1);
	assert_int_equal(s->undo.impossible, 1);
	assert_int_equal(toy.value[3], 0);
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->verdict, EVENT_NOTHING_DONE);
}

/* As a reader that lives is fed: each that is new makes a run, none is lost, and what is known of
 * all of them does not grow. */
static void a_flood_of_the_same_is_few_runs(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	for (int i = 0; i < 10000; i++) {
		char cell[8];
		snprintf(cell, sizeof(cell), "%d", i % 8);
		assert_int_equal(event(s, "add", cell), 0);
	}
	assert_int_equal(runs(s), 8);
	assert_int_equal(s->told, 10000);
	assert_int_equal(count_of(s, TALLY_RUNS), 8);
	assert_int_equal(count_of(s, TALLY_COOLED), 9992);
	assert_non_null(ledger_key_at(s->ledger, 7));
	assert_null(ledger_key_at(s->ledger, 8));
	reopen(s);
	assert_int_equal(count_of(s, TALLY_MATCHED), 10000);
}

static void a_flood_is_limited(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\nlimit = 2/1h\n"));
	assert_int_equal(event(s, "add", "1"), 0);
	assert_int_equal(event(s, "add", "2"), 0);
	assert_int_equal(event(s, "add", "3"), 4);
	assert_int_equal(s->verdict, EVENT_LIMITED);
	reopen(s); /* also for the next program that is started */
	assert_int_equal(event(s, "add", "4"), 4);
	assert_string_equal(toy.order, "a1 a2 ");
	assert_int_equal(count_of(s, TALLY_LIMITED), 2);
	assert_non_null(strstr(ledger_rule_find(s->ledger, "r")->refusal, "2 runs within 1h"));
}

static void the_guard_refuses(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	assert_int_equal(event(s, "add", "9"), 4);
	assert_string_equal(toy.order, "");
	assert_int_equal(count_of(s, TALLY_REFUSED), 1);
	assert_non_null(strstr(ledger_rule_find(s->ledger, "r")->refusal, "init"));
	assert_int_equal(event(s, "add", "9"), 0); /* not in vain again and again */
	assert_int_equal(s->verdict, EVENT_COOLED);
}

static void what_failed_may_be_tried_again(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	toy.fails[3] = true;
	assert_int_equal(event(s, "add", "3"), 1);
	assert_int_equal(count_of(s, TALLY_FAILED), 1);
	toy.fails[3] = false;
	assert_int_equal(event(s, "add", "3"), 0);
	assert_int_equal(s->verdict, EVENT_RUN);
	assert_int_equal(toy.value[3], 1);
}

static void bad_values_are_refused_and_counted(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	assert_int_equal(event(s, "add", "3; reboot"), 4);
	assert_int_equal(s->verdict, EVENT_REFUSED);
	assert_int_equal(event(s, "add", ""), 4);
	assert_int_equal(count_of(s, TALLY_REFUSED), 2);
	assert_string_equal(ledger_rule_find(s->ledger, "r")->refusal, "the field 'cell' is empty");
	assert_string_equal(toy.order, "");
}

static void what_no_rule_wants_is_counted_by_source(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("match level = > 3\n"));
	assert_int_equal(event(s, "add", "3"), 0);
	assert_int_equal(s->verdict, EVENT_UNMATCHED);
	assert_int_equal(hook_refused(&s->hook, 1, "no JSON"), 0);
	reopen(s);
	const struct ledger_rule *r = ledger_rule_find(s->ledger, "@toy");
	assert_int_equal(r->saved[TALLY_EVENTS], 1);
	assert_int_equal(r->saved[TALLY_UNMATCHED], 1);
	assert_int_equal(r->saved[TALLY_REFUSED], 1);
	assert_string_equal(r->refusal, "no JSON");
}

/* ---- ends that come too early ------------------------------------------------------------------ */

static int leave(void *ctx)
{
	(void)ctx;
	return 1;
}

static void nothing_is_done_where_deadlines_cannot_be_kept(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	s->hook.before = leave;
	assert_int_equal(event(s, "add", "3"), 1);
	assert_string_equal(toy.order, "");
	s->hook.before = NULL;
	assert_int_equal(event(s, "add", "3"), 0);
	assert_string_equal(toy.order, "a3 ");
}

/* The program is killed when the run has ended and the ledger does not know of it yet: whoever is
 * next finds it in the journals. */
static void a_run_that_the_ledger_missed_is_found(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	_cleanup_buf_ struct buf before = {0};
	event(s, "add", "3");
	const struct ledger_key *k = ledger_key_at(s->ledger, 0);
	char key[LEDGER_KEY_LEN];
	memcpy(key, k->key, sizeof(key));
	int64_t ran = k->ran;
	/* As it was written down before the run. */
	assert_int_equal(ledger_lock(s->ledger), 0);
	assert_int_equal(ledger_undone(s->ledger, key, s->run), 0);
	assert_int_equal(ledger_begin(s->ledger, "r", key, "cell=3", true, 20, ran), 0);
	assert_int_equal(ledger_save(s->ledger), 0);
	ledger_unlock(s->ledger);
	reopen(s);
	assert_int_equal(ledger_key_at(s->ledger, 0)->n, 0);
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->verdict, EVENT_UNDO);
	assert_int_equal(s->undo.done, 1);
	assert_int_equal(toy.value[3], 0);
}

static void a_ledger_that_is_lost_is_made_from_the_journals(void **state)
{
	struct bench_of_hooks *s = *state;
	char path[160];
	read_rules(s, RULE("mode = enforce\n"));
	event(s, "add", "3");
	event(s, "add", "4");
	event(s, "delete", "4");
	run_text(s->b, HEAD STEP("one", "toy.set", "5")); /* nobody's hook */
	snprintf(path, sizeof(path), "%s/hooks/ledger", s->b->sub);
	assert_int_equal(unlink(path), 0);
	ledger_free(&s->ledger);
	open_hook(s);
	assert_non_null(ledger_key_at(s->ledger, 0));
	assert_null(ledger_key_at(s->ledger, 1));
	assert_int_equal(event(s, "delete", "3"), 0);
	assert_int_equal(s->undo.done, 1);
	assert_int_equal(toy.value[3], 0);
	assert_int_equal(toy.value[5], 1);
}

/* Thirty programs are started with the same alert at once: one run. What a child sets in its own
 * toy host stays there; the runs are counted by their journals. */
static void many_programs_make_one_run(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\n"));
	ledger_free(&s->ledger);
	pid_t children[30];
	for (size_t i = 0; i < 30; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (!children[i]) {
			open_hook(s);
			int status = event(s, "add", "3");
			_exit(status || hook_flush(&s->hook) != 0);
		}
	}
	for (size_t i = 0; i < 30; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	open_hook(s);
	assert_int_equal(runs(s), 1);
	assert_int_equal(count_of(s, TALLY_RUNS), 1);
	assert_int_equal(count_of(s, TALLY_COOLED), 29);
	assert_int_equal(count_of(s, TALLY_MATCHED), 30);
}

/* ---- ttl ----------------------------------------------------------------------------------------- */

static void the_rules_ttl_is_the_runs_deadline(void **state)
{
	struct bench_of_hooks *s = *state;
	read_rules(s, RULE("mode = enforce\nttl = 1h\ncooldown = 0s\n"));
	event(s, "add", "3");
	struct run *run = load(s->b, s->run);
	int64_t first = run_deadline(run);
	assert_true(first > 0);
	run_free(&run);
	assert_int_equal(toy.waiters, 1);
	assert_int_equal(ledger_key_at(s->ledger, 0)->runs[0].until, first);
	char one[RUN_ID_LEN];
	memcpy(one, s->run, sizeof(one));
	event(s, "add", "3"); /* holds it for its own hour */
	run = load(s->b, s->run);
	assert_int_equal(run->entries[0].outcome, OUTCOME_HELD);
	assert_true(run_deadline(run) >= first);
	run_free(&run);
	/* The end of the first leaves it in force, that of the second takes it back. */
	assert_int_equal(roll_back(s->b, one, NULL).kept, 1);
	assert_int_equal(toy.value[3], 1);
	assert_int_equal(roll_back(s->b, s->run, NULL).done, 1);
	assert_int_equal(toy.value[3], 0);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(an_alert_is_acted_upon_once),
		STAGED(a_new_rule_only_shows),
		STAGED(the_undo_event_takes_back),
		STAGED(two_ways_back_may_meet),
		STAGED(all_runs_of_a_key_are_taken_back),
		STAGED(what_cannot_be_undone_is_no_failure),
		STAGED(a_flood_of_the_same_is_few_runs),
		STAGED(a_flood_is_limited),
		STAGED(the_guard_refuses),
		STAGED(what_failed_may_be_tried_again),
		STAGED(bad_values_are_refused_and_counted),
		STAGED(what_no_rule_wants_is_counted_by_source),
		STAGED(nothing_is_done_where_deadlines_cannot_be_kept),
		STAGED(a_run_that_the_ledger_missed_is_found),
		STAGED(a_ledger_that_is_lost_is_made_from_the_journals),
		STAGED(many_programs_make_one_run),
		STAGED(the_rules_ttl_is_the_runs_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
