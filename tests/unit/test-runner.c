/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A run and its rollback: order, rounds, policies, what is recorded.
 */
#include "core/record.h"
#include "toy-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void a_run_does_all_in_order_and_undoes_in_reverse(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1, 2") STEP("b", "toy.set", "3")), 0);
	assert_string_equal(toy.order, "a1 a2 a3 ");
	assert_int_equal(b->result.status, 0);
	assert_int_equal(b->result.done, 3);
	assert_int_equal(b->result.rounds, 1);
	toy.order[0] = '\0';
	struct undo_result undo = roll_back(b, b->result.id, NULL);
	assert_string_equal(toy.order, "r3 r2 r1 ");
	assert_int_equal(undo.done, 3);
	assert_int_equal(undo_status(&undo), 0);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->status, 0);
	assert_false(run->undoing);
	for (size_t i = 0; i < run->n; i++)
		assert_false(entry_live(&run->entries[i]));
	run_free(&run);
}

static void a_run_with_nothing_to_do_leaves_no_trace(void **state)
{
	struct bench *b = *state;
	toy.value[1] = 2;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	assert_int_equal(b->result.status, 0);
	assert_string_equal(b->result.id, "");
	_cleanup_strv_ struct strv runs = {0};
	assert_int_equal(state_runs(&b->state, &runs), 0);
	assert_int_equal(runs.n, 0);
}

static void what_comes_back_is_another_round(void **state)
{
	struct bench *b = *state;
	toy.respawns[1] = 2;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.burn", "1")), 0);
	assert_string_equal(toy.order, "a1 a1 a1 ");
	assert_int_equal(b->result.rounds, 3);
	assert_int_equal(b->result.status, 0);
}

static void what_always_comes_back_is_residual(void **state)
{
	struct bench *b = *state;
	toy.respawns[1] = 1000;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.burn", "1")), 0);
	assert_int_equal(b->result.rounds, b->config.max_rounds);
	assert_int_equal(b->result.residual.n, 1);
	assert_string_equal(b->result.residual.v[0], "a: set cell 1");
	assert_int_equal(b->result.status, 3);
}

static void drift_is_planned_again(void **state)
{
	struct bench *b = *state;
	toy.drifts[1] = true;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	assert_string_equal(toy.order, "a1 a1 ");
	assert_int_equal(b->result.status, 0);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->entries[0].outcome, OUTCOME_DRIFTED);
	assert_int_equal(run->entries[1].outcome, OUTCOME_DONE);
	run_free(&run);
}

static void failure_stops(void **state)
{
	struct bench *b = *state;
	toy.fails[2] = true;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1, 2, 3")), 0);
	assert_string_equal(toy.order, "a1 a2 s2 ");
	assert_int_equal(b->result.status, 3);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->entries[1].outcome, OUTCOME_FAILED);
	assert_string_equal(run->entries[1].note, "it is stuck");
	assert_int_equal(run->entries[2].outcome, OUTCOME_SKIPPED);
	run_free(&run);
}

static void failure_goes_on_where_told_so(void **state)
{
	struct bench *b = *state;
	toy.fails[2] = true;
	assert_int_equal(run_text(b, "[playbook]\nname = toy\non-failure = continue\n" STEP("a", "toy.set", "1, 2, 3")), 0);
	assert_string_equal(toy.order, "a1 a2 s2 a3 ");
	assert_int_equal(b->result.done, 2);
	assert_int_equal(b->result.failed, 1);
	assert_int_equal(b->result.residual.n, 1);
	assert_int_equal(b->result.status, 3);
}

static void failure_rolls_back_where_told_so(void **state)
{
	struct bench *b = *state;
	toy.fails[2] = true;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.set", "2") "on-failure = rollback\n"), 0);
	assert_string_equal(toy.order, "a1 a2 s2 r1 ");
	assert_int_equal(toy.value[1], 0);
	assert_true(b->result.rolled_back);
	assert_int_equal(b->result.status, 1);
}

/* What was done in the first round is not left behind when the second cannot be planned. */
static void a_later_round_that_fails_heeds_the_policy(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.brittle", "2")), 0);
	assert_string_equal(toy.order, "a1 a2 ");
	assert_false(b->result.rolled_back);
	assert_int_equal(b->result.status, 3);
	roll_back(b, b->result.id, NULL); /* so that it holds nothing */
	memset(&toy, 0, sizeof(toy));
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.brittle", "2") "on-failure = rollback\n"), 0);
	assert_string_equal(toy.order, "a1 a2 r2 r1 ");
	assert_true(b->result.rolled_back);
	assert_int_equal(b->result.undo.done, 2);
	assert_int_equal(b->result.status, 1);
}

