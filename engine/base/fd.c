/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COPY_CHUNK (256 * 1024)

/* How often, and how long, whoever has a lease on a file is waited for. */
#define LEASE_WAITS 10
#define LEASE_WAIT_MS 10

int fd_read(int fd, size_t max, struct buf *ret)
{
	for (;;) {
		size_t room = max - ret->len < 65536 ? max - ret->len + 1 : 65536;
		int r = buf_reserve(ret, room);
		if (r < 0)
			return r;
		ssize_t n = read(fd, ret->data + ret->len, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (n == 0)
			return 0;
		if (ret->len > max)
			return -EFBIG;
	}
}

int fd_write(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_sync(int fd)
{
	return TEMP_FAILURE_RETRY(fsync(fd)) < 0 ? -errno : 0;
}

int fd_sync_data(int fd)
{
	return TEMP_FAILURE_RETRY(fdatasync(fd)) < 0 ? -errno : 0;
}

static int copy_range(int from, int to, off_t at, off_t end, char *chunk)
{
	while (at < end) {
		ssize_t n = pread(from, chunk, end - at < COPY_CHUNK ? (size_t)(end - at) : COPY_CHUNK, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0, w; done < n; done += w) {
			w = pwrite(to, chunk + done, (size_t)(n - done), at + done);
			if (w < 0 && errno != EINTR)
				return -errno;
			if (w < 0)
				w = 0;
		}
		at += n;
	}
	return 0;
}

int fd_copy(int from, int to)
{
	_cleanup_free_ char *chunk = malloc(COPY_CHUNK);
	struct stat st;
	if (!chunk)
		return -ENOMEM;
	if (fstat(from, &st) < 0 || TEMP_FAILURE_RETRY(ftruncate(to, st.st_size)) < 0)
		return -errno;
	for (off_t at = 0, end; at < st.st_size; at = end) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0 && errno == EINVAL)
			return copy_range(from, to, 0, st.st_size, chunk); /* the filesystem knows no holes */
		if (at < 0)
			return errno == ENXIO ? 0 : -errno;
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		int r = copy_range(from, to, at, end, chunk);
		if (r < 0)
			return r;
	}
	return 0;
}

int random_name(char ret[RANDOM_NAME_LEN])
{
	unsigned long long salt;
	if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -errno;
	snprintf(ret, RANDOM_NAME_LEN, ".respond-%016llx", salt);
	return 0;
}

int fd_check_room(int dir, unsigned long long bytes)
{
	struct statvfs fs;
	if (fstatvfs(dir, &fs) < 0)
		return -errno;
	if (fs.f_flag & ST_RDONLY)
		return -EROFS;
	/* A filesystem without a limit of its own tells of no blocks at all. */
	return fs.f_blocks && bytes > (unsigned long long)fs.f_bavail * fs.f_frsize ? -ENOSPC : 0;
}

