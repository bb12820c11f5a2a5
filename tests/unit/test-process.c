/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Killing and stopping processes, against stand-ins.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "change/process-kill.h"
#include "change/process-record.h"
#include "change/process-stop.h"
#include "core/vault.h"
#include "process-work.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void a_tree_dies_and_evidence_stays(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "miner", "stratum+tcp", "tree", NULL);
	struct change *c = work_plan_tree(s, &w, &process_kill, "miner");
	assert_string_equal(work_fact(&w, "count"), "3");
	assert_int_equal(work_probe(s, c), CHANGE_BEFORE);
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
	assert_int_equal(stage_count(s, "miner"), 0);
	const json_t *e = evidence_of(c, pid);
	char *text = json_dumps(e, 0);
	assert_non_null(strstr(text, "stratum+tcp"));
	assert_non_null(strstr(text, "STAGE_SECRET"));
	assert_null(strstr(text, "hunter2"));
	assert_true(sha256_is_hex(json_string_value(json_object_get(e, "exe-sha256"))));
	assert_true(json_array_size(json_object_get(e, "parents")) > 0);
	free(text);
	assert_null(work_plan(s, &w, &process_kill));
}

static void what_forked_away_is_found_by_its_file(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "watchdog", NULL, "daemon", NULL);
	stage_reap();
	struct change *c = work_plan_tree(s, &w, &process_kill, "watchdog");
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "watchdog"), 0);
}

static void open_vault(struct stage *s)
{
	char dir[128];
	snprintf(dir, sizeof(dir), "%s/vault", s->dir);
	assert_int_equal(vault_open(s->host.root, dir, &s->host.vault), 0);
}

static void what_is_deleted_is_copied_out(void **state)
{
	struct stage *s = *state;
	const char *files[] = {"gone", "memfd:stand-in"};
	open_vault(s);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_work_ struct work w = {0};
		char path[128], hex[65], number[16];
		pid_t pid = stage_start(s, files[i], NULL, "sleep", NULL);
		snprintf(path, sizeof(path), "%s/gone", s->dir);
		if (i == 0)
			assert_int_equal(unlink(path), 0);
		snprintf(number, sizeof(number), "%d", (int)pid);
		work_give(&w, "pid", number);
		work_give(&w, "deleted-exe", "yes");
		struct change *c = work_plan(s, &w, &process_kill);
		assert_non_null(c);
		assert_null(work_fact(&w, "exe")); /* no path to take away */
		assert_int_equal(work_apply(s, &w, c), 0);
		const json_t *e = evidence_of(c, pid);
		assert_true(json_is_true(json_object_get(e, "exe-in-vault")));
		snprintf(hex, sizeof(hex), "%s", json_string_value(json_object_get(e, "exe-sha256")));
		struct sha256 own;
		int fd = open("/proc/self/exe", O_RDONLY);
		assert_int_equal(sha256_fd(fd, &own), 0);
		close(fd);
		assert_string_equal(hex, own.hex);
		assert_int_equal(vault_open_object(s->host.vault, hex, &fd), 0);
		close(fd);
	}
	vault_close(&s->host.vault);
}

static void a_stopped_one_dies_as_it_is(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "still", NULL, "sleep", NULL);
	kill(pid, SIGSTOP);
	stage_await_state(s, pid, 'T');
	struct change *c = work_plan_tree(s, &w, &process_kill, "still");
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "still"), 0);
}

static void an_abort_continues_only_what_we_stopped(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {.journal.fails = -EIO};
	pid_t ran = stage_start(s, "mix", NULL, "sleep", NULL), stood = stage_start(s, "mix", NULL, "sleep", NULL);
	kill(stood, SIGSTOP);
	stage_await_state(s, stood, 'T');
	struct change *c = work_plan_tree(s, &w, &process_kill, "mix");
	assert_int_equal(work_apply(s, &w, c), -EIO);
	stage_await_state(s, ran, 'S');
	assert_int_equal(stage_state(s, stood), 'T');
	assert_int_equal(work_probe(s, c), CHANGE_BEFORE);
}

static void threads_without_their_leader_die(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "headless", NULL, "leaderless", "body");
	stage_await_state(s, pid, 'Z');
	struct change *c = work_plan_tree(s, &w, &process_kill, "headless");
	assert_string_equal(work_fact(&w, "count"), "1");
	assert_int_equal(work_probe(s, c), CHANGE_BEFORE);
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), pid);
}

static void a_zombie_is_dead_and_its_parent_lives(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t parent = stage_start(s, "parent", NULL, "zombie", NULL);
	char number[16];
	snprintf(number, sizeof(number), "%d", (int)parent);
	work_give(&w, "parent", number);
	assert_null(work_plan(s, &w, &process_kill));
	assert_string_equal(work_fact(&w, "count"), "0");
	stage_await_state(s, parent, 'S');
}

