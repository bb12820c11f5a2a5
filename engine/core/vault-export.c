/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vault-export.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The copy is judged by what it has become: the object may change while it is read. */
static int copy(int from, int to, const char *sha256_hex)
{
	struct sha256 copied;
	int r = fd_copy(from, to);
	if (r == 0)
		r = sha256_fd(to, &copied);
	if (r == 0 && strcasecmp(copied.hex, sha256_hex) != 0)
		r = -EBADMSG;
	return r == 0 ? fd_sync(to) : r;
}

/* The directory that PATH lies in, and its last name (a pointer into it). */
static int open_place(int root, const char *path, int *ret_dir, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	if (path[0] != '/' || !slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
		return -EINVAL;
	_cleanup_free_ char *parent = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	_cleanup_buf_ struct buf real = {0};
	int r = parent ? path_follow(root, parent, &real) : -ENOMEM;
	if (r == 0)
		r = path_open(root, real.data, O_RDONLY | O_DIRECTORY, ret_dir);
	if (r == 0)
		*ret_name = slash + 1;
	return r;
}

int vault_export(struct vault *vault, const char *sha256_hex, int root, const char *path)
{
	_cleanup_close_ int from = -1, dir = -1, to = -1;
	const char *name = NULL;
	struct stat st;
	int r = vault_open_object(vault, sha256_hex, &from);
	if (r < 0)
		return r == -ENOENT ? -ENOKEY : r;
	r = open_place(root, path, &dir, &name);
	if (r == 0 && fstat(from, &st) < 0)
		r = -errno;
	if (r == 0)
		r = fd_check_room(dir, (unsigned long long)st.st_blocks * 512);
	if (r < 0)
		return r;
	to = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = copy(from, to, sha256_hex);
	if (r == 0)
		r = fd_sync(dir);
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}
