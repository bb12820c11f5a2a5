/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PIDFS_MAGIC 0x50494446 /* Linux 6.9: pidfds have inodes of their own */

static uint64_t unique_inode(int pidfd)
{
	struct statfs fs;
	struct stat st;
	if (fstatfs(pidfd, &fs) < 0 || fs.f_type != PIDFS_MAGIC || fstat(pidfd, &st) < 0)
		return 0;
	return st.st_ino;
}

static int identify(int proc, pid_t pid, int pidfd, struct proc_identity *ret)
{
	struct proc_stat st;
	int r = proc_stat(proc, pid, &st);
	if (r < 0)
		return r;
	struct proc_identity id = {.pid = pid, .start = st.start, .unique = unique_inode(pidfd)};
	struct stat exe;
	r = proc_exe_stat(proc, pid, &exe);
	if (r == -ESRCH)
		return r;
	if (r == 0) {
		id.dev = exe.st_dev;
		id.ino = exe.st_ino;
	}
	/* Only now is it known that all of this was about the process behind the pidfd. */
	if (proc_ended(pidfd))
		return -ESRCH;
	*ret = id;
	return 0;
}

int proc_hold_pid(int proc, pid_t pid, struct proc_identity *ret, int *ret_pidfd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno; /* now a thread's id */
	int r = identify(proc, pid, pidfd, ret);
	if (r < 0) {
		close(pidfd);
		return r;
	}
	*ret_pidfd = pidfd;
	return 0;
}

int proc_identify(int proc, pid_t pid, struct proc_identity *ret)
{
	int pidfd;
	int r = proc_hold_pid(proc, pid, ret, &pidfd);
	if (r == 0)
		close(pidfd);
	return r;
}

static bool same_process(const struct proc_identity *a, const struct proc_identity *b)
{
	return a->pid == b->pid && a->start == b->start && a->dev == b->dev && a->ino == b->ino &&
	       (!a->unique || !b->unique || a->unique == b->unique);
}

int proc_hold(int proc, const struct proc_identity *id, int *ret_pidfd)
{
	struct proc_identity now;
	int pidfd;
	int r = proc_hold_pid(proc, id->pid, &now, &pidfd);
	if (r < 0)
		return r;
	if (!same_process(id, &now)) {
		close(pidfd);
		return -ESRCH;
	}
	*ret_pidfd = pidfd;
	return 0;
}

int proc_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

bool proc_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

int proc_is_ours(int proc)
{
	char text[16];
	ssize_t n = readlinkat(proc, "self", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return strtol(text, NULL, 10) == getpid() ? 0 : -EXDEV;
}
