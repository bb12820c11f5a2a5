/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which processes the matchers find, what they yield as facts, and how they are drawn.
 */
#include "base/hash.h"
#include "base/proc.h"
#include "change/process-record.h"
#include "process-work.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void what_poses_as_a_kernel_thread_is_found(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	pid_t a = stage_start(s, "one", "[kthreadd]", "sleep", NULL);
	pid_t b = stage_start(s, "two", NULL, "hide-argv", "kthreadd");
	work_give(&w, "name", "kthreadd");
	work_give_file(&w, s, "*"); /* somebody else may be testing, too */
	struct change *c = work_plan(s, &w, &process_kill);
	assert_non_null(c);
	_cleanup_processes_ struct processes list = {0};
	_cleanup_buf_ struct buf tree = {0}, line = {0};
	assert_int_equal(processes_of(c, &list), 0);
	assert_int_equal(list.n, 2); /* and not the real one */
	assert_true((list.v[0].id.pid == a && list.v[1].id.pid == b) ||
	            (list.v[0].id.pid == b && list.v[1].id.pid == a)); /* numbers begin anew some time */
	assert_int_equal(c->kind->detail(c, &tree), 0);
	assert_int_equal(c->kind->describe(c, &line), 0);
	assert_non_null(strstr(buf_text(&line), "[kthreadd] ("));
	const char *mark = strstr(buf_text(&tree), "poses as a kernel thread");
	assert_non_null(mark);
	assert_non_null(strstr(mark + 1, "poses as a kernel thread"));
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "one") + stage_count(s, "two"), 0);
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
		assert_non_null(work_plan_tree(s, &w, &process_kill, cases[i].file));
		assert_int_equal(work_fact(&w, "exe") != NULL, cases[i].own);
		const struct strv *notes = plan_notes(w.plan);
		assert_int_equal(notes->n, !cases[i].own); /* people are told to look */
		assert_true(cases[i].own || strstr(notes->v[0], cases[i].file));
	}
}

