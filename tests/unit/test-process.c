/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The process actions and their change kinds, against stand-ins.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "change/process-describe.h"
#include "change/process-kill.h"
#include "change/process-stop.h"
#include "core/action.h"
#include "core/vault.h"
#include "process-stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct action process_find;
extern const struct action process_stop;
extern const struct action process_kill;

/* The engine's side of an effect: a guard that refuses one pid, a journal that fails. */
struct journal_stand_in {
	struct effect effect;
	pid_t refused;
	int fails;
	size_t announced;
};

static bool names_pid(const json_t *more, pid_t pid)
{
	const json_t *list = json_object_get(more, "processes");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_integer_value(json_object_get(json_array_get(list, i), "pid")) == pid)
			return true;
	return false;
}

static int grow(struct effect *effect, struct change *change, json_t *more)
{
	struct journal_stand_in *j = (struct journal_stand_in *)effect;
	int r = j->fails;
	if (r == 0 && j->refused && names_pid(more, j->refused))
		r = -EPERM;
	if (r == 0) {
		json_t *grown = json_object_get(change->data, "grown");
		if (!grown)
			json_object_set_new(change->data, "grown", grown = json_array());
		json_array_append(grown, more);
		j->announced += json_array_size(json_object_get(more, "processes"));
	}
	json_decref(more);
	return r;
}

struct work {
	struct plan *plan;
	struct args *args;
	struct journal_stand_in journal;
};

static void work_end(struct work *w)
{
	plan_free(&w->plan);
	args_free(&w->args);
	buf_free(&w->journal.effect.note);
}

#define _cleanup_work_ _cleanup_(work_end)

static void give(struct work *w, const char *name, const char *item)
{
	struct value value = {.type = TYPE_TEXT, .list = true};
	if (!w->args)
		assert_int_equal(args_new(&w->args), 0);
	if (item)
		strv_add(&value.items, item);
	assert_int_equal(args_set(w->args, name, &value), 0);
	value_free(&value);
}

static void give_file(struct work *w, struct stage *s, const char *file)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", s->dir, file);
	give(w, "exe", path);
}

/* Plans and gives the change, NULL if there is nothing to do. */
static struct change *plan(struct stage *s, struct work *w, const struct action *action)
{
	plan_free(&w->plan);
	w->journal.effect.grow = grow;
	assert_int_equal(plan_new(&w->plan), 0);
	assert_int_equal(plan_begin_step(w->plan, "step"), 0);
	assert_int_equal(action->plan(&s->host, w->args, w->plan), 0);
	assert_true(plan_count(w->plan) <= 1);
	return plan_count(w->plan) ? plan_at(w->plan, 0) : NULL;
}

static struct change *plan_file_tree(struct stage *s, struct work *w, const struct action *action, const char *file)
{
	give_file(w, s, file);
	give(w, "tree", "yes");
	struct change *c = plan(s, w, action);
	assert_non_null(c);
	return c;
}

static int apply(struct stage *s, struct work *w, struct change *c)
{
	return c->kind->apply(&s->host, c, &w->journal.effect);
}

static enum change_state probe(struct stage *s, const struct change *c)
{
	enum change_state state = CHANGE_DRIFTED;
	assert_int_equal(c->kind->probe(&s->host, c, &state), 0);
	return state;
}

static const char *fact(struct work *w, const char *name)
{
	const struct strv *values = plan_facts(w->plan, name);
	return values && values->n ? values->v[0] : NULL;
}

static const json_t *evidence_of(const struct change *c, pid_t pid)
{
	const json_t *grown = json_object_get(c->data, "grown");
	for (size_t i = 0; i < json_array_size(grown); i++) {
		const json_t *list = json_object_get(json_array_get(grown, i), "evidence");
		for (size_t k = 0; k < json_array_size(list); k++)
			if (json_integer_value(json_object_get(json_array_get(list, k), "pid")) == pid)
				return json_array_get(list, k);
	}
	return NULL;
}

