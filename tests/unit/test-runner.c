/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine with toy actions on a toy host (an array of cells), so that what is
 * tested here is the order of things, the policies and the journal, and nothing else.
 */
#include "base/escape.h"
#include "base/spawn.h"
#include "core/record.h"
#include "core/runner.h"
#include "core/vault.h"

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

#define CELLS 10

/* The host: what each cell holds, and how it misbehaves. */
static struct {
	int value[CELLS];
	int respawns[CELLS]; /* a set cell falls back that many times when it is planned again */
	bool fails[CELLS];
	bool drifts[CELLS]; /* once, at apply */
	bool grows;
	int grow_answer;
	char order[64];
	int reloads, reload_error;
} toy;

static void trace(char what, int cell)
{
	size_t n = strlen(toy.order);
	snprintf(toy.order + n, sizeof(toy.order) - n, "%c%d ", what, cell);
}

static int cell_of(const struct change *c)
{
	return (int)json_integer_value(json_object_get(c->data, "cell"));
}

static int toy_probe(struct host *host, const struct change *c, enum change_state *ret)
{
	(void)host;
	int v = toy.value[cell_of(c)];
	*ret = v == 1 ? CHANGE_AFTER : v == 0 ? CHANGE_BEFORE : CHANGE_DRIFTED;
	return 0;
}

static int toy_apply(struct host *host, struct change *c, struct effect *effect)
{
	(void)host;
	int cell = cell_of(c);
	trace('a', cell);
	if (toy.fails[cell])
		return buf_puts(&effect->note, "it is stuck"), -EIO;
	if (toy.drifts[cell]) {
		toy.drifts[cell] = false;
		return -ESTALE;
	}
	if (toy.grows)
		toy.grow_answer = effect->grow(effect, c, json_pack("{si}", "cell", 8));
	toy.value[cell] = 1;
	return 0;
}

static int toy_revert(struct host *host, const struct change *c, struct effect *effect)
{
	(void)host;
	int cell = cell_of(c);
	char key[16];
	snprintf(key, sizeof(key), "cell %d", cell);
	trace('r', cell);
	if (effect->held_by(effect, key))
		return -EBUSY;
	if (toy.value[cell] > 1)
		return -ESTALE;
	toy.value[cell] = 0;
	return 0;
}

static int toy_describe(const struct change *c, struct buf *ret)
{
	return buf_printf(ret, "set cell %d", cell_of(c));
}

static int toy_keys(struct host *host, const struct change *c, int (*visit)(void *ctx, const char *key), void *ctx)
{
	(void)host;
	char key[16];
	snprintf(key, sizeof(key), "cell %d", cell_of(c));
	return visit(ctx, key);
}

/* Cell 9 is init: the guard never lets go of it. */
static int toy_subjects(const struct change *c, subject_fn visit, void *ctx)
{
	struct subject s = {.type = SUBJECT_PROCESS, .pid = cell_of(c) == 9 ? 1 : 2147483647};
	return cell_of(c) == 9 ? visit(ctx, &s) : 0;
}

static const struct change_kind toy_set = {
	.name = "toy.set", .mark = '+', .audit_type = 2200, .audit_undo_type = 2200,
	.probe = toy_probe, .apply = toy_apply, .revert = toy_revert, .describe = toy_describe,
	.subjects = toy_subjects, .keys = toy_keys,
};

static const struct change_kind toy_burn = {
	.name = "toy.burn", .mark = '!', .flags = CHANGE_IRREVERSIBLE, .audit_type = 2200,
	.probe = toy_probe, .apply = toy_apply, .describe = toy_describe, .subjects = toy_subjects,
};

static int plan_cells(const struct args *args, struct plan *plan, const struct change_kind *kind)
{
	const struct strv *cells = args_list(args, "cell");
	int r = 0;
	for (size_t i = 0; r == 0 && i < cells->n; i++) {
		int cell = atoi(cells->v[i]);
		if (toy.value[cell] && toy.respawns[cell] > 0) {
			toy.respawns[cell]--;
			toy.value[cell] = 0;
		}
		r = plan_fact(plan, "cell", cells->v[i]);
		struct change *c = NULL;
		if (r == 0 && (toy.value[cell] == 0 || (toy.value[cell] == 1 && kind->keys)))
			r = plan_change(plan, kind, cells->v[i], json_pack("{si}", "cell", cell), &c);
		if (c) {
			c->held = toy.value[cell] == 1;
			c->service = args_has(args, "service") ? strdup(args_yes(args, "service") ? "toyd" : "toyd-config") : NULL;
		}
	}
	return r;
}

static int plan_set(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host;
	return plan_cells(args, plan, &toy_set);
}

static int plan_burn(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host;
	return plan_cells(args, plan, &toy_burn);
}

static int plan_broken(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host, (void)args;
	plan_change(plan, &toy_set, "7", json_pack("{si}", "cell", 7), NULL);
	return plan_fail(plan, -EIO, "the disk is on fire");
}

/* Can be planned only until it has been done. */
static int plan_brittle(struct host *host, const struct args *args, struct plan *plan)
{
	const char *cell = args_list(args, "cell")->v[0];
	return toy.value[atoi(cell)] ? plan_fail(plan, -EIO, "cell %s has burst", cell) : plan_set(host, args, plan);
}

