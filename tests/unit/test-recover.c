/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of a run after its end, or without one: recovery from every state that a
 * journal can be left in, deadlines, and the wait for them.
 */
#include "base/clock.h"
#include "core/await.h"
#include "core/record.h"
#include "core/vault.h"
#include "toy-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "20260101-000000-aaaa"
#define HOUR (3600 * 1000LL)

/* ---- journals of runs that died ------------------------------------------------------ */

/* A journal under way, as its run would have written it. */
static struct journal *begin(struct bench *b)
{
	struct journal *j = NULL;
	assert_int_equal(state_prepare(&b->state), 0);
	assert_int_equal(journal_create(&b->state, ID, &j), 0);
	assert_int_equal(journal_append(j, record_new("run", json_pack("{ss}", "playbook", "toy"))), 0);
	assert_int_equal(journal_append(j, record_round(1)), 0);
	return j;
}

static void intend(struct journal *j, const struct change_kind *kind, int cell, const char *step,
                   struct deadlines deadlines)
{
	static unsigned last;
	struct change *c = NULL;
	assert_int_equal(change_new(kind, step, "x", json_pack("{si}", "cell", cell), &c), 0);
	c->id = last = cell == 1 ? 1 : last + 1; /* each journal begins with the first cell */
	c->deadlines = deadlines;
	assert_int_equal(journal_append(j, record_intent(c)), 0);
	change_free(&c);
}

static void intend_plainly(struct journal *j, int cell)
{
	intend(j, &toy_set, cell, "a", (struct deadlines){0});
}

static void log_plain(struct journal *j, const char *type, json_t *fields)
{
	assert_int_equal(journal_append(j, record_new(type, fields)), 0);
}

static void die(struct journal **j)
{
	assert_int_equal(journal_sync(*j), 0);
	journal_close(j);
}

/* A run of cells 1 and 2, in steps a and b, that is done with. */
static void begin_done(struct bench *b, struct journal **ret)
{
	struct journal *j = begin(b);
	for (int cell = 1; cell <= 2; cell++)
		intend(j, &toy_set, cell, cell == 1 ? "a" : "b", (struct deadlines){0});
	for (unsigned id = 1; id <= 2; id++) {
		assert_int_equal(journal_append(j, record_outcome(id, OUTCOME_DONE, "")), 0);
		toy.value[id] = 1;
	}
	log_plain(j, "end", json_pack("{si}", "status", 0));
	*ret = j;
}

static struct recovery recover(struct bench *b, enum recover_how how)
{
	struct recovery recovery;
	_cleanup_buf_ struct buf why = {0};
	toy.order[0] = '\0';
	assert_int_equal(recover_run(&b->engine, ID, how, somebody(), &recovery, &why), 0);
	assert_string_equal(buf_text(&why), "");
	return recovery;
}

static size_t count(const struct run *run, const char *type)
{
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(run->records); i++)
		n += strcmp(json_string_value(json_object_get(json_array_get(run->records, i), "type")), type) == 0;
	return n;
}

/* After a recovery: nothing is open, and a mark is there only for a deadline. */
static struct run *closed(struct bench *b)
{
	struct run *run = load(b, ID);
	assert_false(run_open(run));
	assert_int_equal(state_marked(&b->state, ID), run_deadline(run) != 0);
	return run;
}

/* ---- open intents -------------------------------------------------------------------- */

/* In force, not begun, altered by somebody, not to be found out. */
static void die_with_open_intents(struct bench *b)
{
	struct journal *j = begin(b);
	for (int cell = 1; cell <= 4; cell++)
		intend_plainly(j, cell);
	die(&j);
	toy.value[1] = 1;
	toy.value[3] = 5;
	toy.hidden[4] = true;
}

static void open_intents_are_found_out_and_taken_back(void **state)
{
	struct bench *b = *state;
	die_with_open_intents(b);
	struct recovery r = recover(b, RECOVER_UNDO);
	assert_string_equal(toy.order, "s1 s2 s3 s4 s4 r4 s3 r3 r1 ");
	assert_int_equal(r.done, 1);
	assert_int_equal(r.not_begun, 1);
	assert_int_equal(r.unclear, 2);
	assert_true(r.undone);
	assert_int_equal(r.undo.done, 2);
	assert_int_equal(r.undo.drifted, 1);
	assert_int_equal(recover_status(&r), 3);
	assert_int_equal(toy.value[1], 0);
	assert_int_equal(toy.value[3], 5);
	struct run *run = closed(b);
	static const enum outcome outcomes[] = {OUTCOME_DONE, OUTCOME_SKIPPED, OUTCOME_PARTLY, OUTCOME_PARTLY};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(run->entries[i].outcome, outcomes[i]);
	assert_non_null(strstr(run->entries[3].note, "it cannot be found out"));
	run_free(&run);
}