static void a_tree_dies_and_evidence_stays(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "miner", "stratum+tcp", "tree", NULL);
	struct change *c = plan_file_tree(s, &w, &process_kill, "miner");
	assert_string_equal(fact(&w, "count"), "3");
	assert_int_equal(probe(s, c), CHANGE_BEFORE);
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(probe(s, c), CHANGE_AFTER);
	assert_int_equal(stage_count(s, "miner"), 0);
	const json_t *e = evidence_of(c, pid);
	char *text = json_dumps(e, 0);
	assert_non_null(strstr(text, "stratum+tcp"));
	assert_non_null(strstr(text, "STAGE_SECRET"));
	assert_null(strstr(text, "hunter2"));
	assert_true(sha256_is_hex(json_string_value(json_object_get(e, "exe-sha256"))));
	assert_true(json_array_size(json_object_get(e, "parents")) > 0);
	free(text);
	assert_null(plan(s, &w, &process_kill));
}

static void what_forked_away_is_found_by_its_file(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "watchdog", NULL, "daemon", NULL);
	stage_reap();
	struct change *c = plan_file_tree(s, &w, &process_kill, "watchdog");
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "watchdog"), 0);
}

static void what_poses_as_a_kernel_thread_is_found(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t a = stage_start(s, "one", "[kthreadd]", "sleep", NULL);
	pid_t b = stage_start(s, "two", NULL, "hide-argv", "kthreadd");
	give(&w, "name", "kthreadd");
	give_file(&w, s, "*"); /* somebody else may be testing, too */
	struct change *c = plan(s, &w, &process_kill);
	assert_non_null(c);
	_cleanup_processes_ struct processes list = {0};
	_cleanup_buf_ struct buf tree = {0}, line = {0};
	assert_int_equal(processes_of(c, &list), 0);
	assert_int_equal(list.n, 2); /* and not the real one */
	assert_true(list.v[0].id.pid == a && list.v[1].id.pid == b);
	assert_int_equal(c->kind->detail(c, &tree), 0);
	assert_int_equal(c->kind->describe(c, &line), 0);
	assert_non_null(strstr(buf_text(&line), "[kthreadd] ("));
	const char *mark = strstr(buf_text(&tree), "poses as a kernel thread");
	assert_non_null(mark);
	assert_non_null(strstr(mark + 1, "poses as a kernel thread"));
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "one") + stage_count(s, "two"), 0);
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
		give(&w, "pid", number);
		give(&w, "deleted-exe", "yes");
		struct change *c = plan(s, &w, &process_kill);
		assert_non_null(c);
		assert_null(fact(&w, "exe")); /* no path to take away */
		assert_int_equal(apply(s, &w, c), 0);
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

/* What a name alone leads to, wherever the file is, does not make the host's programs the
 * miner's: a later step kills whatever runs the executables. */
static void only_the_intruders_programs_are_its_executables(void **state)
{
	struct stage *s = *state;
	const struct {
		const char *file;
		bool own;
	} cases[] = {{"miner", true}, {"python3", false}, {"perl5.36", false}};
	rmdir(s->dir);
	snprintf(s->dir, sizeof(s->dir), "/var/lib/test-process-XXXXXX"); /* nobody's scratch directory */
	assert_non_null(mkdtemp(s->dir));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_work_ struct work w = {0};
		stage_start(s, cases[i].file, NULL, "sleep", NULL);
		assert_non_null(plan_file_tree(s, &w, &process_kill, cases[i].file));
		assert_int_equal(fact(&w, "exe") != NULL, cases[i].own);
	}
}