static const struct param toy_params[] = {
	{.name = "cell", .type = TYPE_NUMBER, .flags = PARAM_LIST, .help = "cells"},
	{.name = "service", .type = TYPE_YES_NO, .help = "whether toyd cares"},
	{0},
};
static const struct fact_decl toy_facts[] = {{.name = "cell", .type = TYPE_TEXT, .help = "cells"}, {0}};
static const struct action set_action = {"toy.set", "set cells", toy_params, toy_facts, plan_set};
static const struct action burn_action = {"toy.burn", "set cells for good", toy_params, toy_facts, plan_burn};
static const struct action broken_action = {"toy.broken", "fail", toy_params, toy_facts, plan_broken};
static const struct action brittle_action = {"toy.brittle", "fail later", toy_params, toy_facts, plan_brittle};

static const struct service toyd = {.name = "toyd", .daemon = "/usr/sbin/toyd"};
static const struct service toyd_config = {.name = "toyd-config"}; /* checks edits only */

static int toy_reload(struct host *host, const struct service *service, struct buf *note)
{
	(void)host, (void)service, (void)note;
	toy.reloads++;
	return toy.reload_error;
}

static const struct parts parts = {
	.actions = (const struct action *const[]){&set_action, &burn_action, &broken_action, &brittle_action, NULL},
	.kinds = (const struct change_kind *const[]){&toy_set, &toy_burn, NULL},
	.services = (const struct service *const[]){&toyd, &toyd_config, NULL},
	.proofs = (const struct proof *const[]){NULL},
	.reload = toy_reload,
};

struct bench {
	char dir[64], sub[80];
	struct host host;
	struct config config;
	struct state state;
	struct observer observer;
	struct strv allow;
	struct engine engine;
	volatile sig_atomic_t stop;
	struct run_result result;
};

static int bench_make(void **state)
{
	memset(&toy, 0, sizeof(toy));
	struct bench *b = calloc(1, sizeof(*b));
	strcpy(b->dir, "/tmp/test-runner-XXXXXX");
	if (!mkdtemp(b->dir) || host_open("/", &b->host) < 0)
		return -1;
	snprintf(b->sub, sizeof(b->sub), "%s/respond", b->dir);
	b->state = (struct state){.root = b->host.root, .dir = b->sub};
	_cleanup_(diags_free) struct diags diags = {0};
	if (config_load(b->host.root, "/nonexistent.conf", &b->config, &diags) < 0)
		return -1;
	b->engine = (struct engine){.parts = &parts, .host = &b->host, .config = &b->config, .allow = &b->allow,
	                            .state = &b->state, .observer = &b->observer, .stop = &b->stop, .confirm_ms = -1};
	*state = b;
	return guard_new(&b->host, &b->config, parts.proofs, &b->allow, &b->engine.guard);
}

static int bench_drop(void **state)
{
	struct bench *b = *state;
	guard_free(&b->engine.guard);
	config_free(&b->config);
	host_close(&b->host);
	run_result_free(&b->result);
	const char *argv[] = {"/bin/rm", "-rf", b->dir, NULL};
	int r = spawn_read(argv, 10000, NULL, NULL, NULL);
	free(b);
	return r;
}

static struct playbook *parse(const char *text)
{
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	struct playbook *playbook = NULL;
	_cleanup_(diags_free) struct diags diags = {0};
	_cleanup_buf_ struct buf said = {0};
	int r = playbook_parse("toy.pb", &bytes, parts.actions, &playbook, &diags);
	diags_print(&diags, &said);
	assert_string_equal(buf_text(&said), "");
	assert_int_equal(r, 0);
	return playbook;
}

static json_t *somebody(void)
{
	return json_pack("{ss}", "by", "test");
}

static int run_text(struct bench *b, const char *text)
{
	struct playbook *playbook = parse(text);
	_cleanup_buf_ struct buf why = {0};
	run_result_free(&b->result);
	int r = runner_run(&b->engine, playbook, somebody(), &b->result, &why);
	playbook_free(&playbook);
	assert_string_equal(buf_text(&why), "");
	return r;
}

static struct undo_result roll_back(struct bench *b, const char *id, const char *step)
{
	struct writer w;
	struct undo_result result;
	int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(writer_reopen(&w, &b->engine, id, &lock, &why), 0);
	assert_int_equal(rollback_run(&w, &(struct undo_scope){.step = (char *)step}, somebody(), &result), 0);
	writer_end(&w);
	vault_close(&b->host.vault);
	close(lock);
	return result;
}

static struct run *load(struct bench *b, const char *id)
{
	struct run *run = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(run_load(&b->state, id, parts.kinds, &run, &why), 0);
	return run;
}

#define HEAD "[playbook]\nname = toy\n"
#define STEP(name, action, cell) "[step " name "]\naction = " action "\ncell = " cell "\n"

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
	assert_string_equal(toy.order, "a1 a2 ");
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
	assert_string_equal(toy.order, "a1 a2 a3 ");
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
	assert_string_equal(toy.order, "a1 a2 r1 ");
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