static void a_packages_program_under_a_miners_name_stays_the_packages(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	char number[16];
	bool runs = false;
	if (access("/var/lib/dpkg/info", F_OK) < 0)
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		execl("/usr/bin/sleep", "xmrig", "300", NULL);
		_exit(127);
	}
	for (int i = 0; i < 60000 && !runs; i++) { /* the arguments come last of what exec alters */
		_cleanup_strv_ struct strv argv = {0};
		assert_int_equal(proc_cmdline(s->host.proc, pid, 4096, &argv, NULL), 0);
		runs = argv.n && strcmp(argv.v[0], "xmrig") == 0;
		usleep(1000);
	}
	assert_true(runs);
	snprintf(number, sizeof(number), "%d", (int)pid);
	work_give(&w, "name", "xmrig");
	work_give(&w, "pid", number);
	const struct change *change = work_plan(s, &w, &process_find);
	assert_null(change);
	assert_string_equal(work_fact(&w, "count"), "1");
	assert_null(work_fact(&w, "exe"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_name_that_ends_like_deleted_is_a_name(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0}, none = {0};
	stage_start(s, "real (deleted)", NULL, "sleep", NULL);
	work_give_file(&w, s, "real (deleted)");
	work_give(&w, "deleted-exe", "no");
	assert_non_null(work_plan(s, &w, &process_kill));
	assert_non_null(strstr(work_fact(&w, "exe"), "/real (deleted)"));
	work_give_file(&none, s, "real");
	assert_null(work_plan(s, &none, &process_kill));
}

static void a_thread_is_no_process(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work by_thread = {0}, by_tid = {0}, w = {0};
	stage_start(s, "threaded", NULL, "thread", "its-thread");
	work_give(&by_thread, "name", "its-thread");
	assert_null(work_plan(s, &by_thread, &process_kill));
	struct change *c = work_plan_tree(s, &w, &process_kill, "threaded");
	assert_string_equal(work_fact(&w, "count"), "1");
	char path[64], tid[16];
	snprintf(path, sizeof(path), "/proc/%s/task", work_fact(&w, "pid"));
	_cleanup_pids_ struct pids tids = {0};
	int task = open(path, O_PATH | O_DIRECTORY);
	assert_int_equal(proc_pids(task, &tids), 0); /* laid out alike */
	close(task);
	assert_int_equal(tids.n, 2);
	snprintf(tid, sizeof(tid), "%d", (int)tids.v[1]);
	work_give(&by_tid, "pid", tid);
	assert_null(work_plan(s, &by_tid, &process_kill));
	assert_int_equal(work_apply(s, &w, c), 0);
	assert_int_equal(stage_count(s, "threaded"), 0);
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
		work_give(&yes, cases[i].matcher, cases[i].yes);
		work_give(&no, cases[i].matcher, cases[i].no);
		work_give(&none, cases[i].matcher, NULL); /* given and empty: nobody */
		struct work *all[] = {&yes, &no, &none};
		for (size_t k = 0; k < 3; k++) {
			if (strcmp(cases[i].matcher, "exe") != 0)
				work_give_file(all[k], s, "target"); /* all of */
			work_plan(s, all[k], &process_find);
			const char *expected = k == 0 && (!by_user || geteuid() == 0) ? number : NULL;
			const char *found = work_fact(all[k], "pid");
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
	work_give_file(&w, s, "load");
	work_give(&w, "cpu-above", "2"); /* others may want the processors, too */
	struct change *c = work_plan(s, &w, &process_kill);
	assert_non_null(c);
	assert_string_equal(work_fact(&w, "pid"), number);
	assert_string_equal(work_fact(&w, "count"), "1");
	assert_int_equal(work_apply(s, &w, c), 0); /* looks no second time at who is busy */
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
		work_give_file(&w, s, "talker");
		work_give(&w, "connects-to", cases[i].endpoint);
		work_plan(s, &w, &process_find);
		assert_int_equal(work_fact(&w, "pid") != NULL, cases[i].found);
		assert_null(work_fact(&w, "peer")); /* loopback is nobody's server */
	}
	_cleanup_work_ struct work w = {0};
	struct change *c = work_plan_tree(s, &w, &process_kill, "talker");
	assert_int_equal(work_apply(s, &w, c), 0);
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
	work_give(&w, "pid", number);
	work_give(&w, "cmdline", argv.v[0]);
	work_plan(s, &w, &process_find);
	assert_null(work_fact(&w, "pid"));
	_cleanup_work_ struct work self = {0};
	snprintf(number, sizeof(number), "%d", (int)getpid());
	work_give(&self, "pid", number);
	work_plan(s, &self, &process_find);
	assert_null(work_fact(&self, "pid"));
}

static void two_steps_take_a_process_once(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "shared", NULL, "sleep", NULL);
	assert_non_null(work_plan_tree(s, &w, &process_kill, "shared"));
	assert_int_equal(plan_begin_step(w.plan, "second"), 0);
	assert_int_equal(process_kill.plan(&s->host, w.args, w.plan), 0);
	assert_int_equal(plan_count(w.plan), 1);
	assert_string_equal(work_fact(&w, "count"), "1"); /* what is known about it flows on all the same */
}

static void the_tree_is_drawn_and_escaped(void **state)
{
	struct stage *s = *state;
	_cleanup_work_ struct work w = {0};
	stage_start(s, "esc\033[31m\nape", "x\ny", "tree", NULL);
	struct change *c = work_plan_tree(s, &w, &process_kill, "esc\033[[]31m\nape");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_drop)

int main(int argc, char **argv)
{
	act_if_asked(argc, argv);
	const struct CMUnitTest tests[] = {
		TEST(what_poses_as_a_kernel_thread_is_found),
		TEST(only_the_intruders_programs_are_its_executables),
		TEST(a_packages_program_under_a_miners_name_stays_the_packages),
		TEST(a_name_that_ends_like_deleted_is_a_name),
		TEST(a_thread_is_no_process),
		TEST(matchers_say_who),
		TEST(a_load_is_measured),
		TEST(a_connection_leads_to_its_owner),
		TEST(our_own_command_line_is_no_match),
		TEST(two_steps_take_a_process_once),
		TEST(the_tree_is_drawn_and_escaped),
	};
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
