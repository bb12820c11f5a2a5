/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/file-replace.h"

#include "base/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int dir_unlock(int dir, struct unlocked_dir *ret)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = meta_unlock(fd, &ret->flags);
	if (r < 0)
		return r;
	ret->fd = fd;
	fd = -1;
	return 0;
}

int dir_relock(struct unlocked_dir *dir)
{
	int r = fd_sync(dir->fd);
	int relocked = meta_set_flags(dir->fd, dir->flags);
	close(dir->fd);
	return r < 0 ? r : relocked;
}

int dir_note_flags(int root, const char *path, json_t *data)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	unsigned flags = 0;
	int r = path_open_parent(root, path, &dir, &name);
	if (r < 0)
		return r == -ENOTDIR ? -ELOOP : r; /* exchanged with a link meanwhile */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : -errno; /* a plan that is made without root */
	r = meta_read_flags(fd, &flags);
	if (r < 0 || !meta_locks(flags))
		return r;
	return json_object_set_new(data, "dir-flags", json_integer(meta_locks(flags))) < 0 ? -ENOMEM : 0;
}

unsigned dir_noted_flags(const json_t *data)
{
	return meta_locks((unsigned)json_integer_value(json_object_get(data, "dir-flags")));
}

/* Anything but the regular file that was judged is drift. */
static int stale(int r)
{
	return r == -ENOENT || r == -ELOOP || r == -EINVAL || r == -EISDIR ? -ESTALE : r;
}

/* A file that is being made: nobody else knows its name, if only root can look into DIR. */
struct fresh {
	int dir, fd;
	const char *name; /* that it has now */
	char part[RANDOM_NAME_LEN];
};

