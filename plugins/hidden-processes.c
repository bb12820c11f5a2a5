/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hidden-processes.h"

#include "base/clock.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE_MS 2000    /* four million pids take about half a second */
#define PROBE_SLICE 4096 /* pids between two looks at the clock */
#define FOUND_MAX 1024

void hidden_free(struct hidden *hidden)
{
	pids_free(&hidden->covered);
	pids_free(&hidden->unlisted);
}

static bool listed(const struct pids *sorted, pid_t pid)
{
	size_t low = 0, high = sorted->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (sorted->v[middle] == pid)
			return true;
		if (sorted->v[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Whether the kernel knows a process by that number: a process, not a thread of one. */
static bool answers(struct host *host, pid_t pid)
{
	struct proc_status status;
	if (kill(pid, 0) < 0 && errno != EPERM)
		return false;
	return proc_status(host->proc, pid, &status) < 0 || status.tgid == pid;
}

static pid_t highest_pid(struct host *host)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_close_ int fd = openat(host->proc, "sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
	long max = fd >= 0 && fd_read(fd, 64, &text) == 0 ? strtol(buf_text(&text), NULL, 10) : 0;
	return max > 0 && max <= 4194304 ? (pid_t)max : 32768;
}

/* Those that answer and are in neither listing. */
static int probe(struct host *host, const struct pids *before, struct hidden *ret)
{
	int64_t deadline = monotonic_ms() + PROBE_MS;
	pid_t max = highest_pid(host);
	int r = 0;
	for (pid_t pid = 1; r == 0 && pid < max; pid++) {
		if (pid % PROBE_SLICE == 0 && monotonic_ms() > deadline)
			return ret->partial = true, 0;
		if (listed(before, pid) || !answers(host, pid))
			continue;
		r = pids_add(&ret->unlisted, pid);
		if (ret->unlisted.n == FOUND_MAX)
			return ret->partial = true, r;
	}
	return r;
}

/* Processes come and go: only what answers still, and is in no listing made after that it
 * answered, is hidden. */
static int keep_hidden(struct host *host, struct pids *found)
{
	_cleanup_pids_ struct pids after = {0};
	size_t kept = 0;
	int r = found->n ? proc_pids(host->proc, &after) : 0;
	for (size_t i = 0; r == 0 && i < found->n; i++)
		if (!listed(&after, found->v[i]) && answers(host, found->v[i]))
			found->v[kept++] = found->v[i];
	found->n = kept;
	return r;
}

/* Whether our procfs is another mount than the host's. */
static bool same_mount(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A directory that is covered shows what covers it, which has no "stat" of that process. */
static bool is_covered(int proc, pid_t pid)
{
	char path[32];
	struct proc_stat st;
	snprintf(path, sizeof(path), "%d", (int)pid);
	return faccessat(proc, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && proc_stat(proc, pid, &st) < 0;
}

static int find_covered(struct host *host, const struct pids *ours, struct hidden *ret)
{
	_cleanup_pids_ struct pids theirs = {0};
	_cleanup_close_ int proc = openat(host->root, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct proc_stat st;
	if (proc < 0 || same_mount(proc, host->proc))
		return 0; /* no other view to compare with */
	int r = proc_pids(proc, &theirs);
	for (size_t i = 0; r == 0 && i < ours->n; i++) {
		pid_t pid = ours->v[i];
		if (listed(&theirs, pid) && !is_covered(proc, pid))
			continue;
		if (proc_stat(host->proc, pid, &st) == 0 && proc_stat(proc, pid, &st) < 0)
			r = pids_add(&ret->covered, pid);
	}
	return r;
}

int hidden_find(struct host *host, struct hidden *ret)
{
	_cleanup_pids_ struct pids ours = {0};
	struct hidden hidden = {0};
	int r = geteuid() == 0 ? proc_is_ours(host->proc) : -EPERM;
	if (r < 0)
		return r;
	r = proc_pids(host->proc, &ours);
	if (r == 0)
		r = find_covered(host, &ours, &hidden);
	if (r == 0)
		r = probe(host, &ours, &hidden);
	if (r == 0)
		r = keep_hidden(host, &hidden.unlisted);
	if (r < 0)
		hidden_free(&hidden);
	else
		*ret = hidden;
	return r;
}