static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Also when it was selected by its pid: that is no selection of its successor. */
static void a_pid_that_is_used_again_is_left_alone(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	pid_t pid = stage_start(s, "first", NULL, "sleep", NULL);
	snprintf(number, sizeof(number), "%d", (int)pid);
	work_give(&w, "pid", number);
	struct change *c = work_plan(s, &w, &process_kill);
	assert_non_null(c);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	pid_t again = fork_as(pid);
	if (again == 0) {
		alarm(300);
		pause();
		_exit(0);
	}
	if (again < 0)
		skip(); /* no right to choose a pid */
	assert_int_equal(again, pid);
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_non_null(strstr(buf_text(&w.journal.effect.note), "1 had already ended"));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void after_a_reboot_all_have_ended(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "lives", NULL, "sleep", NULL);
	struct change *c = work_plan_tree(s, &w, &process_kill, "lives");
	json_object_set_new(c->data, "boot", json_string("00000000-0000-0000-0000-000000000000"));
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
	assert_int_equal(work_apply(s, &w, c), 0);
	stage_await_state(s, pid, 'S');
}

/* Kills what restarts itself and watches that it stays away. */
static void end_respawners(struct stage *s, const char *file, const char *part)
{
	_cleanup_work_ struct work w = {0};
	stage_start(s, file, NULL, part, NULL);
	usleep(20000);
	stage_reap();
	work_give_file(&w, s, file);
	work_give(&w, "tree", "yes");
	struct change *c = NULL;
	for (int i = 0; i < 1000 && !c; i++) /* one that hops may be between two pids */
		c = work_plan(s, &w, &process_kill);
	assert_non_null(c);
	assert_int_equal(work_apply(s, &w, c), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(stage_count(s, file), 0);
		usleep(20000);
	}
	_cleanup_processes_ struct processes list = {0};
	assert_int_equal(processes_of(c, &list), 0);
	for (size_t i = 0; i < list.n; i++) /* whatever was killed is on record */
		assert_true(list.v[i].exe[0] == '/');
}

static void a_pair_that_restarts_each_other_dies(void **state)
{
	end_respawners(*state, "pair", "pair");
}

static void one_that_hops_from_pid_to_pid_dies(void **state)
{
	end_respawners(*state, "hopper", "hop");
}

static void a_storm_of_respawners_dies(void **state)
{
	end_respawners(*state, "storm", "storm");
}

static void what_the_guard_refuses_on_the_way_lives(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "crowd", NULL, "sleep", NULL);
	struct change *c = work_plan_tree(s, &w, &process_kill, "crowd");
	pid_t late = stage_start(s, "crowd", NULL, "sleep", NULL);
	pid_t spared = stage_start(s, "crowd", NULL, "sleep", NULL);
	w.journal.refused = spared;
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(w.journal.announced, 1);
	stage_reap();
	assert_int_equal(stage_state(s, late), 0);
	stage_await_state(s, spared, 'S');
	assert_non_null(strstr(buf_text(&w.journal.effect.note), "the guard refuses"));
	assert_null(evidence_of(c, spared));
}

static void what_is_traced_is_reported(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16], said[64];
	pid_t pid = stage_start(s, "held", NULL, "sleep", NULL);
	snprintf(number, sizeof(number), "%d", (int)pid);
	pid_t tracer = stage_start(s, "tracer", NULL, "trace", number);
	struct change *c = work_plan_tree(s, &w, &process_kill, "held");
	assert_int_equal(work_apply(s, &w, c), -EINPROGRESS);
	snprintf(said, sizeof(said), "%d is traced by %d", (int)pid, (int)tracer);
	assert_non_null(strstr(buf_text(&w.journal.effect.note), said));
	kill(tracer, SIGKILL);
	assert_int_equal(waitpid(tracer, NULL, 0), tracer);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
}

static void a_tracer_that_matches_dies_with_its_tracee(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	pid_t pid = stage_start(s, "held", NULL, "sleep", NULL);
	snprintf(number, sizeof(number), "%d", (int)pid);
	stage_start(s, "held", NULL, "trace", number);
	struct change *c = work_plan_tree(s, &w, &process_kill, "held");
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "held"), 0);
}