static bool is_fresh(const struct fresh *f, const char *name)
{
	struct stat made, there;
	return fstat(f->fd, &made) == 0 && fstatat(f->dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       made.st_dev == there.st_dev && made.st_ino == there.st_ino;
}

void file_part_name(const char *temporary, char ret[RANDOM_NAME_LEN])
{
	snprintf(ret, RANDOM_NAME_LEN, "%.*s-new", RANDOM_NAME_LEN - 5, temporary);
}

static int fresh_make(int dir, const char *temporary, struct fresh *ret)
{
	*ret = (struct fresh){.dir = dir, .fd = -1};
	file_part_name(temporary, ret->part);
	ret->name = ret->part;
	ret->fd = openat(dir, ret->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return ret->fd < 0 ? -errno : 0;
}

/* Removes it unless it got its place; what stands under its name and is not it stays. */
static void fresh_end(struct fresh *f)
{
	if (f->fd >= 0 && is_fresh(f, f->name))
		unlinkat(f->dir, f->name, 0);
	close_fd(&f->fd);
}

/* Sets all of the flags and takes +i and +a off again: they would keep the file from its
 * place, and that they can be set at all must be known before. The file is still empty,
 * which some flags ask for. */
static int fresh_flags(struct fresh *f, unsigned flags)
{
	unsigned set;
	int r = meta_set_flags(f->fd, flags);
	return r < 0 ? r : meta_unlock(f->fd, &set);
}

static int check_content(int fd, const struct sha256 *expected)
{
	struct sha256 now;
	int r = sha256_fd(fd, &now);
	return r < 0 ? r : strcmp(now.hex, expected->hex) == 0 ? 0 : -ESTALE;
}

static int exchange(int dir, const char *a, const char *b)
{
	return renameat2(dir, a, dir, b, RENAME_EXCHANGE) < 0 ? stale(-errno) : 0;
}

static int check_name(int dir, const char *name, const struct sha256 *expected)
{
	_cleanup_close_ int fd = -1;
	int r = name_open_regular(dir, name, &fd, NULL);
	return r < 0 ? stale(r) : check_content(fd, expected);
}

/* Rule 2. Afterwards the old file stands under the temporary name. */
static int swap_in(const struct fresh *f, const char *name, const struct sha256 *old)
{
	int r = exchange(f->dir, f->name, name);
	if (r < 0)
		return r;
	r = is_fresh(f, name) ? check_name(f->dir, f->name, old) : -ESTALE;
	if (r == 0)
		return 0;
	int back = exchange(f->dir, f->name, name);
	if (back == -ESTALE && renameat2(f->dir, f->name, f->dir, name, RENAME_NOREPLACE) == 0)
		back = 0; /* ours was removed meanwhile */
	return back < 0 ? back : r;
}

static int fresh_finish(struct fresh *f, const json_t *meta, unsigned what)
{
	int r = meta_write(f->fd, meta, what & ~META_FLAGS);
	return r == 0 ? fd_sync(f->fd) : r;
}

/* From here on it is what the change's temporary name stands for. */
static int fresh_ready(struct fresh *f, const char *temporary)
{
	if (renameat2(f->dir, f->name, f->dir, temporary, RENAME_NOREPLACE) < 0)
		return -errno;
	f->name = temporary;
	return 0;
}

/* With the directory unlocked and the old file's locks taken off. */
static int replace_unlocked(int dir, const char *name, const char *temporary, const struct sha256 *old,
                            const struct buf *content, const json_t *meta, unsigned what)
{
	_cleanup_(fresh_end) struct fresh f;
	int r = fresh_make(dir, temporary, &f);
	if (r == 0)
		r = fresh_flags(&f, meta_flags(meta));
	if (r == 0)
		r = fd_write(f.fd, buf_text(content), content->len);
	if (r == 0)
		r = fresh_finish(&f, meta, what | META_SETUID);
	if (r == 0)
		r = fresh_ready(&f, temporary);
	if (r == 0)
		r = swap_in(&f, name, old);
	if (r < 0)
		return r;
	r = unlinkat(dir, temporary, 0) < 0 ? -errno : 0; /* the old file, whose bytes are known */
	int locked = meta_set_flags(f.fd, meta_flags(meta));
	return r < 0 ? r : locked;
}

int file_replace(int dir, const char *name, const char *temporary, const struct sha256 *old, const struct buf *content,
                 const json_t *meta, unsigned what)
{
	_cleanup_close_ int fd = -1;
	json_t *own = NULL;
	struct unlocked_dir unlocked;
	unsigned flags = 0;
	int r = name_open_regular(dir, name, &fd, NULL);
	if (r < 0)
		return stale(r);
	r = check_content(fd, old);
	if (r == 0)
		r = fd_check_room(dir, content->len);
	if (r == 0 && !meta)
		r = meta_read(fd, &own);
	if (r == 0)
		r = dir_unlock(dir, &unlocked);
	if (r < 0) {
		json_decref(own);
		return r;
	}
	r = meta_unlock(fd, &flags);
	if (r == 0)
		r = replace_unlocked(dir, name, temporary, old, content, meta ? meta : own, what);
	meta_set_flags(fd, flags); /* of the old file: it may have other names */
	int relocked = dir_relock(&unlocked);
	json_decref(own);
	return r < 0 ? r : relocked;
}

static int install_unlocked(int dir, const char *name, const char *temporary, int content_fd, const json_t *meta,
                            unsigned what)
{
	_cleanup_(fresh_end) struct fresh f;
	unsigned flags = what & META_FLAGS ? meta_flags(meta) : 0;
	int r = fresh_make(dir, temporary, &f);
	if (r == 0)
		r = fresh_flags(&f, flags);
	if (r == 0)
		r = fd_copy(content_fd, f.fd);
	if (r == 0)
		r = fresh_finish(&f, meta, what);
	if (r == 0 && renameat2(dir, f.name, dir, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	return r < 0 ? r : meta_set_flags(f.fd, flags);
}

int file_install(int dir, const char *name, const char *temporary, int content_fd, const json_t *meta, unsigned what)
{
	struct unlocked_dir unlocked;
	struct stat st;
	if (fstat(content_fd, &st) < 0)
		return -errno;
	int r = fd_check_room(dir, (unsigned long long)st.st_blocks * 512);
	if (r == 0)
		r = dir_unlock(dir, &unlocked);
	if (r < 0)
		return r;
	r = install_unlocked(dir, name, temporary, content_fd, meta, what);
	int relocked = dir_relock(&unlocked);
	return r < 0 ? r : relocked;
}
