/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc.h"
#include "base/users.h"
#include "process-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void a_name_cannot_forge_the_stat_line(void **state)
{
	struct stage *s = *state;
	pid_t pid = stage_start(s, "plain", NULL, "name", "a) R 1 (\n\\b");
	struct proc_stat st;
	char comm[64];
	stage_await_state(s, pid, 'S');
	assert_int_equal(proc_stat(s->host.proc, pid, &st), 0);
	assert_string_equal(st.comm, "a) R 1 (\n\\b");
	assert_int_equal(st.ppid, getpid());
	assert_int_equal(st.state, 'S');
	assert_int_equal(st.threads, 1);
	assert_false(st.kthread);
	assert_true(st.start > 0);
	assert_int_equal(proc_comm(s->host.proc, pid, comm), 0);
	assert_string_equal(comm, "a) R 1 (\n\\b");
}

static void argv_and_environment(void **state)
{
	struct stage *s = *state;
	pid_t pid = stage_start(s, "plain", "odd name", "sleep", "");
	_cleanup_strv_ struct strv argv = {0}, names = {0}, little = {0};
	bool cut = true;
	assert_int_equal(proc_cmdline(s->host.proc, pid, 4096, &argv, &cut), 0);
	assert_false(cut);
	assert_int_equal(argv.n, 3); /* what is only empty at the end looks like nothing */
	assert_string_equal(argv.v[0], "odd name");
	assert_string_equal(argv.v[2], "sleep");
	assert_int_equal(proc_cmdline(s->host.proc, pid, 5, &little, &cut), 0);
	assert_true(cut);
	assert_string_equal(little.v[0], "odd n");
	assert_int_equal(proc_environ_names(s->host.proc, pid, 4096, &names), 0);
	assert_true(strv_has(&names, "STAGE_SECRET"));
	for (size_t i = 0; i < names.n; i++)
		assert_null(strstr(names.v[i], "hunter2"));
}

static void what_has_gone_is_told(void **state)
{
	struct stage *s = *state;
	pid_t pid = stage_start(s, "plain", NULL, "sleep", NULL);
	struct proc_identity id;
	struct proc_stat st;
	struct stat exe;
	_cleanup_strv_ struct strv argv = {0};
	int pidfd;
	assert_int_equal(proc_hold_pid(s->host.proc, pid, &id, &pidfd), 0);
	assert_false(proc_ended(pidfd));
	kill(pid, SIGKILL);
	stage_await_state(s, pid, 'Z');
	assert_true(proc_ended(pidfd));
	assert_int_equal(proc_stat(s->host.proc, pid, &st), 0);
	assert_false(proc_alive(s->host.proc, &st));
	assert_int_equal(proc_exe_stat(s->host.proc, pid, &exe), -ENOENT);
	assert_int_equal(proc_hold(s->host.proc, &id, &(int){0}), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_stat(s->host.proc, pid, &st), -ESRCH);
	assert_int_equal(proc_exe_stat(s->host.proc, pid, &exe), -ESRCH);
	assert_int_equal(proc_cmdline(s->host.proc, pid, 100, &argv, NULL), -ESRCH);
	assert_int_equal(proc_signal(pidfd, SIGKILL), -ESRCH);
	close(pidfd);
}

static void threads_outlive_their_leader(void **state)
{
	struct stage *s = *state;
	pid_t pid = stage_start(s, "plain", "leaderless-zero", "leaderless", "survivor");
	stage_await_state(s, pid, 'Z');
	struct proc_stat st;
	struct stat exe, file;
	char path[128];
	_cleanup_strv_ struct strv argv = {0};
	_cleanup_buf_ struct buf cwd = {0};
	assert_int_equal(proc_stat(s->host.proc, pid, &st), 0);
	assert_true(proc_alive(s->host.proc, &st));
	assert_int_equal(proc_exe_stat(s->host.proc, pid, &exe), 0);
	snprintf(path, sizeof(path), "%s/plain", s->dir);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(exe.st_ino, file.st_ino);
	assert_int_equal(proc_cmdline(s->host.proc, pid, 4096, &argv, NULL), 0);
	assert_string_equal(argv.v[0], "leaderless-zero");
	assert_int_equal(proc_cwd(s->host.proc, pid, &cwd), 0);
	assert_true(cwd.len > 0);
}

