/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files that another process has a lease on: who lets go is waited for, and who does not is
 * named.
 */
#include "base/fd.h"
#include "base/proc.h"
#include "core/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
	struct host host;
	char dir[64], path[80];
	pid_t holder;
};

static int stage_make(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	*state = s;
	snprintf(s->dir, sizeof(s->dir), "/dev/shm/test-lease-XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/file", s->dir);
	_cleanup_close_ int fd = open(s->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 || fd_write(fd, "text", 4) < 0 ? -1 : host_open("/", &s->host);
}

static void end_holder(struct stage *s)
{
	if (s->holder > 0) {
		kill(s->holder, SIGKILL);
		waitpid(s->holder, NULL, 0);
	}
	s->holder = 0;
}

static int stage_drop(void **state)
{
	struct stage *s = *state;
	end_holder(s);
	host_close(&s->host);
	unlink(s->path);
	rmdir(s->dir);
	free(s);
	return 0;
}

static int leased = -1;

static void let_go(int signal)
{
	(void)signal;
	fcntl(leased, F_SETLEASE, F_UNLCK);
}

/* A process that has a write lease on the file, and when it is asked lets go or does not. */
static void hold(struct stage *s, void (*when_asked)(int signal))
{
	int told[2];
	char yes;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	s->holder = fork();
	if (s->holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGIO, when_asked);
		setpriority(PRIO_PROCESS, 0, -20); /* it is not waited for long, and others want the processor, too */
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
		leased = open(s->path, O_RDWR | O_CLOEXEC);
		if (fcntl(leased, F_SETLEASE, F_WRLCK) == 0 && write(told[1], "y", 1) == 1)
			for (int i = 0; i < 300; i++)
				sleep(1);
		_exit(0);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &yes, 1), 1);
	close(told[0]);
}

static void who_lets_go_is_waited_for(void **state)
{
	struct stage *s = *state;
	_cleanup_close_ int fd = -1, dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC), named = -1;
	hold(s, let_go);
	assert_int_equal(path_open_regular(s->host.root, s->path, &fd, NULL), 0);
	close_fd(&fd);
	end_holder(s);
	hold(s, let_go);
	assert_int_equal(name_open_regular(dir, "file", &named, NULL), 0);
}

static void who_does_not_is_named(void **state)
{
	struct stage *s = *state;
	_cleanup_close_ int fd = -1, dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf why = {0};
	char expected[200];
	struct stat st;
	pid_t pid;
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(proc_lease_holder(s->host.proc, &st, &pid), -ESRCH);
	hold(s, SIG_IGN);
	assert_int_equal(path_open_regular(s->host.root, s->path, &fd, NULL), -EWOULDBLOCK);
	assert_int_equal(name_open_regular(dir, "file", &fd, NULL), -EWOULDBLOCK);
	assert_int_equal(proc_lease_holder(s->host.proc, &st, &pid), 0);
	assert_int_equal(pid, s->holder);
	snprintf(expected, sizeof(expected), "cannot read %s: process %d has a lease on it; ", s->path, (int)pid);
	assert_int_equal(host_why_unreadable(&s->host, s->path, -EWOULDBLOCK, &why), 0);
	assert_memory_equal(why.data, expected, strlen(expected));
	assert_int_equal(host_unreadable(&s->host, s->path, -EIO), 0);
	assert_non_null(strstr(s->host.blind.v[0], "/file: Input/output error"));
	end_holder(s);
	assert_int_equal(path_open_regular(s->host.root, s->path, &fd, NULL), 0);
}

/* Lines of locks by themselves, of others, of other files, and of those who wait. */
static void what_proc_locks_says(void **state)
{
	(void)state;
	static const char text[] = "1: OFDLCK ADVISORY  WRITE -1 08:01:42 0 EOF\n"
	                           "2: POSIX  ADVISORY  WRITE 11 08:01:42 0 EOF\n"
	                           "3: LEASE  ACTIVE    WRITE 12 08:02:42 0 EOF\n"
	                           "4: LEASE  ACTIVE    WRITE 13 08:01:43 0 EOF\n"
	                           "4: -> LEASE  BREAKER   READ 14 08:01:42 0 EOF\n"
	                           "5: FLOCK  ADVISORY  WRITE 15 <none>:0 0 EOF\n"
	                           "6: DELEG  BREAKING  READ 16 fe:00:42 0 EOF\n"
	                           "7: LEASE  BREAKING  UNLCK 17 08:01:42 0 EOF";
	const struct buf locks = {.data = (char *)text, .len = strlen(text)};
	pid_t pid;
	assert_int_equal(proc_lease_decode(&locks, makedev(8, 1), 42, &pid), 0);
	assert_int_equal(pid, 17);
	assert_int_equal(proc_lease_decode(&locks, makedev(0xfe, 0), 42, &pid), 0);
	assert_int_equal(pid, 16);
	assert_int_equal(proc_lease_decode(&locks, makedev(0, 0), 0, &pid), -ESRCH);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(who_lets_go_is_waited_for),
		STAGED(who_does_not_is_named),
		cmocka_unit_test(what_proc_locks_says),
	};
	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
