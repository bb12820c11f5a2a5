/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process that is in no listing, though the kernel answers for its number. What a rootkit in
 * the kernel does to its listings is done here by an option of procfs: it hides the processes of
 * others from whoever may not trace them.
 */
#include "plugins/hidden-processes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECONDS 600 /* everything here ends by itself */
#define NOBODY 65534

/* By a low number where that may be chosen: they are asked for in their order, and not for long. */
static pid_t fork_low(void)
{
	for (pid_t pid = 1000; pid < 2000; pid++) {
		struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
		pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (child >= 0)
			return child;
		if (errno != EEXIST)
			break;
	}
	return fork();
}

static pid_t start_nobodys(void)
{
	pid_t pid = fork_low();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(1);
	sleep(SECONDS);
	_exit(0);
}

static bool may_trace_no_more(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	if (syscall(SYS_capget, &header, caps) < 0)
		return false;
	caps[0].effective &= ~(1u << CAP_SYS_PTRACE);
	caps[0].permitted &= ~(1u << CAP_SYS_PTRACE);
	return syscall(SYS_capset, &header, caps) == 0;
}

static bool has(const struct pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->n; i++)
		if (pids->v[i] == pid)
			return true;
	return false;
}

/* In a process of its own: 0 when just PID is found, of those that are hidden from it. */
static int look(pid_t pid, const char *options)
{
	char dir[] = "/dev/shm/respond-procfs-XXXXXX";
	struct host host = {.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	struct hidden hidden = {0};
	alarm(SECONDS);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(dir) ||
	    mount("proc", dir, "proc", 0, options) < 0)
		return 77;
	host.proc = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool ready = host.root >= 0 && host.proc >= 0 && may_trace_no_more();
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	if (!ready)
		return 2;
	if (hidden_find(&host, &hidden) < 0)
		return 3;
	return has(&hidden.unlisted, pid) ? 0 : 1;
}

static int look_apart(pid_t pid, const char *options)
{
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(look(pid, options));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void what_no_listing_has_is_found(void **state)
{
	(void)state;
	pid_t pid = start_nobodys();
	int hiding = look_apart(pid, "hidepid=2,gid=54321"), honest = look_apart(pid, "hidepid=0");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (hiding == 77)
		skip();
	assert_int_equal(hiding, 0);
	assert_int_equal(honest, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_listing_has_is_found),
	};
	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("hidden", tests, NULL, NULL);
}