static void deleted_is_told_by_the_file(void **state)
{
	struct stage *s = *state;
	char a[128], b[128];
	const struct {
		const char *file;
		bool unlinked, twin, expected;
	} cases[] = {
		{"plain", false, false, false},
		{"gone", true, false, true},
		{"real (deleted)", false, false, false},
		{"both (deleted)", true, false, true},
		{"linked", true, true, true}, /* another name keeps the file */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pid_t pid = stage_start(s, cases[i].file, NULL, "sleep", NULL);
		snprintf(a, sizeof(a), "%s/%s", s->dir, cases[i].file);
		snprintf(b, sizeof(b), "%s/twin", s->dir);
		if (cases[i].twin)
			assert_int_equal(link(a, b), 0);
		if (cases[i].unlinked)
			assert_int_equal(unlink(a), 0);
		struct stat st;
		_cleanup_buf_ struct buf path = {0};
		bool deleted = !cases[i].expected;
		assert_int_equal(proc_exe_stat(s->host.proc, pid, &st), 0);
		assert_int_equal(proc_exe_path(s->host.proc, pid, &st, &path, &deleted), 0);
		assert_string_equal(buf_text(&path), a);
		assert_int_equal(deleted, cases[i].expected);
		assert_int_equal(proc_exe_is_at(s->host.root, &st, a), !cases[i].unlinked);
	}
}

static void kernel_threads_are_told_by_their_flag(void **state)
{
	struct stage *s = *state;
	struct proc_stat st;
	if (proc_stat(s->host.proc, 2, &st) < 0 || strcmp(st.comm, "kthreadd") != 0)
		skip();
	struct stat exe;
	_cleanup_strv_ struct strv argv = {0};
	assert_true(st.kthread);
	assert_int_equal(proc_exe_stat(s->host.proc, 2, &exe), -ENOENT);
	assert_int_equal(proc_cmdline(s->host.proc, 2, 100, &argv, NULL), 0);
	assert_int_equal(argv.n, 0);
	pid_t pid = stage_start(s, "plain", "[kthreadd]", "name", "kthreadd");
	assert_int_equal(proc_stat(s->host.proc, pid, &st), 0);
	assert_false(st.kthread);
}

static void identity_is_more_than_a_pid(void **state)
{
	struct stage *s = *state;
	pid_t pid = stage_start(s, "plain", NULL, "sleep", NULL);
	struct proc_identity id;
	int pidfd;
	assert_int_equal(proc_identify(s->host.proc, pid, &id), 0);
	assert_int_equal(proc_hold(s->host.proc, &id, &pidfd), 0);
	close(pidfd);
	struct proc_identity other[] = {id, id, id, id};
	other[0].start++;
	other[1].ino++;
	other[2].dev++;
	other[3].unique = id.unique ? id.unique + 1 : 0;
	for (size_t i = 0; i < 3 + (id.unique != 0); i++)
		assert_int_equal(proc_hold(s->host.proc, &other[i], &pidfd), -ESRCH);
	id.unique = 0; /* recorded by an older kernel */
	assert_int_equal(proc_hold(s->host.proc, &id, &pidfd), 0);
	close(pidfd);
}

static void children_and_newcomers(void **state)
{
	struct stage *s = *state;
	pid_t before, after;
	assert_int_equal(proc_last_pid(s->host.proc, &before), 0);
	pid_t pid = stage_start(s, "plain", NULL, "tree", NULL);
	assert_int_equal(proc_last_pid(s->host.proc, &after), 0);
	assert_int_not_equal(before, after);
	_cleanup_pids_ struct pids children = {0}, grandchildren = {0}, all = {0};
	assert_int_equal(proc_children(s->host.proc, pid, &children), 0);
	assert_int_equal(children.n, 1);
	assert_int_equal(proc_children(s->host.proc, children.v[0], &grandchildren), 0);
	assert_int_equal(grandchildren.n, 1);
	assert_int_equal(proc_pids(s->host.proc, &all), 0);
	assert_true(pids_has(&all, pid) && pids_has(&all, grandchildren.v[0]) && pids_has(&all, getpid()));
	struct proc_status status;
	assert_int_equal(proc_status(s->host.proc, pid, &status), 0);
	assert_int_equal(status.tgid, pid);
	assert_int_equal(status.euid, geteuid());
	assert_int_equal(status.tracer, 0);
}