static void open_intents_are_found_out_and_kept(void **state)
{
	struct bench *b = *state;
	die_with_open_intents(b);
	struct recovery r = recover(b, RECOVER_KEEP);
	assert_string_equal(toy.order, "s1 s2 s3 s4 ");
	assert_false(r.undone);
	assert_int_equal(recover_status(&r), 3);
	assert_int_equal(toy.value[1], 1);
	struct run *run = closed(b);
	assert_int_equal(run->status, 3);
	assert_int_equal(run->entries[0].undo, UNDO_NONE);
	run_free(&run);
}

static void a_recovery_is_done_once(void **state)
{
	struct bench *b = *state;
	die_with_open_intents(b);
	recover(b, RECOVER_KEEP);
	struct recovery r = recover(b, RECOVER_UNDO);
	assert_true(r.ended);
	assert_string_equal(toy.order, "");
	assert_int_equal(recover_status(&r), 0);
}

/* Half a tree that was to be killed is worse than none: what was begun is finished, but
 * not what comes after it. */
static void what_cannot_be_undone_is_finished_where_kept(void **state)
{
	struct bench *b = *state;
	struct journal *j = begin(b);
	intend(j, &toy_burn, 1, "a", (struct deadlines){0});
	intend(j, &toy_burn, 2, "a", (struct deadlines){0});
	die(&j);
	struct recovery r = recover(b, RECOVER_KEEP);
	assert_string_equal(toy.order, "s1 a1 s2 ");
	assert_int_equal(r.done, 1);
	assert_int_equal(r.not_begun, 1);
	struct run *run = closed(b);
	assert_int_equal(run->entries[0].outcome, OUTCOME_DONE);
	assert_int_equal(run->entries[1].outcome, OUTCOME_SKIPPED);
	run_free(&run);
}

static void and_not_where_taken_back(void **state)
{
	struct bench *b = *state;
	struct journal *j = begin(b);
	intend(j, &toy_burn, 1, "a", (struct deadlines){0});
	die(&j);
	struct recovery r = recover(b, RECOVER_UNDO);
	assert_string_equal(toy.order, "s1 ");
	assert_int_equal(r.not_begun, 1);
	assert_int_equal(recover_status(&r), 0);
	run_free(&(struct run *){closed(b)});
}

/* ---- what was begun after the end ------------------------------------------------------- */

static void a_rollback_goes_on_within_its_scope(void **state)
{
	struct bench *b = *state;
	struct journal *j;
	begin_done(b, &j);
	const struct undo_scope scope = {.step = (char *)"a"};
	assert_int_equal(journal_append(j, record_rollback(somebody(), &scope, &b->allow)), 0);
	log_plain(j, "undo-intent", json_pack("{si}", "change", 1));
	die(&j);
	struct recovery r = recover(b, RECOVER_UNDO);
	assert_string_equal(toy.order, "s1 r1 ");
	assert_int_equal(r.undo.done, 1);
	assert_int_equal(toy.value[2], 1);
	struct run *run = closed(b);
	assert_int_equal(run->entries[1].undo, UNDO_NONE);
	run_free(&run);
}

/* The first had been reverted already when it died. */
static void a_rollback_that_is_given_up_says_how_far_it_came(void **state)
{
	struct bench *b = *state;
	struct journal *j;
	begin_done(b, &j);
	assert_int_equal(journal_append(j, record_rollback(somebody(), &(struct undo_scope){0}, &b->allow)), 0);
	log_plain(j, "undo-intent", json_pack("{si}", "change", 2));
	log_plain(j, "undo-intent", json_pack("{si}", "change", 1));
	die(&j);
	toy.value[2] = 0;
	struct recovery r = recover(b, RECOVER_KEEP);
	assert_string_equal(toy.order, "s1 s2 ");
	assert_false(r.undone);
	struct run *run = closed(b);
	assert_int_equal(run->entries[0].undo, UNDO_NONE);
	assert_int_equal(run->entries[1].undo, UNDO_DONE);
	assert_false(run->entries[0].undo_open);
	run_free(&run);
}