static void a_stop_is_taken_back_as_it_was(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t ran = stage_start(s, "halt", NULL, "tree", NULL), stood = stage_start(s, "halt", NULL, "sleep", NULL);
	kill(stood, SIGSTOP);
	stage_await_state(s, stood, 'T');
	struct change *c = work_plan_tree(s, &w, &process_stop, "halt");
	pid_t late = stage_start(s, "halt", NULL, "sleep", NULL);
	assert_int_equal(work_probe(s, c), CHANGE_BEFORE);
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
	stage_await_state(s, ran, 'T');
	stage_await_state(s, late, 'T');
	_cleanup_work_ struct work again = {0};
	work_give_file(&again, s, "halt");
	assert_null(work_plan(s, &again, &process_stop));
	/* As read from a journal, on another day. */
	char *text = json_dumps(c->data, 0);
	struct change *later = NULL;
	assert_int_equal(change_new(&process_stop_kind, "step", "x", json_loads(text, 0, NULL), &later), 0);
	free(text);
	assert_int_equal(later->kind->revert(&s->host, later, &w.journal.effect), 0);
	change_free(&later);
	stage_await_state(s, ran, 'S');
	stage_await_state(s, late, 'S');
	assert_int_equal(stage_state(s, stood), 'T');
}

/* As read from a journal, by the next start of the program. */
static void settle_later(struct stage *s, struct work *w, const struct change *c)
{
	char *text = json_dumps(c->data, 0);
	struct change *later = NULL;
	assert_int_equal(change_new(c->kind, "step", "x", json_loads(text, 0, NULL), &later), 0);
	free(text);
	buf_reset(&w->journal.effect.note);
	assert_int_equal(later->kind->settle(&s->host, later, &w->journal.effect), 0);
	change_free(&later);
}

static const struct action *const both[] = {&process_stop, &process_kill};

/* All that is recorded stands still, as it is to: a stop is made then. */
static void only_the_unknown_goes_on(struct stage *s, struct work *w, const struct change *c, pid_t planned,
                                     pid_t found)
{
	pid_t unknown = stage_start(s, "halted", NULL, "sleep", NULL);
	kill(unknown, SIGSTOP);
	stage_await_state(s, unknown, 'T');
	stage_await_state(s, planned, 'T');
	stage_await_state(s, found, 'T');
	settle_later(s, w, c);
	stage_await_state(s, unknown, 'S');
	assert_int_equal(stage_state(s, planned), 'T');
	assert_int_equal(stage_state(s, found), 'T'); /* it was announced */
	assert_int_equal(work_probe(s, c), CHANGE_AFTER);
	assert_int_equal(c->kind->revert(&s->host, c, &w->journal.effect), 0);
	stage_await_state(s, planned, 'S');
	stage_await_state(s, found, 'S');
}

/* A run that died after it had stopped them: recorded ones, one that it had found and
 * announced, one that it had not announced yet, and children. */
static void what_a_dead_run_left_stopped_goes_on(void **state)
{
	struct stage *s = *state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_work_ struct work w = {0};
		const char *file = i ? "killed" : "halted";
		pid_t tree = stage_start(s, file, NULL, "tree", NULL), stood = stage_start(s, file, NULL, "sleep", NULL);
		kill(stood, SIGSTOP);
		stage_await_state(s, stood, 'T');
		struct change *c = work_plan_tree(s, &w, both[i], file);
		pid_t late = stage_start(s, file, NULL, "sleep", NULL);
		pid_t other = stage_start(s, "other", NULL, "sleep", NULL);
		kill(other, SIGSTOP);
		kill(late, SIGSTOP);
		kill(tree, SIGSTOP);
		stage_await_state(s, other, 'T');
		stage_await_state(s, late, 'T');
		stage_await_state(s, tree, 'T');
		for (int again = 0; again < 2; again++) {
			settle_later(s, &w, c);
			stage_await_state(s, tree, 'S');
			stage_await_state(s, late, 'S');
			assert_int_equal(stage_state(s, stood), 'T'); /* before the run came */
			assert_int_equal(stage_state(s, other), 'T');
			assert_int_equal(strstr(buf_text(&w.journal.effect.note), "2 continued") != NULL, !again);
		}
		assert_int_equal(work_probe(s, c), CHANGE_BEFORE);
		assert_int_equal(work_apply(s, &w, c), 0);
		assert_int_equal(work_probe(s, c), CHANGE_AFTER);
		if (i == 0)
			only_the_unknown_goes_on(s, &w, c, tree, late);
	}
}

/* For half a second PID has no turn: what starts and stops it is on another processor. -1: that
 * is not to be had here. */
static pid_t starve(pid_t pid)
{
	const struct sched_param first = {.sched_priority = 50};
	cpu_set_t all, one, rest;
	char byte;
	int ready[2], cpu = 0;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CPU_XOR(&rest, &all, &one);
	if (CPU_COUNT(&rest) == 0)
		return -1;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(rest), &rest), 0);
	assert_int_equal(sched_setaffinity(pid, sizeof(one), &one), 0);
	pid_t hog = fork();
	if (hog == 0) {
		int64_t end = monotonic_ms() + 500;
		if (sched_setaffinity(0, sizeof(one), &one) < 0 || sched_setscheduler(0, SCHED_FIFO, &first) < 0)
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		while (monotonic_ms() < end)
			;
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return hog;
}

