/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/spawn.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (1024 * 1024)

/* In a child. */
#define REPORT_FD 3
#define LOCK_FD 4

static char *const environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL};

/* What a child is given beside its arguments. */
struct child {
	int out, err, report;
	int lock;            /* -1: none, and it ends with its parent */
	pid_t parent;        /* where there is a lock */
	const char *scratch; /* a directory that it gets another instead of; NULL: none */
};

/* The lock is this process's alone, and gone when it closes any fd of the same file: it is taken last.
 * Until it is held the parent's end is the child's, too. */
static bool go_apart(pid_t parent)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(LOCK_FD, F_SETLK, &lock) == 0 && setsid() >= 0 && getppid() == parent &&
	       prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static bool cover(const char *dir)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
	       mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0;
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static _Noreturn void exec_child(const char *const argv[], struct child c)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bool apart = c.lock >= 0;
	int lock = apart ? fcntl(c.lock, F_DUPFD, LOCK_FD + 1) : -1; /* out of the way of the others */
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in >= 0 && dup2(in, 0) >= 0 && dup2(c.out, 1) >= 0 && dup2(c.err, 2) >= 0 && chdir("/") == 0 &&
	    (c.report == REPORT_FD || dup3(c.report, REPORT_FD, O_CLOEXEC) >= 0) &&
	    (!apart || dup2(lock, LOCK_FD) >= 0)) {
		close_range(apart ? LOCK_FD + 1 : REPORT_FD + 1, ~0U, 0);
		if ((!apart || go_apart(c.parent)) && (!c.scratch || cover(c.scratch)))
			execve(argv[0], (char *const *)argv, environment);
	}
	int e = errno;
	ssize_t n = write(REPORT_FD, &e, sizeof(e));
	_exit(n == sizeof(e) ? 127 : 126);
}

/* Takes what is there into OUT; what is over the limit is read and dropped. */
static bool drain(int fd, size_t max, struct buf *out)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (out && n > 0 && out->len < max)
		buf_add(out, chunk, out->len + (size_t)n <= max ? (size_t)n : max - out->len);
	return n > 0;
}

static int collect(int out, int err, int64_t deadline, size_t max, struct buf *ret_out, struct buf *ret_err)
{
	struct pollfd p[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int64_t left = deadline - monotonic_ms();
		int n = left > 0 ? poll(p, 2, (int)left) : 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0 && p[0].revents && !drain(out, max, ret_out))
			p[0].fd = -1;
		if (n > 0 && p[1].revents && !drain(err, max, ret_err))
			p[1].fd = -1;
	}
	return 0;
}

static int reap(pid_t pid, int *ret_status)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (ret_status)
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

static int read_all(const char *const argv[], const char *scratch, int timeout_ms, size_t max, struct buf *ret_out,
                    struct buf *ret_err, int *ret_status)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	int r = 0;
	for (int i = 0; i < 3 && r == 0; i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			r = -errno;
	pid_t pid = -1;
	if (r == 0 && (pid = fork()) < 0)
		r = -errno;
	if (pid == 0)
		exec_child(argv, (struct child){pipes[0][1], pipes[1][1], pipes[2][1], .lock = -1, .scratch = scratch});
	for (int i = 0; i < 3; i++) {
		if (pipes[i][1] >= 0)
			close(pipes[i][1]);
		pipes[i][1] = -1;
	}
	if (pid > 0) {
		int exec_errno = 0;
		ssize_t n;
		while ((n = read(pipes[2][0], &exec_errno, sizeof(exec_errno))) < 0 && errno == EINTR)
			;
		if (n == (ssize_t)sizeof(exec_errno))
			r = -exec_errno;
		else
			r = collect(pipes[0][0], pipes[1][0], monotonic_ms() + timeout_ms, max, ret_out, ret_err);
		if (r < 0)
			kill(pid, SIGKILL);
		int wait_error = reap(pid, ret_status);
		r = r < 0 ? r : wait_error;
	}
	for (int i = 0; i < 3; i++)
		if (pipes[i][0] >= 0)
			close(pipes[i][0]);
	return r;
}

