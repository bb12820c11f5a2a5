/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vault.h"

#include "base/fd.h"
#include "base/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096

struct vault {
	int dir;
	bool read_only;
	bool dirty; /* something was put since the last sync */
	uint64_t quota; /* 0: none */
	uint64_t used;  /* kept only while there is a quota */
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
	if (made && above < 0)
		return -errno;
	r = made ? fd_sync(above) : 0;
	if (r == 0)
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

int vault_visit(struct vault *vault, int (*visit)(void *ctx, const char *name, const struct stat *st), void *ctx)
{
	_cleanup_strv_ struct strv names = {0};
	int r = dir_names(vault->dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct stat st;
		if (fstatat(vault->dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			r = visit(ctx, names.v[i], &st);
		else if (errno != ENOENT)
			r = -errno;
	}
	return r;
}

uint64_t vault_occupied(size_t len)
{
	return ((uint64_t)len + BLOCK - 1) / BLOCK * BLOCK;
}

static int add_used(void *ctx, const char *name, const struct stat *st)
{
	(void)name;
	*(uint64_t *)ctx += (uint64_t)st->st_blocks * 512;
	return 0;
}

int vault_limit(struct vault *vault, uint64_t quota)
{
	uint64_t used = 0;
	int r = quota ? vault_visit(vault, add_used, &used) : 0;
	if (r < 0)
		return r;
	vault->quota = quota;
	vault->used = used;
	return 0;
}

int vault_admit(const struct vault *vault, uint64_t bytes)
{
	if (!vault->quota || !bytes)
		return 0;
	return vault->used > vault->quota || bytes > vault->quota - vault->used ? -EDQUOT : 0;
}

/* There is one more. */
static void count_object(struct vault *vault, const char *sha256_hex)
{
	struct stat st;
	if (vault->quota && fstatat(vault->dir, sha256_hex, &st, AT_SYMLINK_NOFOLLOW) == 0)
		vault->used += (uint64_t)st.st_blocks * 512;
}

bool vault_names(const struct vault *vault, const char *sha256_hex)
{
	return sha256_is_hex(sha256_hex) && faccessat(vault->dir, sha256_hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
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
static int open_temporary(const struct vault *vault, char name[RANDOM_NAME_LEN], int *ret)
{
	if (vault->read_only)
		return -EROFS;
	int r = random_name(name);
	if (r < 0)
		return r;
	int fd = openat(vault->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int sync_object(struct vault *vault, int fd)
{
	int r = fd_sync(fd);
	if (r == 0)
		vault->dirty = true;
	return r;
}

/* Gives the finished file its name. One that is there already with this name and the
 * right content is as good; one with a wrong content (-EBADMSG) is not touched. */
static int settle(struct vault *vault, int fd, const char *temporary, const struct sha256 *sha256)
{
	int r = sync_object(vault, fd);
	if (r == 0 && renameat2(vault->dir, temporary, vault->dir, sha256->hex, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == 0) {
		count_object(vault, sha256->hex);
		return 0;
	}
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
		char name[RANDOM_NAME_LEN];
		_cleanup_close_ int fd = -1;
		int r = vault_admit(vault, vault_occupied(bytes->len));
		if (r == 0)
			r = open_temporary(vault, name, &fd);
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

int vault_put_fd(struct vault *vault, int from, struct sha256 *ret)
{
	struct stat st;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	char name[RANDOM_NAME_LEN];
	_cleanup_close_ int fd = -1;
	struct sha256 sha256;
	int r = vault_admit(vault, (uint64_t)st.st_blocks * 512);
	if (r < 0 && sha256_fd(from, &sha256) == 0 && vault_has(vault, &sha256)) {
		*ret = sha256; /* what the vault has needs no room */
		return 0;
	}
	if (r == 0)
		r = fd_check_room(vault->dir, (unsigned long long)st.st_blocks * 512);
	if (r == 0)
		r = open_temporary(vault, name, &fd);
	if (r < 0)
		return r;
	r = fd_copy(from, fd);
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

/* A file that is not to be taken goes back; where its name is taken by now, beside it:
 * nothing is replaced and nothing is lost. */
static int give_back(struct vault *vault, const char *object, int dir, const char *name)
{
	char beside[RANDOM_NAME_LEN];
	if (renameat2(vault->dir, object, dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	int r = random_name(beside);
	return r < 0 ? r : renameat2(vault->dir, object, dir, beside, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

/* A read lease is given only while nobody has the file open for writing, and keeps it
 * so until it is closed. Who tries meanwhile makes the kernel send a signal: one that
 * is ignored by default. */
static int keep_writers_out(int fd)
{
	bool ours = fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
	return ours ? 0 : -ETXTBSY;
}

/* Judges what was moved in, and makes it root's alone. If that cannot be, it is as it was. */
static int adopt(struct vault *vault, const struct sha256 *sha256)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	struct sha256 now;
	json_t *meta = NULL;
	if (name_open_regular(vault->dir, sha256->hex, &fd, &st) < 0 || st.st_nlink != 1)
		return -ESTALE;
	int r = keep_writers_out(fd);
	if (r == 0)
		r = sha256_fd(fd, &now);
	if (r == 0 && strcmp(now.hex, sha256->hex) != 0)
		r = -ESTALE;
	if (r == 0)
		r = meta_read(fd, &meta);
	if (r == 0 && (fchown(fd, geteuid(), getegid()) < 0 || fchmod(fd, 0600) < 0))
		r = -errno;
	if (r == 0)
		r = sync_object(vault, fd);
	if (r < 0 && meta)
		meta_write(fd, meta, META_SETUID);
	json_decref(meta);
	return r;
}

static int admit_file(const struct vault *vault, int dir, const char *name)
{
	struct stat st;
	if (!vault->quota)
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return vault_admit(vault, (uint64_t)st.st_blocks * 512);
}

int vault_take(struct vault *vault, int dir, const char *name, const struct sha256 *sha256)
{
	if (vault->read_only)
		return -EROFS;
	int r = vault_names(vault, sha256->hex) ? -EEXIST : admit_file(vault, dir, name);
	if (r < 0)
		return r;
	if (renameat2(dir, name, vault->dir, sha256->hex, RENAME_NOREPLACE) < 0)
		return -errno;
	vault->dirty = true;
	r = adopt(vault, sha256);
	if (r == 0) {
		count_object(vault, sha256->hex);
		return 0;
	}
	int back = give_back(vault, sha256->hex, dir, name);
	return back < 0 ? back : r;
}

int vault_open_object(struct vault *vault, const char *sha256_hex, int *ret_fd)
{
	if (!sha256_is_hex(sha256_hex))
		return -EINVAL;
	_cleanup_close_ int fd = -1;
	struct sha256 sha256;
	int r = name_open_regular(vault->dir, sha256_hex, &fd, NULL);
	if (r == 0)
		r = sha256_fd(fd, &sha256);
	if (r == -EINVAL || r == -ELOOP || (r == 0 && strcmp(sha256.hex, sha256_hex) != 0))
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* An object of our own in the place of one that others hold by another name or can still
 * write to. */
static int replace_by_copy(struct vault *vault, const char *sha256_hex)
{
	_cleanup_close_ int from = -1, fd = -1;
	char name[RANDOM_NAME_LEN];
	struct sha256 copied;
	int r = vault_open_object(vault, sha256_hex, &from);
	if (r == 0)
		r = open_temporary(vault, name, &fd);
	if (r < 0)
		return r;
	r = fd_copy(from, fd);
	if (r == 0)
		r = sha256_fd(fd, &copied);
	if (r == 0 && strcmp(copied.hex, sha256_hex) != 0)
		r = -EBADMSG;
	if (r == 0)
		r = sync_object(vault, fd);
	if (r == 0 && renameat(vault->dir, name, vault->dir, sha256_hex) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(vault->dir, name, 0);
	return r;
}

int vault_settle_object(struct vault *vault, const char *sha256_hex)
{
	struct sha256 sha256;
	if (vault->read_only)
		return -EROFS;
	if (!sha256_is_hex(sha256_hex))
		return -EINVAL;
	snprintf(sha256.hex, sizeof(sha256.hex), "%s", sha256_hex);
	int r = adopt(vault, &sha256);
	if (r == -ESTALE || r == -ETXTBSY)
		r = replace_by_copy(vault, sha256_hex);
	return r < 0 ? r : vault_sync(vault);
}

int vault_give_back(struct vault *vault, const char *sha256_hex, int dir, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	if (vault->read_only)
		return -EROFS;
	int r = vault_open_object(vault, sha256_hex, &fd);
	if (r != -EBADMSG)
		return r == 0 ? -EINVAL : r;
	if (fstatat(vault->dir, sha256_hex, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (st.st_uid == geteuid() && (st.st_mode & 07777) == 0600)
		return -EBADMSG;
	vault->dirty = true;
	if (renameat2(vault->dir, sha256_hex, dir, name, RENAME_NOREPLACE) < 0)
		return -errno;
	return vault_sync(vault);
}

static bool is_temporary(int dir, const char *name)
{
	static const char prefix[] = ".respond-";
	const char *digits = name + sizeof(prefix) - 1;
	struct stat st;
	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 && strlen(digits) == 16 &&
	       strspn(digits, "0123456789abcdef") == 16 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

int vault_remove(struct vault *vault, const char *sha256_hex)
{
	struct stat st;
	if (vault->read_only)
		return -EROFS;
	if (!sha256_is_hex(sha256_hex))
		return -EINVAL;
	if (fstatat(vault->dir, sha256_hex, &st, AT_SYMLINK_NOFOLLOW) < 0 || unlinkat(vault->dir, sha256_hex, 0) < 0)
		return -errno;
	vault->dirty = true;
	uint64_t freed = (uint64_t)st.st_blocks * 512;
	vault->used -= freed < vault->used ? freed : vault->used;
	return 0;
}

int vault_sweep(struct vault *vault)
{
	_cleanup_strv_ struct strv names = {0};
	if (vault->read_only)
		return -EROFS;
	int r = dir_names(vault->dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (!is_temporary(vault->dir, names.v[i]))
			continue;
		if (unlinkat(vault->dir, names.v[i], 0) < 0)
			r = -errno;
		vault->dirty = true;
	}
	return r < 0 ? r : vault_sync(vault);
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
	int r = fd_sync(vault->dir);
	if (r == 0)
		vault->dirty = false;
	return r;
}
