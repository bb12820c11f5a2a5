/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/new-file.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void forget(struct new_file *file)
{
	close_fd(&file->fd);
	close_fd(&file->dir);
	free(file->name);
	*file = (struct new_file){.dir = -1, .fd = -1};
}

static int open_parent(int root, const char *path, const char *slash, int *ret)
{
	_cleanup_free_ char *parent = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	_cleanup_buf_ struct buf real = {0};
	int r = parent ? path_follow(root, parent, &real) : -ENOMEM;
	return r < 0 ? r : path_open(root, real.data, O_RDONLY | O_DIRECTORY, ret);
}

int new_file_make(int root, const char *path, struct new_file *ret)
{
	struct new_file file = {.dir = -1, .fd = -1};
	const char *slash = strrchr(path, '/');
	if (path[0] != '/' || !slash || !slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
		return -EINVAL;
	file.name = strdup(slash + 1);
	int r = file.name ? open_parent(root, path, slash, &file.dir) : -ENOMEM;
	if (r == 0) {
		file.fd = openat(file.dir, file.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = file.fd < 0 ? -errno : 0;
	}
	if (r < 0)
		forget(&file);
	else
		*ret = file;
	return r;
}

int new_file_finish(struct new_file *file)
{
	int r = fd_sync(file->fd);
	if (r == 0)
		r = fd_sync(file->dir);
	if (r < 0)
		new_file_drop(file);
	else
		forget(file);
	return r;
}

void new_file_drop(struct new_file *file)
{
	if (file->name)
		unlinkat(file->dir, file->name, 0);
	forget(file);
}