static void a_packages_program_under_a_miners_name_stays_the_packages(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	int ends[2];
	char c;
	if (access("/var/lib/dpkg/info", F_OK) < 0)
		skip();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/usr/bin/sleep", "xmrig", "60", NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 0); /* it runs sleep now */
	close(ends[0]);
	snprintf(number, sizeof(number), "%d", (int)pid);
	give(&w, "name", "xmrig");
	give(&w, "pid", number);
	const struct change *change = plan(s, &w, &process_find);
	assert_null(change);
	assert_string_equal(fact(&w, "count"), "1");
	assert_null(fact(&w, "exe"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_name_that_ends_like_deleted_is_a_name(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0}, none = {0};
	stage_start(s, "real (deleted)", NULL, "sleep", NULL);
	give_file(&w, s, "real (deleted)");
	give(&w, "deleted-exe", "no");
	assert_non_null(plan(s, &w, &process_kill));
	assert_non_null(strstr(fact(&w, "exe"), "/real (deleted)"));
	give_file(&none, s, "real");
	assert_null(plan(s, &none, &process_kill));
}

static void a_stopped_one_dies_as_it_is(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "still", NULL, "sleep", NULL);
	kill(pid, SIGSTOP);
	stage_await_state(s, pid, 'T');
	struct change *c = plan_file_tree(s, &w, &process_kill, "still");
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "still"), 0);
}

static void an_abort_continues_only_what_we_stopped(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {.journal.fails = -EIO};
	pid_t ran = stage_start(s, "mix", NULL, "sleep", NULL), stood = stage_start(s, "mix", NULL, "sleep", NULL);
	kill(stood, SIGSTOP);
	stage_await_state(s, stood, 'T');
	struct change *c = plan_file_tree(s, &w, &process_kill, "mix");
	assert_int_equal(apply(s, &w, c), -EIO);
	stage_await_state(s, ran, 'S');
	assert_int_equal(stage_state(s, stood), 'T');
	assert_int_equal(probe(s, c), CHANGE_BEFORE);
}

static void threads_without_their_leader_die(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t pid = stage_start(s, "headless", NULL, "leaderless", "body");
	stage_await_state(s, pid, 'Z');
	struct change *c = plan_file_tree(s, &w, &process_kill, "headless");
	assert_string_equal(fact(&w, "count"), "1");
	assert_int_equal(probe(s, c), CHANGE_BEFORE);
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(probe(s, c), CHANGE_AFTER);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), pid);
}

static void a_zombie_is_dead_and_its_parent_lives(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t parent = stage_start(s, "parent", NULL, "zombie", NULL);
	char number[16];
	snprintf(number, sizeof(number), "%d", (int)parent);
	give(&w, "parent", number);
	assert_null(plan(s, &w, &process_kill));
	assert_string_equal(fact(&w, "count"), "0");
	stage_await_state(s, parent, 'S');
}

static void a_thread_is_no_process(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work by_thread = {0}, by_tid = {0}, w = {0};
	stage_start(s, "threaded", NULL, "thread", "its-thread");
	give(&by_thread, "name", "its-thread");
	assert_null(plan(s, &by_thread, &process_kill));
	struct change *c = plan_file_tree(s, &w, &process_kill, "threaded");
	assert_string_equal(fact(&w, "count"), "1");
	char path[64], tid[16];
	snprintf(path, sizeof(path), "/proc/%s/task", fact(&w, "pid"));
	_cleanup_pids_ struct pids tids = {0};
	int task = open(path, O_PATH | O_DIRECTORY);
	assert_int_equal(proc_pids(task, &tids), 0); /* laid out alike */
	close(task);
	assert_int_equal(tids.n, 2);
	snprintf(tid, sizeof(tid), "%d", (int)tids.v[1]);
	give(&by_tid, "pid", tid);
	assert_null(plan(s, &by_tid, &process_kill));
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "threaded"), 0);
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
	give(&w, "pid", number);
	struct change *c = plan(s, &w, &process_kill);
	assert_non_null(c);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	pid_t again = fork_as(pid);
	if (again == 0) {
		alarm(20);
		pause();
		_exit(0);
	}
	if (again < 0)
		skip(); /* no right to choose a pid */
	assert_int_equal(again, pid);
	assert_int_equal(probe(s, c), CHANGE_AFTER);
	assert_int_equal(apply(s, &w, c), 0);
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
	struct change *c = plan_file_tree(s, &w, &process_kill, "lives");
	json_object_set_new(c->data, "boot", json_string("00000000-0000-0000-0000-000000000000"));
	assert_int_equal(probe(s, c), CHANGE_AFTER);
	assert_int_equal(apply(s, &w, c), 0);
	stage_await_state(s, pid, 'S');
}

