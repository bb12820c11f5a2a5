/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vault.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

struct vault {
	int dir;
	bool read_only;
	bool dirty; /* something was put since the last sync */
};

/* Rule 1: root's own (or the tester's), and nobody else's business. */
static int check_dir(int dir)
{
	struct stat st;
	if (fstat(dir, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return -EPERM;
	return 0;
}

static int vault_new(int dir, bool read_only, struct vault **ret)
{
	int r = check_dir(dir);
	if (r < 0)
		return r;
	struct vault *vault = calloc(1, sizeof(*vault));
	if (!vault)
		return -ENOMEM;
	*vault = (struct vault){.dir = dir, .read_only = read_only};
	*ret = vault;
	return 0;
}

int vault_open_to_read(int root, const char *path, struct vault **ret)
{
	_cleanup_close_ int dir = -1;
	int r = path_open(root, path, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0)
		r = vault_new(dir, true, ret);
	if (r == 0)
		dir = -1;
	return r;
}

int vault_open(int root, const char *path, struct vault **ret)
{
	_cleanup_close_ int parent = -1, dir = -1;
	const char *name;
	int r = path_open_parent(root, path, &parent, &name);
	if (r < 0)
		return r;
	bool made = mkdirat(parent, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	_cleanup_close_ int above = made ? openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (made && (above < 0 || fsync(above) < 0))
		return -errno;
	r = vault_new(dir, false, ret);
	if (r == 0)
		dir = -1;
	return r;
}

void vault_close(struct vault **vault)
{
	if (!*vault)
		return;
	close((*vault)->dir);
	free(*vault);
	*vault = NULL;
}

bool vault_has(struct vault *vault, const struct sha256 *sha256)
{
	int fd;
	if (vault_open_object(vault, sha256->hex, &fd) < 0)
		return false;
	close(fd);
	return true;
}

/* Rule 2: under a name that no object has, until it is whole. */
static int open_temporary(const struct vault *vault, char name[32], int *ret)
{
	unsigned long long salt;
	if (vault->read_only)
		return -EROFS;
	if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -errno;
	snprintf(name, 32, ".new-%016llx", salt);
	int fd = openat(vault->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int sync_object(struct vault *vault, int fd)
{
	if (fsync(fd) < 0)
		return -errno;
	vault->dirty = true;
	return 0;
}

/* Gives the finished file its name. One that is there already with this name and the
 * right content is as good; one with a wrong content (-EBADMSG) is not touched. */
static int settle(struct vault *vault, int fd, const char *temporary, const struct sha256 *sha256)
{
	int r = sync_object(vault, fd);
	if (r == 0 && renameat2(vault->dir, temporary, vault->dir, sha256->hex, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlinkat(vault->dir, temporary, 0);
	if (r != -EEXIST)
		return r;
	int there;
	r = vault_open_object(vault, sha256->hex, &there);
	if (r == 0)
		close(there);
	return r;
}

int vault_put(struct vault *vault, const struct buf *bytes, struct sha256 *ret)
{
	struct sha256 sha256;
	sha256_bytes(buf_text(bytes), bytes->len, &sha256);
	if (!vault_has(vault, &sha256)) {
		char name[32];
		_cleanup_close_ int fd = -1;
		int r = open_temporary(vault, name, &fd);
		if (r < 0)
			return r;
		r = fd_write(fd, buf_text(bytes), bytes->len);
		if (r < 0) {
			unlinkat(vault->dir, name, 0);
			return r;
		}
		r = settle(vault, fd, name, &sha256);
		if (r < 0)
			return r;
	}
	*ret = sha256;
	return 0;
}

/* Whether what FROM occupies fits beside what is free, before anything is written. */
static int check_room(const struct vault *vault, const struct stat *st)
{
	struct statvfs fs;
	if (fstatvfs(vault->dir, &fs) < 0)
		return -errno;
	unsigned long long need = (unsigned long long)st->st_blocks * 512, have = (unsigned long long)fs.f_bavail * fs.f_frsize;
	return need > have ? -ENOSPC : 0;
}

static int copy_range(int from, int to, off_t at, off_t end, char *chunk)
{
	while (at < end) {
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t n = pread(from, chunk, want, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t done = 0, w; done < n; done += w) {
			w = pwrite(to, chunk + done, (size_t)(n - done), at + done);
			if (w < 0 && errno == EINTR)
				w = 0;
			if (w < 0)
				return -errno;
		}
		at += n;
	}
	return 0;
}

/* Holes stay holes: a sparse file of a terabyte costs what it occupies. */
static int copy_sparse(int from, int to, off_t size)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	if (!chunk)
		return -ENOMEM;
	if (ftruncate(to, size) < 0)
		return -errno;
	for (off_t at = 0, end; at < size; at = end) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : errno == EINVAL ? copy_range(from, to, 0, size, chunk) : -errno;
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		int r = copy_range(from, to, at, end, chunk);
		if (r < 0)
			return r;
	}
	return 0;
}

int vault_put_fd(struct vault *vault, int from, struct sha256 *ret)
{
	struct stat st;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	char name[32];
	_cleanup_close_ int fd = -1;
	int r = check_room(vault, &st);
	if (r == 0)
		r = open_temporary(vault, name, &fd);
	if (r < 0)
		return r;
	struct sha256 sha256;
	r = copy_sparse(from, fd, st.st_size);
	if (r == 0)
		r = sha256_fd(fd, &sha256);
	if (r < 0) {
		unlinkat(vault->dir, name, 0);
		return r;
	}
	r = settle(vault, fd, name, &sha256);
	if (r == 0)
		*ret = sha256;
	return r;
}

int vault_take(struct vault *vault, int dir, const char *name, const struct sha256 *sha256)
{
	if (vault->read_only)
		return -EROFS;
	if (renameat2(dir, name, vault->dir, sha256->hex, RENAME_NOREPLACE) < 0)
		return -errno;
	vault->dirty = true;
	return 0;
}

int vault_give_back(struct vault *vault, const struct sha256 *sha256, int dir, const char *name)
{
	if (vault->read_only)
		return -EROFS;
	if (renameat2(vault->dir, sha256->hex, dir, name, RENAME_NOREPLACE) < 0)
		return -errno;
	vault->dirty = true;
	return 0;
}

int vault_open_object(struct vault *vault, const char *sha256_hex, int *ret_fd)
{
	if (!sha256_is_hex(sha256_hex))
		return -EINVAL;
	_cleanup_close_ int fd = openat(vault->dir, sha256_hex, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	struct sha256 sha256;
	int r = S_ISREG(st.st_mode) ? sha256_fd(fd, &sha256) : -EBADMSG;
	if (r == 0 && strcmp(sha256.hex, sha256_hex) != 0)
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int vault_read(struct vault *vault, const char *sha256_hex, size_t max, struct buf *ret)
{
	_cleanup_close_ int fd = -1;
	int r = vault_open_object(vault, sha256_hex, &fd);
	return r < 0 ? r : fd_read(fd, max, ret);
}

int vault_sync(struct vault *vault)
{
	if (!vault->dirty)
		return 0;
	if (fsync(vault->dir) < 0)
		return -errno;
	vault->dirty = false;
	return 0;
}
