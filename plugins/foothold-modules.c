/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What PAM and the loader are told to load: whose file it is, and whether it is meant.
 */
#include "foothold.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/package-sums.h"
#include "base/real-path.h"
#include "glob-walk.h"
#include "line-edit.h"
#include "pam-edit.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

/* Where modules of PAM belong. */
static const char *const module_dirs[] = {
	"/usr/lib/*/security", "/usr/lib/security", "/usr/lib64/security", "/lib/*/security", "/lib/security",
	"/lib64/security",
};

int foothold_foreign_file(struct sweep *s, const char *path, struct buf *ret, struct stat *ret_stat)
{
	_cleanup_buf_ struct buf real = {0}, owner = {0};
	_cleanup_close_ int fd = -1;
	int r = path_real(s->host->root, path, &real);
	if (r == 0)
		r = path_open_regular(s->host->root, buf_text(&real), &fd, ret_stat);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	r = host_package_of(s->host, buf_text(&real), &owner);
	if (r == -ENOENT)
		return buf_puts(ret, buf_text(&real));
	return r < 0 ? r : -ENOENT;
}

static bool is_wanted(const struct sweep *s, const char *path)
{
	return s->search.paths && strv_has(s->search.paths, path);
}

static bool is_recent(const struct sweep *s, const struct stat *st)
{
	time_t changed = st->st_mtime > st->st_ctime ? st->st_mtime : st->st_ctime;
	return s->since && search_is_empty(&s->search) && changed >= s->since;
}

static bool belongs_there(const char *path)
{
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	for (size_t i = 0; dir && i < sizeof(module_dirs) / sizeof(*module_dirs); i++)
		if (fnmatch(module_dirs[i], dir, FNM_PATHNAME) == 0)
			return true;
	return false;
}

/* A module as PAM looks for it. */
struct module {
	struct sweep *sweep;
	const char *name; /* without a directory */
	bool owned;       /* a package owns it, and it is where modules belong */
	bool meant;
};

/* A module that was replaced under its package's name: nobody could log in without it, so it
 * is never taken away. */
static int look_at_owned(struct sweep *s, const char *path, const char *package)
{
	_cleanup_buf_ struct buf shown = {0}, name = {0};
	int r = strset_add(&s->compared, path);
	if (r <= 0)
		return r;
	r = package_file_altered(s->host->root, package, path);
	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	escape_str(&shown, path);
	escape_str(&name, package);
	return sweep_tell(s, "%s is not the module of PAM that the package %s installed: reinstall that package, and keep a "
	                     "copy of the file; it is not taken away",
	                  buf_text(&shown), buf_text(&name));
}

static int weigh_file(struct module *m, const char *path)
{
	_cleanup_buf_ struct buf real = {0}, owner = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = path_real(m->sweep->host->root, path, &real);
	if (r == 0)
		r = path_open_regular(m->sweep->host->root, buf_text(&real), &fd, &st);
	m->meant |= is_wanted(m->sweep, path);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	m->meant |= is_wanted(m->sweep, real.data) || is_recent(m->sweep, &st);
	r = host_package_of(m->sweep->host, real.data, &owner);
	if (r < 0 || !belongs_there(real.data))
		return r == -ENOENT ? 0 : r;
	m->owned = true;
	return look_at_owned(m->sweep, real.data, buf_text(&owner));
}

static int note_dir(void *ctx, const char *dir)
{
	struct sweep *s = ctx;
	int r = strset_add(&s->module_dirs, dir);
	return r < 0 ? r : 0;
}

/* /lib and /usr/lib are one directory nearly everywhere: each is looked into once. */
static int find_module_dirs(struct sweep *s)
{
	int r = 0;
	for (size_t i = 0; r == 0 && !s->has_module_dirs && i < sizeof(module_dirs) / sizeof(*module_dirs); i++)
		r = glob_walk(s->host, module_dirs[i], note_dir, s);
	s->has_module_dirs |= r == 0;
	return r;
}

static int weigh_in_dir(struct module *m, const char *dir)
{
	_cleanup_buf_ struct buf path = {0};
	buf_printf(&path, "%s/%s", dir, m->name);
	return buf_error(&path) ? buf_error(&path) : weigh_file(m, path.data);
}

static int weigh_module(struct module *m, const char *as_written)
{
	const char *slash = strrchr(as_written, '/');
	const struct strv *dirs = &m->sweep->module_dirs.list;
	if (as_written[0] == '/')
		return weigh_file(m, as_written);
	int r = find_module_dirs(m->sweep);
	m->name = slash ? slash + 1 : as_written;
	for (size_t i = 0; r == 0 && i < dirs->n; i++)
		r = weigh_in_dir(m, dirs->v[i]);
	return r;
}

int foothold_pam_modules(struct sweep *s, const struct found *f, struct strv *ret_foreign, struct strv *ret_meant)
{
	_cleanup_strv_ struct strv names = {0};
	enum pam_form form = f->place->format == FORMAT_PAM_CONF ? PAM_CONF : PAM_D;
	int r = pam_list_modules(form, &f->before, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct module m = {.sweep = s};
		r = weigh_module(&m, names.v[i]);
		/* What is nowhere may have been taken away by an earlier step: no package's. */
		if (r == 0 && !m.owned)
			r = strv_add(ret_foreign, names.v[i]);
		if (r == 0 && !m.owned && m.meant)
			r = strv_add(ret_meant, names.v[i]);
	}
	return r;
}

int foothold_libraries(struct sweep *s, const struct found *f, struct strv *ret_meant)
{
	_cleanup_strv_ struct strv entries = {0};
	int r = preload_entries(&f->before, &entries);
	for (size_t i = 0; r == 0 && i < entries.n; i++) {
		_cleanup_buf_ struct buf real = {0};
		struct stat st;
		r = entries.v[i][0] == '/' ? foothold_foreign_file(s, entries.v[i], &real, &st) : -ENOENT;
		if (r == 0 && (is_recent(s, &st) || is_wanted(s, buf_text(&real))))
			r = strv_add(ret_meant, entries.v[i]);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}