/* Kills what restarts itself and watches that it stays away. */
static void end_respawners(struct stage *s, const char *file, const char *part)
{
	_cleanup_work_ struct work w = {0};
	stage_start(s, file, NULL, part, NULL);
	usleep(20000);
	stage_reap();
	give_file(&w, s, file);
	give(&w, "tree", "yes");
	struct change *c = NULL;
	for (int i = 0; i < 100 && !c; i++) /* one that hops may be between two pids */
		c = plan(s, &w, &process_kill);
	assert_non_null(c);
	assert_int_equal(apply(s, &w, c), 0);
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
	struct change *c = plan_file_tree(s, &w, &process_kill, "crowd");
	pid_t late = stage_start(s, "crowd", NULL, "sleep", NULL);
	pid_t spared = stage_start(s, "crowd", NULL, "sleep", NULL);
	w.journal.refused = spared;
	assert_int_equal(apply(s, &w, c), 0);
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
	struct change *c = plan_file_tree(s, &w, &process_kill, "held");
	assert_int_equal(apply(s, &w, c), -EINPROGRESS);
	snprintf(said, sizeof(said), "%d is traced by %d", (int)pid, (int)tracer);
	assert_non_null(strstr(buf_text(&w.journal.effect.note), said));
	kill(tracer, SIGKILL);
	assert_int_equal(waitpid(tracer, NULL, 0), tracer);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(probe(s, c), CHANGE_AFTER);
}

static void a_tracer_that_matches_dies_with_its_tracee(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	pid_t pid = stage_start(s, "held", NULL, "sleep", NULL);
	snprintf(number, sizeof(number), "%d", (int)pid);
	stage_start(s, "held", NULL, "trace", number);
	struct change *c = plan_file_tree(s, &w, &process_kill, "held");
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "held"), 0);
}

