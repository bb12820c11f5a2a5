/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc-place.h"

#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place place_of(pid_t pid, const char *name)
{
	struct place at;
	snprintf(at.path, sizeof(at.path), "%d/%s", (int)pid, name);
	return at;
}

struct place place_of_thread(pid_t pid, pid_t tid, const char *name)
{
	struct place at;
	snprintf(at.path, sizeof(at.path), "%d/task/%d/%s", (int)pid, (int)tid, name);
	return at;
}

int place_failure(int proc, pid_t pid, int error)
{
	char path[16];
	struct stat st;
	snprintf(path, sizeof(path), "%d", (int)pid);
	if (error == ENOENT && fstatat(proc, path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return -ESRCH;
	return -error;
}

int place_read(int proc, const struct place *at, size_t max, struct buf *ret, bool *ret_cut)
{
	_cleanup_close_ int fd = openat(proc, at->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int r = fd_read(fd, max, ret);
	bool cut = r == -EFBIG;
	if (cut) {
		ret->len = max;
		ret->data[max] = '\0';
		r = 0;
	}
	if (r == 0 && ret_cut)
		*ret_cut = cut;
	return r;
}

int place_read_record(int proc, const struct place *at, struct buf *ret)
{
	char text[8192];
	_cleanup_close_ int fd = openat(proc, at->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof(text));
	return n < 0 ? -errno : buf_add(ret, text, (size_t)n);
}

int place_visit(int dirfd, int (*visit)(void *ctx, DIR *dir, pid_t number), void *ctx)
{
	DIR *dir = fdopendir(dirfd);
	if (!dir) {
		int r = -errno;
		close(dirfd);
		return r;
	}
	int r = 0;
	const struct dirent *entry;
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			r = visit(ctx, dir, (pid_t)strtol(entry->d_name, NULL, 10));
	if (r == 0 && errno)
		r = -errno;
	closedir(dir);
	return r;
}