static void processor_time_is_counted(void **state)
{
	struct stage *s = *state;
	pid_t busy = stage_start(s, "plain", NULL, "burn", NULL);
	uint64_t first, then;
	assert_int_equal(proc_cpu_ns(busy, &first), 0);
	then = first;
	for (int i = 0; i < 600 && then <= first + 1000000; i++) { /* it may have to wait for a processor */
		usleep(100000);
		assert_int_equal(proc_cpu_ns(busy, &then), 0);
	}
	assert_true(then > first + 1000000);
}

static void users_by_the_hosts_own_file(void **state)
{
	struct stage *s = *state;
	char path[128];
	snprintf(path, sizeof(path), "%s/etc", s->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/etc/passwd", s->dir);
	FILE *f = fopen(path, "w");
	fputs("root:x:0:0:root:/root:/bin/bash\n# remark\nbad:x:-1:0::/:/bin/sh\n"
	      "short:x:5\n+::::::\nwww:x:33:33::/var/www:/no\n", f);
	fclose(f);
	int root = open(s->dir, O_PATH | O_DIRECTORY);
	_cleanup_users_ struct users users = {0};
	_cleanup_buf_ struct buf name = {0};
	assert_int_equal(users_load(root, &users), 0);
	assert_int_equal(users.n, 2);
	assert_string_equal(users_by_uid(&users, 33)->home, "/var/www");
	assert_null(users_by_name(&users, "bad"));
	users_name(&users, 4711, &name);
	assert_string_equal(buf_text(&name), "4711");
	close(root);
}

/* What /proc would say of a process in these control groups. */
static int unit_of(struct stage *s, const char *cgroup, struct buf *ret)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/77", s->dir);
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/77/cgroup", s->dir);
	FILE *f = fopen(path, "w");
	fputs(cgroup, f);
	fclose(f);
	int proc = open(s->dir, O_RDONLY | O_DIRECTORY);
	int r = proc_unit(proc, 77, ret);
	close(proc);
	return r;
}

static void the_unit_of_a_process(void **state)
{
	struct stage *s = *state;
	static const struct {
		const char *cgroup, *unit;
	} cases[] = {
		{"0::/system.slice/cron.service\n", "cron.service"},
		{"0::/system.slice/docker.service/app/x.service\n", "docker.service"},
		{"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"},
		{"0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n", "user@0.service"},
		{"0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"},
		{"0::/init.scope\n", "init.scope"},
		{"0::/system.slice/_cpu.service\n", "cpu.service"},
		/* version 1, and both at once */
		{"5:memory:/evil.service\n1:name=systemd:/system.slice/a.service\n0::/\n", "a.service"},
		{"1:name=systemd:/\n0::/system.slice/b.service\n", "b.service"},
		{"0::/\n", NULL},
		{"0::/system.slice\n", NULL},
		{"0::/docker/4711\n", NULL},
		{"5:memory:/evil.service\n", NULL},
		{"1:name=systemdx:/evil.service\n", NULL},
		{"junk\n0:\n", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf unit = {0};
		assert_int_equal(unit_of(s, cases[i].cgroup, &unit), cases[i].unit ? 0 : -ENOENT);
		assert_string_equal(buf_text(&unit), cases[i].unit ? cases[i].unit : "");
	}
	_cleanup_buf_ struct buf none = {0};
	assert_int_equal(proc_unit(s->host.proc, 4194304 + 1, &none), -ESRCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_drop)

int main(int argc, char **argv)
{
	act_if_asked(argc, argv);
	const struct CMUnitTest tests[] = {
		TEST(a_name_cannot_forge_the_stat_line),
		TEST(argv_and_environment),
		TEST(what_has_gone_is_told),
		TEST(threads_outlive_their_leader),
		TEST(deleted_is_told_by_the_file),
		TEST(kernel_threads_are_told_by_their_flag),
		TEST(identity_is_more_than_a_pid),
		TEST(children_and_newcomers),
		TEST(processor_time_is_counted),
		TEST(users_by_the_hosts_own_file),
		TEST(the_unit_of_a_process),
	};
	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