static void what_was_being_put_in_force_again_is_closed(void **state)
{
	struct bench *b = *state;
	struct journal *j;
	begin_done(b, &j);
	log_plain(j, "reapply", json_pack("{so}", "operator", somebody()));
	log_plain(j, "reapply-intent", json_pack("{si}", "change", 1));
	die(&j);
	struct recovery r = recover(b, RECOVER_UNDO);
	assert_string_equal(toy.order, "s1 ");
	assert_false(r.undone);
	struct run *run = closed(b);
	assert_false(run->entries[0].again_open);
	assert_int_equal(count(run, "reapply-end"), 1);
	run_free(&run);
}

static void a_recovery_that_died_is_recovered(void **state)
{
	struct bench *b = *state;
	struct journal *j = begin(b);
	intend_plainly(j, 1);
	intend_plainly(j, 2);
	log_plain(j, "recover", json_pack("{so ss}", "operator", somebody(), "how", "rollback"));
	assert_int_equal(journal_append(j, record_outcome(1, OUTCOME_DONE, "found in force")), 0);
	die(&j);
	toy.value[1] = toy.value[2] = 1;
	struct recovery r = recover(b, RECOVER_UNDO);
	assert_string_equal(toy.order, "s2 r2 r1 ");
	assert_int_equal(r.done, 1);
	assert_int_equal(r.undo.done, 2);
	run_free(&(struct run *){closed(b)});
}

static void what_never_began_is_dropped(void **state)
{
	struct bench *b = *state;
	struct journal *j = NULL;
	_cleanup_strv_ struct strv runs = {0}, marks = {0};
	assert_int_equal(state_prepare(&b->state), 0);
	assert_int_equal(journal_create(&b->state, ID, &j), 0);
	journal_close(&j);
	assert_true(recover(b, RECOVER_UNDO).dropped);
	assert_int_equal(state_mark(&b->state, ID), 0); /* not even a directory */
	assert_true(recover(b, RECOVER_UNDO).dropped);
	assert_int_equal(state_runs(&b->state, &runs), 0);
	assert_int_equal(state_pending(&b->state, &marks), 0);
	assert_int_equal(runs.n + marks.n, 0);
}