static void a_reload_that_fails_heeds_the_policy(void **state)
{
	struct bench *b = *state;
	toy.reload_error = -EIO;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.set", "2") "service = yes\n"), 0);
	assert_true(b->result.stopped);
	assert_false(b->result.rolled_back);
	assert_int_equal(b->result.troubles.n, 1);
	assert_string_equal(b->result.troubles.v[0], "failed: to reload what was configured (toyd)");
	assert_int_equal(b->result.status, 3);
	roll_back(b, b->result.id, NULL); /* so that it holds nothing */
	memset(&toy, 0, sizeof(toy));
	toy.reload_error = -EIO;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")
	                         STEP("b", "toy.set", "2") "service = yes\non-failure = rollback\n"), 0);
	assert_string_equal(toy.order, "a1 a2 r2 r1 ");
	assert_true(b->result.rolled_back);
	roll_back(b, b->result.id, NULL); /* so that it holds nothing */
	memset(&toy, 0, sizeof(toy));
	toy.reload_error = -EIO;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")
	                         STEP("b", "toy.set", "2") "service = yes\non-failure = continue\n"), 0);
	assert_false(b->result.stopped);
	assert_int_equal(b->result.status, 3);
}

static void a_run_counts_what_became_of_each_change(void **state)
{
	struct bench *b = *state;
	toy.fails[3] = true;
	toy.drifts[2] = true;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1, 2, 3, 4, 5")), 0);
	assert_int_equal(b->result.done, 1);
	assert_int_equal(b->result.drifted, 1);
	assert_int_equal(b->result.failed, 1);
	assert_int_equal(b->result.skipped, 2);
	assert_int_equal(b->result.partly, 0);
	assert_false(b->result.signalled);
}

static void a_step_that_cannot_be_planned_changes_nothing(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.broken", "1")), 0);
	assert_string_equal(toy.order, "");
	assert_int_equal(b->result.status, 1);
	assert_int_equal(run_text(b, "[playbook]\nname = toy\non-failure = continue\n" STEP("b", "toy.broken", "1")
	                         STEP("a", "toy.set", "1")), 0);
	assert_string_equal(toy.order, "a1 ");
	assert_int_equal(b->result.status, 3);
}

static void a_refusal_has_its_own_status(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1, 9")), 0);
	assert_string_equal(toy.order, "");
	assert_int_equal(b->result.status, 4);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->n, 0);
	const json_t *refused = json_array_get(run->records, 1);
	assert_string_equal(json_string_value(json_object_get(refused, "type")), "refused");
	assert_string_equal(json_string_value(json_object_get(refused, "rule")), "process.init");
	run_free(&run);
}

static void other_steps_go_on_beside_a_refusal(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, "[playbook]\nname = toy\non-failure = continue\n" STEP("a", "toy.set", "1, 9")), 0);
	assert_string_equal(toy.order, "a1 ");
	assert_int_equal(b->result.refused, 1);
	assert_int_equal(b->result.status, 4);
}

static void what_cannot_be_undone_is_said_once(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.burn", "1") STEP("b", "toy.set", "2")), 0);
	struct undo_result undo = roll_back(b, b->result.id, NULL);
	assert_int_equal(undo.impossible, 1);
	assert_int_equal(undo.done, 1);
	assert_int_equal(undo_status(&undo), 3);
	assert_int_equal(toy.value[1], 1);
	undo = roll_back(b, b->result.id, NULL);
	assert_int_equal(undo.impossible + undo.done, 0);
	assert_int_equal(undo_status(&undo), 0);
}

static void one_step_alone_is_taken_back(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.set", "2")), 0);
	struct undo_result undo = roll_back(b, b->result.id, "a");
	assert_int_equal(undo.done, 1);
	assert_int_equal(toy.value[1], 0);
	assert_int_equal(toy.value[2], 1);
	undo = roll_back(b, b->result.id, NULL);
	assert_int_equal(undo.done, 1);
	assert_int_equal(toy.value[2], 0);
}

static void drift_since_is_left_alone(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1, 2")), 0);
	toy.value[1] = 5;
	struct undo_result undo = roll_back(b, b->result.id, NULL);
	assert_int_equal(undo.drifted, 1);
	assert_int_equal(undo.done, 1);
	assert_int_equal(toy.value[1], 5);
	assert_int_equal(undo_status(&undo), 3);
}

