/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree-walk.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DEPTH_MAX 32
#define DIRECTORIES_MAX 200000

struct walk {
	tree_visit_fn visit;
	void *ctx;
	dev_t dev; /* of the tree: other filesystems are other trees */
	unsigned directories;
	bool cut; /* not all of it was walked */
};

static int walk(struct walk *w, int dir, const char *path, unsigned depth);

/* What has gone, or has become something else, is not in the tree. */
static int enter(struct walk *w, const struct tree_entry *e, unsigned depth)
{
	struct stat st;
	_cleanup_close_ int fd = openat(e->dir, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != w->dev)
		return 0;
	return walk(w, fd, e->path, depth + 1);
}

static int visit(struct walk *w, int dir, const char *path, const char *name, unsigned depth)
{
	_cleanup_buf_ struct buf full = {0};
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	buf_printf(&full, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
	if (buf_error(&full))
		return buf_error(&full);
	struct tree_entry e = {dir, name, full.data, &st};
	int r = w->visit(w->ctx, &e);
	return r != 0 || !S_ISDIR(st.st_mode) ? (r < 0 ? r : 0) : enter(w, &e, depth);
}

static int walk(struct walk *w, int dir, const char *path, unsigned depth)
{
	_cleanup_strv_ struct strv names = {0};
	if (depth > DEPTH_MAX || ++w->directories > DIRECTORIES_MAX) {
		w->cut = true;
		return 0;
	}
	int r = dir_names(dir, &names);
	if (r == -EACCES || r == -EPERM || r == -ENOENT)
		return 0;
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = visit(w, dir, path, names.v[i], depth);
	return r;
}

int tree_walk(struct host *host, const char *tree, tree_visit_fn visit_entry, void *ctx, bool *ret_cut)
{
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int dir = -1;
	struct walk w = {.visit = visit_entry, .ctx = ctx};
	struct stat st;
	int r = path_follow(host->root, tree, &real);
	if (r == 0)
		r = path_open(host->root, real.data, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0 && fstat(dir, &st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	w.dev = st.st_dev;
	r = walk(&w, dir, real.data, 0);
	if (r == 0)
		*ret_cut = w.cut;
	return r;
}