static void a_run_that_lives_is_left_alone(void **state)
{
	struct bench *b = *state;
	struct recovery recovery;
	_cleanup_buf_ struct buf why = {0};
	struct journal *j = begin(b);
	intend_plainly(j, 1);
	assert_int_equal(journal_busy(&b->state, ID), 1);
	assert_int_equal(recover_run(&b->engine, ID, RECOVER_UNDO, somebody(), &recovery, &why), -EWOULDBLOCK);
	die(&j);
	assert_int_equal(journal_busy(&b->state, ID), 0);
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static void what_is_due_is_taken_back_and_no_more(void **state)
{
	struct bench *b = *state;
	int64_t now = realtime_ms();
	struct journal *j = begin(b);
	intend(j, &toy_set, 1, "a", (struct deadlines){.confirm = now - 1});
	intend(j, &toy_set, 2, "b", (struct deadlines){.ttl = now + HOUR});
	intend(j, &toy_set, 3, "c", (struct deadlines){.confirm = now + HOUR, .ttl = now - 1});
	intend(j, &toy_set, 4, "d", (struct deadlines){0});
	die(&j);
	for (int cell = 1; cell <= 4; cell++)
		toy.value[cell] = 1;
	struct recovery r = recover(b, RECOVER_DUE);
	assert_string_equal(toy.order, "s1 s2 s3 s4 r3 r1 ");
	assert_int_equal(r.undo.done, 2);
	struct run *run = closed(b);
	assert_true(run_deadline(run) == now + HOUR);
	assert_true(run_confirm_by(run) == 0);
	run_free(&run);
}

static void what_cannot_be_taken_back_in_time_is_tried_once(void **state)
{
	struct bench *b = *state;
	struct journal *j = begin(b);
	intend(j, &toy_set, 1, "a", (struct deadlines){.confirm = realtime_ms() - 1});
	die(&j);
	toy.value[1] = 1;
	toy.stays[1] = true;
	struct recovery r = recover(b, RECOVER_DUE);
	assert_int_equal(r.undo.failed, 1);
	struct run *run = closed(b);
	assert_true(entry_live(&run->entries[0]));
	assert_true(entry_deadline(&run->entries[0]) == 0);
	run_free(&run);
	r = recover(b, RECOVER_DUE);
	assert_string_equal(toy.order, "");
	assert_true(r.ended);
}

static void assert_deadlines(struct bench *b, size_t entry, int64_t from, int64_t confirm, int64_t ttl)
{
	struct run *run = load(b, b->result.id);
	const struct deadlines *d = &run->entries[entry].change->deadlines;
	int64_t spent = realtime_ms() - from;
	assert_true(confirm ? d->confirm >= from + confirm && d->confirm <= from + spent + confirm : !d->confirm);
	assert_true(ttl ? d->ttl >= from + ttl && d->ttl <= from + spent + ttl : !d->ttl);
	run_free(&run);
}

static void deadlines_are_as_playbook_and_step_say(void **state)
{
	struct bench *b = *state;
	int64_t from = realtime_ms();
	assert_int_equal(run_text(b, "[playbook]\nname = toy\nconfirm = 10m\n" STEP("a", "toy.set", "1")
	                         STEP("b", "toy.set", "2") "confirm = 1h\nttl = 2h\n"
	                         STEP("c", "toy.set", "3") "confirm = 0s\n" STEP("d", "toy.burn", "4")), 0);
	assert_int_equal(toy.waiters, 1);
	assert_deadlines(b, 0, from, HOUR / 6, 0);
	assert_deadlines(b, 1, from, HOUR, 2 * HOUR);
	assert_deadlines(b, 2, from, 0, 0);
	assert_deadlines(b, 3, from, 0, 0);
	assert_true(b->result.confirm_by == b->result.deadline);
	assert_true(state_marked(&b->state, b->result.id));
}

static void the_operator_goes_before_the_playbook(void **state)
{
	struct bench *b = *state;
	int64_t from = realtime_ms();
	b->engine.confirm_ms = HOUR;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") STEP("b", "toy.set", "2") "confirm = 10m\n"), 0);
	assert_deadlines(b, 0, from, HOUR, 0);
	assert_deadlines(b, 1, from, HOUR, 0);
	b->engine.confirm_ms = 0;
	assert_int_equal(run_text(b, "[playbook]\nname = toy\nconfirm = 10m\n" STEP("a", "toy.set", "3")), 0);
	assert_deadlines(b, 0, from, 0, 0);
	assert_int_equal(toy.waiters, 1);
	assert_false(state_marked(&b->state, b->result.id));
}

static void a_ttl_of_what_cannot_be_undone_is_refused(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.burn", "1") "ttl = 1h\n"), 0);
	assert_string_equal(toy.order, "");
	assert_int_equal(b->result.status, 1);
	assert_int_equal(b->result.troubles.n, 1);
	assert_non_null(strstr(b->result.troubles.v[0], "cannot be undone"));
}

/* ---- the wait ------------------------------------------------------------------------------------ */

static int await(struct bench *b)
{
	_cleanup_buf_ struct buf why = {0};
	return await_deadline(&b->state, b->result.id, b->engine.parts->kinds, &why);
}

static void the_wait_ends_with_the_deadline(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") "confirm = 400ms\n"), 0);
	assert_int_equal(await(b), 1);
	int64_t late = realtime_ms() - b->result.deadline;
	print_message("# awake %lld ms after the deadline\n", (long long)late);
	assert_true(late >= 0 && late < 60000);
	assert_int_equal(await(b), 1); /* it is past */
}

static void there_may_be_nothing_to_wait_for(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1")), 0);
	assert_int_equal(await(b), 0);
	memcpy(b->result.id, ID, sizeof(ID)); /* there is no such run */
	assert_int_equal(await(b), 0);
}

/* In a process of its own, a moment later. */
static pid_t confirm_soon(struct bench *b)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct writer w;
	int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	sleep_ms(300);
	int r = writer_reopen(&w, &b->engine, b->result.id, &lock, &why);
	if (r == 0)
		r = writer_log(&w, record_new("confirmed", json_pack("{so}", "operator", somebody())));
	if (r == 0)
		r = writer_sync(&w);
	if (r == 0)
		r = writer_seal(&w);
	_exit(r == 0 ? 0 : 1);
}

