/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hooks of git repositories below given trees: a directory "hooks" beside a file HEAD,
 * in .git or bare.
 */
#include "foothold.h"

#include "base/escape.h"
#include "base/fd.h"
#include "tree-walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
static int look_at_hooks(struct sweep *s, int hooks, const char *path)
{
	_cleanup_strv_ struct strv names = {0};
	int r = dir_names(hooks, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf file = {0};
		if (ends_in(names.v[i], ".sample"))
			continue;
		buf_printf(&file, "%s/%s", path, names.v[i]);
		r = buf_error(&file) ? buf_error(&file) : foothold_look(s, &git_hook_place, file.data, NULL);
	}
	return r;
}

static int look(void *ctx, const struct tree_entry *e)
{
	if (!S_ISDIR(e->st->st_mode) || strcmp(e->name, "hooks") != 0 || !is_regular(e->dir, "HEAD"))
		return 0;
	_cleanup_close_ int hooks = openat(e->dir, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = hooks < 0 ? 0 : look_at_hooks(ctx, hooks, e->path);
	return r < 0 ? r : 1;
}

static int walk_tree(struct sweep *s, const char *tree)
{
	_cleanup_buf_ struct buf shown = {0};
	bool cut = false;
	int r = escape_str(&shown, tree);
	if (r == 0)
		r = tree_walk(s->host, tree, look, s, &cut);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT || r == -ENOTDIR)
		return plan_note(s->plan, "tree %s: there is no such directory", shown.data);
	if (r < 0)
		return host_blind(s->host, "cannot look into %s: %s", shown.data, strerror(-r));
	return cut ? plan_residual(s->plan, "tree %s is too large: not all of its repositories were searched", shown.data)
	           : 0;
}

int sweep_repositories(struct sweep *s, const struct strv *trees)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < trees->n; i++)
		r = walk_tree(s, trees->v[i]);
	return r;
}
