/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/file-replace.h"

#include "base/fd.h"
#include "base/meta.h"

#include <errno.h>
#include <fcntl.h>
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
	int r = fsync(dir->fd) < 0 ? -errno : 0;
	int relocked = meta_set_flags(dir->fd, dir->flags);
	close(dir->fd);
	return r < 0 ? r : relocked;
}

static int make_temporary(int dir, char name[RANDOM_NAME_LEN], int *ret)
{
	int r = random_name(name);
	if (r < 0)
		return r;
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int open_regular(int dir, const char *name, int *ret)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ESTALE;
	if (r < 0)
		close(fd);
	else
		*ret = fd;
	return r;
}

static int check_content(int fd, const struct sha256 *expected)
{
	struct sha256 now;
	int r = sha256_fd(fd, &now);
	return r < 0 ? r : strcmp(now.hex, expected->hex) == 0 ? 0 : -ESTALE;
}

static int exchange(int dir, const char *a, const char *b)
{
	return renameat2(dir, a, dir, b, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

/* Rule 2. Afterwards the old file stands under the temporary name. */
static int swap_in(int dir, const char *temporary, const char *name, const struct sha256 *old)
{
	int r = exchange(dir, temporary, name);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	_cleanup_close_ int out = -1;
	r = open_regular(dir, temporary, &out);
	if (r == 0)
		r = check_content(out, old);
	if (r == 0)
		return 0;
	int back = exchange(dir, temporary, name);
	if (back == -ENOENT && renameat2(dir, temporary, dir, name, RENAME_NOREPLACE) == 0)
		back = 0; /* ours was removed meanwhile */
	return back < 0 ? back : r;
}

/* Whether the temporary name is still that of the file that was made here. */
static bool is_ours(int dir, const char *temporary, int fd)
{
	struct stat made, there;
	return fstat(fd, &made) == 0 && fstatat(dir, temporary, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       made.st_dev == there.st_dev && made.st_ino == there.st_ino;
}

static int fill(int fd, const struct buf *content, const json_t *meta, unsigned what)
{
	int r = fd_write(fd, buf_text(content), content->len);
	if (r == 0)
		r = meta_write(fd, meta, (what & ~META_FLAGS) | META_SETUID);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

/* With the directory unlocked and the old file's locks taken off. */
static int replace_unlocked(int dir, const char *name, const struct sha256 *old, const struct buf *content,
                            const json_t *meta, unsigned what)
{
	char temporary[RANDOM_NAME_LEN];
	_cleanup_close_ int fd = -1;
	int removed = 0, r = make_temporary(dir, temporary, &fd);
	if (r < 0)
		return r;
	r = fill(fd, content, meta, what);
	if (r == 0)
		r = swap_in(dir, temporary, name, old);
	/* Either the old file, whose bytes are known, or the new one, never used; somebody
	 * else's, which could not be put back, stays. */
	if ((r == 0 || is_ours(dir, temporary, fd)) && unlinkat(dir, temporary, 0) < 0)
		removed = -errno;
	if (r == 0)
		r = meta_set_flags(fd, (unsigned)json_integer_value(json_object_get(meta, "flags")));
	return r < 0 ? r : removed;
}

int file_replace(int dir, const char *name, const struct sha256 *old, const struct buf *content, const json_t *meta,
                 unsigned what)
{
	_cleanup_close_ int fd = -1;
	json_t *own = NULL;
	struct unlocked_dir unlocked;
	unsigned flags = 0;
	int r = open_regular(dir, name, &fd);
	if (r < 0)
		return r == -ENOENT || r == -ELOOP ? -ESTALE : r;
	r = check_content(fd, old);
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
		r = replace_unlocked(dir, name, old, content, meta ? meta : own, what);
	meta_set_flags(fd, flags); /* of the old file: it may have other names */
	int relocked = dir_relock(&unlocked);
	json_decref(own);
	return r < 0 ? r : relocked;
}

int file_install(int dir, const char *name, int content_fd, const json_t *meta, unsigned what)
{
	char temporary[RANDOM_NAME_LEN];
	struct unlocked_dir unlocked;
	_cleanup_close_ int fd = -1;
	int r = dir_unlock(dir, &unlocked);
	if (r < 0)
		return r;
	r = make_temporary(dir, temporary, &fd);
	if (r == 0) {
		r = fd_copy(content_fd, fd);
		if (r == 0)
			r = meta_write(fd, meta, what & ~META_FLAGS);
		if (r == 0 && fsync(fd) < 0)
			r = -errno;
		if (r == 0 && renameat2(dir, temporary, dir, name, RENAME_NOREPLACE) < 0)
			r = -errno;
		if (r < 0)
			unlinkat(dir, temporary, 0);
		else if (what & META_FLAGS)
			r = meta_set_flags(fd, (unsigned)json_integer_value(json_object_get(meta, "flags")));
	}
	int relocked = dir_relock(&unlocked);
	return r < 0 ? r : relocked;
}