static void the_wait_ends_with_the_confirmation(void **state)
{
	struct bench *b = *state;
	int status = -1;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") "confirm = 1h\n"), 0);
	pid_t pid = confirm_soon(b);
	assert_true(pid > 0);
	alarm(300); /* a wait that goes on for an hour is a failure */
	assert_int_equal(await(b), 0);
	alarm(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(state_marked(&b->state, b->result.id));
}

static void one_process_waits_for_a_run(void **state)
{
	struct bench *b = *state;
	int first = -1, second = -1;
	assert_int_equal(run_text(b, HEAD STEP("a", "toy.set", "1") "confirm = 1h\n"), 0);
	assert_int_equal(state_hold_mark(&b->state, b->result.id, &first), 0);
	assert_int_equal(state_hold_mark(&b->state, b->result.id, &second), -EWOULDBLOCK);
	close(first);
	assert_int_equal(state_hold_mark(&b->state, b->result.id, &second), 0);
	close(second);
	assert_int_equal(state_hold_mark(&b->state, ID, &second), -ENOENT);
}

/* ---- room ----------------------------------------------------------------------------------------------- */

/* A filesystem of this size for the state, in a mount namespace of the test's own. */
static bool small_disk(struct bench *b, const char *size)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("small", b->dir, "tmpfs", 0, size) < 0)
		return false;
	host_close(&b->host); /* its root is that of the namespace before */
	assert_int_equal(host_open("/", &b->host), 0);
	b->state.root = b->host.root;
	return true;
}

static void a_full_disk_is_found_before_anything_is_changed(void **state)
{
	struct bench *b = *state;
	_cleanup_buf_ struct buf why = {0};
	_cleanup_strv_ struct strv runs = {0}, marks = {0};
	if (!small_disk(b, "size=128k,nr_inodes=64"))
		skip();
	assert_int_equal(try_text(b, HEAD STEP("a", "toy.set", "1"), &why), -ENOSPC);
	assert_non_null(strstr(buf_text(&why), "nothing was changed"));
	assert_string_equal(toy.order, "");
	assert_int_equal(state_runs(&b->state, &runs), 0);
	assert_int_equal(state_pending(&b->state, &marks), 0);
	assert_int_equal(runs.n + marks.n, 0);
	umount(b->dir);
}

static void what_room_is_laid_out_stays(void **state)
{
	struct bench *b = *state;
	if (!small_disk(b, "size=600k,nr_inodes=64"))
		skip();
	struct journal *j = begin(b);
	assert_int_equal(journal_reserve(j, 2 * 1024 * 1024), -ENOSPC);
	_cleanup_free_ char *filler = NULL;
	assert_true(asprintf(&filler, "%s/filler", b->dir) > 0);
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = {0};
	while (write(fd, block, sizeof(block)) > 0) /* somebody else takes the rest */
		;
	close(fd);
	intend_plainly(j, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(journal_append(j, record_outcome(1, OUTCOME_DONE, "there is room for it")), 0);
	die(&j);
	struct run *run = load(b, ID);
	assert_int_equal(run->n, 1);
	run_free(&run);
	umount(b->dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_make, bench_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_intents_are_found_out_and_taken_back),
		TEST(open_intents_are_found_out_and_kept),
		TEST(a_recovery_is_done_once),
		TEST(what_cannot_be_undone_is_finished_where_kept),
		TEST(and_not_where_taken_back),
		TEST(a_rollback_goes_on_within_its_scope),
		TEST(a_rollback_that_is_given_up_says_how_far_it_came),
		TEST(what_was_being_put_in_force_again_is_closed),
		TEST(a_recovery_that_died_is_recovered),
		TEST(what_never_began_is_dropped),
		TEST(a_run_that_lives_is_left_alone),
		TEST(what_is_due_is_taken_back_and_no_more),
		TEST(what_cannot_be_taken_back_in_time_is_tried_once),
		TEST(deadlines_are_as_playbook_and_step_say),
		TEST(the_operator_goes_before_the_playbook),
		TEST(a_ttl_of_what_cannot_be_undone_is_refused),
		TEST(the_wait_ends_with_the_deadline),
		TEST(there_may_be_nothing_to_wait_for),
		TEST(the_wait_ends_with_the_confirmation),
		TEST(one_process_waits_for_a_run),
		TEST(a_full_disk_is_found_before_anything_is_changed),
		TEST(what_room_is_laid_out_stays),
	};
	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