/* It has been told to stop, and has had no turn since. */
static void what_has_yet_to_stop_goes_on(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	cpu_set_t all;
	pid_t hog, pid = stage_start(s, "late", NULL, "sleep", NULL);
	struct change *c = work_plan_tree(s, &w, &process_kill, "late");
	char was = 'T';
	int status = 0;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (int i = 0; i < 20 && was == 'T' && (hog = starve(pid)) > 0; i++) {
		kill(pid, SIGSTOP);
		was = stage_state(s, pid);
		settle_later(s, &w, c);
		assert_int_equal(waitpid(hog, &status, 0), hog);
		assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
		stage_await_state(s, pid, 'S');
	}
	if (was == 'T' || status != 0) {
		print_message("a processor cannot be kept from a process here\n");
		skip();
	}
}

static void children_of_what_was_stopped_go_on(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	pid_t parent = stage_start(s, "root", NULL, "tree", NULL);
	snprintf(number, sizeof(number), "%d", (int)parent);
	work_give(&w, "pid", number);
	work_give(&w, "tree", "yes");
	struct change *c = work_plan(s, &w, &process_stop);
	assert_non_null(c);
	assert_string_equal(work_fact(&w, "count"), "3");
	/* As if its child had come after the plan: not recorded. */
	json_t *list = json_object_get(c->data, "processes");
	_cleanup_pids_ struct pids children = {0};
	assert_int_equal(proc_children(s->host.proc, parent, &children), 0);
	assert_true(children.n > 0);
	for (size_t i = json_array_size(list); i-- > 0;)
		if (json_integer_value(json_object_get(json_array_get(list, i), "pid")) != parent)
			json_array_remove(list, i);
	assert_int_equal(json_array_size(list), 1);
	for (size_t i = 0; i < children.n; i++) {
		kill(children.v[i], SIGSTOP);
		stage_await_state(s, children.v[i], 'T');
	}
	settle_later(s, &w, c);
	stage_await_state(s, parent, 'S');
	for (size_t i = 0; i < children.n; i++)
		stage_await_state(s, children.v[i], 'S');
}

static void after_a_reboot_nobody_is_continued(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "rests", NULL, "sleep", NULL);
	struct change *c = work_plan_tree(s, &w, &process_stop, "rests");
	kill(pid, SIGSTOP);
	stage_await_state(s, pid, 'T');
	json_object_set_new(c->data, "boot", json_string("00000000-0000-0000-0000-000000000000"));
	settle_later(s, &w, c);
	assert_int_equal(stage_state(s, pid), 'T');
}

static void damaged_data_is_refused(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "data", NULL, "sleep", NULL);
	struct change *c = work_plan_tree(s, &w, &process_kill, "data");
	json_t *good = json_array_get(json_object_get(c->data, "processes"), 0);
	struct process p = {0};
	const char *fields[] = {"pid", "start", "dev", "comm", "argv", "exe", "user", "stopped"};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		json_t *bad = json_copy(good);
		json_object_set_new(bad, fields[i], json_null());
		assert_int_equal(process_from_json(bad, &p), -EINVAL);
		json_object_del(bad, fields[i]);
		assert_int_equal(process_from_json(bad, &p), -EINVAL);
		json_decref(bad);
	}
	json_object_set_new(good, "pid", json_integer(-1)); /* everybody */
	assert_int_equal(process_from_json(good, &p), -EINVAL);
	assert_true(work_apply(s, &w, c) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_drop)

int main(int argc, char **argv)
{
	act_if_asked(argc, argv);
	const struct CMUnitTest tests[] = {
		TEST(a_tree_dies_and_evidence_stays),
		TEST(what_forked_away_is_found_by_its_file),
		TEST(what_is_deleted_is_copied_out),
		TEST(a_stopped_one_dies_as_it_is),
		TEST(an_abort_continues_only_what_we_stopped),
		TEST(threads_without_their_leader_die),
		TEST(a_zombie_is_dead_and_its_parent_lives),
		TEST(a_pid_that_is_used_again_is_left_alone),
		TEST(after_a_reboot_all_have_ended),
		TEST(a_pair_that_restarts_each_other_dies),
		TEST(one_that_hops_from_pid_to_pid_dies),
		TEST(a_storm_of_respawners_dies),
		TEST(what_the_guard_refuses_on_the_way_lives),
		TEST(what_is_traced_is_reported),
		TEST(a_tracer_that_matches_dies_with_its_tracee),
		TEST(a_stop_is_taken_back_as_it_was),
		TEST(what_a_dead_run_left_stopped_goes_on),
		TEST(what_has_yet_to_stop_goes_on),
		TEST(children_of_what_was_stopped_go_on),
		TEST(after_a_reboot_nobody_is_continued),
		TEST(damaged_data_is_refused),
	};
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