static int open_step(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* The last slash of the first LIMIT bytes, so that a long path is walked in parts. */
static const char *cut(const char *path, size_t limit)
{
	const char *at = path + limit;
	while (at > path && *at != '/')
		at--;
	return at > path ? at : NULL;
}

int path_open(int root, const char *path, int flags, int *ret_fd)
{
	if (path[0] != '/')
		return -EINVAL;
	char part[PATH_MAX];
	_cleanup_close_ int dir = -1;
	const char *rest = path + strspn(path, "/");
	while (strlen(rest) >= sizeof(part)) {
		const char *end = cut(rest, sizeof(part) - 1);
		if (!end)
			return -ENAMETOOLONG;
		memcpy(part, rest, (size_t)(end - rest));
		part[end - rest] = '\0';
		int next = open_step(dir >= 0 ? dir : root, part, O_PATH | O_DIRECTORY);
		if (next < 0)
			return next;
		close_fd(&dir);
		dir = next;
		rest = end + strspn(end, "/");
	}
	int fd = open_step(dir >= 0 ? dir : root, *rest ? rest : ".", flags);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int path_open_parent(int root, const char *path, int *ret_dir, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	if (path[0] != '/' || !slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
		return -EINVAL;
	_cleanup_free_ char *parent = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	if (!parent)
		return -ENOMEM;
	int r = path_open(root, parent, O_PATH | O_DIRECTORY, ret_dir);
	if (r == 0)
		*ret_name = slash + 1;
	return r;
}

static int judge_type(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? 0 : S_ISLNK(st->st_mode) ? -ELOOP : -EINVAL;
}

static int keep_regular(int opened, int *ret_fd, struct stat *ret_stat)
{
	_cleanup_close_ int fd = opened;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : judge_type(&st);
	if (r < 0)
		return r;
	if (ret_stat)
		*ret_stat = st;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* To try to open a file tells whoever has a lease on it to let go. Who means well (a file server)
 * does so at once. */
static bool lease_may_end(int r, unsigned *waits)
{
	if (r != -EWOULDBLOCK || ++*waits > LEASE_WAITS)
		return false;
	sleep_ms(LEASE_WAIT_MS);
	return true;
}

/* Opening a device can act: a watchdog begins to count. So the type is looked at first,
 * and again on what was opened. */
int path_open_regular(int root, const char *path, int *ret_fd, struct stat *ret_stat)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	unsigned waits = 0;
	_cleanup_close_ int look = -1;
	struct stat st;
	int fd;
	int r = path_open(root, path, O_PATH, &look);
	if (r < 0)
		return r;
	r = fstat(look, &st) < 0 ? -errno : judge_type(&st);
	if (r < 0)
		return r;
	do {
		r = path_open(root, path, flags | O_NOATIME, &fd);
		if (r == -EPERM)
			r = path_open(root, path, flags, &fd);
	} while (lease_may_end(r, &waits));
	return r < 0 ? r == -ENXIO ? -EINVAL : r : keep_regular(fd, ret_fd, ret_stat);
}

int name_open_regular(int dir, const char *name, int *ret_fd, struct stat *ret_stat)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	unsigned waits = 0;
	struct stat st;
	int fd;
	int r = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : judge_type(&st);
	if (r < 0)
		return r;
	do {
		fd = openat(dir, name, flags | O_NOATIME);
		if (fd < 0 && errno == EPERM)
			fd = openat(dir, name, flags);
		r = fd < 0 ? -errno : 0;
	} while (lease_may_end(r, &waits));
	return r < 0 ? r == -ENXIO ? -EINVAL : r : keep_regular(fd, ret_fd, ret_stat);
}

int path_read(int root, const char *path, size_t max, struct buf *ret, struct stat *ret_stat)
{
	_cleanup_close_ int fd = -1;
	int r = path_open_regular(root, path, &fd, ret_stat);
	return r < 0 ? r : fd_read(fd, max, ret);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dir_names(int dir, struct strv *ret)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		int r = -errno;
		close_fd(&fd);
		return r;
	}
	struct dirent *d;
	while ((errno = 0, d = readdir(stream)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			strv_add(ret, d->d_name);
	int r = -errno;
	closedir(stream);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return r < 0 ? r : strv_error(ret);
}

/* A walk that knows where it is: an fd and the path it stands for. */
struct walk {
	int root;
	int dir;
	struct buf at; /* "" for the root */
	unsigned links;
};

static void walk_end(struct walk *w)
{
	close_fd(&w->dir);
	buf_free(&w->at);
}

typedef int (*judge_fn)(int root, const struct stat *st, const struct buf *at, struct buf *ret_why);

static int walk_restart(struct walk *w)
{
	int dir = open_step(w->root, ".", O_PATH | O_DIRECTORY);
	if (dir < 0)
		return dir;
	close_fd(&w->dir);
	w->dir = dir;
	buf_reset(&w->at);
	return 0;
}

static int walk_up(struct walk *w)
{
	_cleanup_free_ char *copy = strdup(buf_text(&w->at));
	if (!copy)
		return -ENOMEM;
	char *slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	int r = walk_restart(w);
	if (r < 0 || !copy[0])
		return r;
	int dir;
	r = path_open(w->root, copy, O_PATH | O_DIRECTORY, &dir);
	if (r < 0)
		return r;
	close_fd(&w->dir);
	w->dir = dir;
	return buf_puts(&w->at, copy);
}

static int walk_path(struct walk *w, const char *path, bool follow_last, judge_fn judge, judge_fn judge_link,
                     struct buf *ret_why);

static int walk_link(struct walk *w, const char *name, judge_fn judge, judge_fn judge_link, struct buf *ret_why)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	if (n == (ssize_t)sizeof(target) - 1 || ++w->links > 40)
		return -ELOOP;
	target[n] = '\0';
	if (target[0] == '/') {
		int r = walk_restart(w);
		if (r < 0)
			return r;
	}
	return walk_path(w, target, true, judge, judge_link, ret_why);
}

static int walk_name(struct walk *w, const char *name, bool follow, judge_fn judge, judge_fn judge_link,
                     struct buf *ret_why)
{
	struct stat st;
	if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && follow) {
		int r = judge_link(w->root, &st, &w->at, ret_why);
		return r < 0 ? r : walk_link(w, name, judge, judge_link, ret_why);
	}
	buf_putc(&w->at, '/');
	int r = buf_puts(&w->at, name);
	if (r < 0)
		return r;
	r = judge(w->root, &st, &w->at, ret_why);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	int dir = openat(w->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	close_fd(&w->dir);
	w->dir = dir;
	return 0;
}

static int walk_path(struct walk *w, const char *path, bool follow_last, judge_fn judge, judge_fn judge_link,
                     struct buf *ret_why)
{
	_cleanup_free_ char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	char *save = NULL;
	char *name = strtok_r(copy, "/", &save);
	while (name) {
		char *next = strtok_r(NULL, "/", &save);
		int r = 0;
		if (strcmp(name, "..") == 0)
			r = walk_up(w);
		else if (strcmp(name, ".") != 0)
			r = walk_name(w, name, next || follow_last, judge, judge_link, ret_why);
		if (r < 0)
			return r;
		name = next;
	}
	return 0;
}

static int any(int root, const struct stat *st, const struct buf *at, struct buf *ret_why)
{
	(void)root, (void)st, (void)at, (void)ret_why;
	return 0;
}

/* A link is the host's own when root owns it and root alone can write beside it. */
static int host_link(int root, const struct stat *st, const struct buf *at, struct buf *ret_why)
{
	(void)ret_why;
	struct buf ignored = {0};
	int r = st->st_uid != 0 ? -ELOOP : at->len ? path_trusted(root, buf_text(at), &ignored) : 0;
	buf_free(&ignored);
	return r < 0 ? -ELOOP : 0;
}

/* Whether each component is a name, so that the path may be the kernel's own for it. */
static bool is_plain(const char *path)
{
	while (*path == '/') {
		size_t len = strcspn(++path, "/");
		if (len == 0 || (path[0] == '.' && (len == 1 || (len == 2 && path[1] == '.'))))
			return false;
		path += len;
	}
	return !*path;
}

int path_is_real(int root, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	if (!is_plain(path))
		return 0;
	int r = path_open(root, path, O_PATH, &fd);
	if (r < 0)
		return r == -ELOOP ? 0 : r;
	return fstat(fd, &st) < 0 ? -errno : !S_ISLNK(st.st_mode);
}

static int resolve(int root, const char *path, bool follow_last, struct buf *ret)
{
	if (path[0] != '/')
		return -EINVAL;
	int real_already = path_is_real(root, path);
	if (real_already != 0) /* nearly always, and much the cheapest */
		return real_already < 0 ? real_already : buf_puts(ret, path);
	_cleanup_(walk_end) struct walk w = {.root = root, .dir = -1};
	int r = walk_restart(&w);
	if (r == 0)
		r = walk_path(&w, path, follow_last, any, host_link, NULL);
	return r < 0 ? r : buf_puts(ret, w.at.len ? w.at.data : "/");
}

int path_resolve(int root, const char *path, struct buf *ret)
{
	return resolve(root, path, false, ret);
}

int path_follow(int root, const char *path, struct buf *ret)
{
	return resolve(root, path, true, ret);
}

static int only_ours(int root, const struct stat *st, const struct buf *at, struct buf *ret_why)
{
	(void)root;
	const char *name = at->len ? at->data : "/";
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		buf_printf(ret_why, "%s belongs to user %u, not to root", name, (unsigned)st->st_uid);
		return -EPERM;
	}
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH))) {
		buf_printf(ret_why, "%s can be written by %s (mode %04o)", name,
		           st->st_mode & S_IWOTH ? "everybody" : "its group", (unsigned)(st->st_mode & 07777));
		return -EPERM;
	}
	return 0;
}

int path_trusted(int root, const char *path, struct buf *ret_why)
{
	if (path[0] != '/')
		return -EINVAL;
	_cleanup_(walk_end) struct walk w = {.root = root, .dir = -1};
	int r = walk_restart(&w);
	struct stat st;
	if (r == 0 && fstat(w.dir, &st) < 0)
		r = -errno;
	if (r == 0)
		r = only_ours(root, &st, &w.at, ret_why);
	return r < 0 ? r : walk_path(&w, path, true, only_ours, only_ours, ret_why);
}