int spawn_read_at_most(const char *const argv[], int timeout_ms, size_t max, struct buf *ret_out, struct buf *ret_err,
                       int *ret_status)
{
	return read_all(argv, NULL, timeout_ms, max, ret_out, ret_err, ret_status);
}

int spawn_read_scratch(const char *const argv[], const char *scratch, int timeout_ms, struct buf *ret_out,
                       struct buf *ret_err, int *ret_status)
{
	return read_all(argv, scratch, timeout_ms, OUTPUT_MAX, ret_out, ret_err, ret_status);
}

int spawn_read(const char *const argv[], int timeout_ms, struct buf *ret_out, struct buf *ret_err, int *ret_status)
{
	return spawn_read_at_most(argv, timeout_ms, OUTPUT_MAX, ret_out, ret_err, ret_status);
}

/* Until the process behind PID has ended. */
static int await_end(pid_t pid, int64_t deadline)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int r = pidfd < 0 ? -errno : 0;
	while (r == 0) {
		int64_t left = deadline - monotonic_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (n > 0)
			return 0;
		if (n == 0 || errno != EINTR)
			r = n == 0 ? -ETIMEDOUT : -errno;
	}
	return r;
}

static int wait_for(const char *const argv[], int lock, int timeout_ms, int *ret_status)
{
	int report[2];
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	const struct child child = {.out = null, .err = null, .report = report[1], .lock = lock, .parent = getpid()};
	pid_t pid = fork();
	int r = pid < 0 ? -errno : 0;
	if (pid == 0)
		exec_child(argv, child);
	close(report[1]);
	if (pid > 0) {
		int exec_errno = 0;
		ssize_t n;
		while ((n = read(report[0], &exec_errno, sizeof(exec_errno))) < 0 && errno == EINTR)
			;
		bool runs = n != (ssize_t)sizeof(exec_errno);
		r = runs ? await_end(pid, monotonic_ms() + timeout_ms) : -exec_errno;
		if (r < 0 && runs && lock < 0)
			kill(pid, SIGKILL);
		bool left = r < 0 && runs && lock >= 0;
		int wait_error = left ? 0 : reap(pid, ret_status);
		r = r < 0 ? r : wait_error;
	}
	close(report[0]);
	return r;
}

int spawn_wait(const char *const argv[], int timeout_ms, int *ret_status)
{
	return wait_for(argv, -1, timeout_ms, ret_status);
}

int spawn_through(const char *const argv[], int lock, int timeout_ms, int *ret_status)
{
	return wait_for(argv, lock, timeout_ms, ret_status);
}

int spawn_explain(int r, int status, const char *what, const struct buf *err, struct buf *ret_why)
{
	if (r == 0 && status == 0)
		return 0;
	buf_puts(ret_why, what);
	buf_puts(ret_why, " failed: ");
	if (r < 0)
		buf_puts(ret_why, strerror(-r));
	else if (err->len)
		escape_text(ret_why, err->data, strcspn(err->data, "\n"));
	else
		buf_printf(ret_why, "exit status %d", status);
	return r < 0 ? r : -EIO;
}

static int prepare_apart(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &all);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		r = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
	return r == 0 ? posix_spawn_file_actions_addchdir_np(actions, "/") : r;
}

int spawn_apart(const char *path, const char *const argv[])
{
	posix_spawnattr_t attr;
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r = posix_spawnattr_init(&attr);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		r = prepare_apart(&attr, &actions);
		if (r == 0)
			r = posix_spawn(&pid, path, &actions, &attr, (char *const *)argv, environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attr);
	return -r;
}

int memory_file(const char *name, const struct buf *bytes, int *ret_fd, char ret_path[64])
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int r = fd_write(fd, buf_text(bytes), bytes->len);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	snprintf(ret_path, 64, "/proc/%d/fd/%d", (int)getpid(), fd);
	*ret_fd = fd;
	fd = -1;
	return 0;
}