/* Two runs want the same: the first that is taken back leaves it to the other. */
static void what_two_runs_hold_stays_for_the_second(void **state)
{
	struct bench *b = *state;
	char first[RUN_ID_LEN];
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	memcpy(first, b->result.id, sizeof(first));
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	assert_int_equal(b->result.done, 0);
	assert_int_equal(b->result.held, 1);
	assert_int_equal(b->result.status, 0);
	struct undo_result undo = roll_back(b, first, NULL);
	assert_int_equal(undo.kept, 1);
	assert_int_equal(undo_status(&undo), 0);
	assert_int_equal(toy.value[1], 1);
	undo = roll_back(b, b->result.id, NULL);
	assert_int_equal(undo.done, 1);
	assert_int_equal(toy.value[1], 0);
}

static void growth_is_journaled_first(void **state)
{
	struct bench *b = *state;
	toy.grows = true;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	assert_int_equal(toy.grow_answer, 0);
	struct run *run = load(b, b->result.id);
	const json_t *grown = json_object_get(run->entries[0].change->data, "grown");
	assert_int_equal(json_array_size(grown), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(grown, 0), "cell")), 8);
	run_free(&run);
}

static void a_service_is_reloaded_once_each_way(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1, 2") "service = yes\n"), 0);
	assert_int_equal(toy.reloads, 1);
	roll_back(b, b->result.id, NULL);
	assert_int_equal(toy.reloads, 2);
}

static void a_service_without_a_daemon_is_not_reloaded(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") "service = no\n"), 0);
	roll_back(b, b->result.id, NULL);
	assert_int_equal(toy.reloads, 0);
}

static void a_signal_ends_the_run_between_changes(void **state)
{
	struct bench *b = *state;
	b->stop = 1;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	assert_string_equal(toy.order, "");
	assert_true(b->result.stopped);
	assert_true(b->result.signalled);
	assert_int_equal(b->result.skipped, 1);
	assert_int_equal(b->result.status, 1);
}

static void a_run_that_died_is_undone_by_probe(void **state)
{
	struct bench *b = *state;
	static const char id[RUN_ID_LEN] = "20260101-000000-aaaa";
	struct journal *j = NULL;
	struct change *c = NULL;
	json_t *head = record_new("run", json_pack("{ss}", "playbook", "toy"));
	assert_int_equal(state_prepare(&b->state), 0);
	assert_int_equal(journal_create(&b->state, id, &j), 0);
	assert_int_equal(journal_append(j, head), 0);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(change_new(&toy_set, "a", "x", json_pack("{si}", "cell", (int)i), &c), 0);
		c->id = i;
		assert_int_equal(journal_append(j, record_intent(c)), 0);
		change_free(&c);
	}
	journal_close(&j);
	toy.value[1] = 1; /* the first was made, the second was not */
	struct run *run = load(b, id);
	struct undo_plan plan = {0};
	assert_null(run->ended);
	assert_int_equal(rollback_plan(&b->engine, run, &(struct undo_scope){0}, &plan), 0);
	assert_int_equal(plan.n, 2);
	assert_string_equal(plan.v[0].why, "is already as it was before");
	assert_null(plan.v[1].why);
	undo_plan_free(&plan);
	run_free(&run);
	struct undo_result undo = roll_back(b, id, NULL);
	assert_int_equal(undo.done, 2);
	assert_int_equal(toy.value[1], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_make, bench_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_does_all_in_order_and_undoes_in_reverse),
		TEST(a_run_with_nothing_to_do_leaves_no_trace),
		TEST(what_comes_back_is_another_round),
		TEST(what_always_comes_back_is_residual),
		TEST(drift_is_planned_again),
		TEST(failure_stops),
		TEST(failure_goes_on_where_told_so),
		TEST(failure_rolls_back_where_told_so),
		TEST(a_later_round_that_fails_heeds_the_policy),
		TEST(a_reload_that_fails_heeds_the_policy),
		TEST(a_run_counts_what_became_of_each_change),
		TEST(a_step_that_cannot_be_planned_changes_nothing),
		TEST(a_refusal_has_its_own_status),
		TEST(other_steps_go_on_beside_a_refusal),
		TEST(what_cannot_be_undone_is_said_once),
		TEST(one_step_alone_is_taken_back),
		TEST(drift_since_is_left_alone),
		TEST(what_two_runs_hold_stays_for_the_second),
		TEST(growth_is_journaled_first),
		TEST(a_service_is_reloaded_once_each_way),
		TEST(a_service_without_a_daemon_is_not_reloaded),
		TEST(a_signal_ends_the_run_between_changes),
		TEST(a_run_that_died_is_undone_by_probe),
	};
	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