static void a_stop_is_taken_back_as_it_was(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t ran = stage_start(s, "halt", NULL, "tree", NULL), stood = stage_start(s, "halt", NULL, "sleep", NULL);
	kill(stood, SIGSTOP);
	stage_await_state(s, stood, 'T');
	struct change *c = plan_file_tree(s, &w, &process_stop, "halt");
	pid_t late = stage_start(s, "halt", NULL, "sleep", NULL);
	assert_int_equal(probe(s, c), CHANGE_BEFORE);
	assert_int_equal(apply(s, &w, c), 0);
	assert_int_equal(probe(s, c), CHANGE_AFTER);
	stage_await_state(s, ran, 'T');
	stage_await_state(s, late, 'T');
	_cleanup_work_ struct work again = {0};
	give_file(&again, s, "halt");
	assert_null(plan(s, &again, &process_stop));
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

static void matchers_say_who(void **state)
{
	struct stage *s = *state;
	struct sha256 own;
	int fd = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(sha256_fd(fd, &own), 0);
	close(fd);
	pid_t pid = stage_start(s, "target", "posing-as", "name", "its-own-name");
	char number[16], parent[16], glob[128], exact[128];
	snprintf(number, sizeof(number), "%d", (int)pid);
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	snprintf(glob, sizeof(glob), "%s/t*t", s->dir);
	snprintf(exact, sizeof(exact), "%s/target", s->dir);
	const struct {
		const char *matcher, *yes, *no;
	} cases[] = {
		{"pid", number, "999999999"},       {"name", "its-own-name", "its-own-nam"},
		{"name", "posing-as", "target"},    {"exe", exact, "/tmp/*t"},
		{"exe", glob, "/target"},           {"cmdline", "posing-as --act name", "posing-as  --act"},
		{"exe-sha256", own.hex, "0000000000000000000000000000000000000000000000000000000000000000"},
		{"parent", parent, "1"},            {"deleted-exe", "no", "yes"},
		{"user", "root", "nobody"},         {"user", "0", "no-such-user"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_work_ struct work yes = {0}, no = {0}, none = {0};
		bool by_user = strcmp(cases[i].matcher, "user") == 0;
		give(&yes, cases[i].matcher, cases[i].yes);
		give(&no, cases[i].matcher, cases[i].no);
		give(&none, cases[i].matcher, NULL); /* given and empty: nobody */
		struct work *all[] = {&yes, &no, &none};
		for (size_t k = 0; k < 3; k++) {
			if (strcmp(cases[i].matcher, "exe") != 0)
				give_file(all[k], s, "target"); /* all of */
			plan(s, all[k], &process_find);
			const char *expected = k == 0 && (!by_user || geteuid() == 0) ? number : NULL;
			const char *found = fact(all[k], "pid");
			if (expected && !found)
				fail_msg("%s = %s does not match", cases[i].matcher, cases[i].yes);
			if (expected)
				assert_string_equal(found, expected);
			else if (!by_user || k != 0)
				assert_null(found);
		}
	}
}

static void a_load_is_measured(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	stage_start(s, "load", NULL, "sleep", NULL);
	pid_t busy = stage_start(s, "load", NULL, "burn", NULL);
	snprintf(number, sizeof(number), "%d", (int)busy);
	give_file(&w, s, "load");
	give(&w, "cpu-above", "10");
	struct change *c = plan(s, &w, &process_kill);
	assert_non_null(c);
	assert_string_equal(fact(&w, "pid"), number);
	assert_string_equal(fact(&w, "count"), "1");
	assert_int_equal(apply(s, &w, c), 0); /* looks no second time at who is busy */
	assert_int_equal(stage_count(s, "load"), 1);
}

static void a_connection_leads_to_its_owner(void **state)
{
	struct stage *s = *state;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	char port[16], number[16], endpoint[64], other[64];
	snprintf(port, sizeof(port), "%u", ntohs(at.sin_port));
	pid_t pid = stage_start(s, "talker", NULL, "connect", port);
	snprintf(number, sizeof(number), "%d", (int)pid);
	snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%s", port);
	snprintf(other, sizeof(other), "127.0.0.1:%u", ntohs(at.sin_port) == 9 ? 10u : 9u);
	const struct {
		const char *endpoint;
		bool found;
	} cases[] = {{endpoint, true}, {"127.0.0.0/8", true}, {other, false},
	             {"192.0.2.1", false}, {"2001:db8::/32", false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_work_ struct work w = {0};
		give_file(&w, s, "talker");
		give(&w, "connects-to", cases[i].endpoint);
		plan(s, &w, &process_find);
		assert_int_equal(fact(&w, "pid") != NULL, cases[i].found);
		assert_null(fact(&w, "peer")); /* loopback is nobody's server */
	}
	_cleanup_work_ struct work w = {0};
	struct change *c = plan_file_tree(s, &w, &process_kill, "talker");
	assert_int_equal(apply(s, &w, c), 0);
	const json_t *sockets = json_object_get(evidence_of(c, pid), "sockets");
	assert_int_equal(json_array_size(sockets), 1);
	assert_non_null(strstr(json_string_value(json_array_get(sockets, 0)), endpoint));
	close(fd);
}

static void our_own_command_line_is_no_match(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	_cleanup_strv_ struct strv argv = {0};
	assert_int_equal(proc_cmdline(s->host.proc, getppid(), 4096, &argv, NULL), 0);
	if (!argv.n)
		skip();
	char number[16];
	snprintf(number, sizeof(number), "%d", (int)getppid());
	give(&w, "pid", number);
	give(&w, "cmdline", argv.v[0]);
	plan(s, &w, &process_find);
	assert_null(fact(&w, "pid"));
	_cleanup_work_ struct work self = {0};
	snprintf(number, sizeof(number), "%d", (int)getpid());
	give(&self, "pid", number);
	plan(s, &self, &process_find);
	assert_null(fact(&self, "pid"));
}

static void two_steps_take_a_process_once(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "shared", NULL, "sleep", NULL);
	assert_non_null(plan_file_tree(s, &w, &process_kill, "shared"));
	assert_int_equal(plan_begin_step(w.plan, "second"), 0);
	assert_int_equal(process_kill.plan(&s->host, w.args, w.plan), 0);
	assert_int_equal(plan_count(w.plan), 1);
	assert_string_equal(fact(&w, "count"), "1"); /* what is known about it flows on all the same */
}

static void the_tree_is_drawn_and_escaped(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "esc\033[31m\nape", "x\ny", "tree", NULL);
	struct change *c = plan_file_tree(s, &w, &process_kill, "esc\033[[]31m\nape");
	_cleanup_buf_ struct buf tree = {0}, line = {0};
	assert_int_equal(c->kind->detail(c, &tree), 0);
	assert_int_equal(c->kind->describe(c, &line), 0);
	assert_null(strchr(buf_text(&tree), '\033'));
	assert_null(strchr(buf_text(&line), '\n'));
	assert_non_null(strstr(buf_text(&tree), "esc\\x1b[31m\\nape"));
	assert_non_null(strstr(buf_text(&tree), "\n└─ "));
	assert_non_null(strstr(buf_text(&tree), "\n   └─ "));
	assert_non_null(strstr(buf_text(&line), "kill 3 processes: "));
	size_t lines = 0;
	for (const char *p = buf_text(&tree); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3);
}

static void damaged_data_is_refused(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "data", NULL, "sleep", NULL);
	struct change *c = plan_file_tree(s, &w, &process_kill, "data");
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
	assert_true(apply(s, &w, c) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_drop)

int main(int argc, char **argv)
{
	act_if_asked(argc, argv);
	const struct CMUnitTest tests[] = {
		TEST(a_tree_dies_and_evidence_stays),
		TEST(what_forked_away_is_found_by_its_file),
		TEST(what_poses_as_a_kernel_thread_is_found),
		TEST(what_is_deleted_is_copied_out),
		TEST(only_the_intruders_programs_are_its_executables),
		TEST(a_packages_program_under_a_miners_name_stays_the_packages),
		TEST(a_name_that_ends_like_deleted_is_a_name),
		TEST(a_stopped_one_dies_as_it_is),
		TEST(an_abort_continues_only_what_we_stopped),
		TEST(threads_without_their_leader_die),
		TEST(a_zombie_is_dead_and_its_parent_lives),
		TEST(a_thread_is_no_process),
		TEST(a_pid_that_is_used_again_is_left_alone),
		TEST(after_a_reboot_all_have_ended),
		TEST(a_pair_that_restarts_each_other_dies),
		TEST(one_that_hops_from_pid_to_pid_dies),
		TEST(a_storm_of_respawners_dies),
		TEST(what_the_guard_refuses_on_the_way_lives),
		TEST(what_is_traced_is_reported),
		TEST(a_tracer_that_matches_dies_with_its_tracee),
		TEST(a_stop_is_taken_back_as_it_was),
		TEST(matchers_say_who),
		TEST(a_load_is_measured),
		TEST(a_connection_leads_to_its_owner),
		TEST(our_own_command_line_is_no_match),
		TEST(two_steps_take_a_process_once),
		TEST(the_tree_is_drawn_and_escaped),
		TEST(damaged_data_is_refused),
	};
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
