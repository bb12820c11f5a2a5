/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/secret-file.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The directory of PATH, opened for reading, for only that can be synced. */
static int open_dir(int root, const char *path, int *ret_dir, const char **ret_name)
{
	_cleanup_close_ int found = -1;
	int r = path_open_parent(root, path, &found, ret_name);
	if (r < 0)
		return r;
	*ret_dir = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_dir < 0 ? -errno : 0;
}

static int check_dir(int dir)
{
	struct stat st;
	if (fstat(dir, &st) < 0)
		return -errno;
	return st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

static int write_to(int dir, const char *temporary, const struct buf *bytes)
{
	_cleanup_close_ int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = fchmod(fd, 0600) < 0 ? -errno : fd_write(fd, bytes->data, bytes->len);
	return r < 0 ? r : fd_sync(fd);
}

/* The change's own path, as it was planned. */
static int path_of(const struct change *c, char **ret)
{
	return json_field_text(c->data, "file", ret);
}

int secret_file_check(struct host *host, const char *path)
{
	_cleanup_close_ int dir = -1;
	const char *name;
	int r = open_dir(host->root, path, &dir, &name);
	if (r == 0)
		r = check_dir(dir);
	if (r < 0)
		return r;
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? -EEXIST : errno == ENOENT ? 0 : -errno;
}

int secret_file_note(struct change *c, const char *path, const struct buf *bytes)
{
	struct sha256 hash;
	sha256_bytes(bytes->data, bytes->len, &hash);
	if (buf_reserve(&c->secret, bytes->len) < 0 || buf_add(&c->secret, bytes->data, bytes->len) < 0 ||
	    json_object_set_new(c->data, "file", json_text(path)) < 0 ||
	    json_object_set_new(c->data, "file-sha256", json_string(hash.hex)) < 0)
		return -ENOMEM;
	return 0;
}

const char *secret_file_of(const struct change *c)
{
	return json_string_value(json_object_get(c->data, "file"));
}

static int make_in(int dir, const char *name, const char *temporary, const struct buf *bytes)
{
	int r = check_dir(dir);
	if (r < 0)
		return r;
	r = write_to(dir, temporary, bytes);
	if (r == 0 && renameat2(dir, temporary, dir, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir, temporary, 0);
		return r;
	}
	r = fd_sync(dir);
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

int secret_file_make(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int dir = -1;
	const char *name;
	if (!secret_file_of(c) || (!c->secret.len && effect->done))
		return 0; /* it was handed over when the change was made */
	if (!c->secret.len) {
		buf_puts(&effect->note, "the new password is lost, for no journal has it: run the playbook again");
		return -ENOKEY;
	}
	int r = path_of(c, &path);
	if (r == 0)
		r = open_dir(host->root, path, &dir, &name);
	if (r == 0)
		r = make_in(dir, name, effect->temporary, &c->secret);
	if (r < 0)
		buf_printf(&effect->note, "%s cannot be made: %s", secret_file_of(c),
		           r == -EPERM ? "others than root can write to its directory" : strerror(-r));
	return r;
}

/* 1: gone by this; 0: it was not there any more. -ESTALE: it holds something else. */
static int drop(int root, const char *path, const char *sha256)
{
	_cleanup_close_ int dir = -1;
	_cleanup_wipe_ struct buf has = {0};
	struct sha256 hash;
	const char *name;
	int r = path_read(root, path, SECRET_FILE_MAX, &has, NULL);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r == -ELOOP || r == -EINVAL || r == -EFBIG ? -ESTALE : r;
	sha256_bytes(buf_text(&has), has.len, &hash);
	if (strcmp(hash.hex, sha256) != 0)
		return -ESTALE;
	r = open_dir(root, path, &dir, &name);
	if (r == 0 && unlinkat(dir, name, 0) < 0)
		r = -errno;
	if (r == 0)
		r = fd_sync(dir);
	return r < 0 ? r : 1;
}

void secret_file_drop(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_free_ char *path = NULL;
	const char *sha256 = json_string_value(json_object_get(c->data, "file-sha256"));
	if (!secret_file_of(c))
		return;
	int r = path_of(c, &path);
	if (r == 0)
		r = drop(host->root, path, sha256 ? sha256 : "");
	if (r < 0)
		buf_printf(&effect->note, "%s%s stays: %s", effect->note.len ? "; " : "", secret_file_of(c),
		           r == -ESTALE ? "it holds something else by now" : strerror(-r));
}

int secret_file_settle(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int dir = -1;
	const char *name;
	if (!secret_file_of(c))
		return 0;
	int r = path_of(c, &path);
	if (r == 0)
		r = open_dir(host->root, path, &dir, &name);
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR || r == -ELOOP ? 0 : r;
	return unlinkat(dir, effect->temporary, 0) < 0 && errno != ENOENT ? -errno : 0;
}
