/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hooks of git repositories below given trees: a directory "hooks" beside a file HEAD,
 * in .git or bare. Walked by descriptors, without following links, and not without end.
 */
#include "foothold.h"

#include "base/escape.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 32
#define DIRECTORIES_MAX 200000

struct walk {
	struct sweep *sweep;
	dev_t dev; /* of the tree: other filesystems are other trees */
	unsigned directories;
	bool cut; /* not all of it was walked */
};

static bool ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name), e = strlen(ending);
	return n >= e && strcmp(name + n - e, ending) == 0;
}

static bool is_regular(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Samples are never run. */
static int look_at_hooks(struct walk *w, int hooks, const char *path)
{
	_cleanup_strv_ struct strv names = {0};
	int r = dir_names(hooks, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf file = {0};
		if (ends_in(names.v[i], ".sample"))
			continue;
		buf_printf(&file, "%s/%s", path, names.v[i]);
		r = buf_error(&file) ? buf_error(&file) : foothold_look(w->sweep, &git_hook_place, file.data, NULL);
	}
	return r;
}

static int open_dir(int at, const char *name, dev_t dev, int *ret)
{
	struct stat st;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_dev != dev) {
		close(fd);
		return -EXDEV;
	}
	*ret = fd;
	return 0;
}

static int walk(struct walk *w, int dir, const char *path, unsigned depth);

static int enter(struct walk *w, int dir, const char *path, const char *name, unsigned depth)
{
	_cleanup_close_ int below = -1;
	_cleanup_buf_ struct buf full = {0};
	if (open_dir(dir, name, w->dev, &below) < 0)
		return 0; /* no directory, or not of this tree */
	buf_printf(&full, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
	if (buf_error(&full))
		return buf_error(&full);
	if (strcmp(name, "hooks") == 0 && is_regular(dir, "HEAD"))
		return look_at_hooks(w, below, full.data);
	return walk(w, below, full.data, depth + 1);
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
		r = enter(w, dir, path, names.v[i], depth);
	return r;
}

static int walk_tree(struct sweep *s, const char *tree)
{
	_cleanup_buf_ struct buf real = {0}, shown = {0};
	_cleanup_close_ int dir = -1;
	struct walk w = {.sweep = s};
	struct stat st;
	int r = escape_str(&shown, tree);
	if (r == 0)
		r = path_follow(s->host->root, tree, &real);
	if (r == 0)
		r = path_open(s->host->root, buf_text(&real), O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0 && fstat(dir, &st) < 0)
		r = -errno;
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT || r == -ENOTDIR)
		return plan_note(s->plan, "tree %s: there is no such directory", shown.data);
	if (r < 0)
		return host_blind(s->host, "cannot look into %s: %s", shown.data, strerror(-r));
	w.dev = st.st_dev;
	r = walk(&w, dir, real.data, 0);
	if (r == 0 && w.cut)
		r = plan_residual(s->plan, "tree %s is too large: not all of its repositories were searched", shown.data);
	return r;
}

int sweep_repositories(struct sweep *s, const struct strv *trees)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < trees->n; i++)
		r = walk_tree(s, trees->v[i]);
	return r;
}
