/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "foothold.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "glob-walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int sweep_tell(struct sweep *s, const char *fmt, ...)
{
	_cleanup_buf_ struct buf line = {0};
	va_list ap;
	va_start(ap, fmt);
	int r = buf_vprintf(&line, fmt, ap);
	va_end(ap);
	if (r < 0)
		return r;
	return s->acts ? plan_residual(s->plan, "%s", line.data) : plan_note(s->plan, "%s", line.data);
}

/* ---- the files of a place ------------------------------------------------------------------ */

/* One place, below a directory: "" for the root, or somebody's home. */
struct visit {
	struct sweep *sweep;
	const struct place *place;
	const struct user *home;
};

static int look(void *ctx, const char *path)
{
	const struct visit *v = ctx;
	return foothold_look(v->sweep, v->place, path, v->home);
}

static int explain_dir(struct sweep *s, const char *path, int error)
{
	_cleanup_buf_ struct buf shown = {0};
	if (error != -EACCES && error != -EPERM && error != -ELOOP && error != -E2BIG)
		return error == -ENOENT || error == -ENOTDIR || error == -EINVAL || error == -ENAMETOOLONG ? 0 : error;
	int r = escape_str(&shown, path);
	if (r < 0)
		return r;
	if (error == -ELOOP || error == -E2BIG)
		return plan_residual(s->plan, error == -ELOOP ? "%s leads through a symbolic link that others than root can "
		                                                "change: it was not searched"
		                                              : "%s holds more files than are searched", shown.data);
	return host_blind(s->host, "cannot look into %s: %s", shown.data, strerror(-error));
}

/* Every name in the directory, those that begin with a dot too. */
static int look_into(void *ctx, const char *path)
{
	const struct visit *v = ctx;
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	int r = path_open(v->sweep->host->root, path, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0)
		r = dir_names(dir, &names);
	if (r == 0 && names.n > GLOB_MATCHES_MAX)
		r = -E2BIG;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf file = {0};
		buf_printf(&file, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names.v[i]);
		r = buf_error(&file) ? buf_error(&file) : look(ctx, file.data);
		if (r < 0)
			return r;
	}
	return explain_dir(v->sweep, path, r);
}

static int resolve_dir(const struct visit *v, const char *path, struct buf *ret)
{
	int root = v->sweep->host->root;
	int r = v->home ? path_resolve_for(root, path, v->home->uid, ret) : path_follow(root, path, ret);
	return r == -EPERM && v->home ? -ELOOP : r;
}

/* PATTERN with the part before its first wildcard resolved, and made safe from what is
 * special in that. */
static int resolve_pattern(const struct visit *v, const char *pattern, struct buf *ret)
{
	_cleanup_buf_ struct buf dir = {0}, real = {0};
	const char *wild = pattern + strcspn(pattern, "*?["), *slash = wild;
	while (slash > pattern && *slash != '/')
		slash--;
	buf_add(&dir, pattern, (size_t)(slash - pattern));
	int r = buf_error(&dir) ? buf_error(&dir) : resolve_dir(v, buf_text(&dir), &real);
	if (r < 0)
		return r;
	for (const char *p = real.data; *p; p++) {
		if (strchr("*?[]\\", *p))
			buf_putc(ret, '\\');
		buf_putc(ret, *p);
	}
	return buf_puts(ret, slash);
}

static int visit_pattern(struct visit *v, const char *dir, bool whole)
{
	int (*visit)(void *ctx, const char *path) = whole ? look_into : look;
	_cleanup_buf_ struct buf real = {0};
	int r;
	if (strpbrk(v->place->pattern, "*?[")) {
		r = resolve_pattern(v, dir, &real);
		if (r == 0)
			r = glob_walk(v->sweep->host, real.data, visit, v);
	} else if (whole) {
		r = resolve_dir(v, dir, &real);
		if (r == 0)
			return look_into(v, real.data);
	} else {
		return look(v, dir);
	}
	return r < 0 ? explain_dir(v->sweep, dir, r) : 0;
}

static int visit_place(struct sweep *s, const struct place *place, const char *base, const struct user *home)
{
	struct visit v = {.sweep = s, .place = place, .home = home};
	_cleanup_buf_ struct buf path = {0};
	size_t len = strlen(place->pattern);
	bool whole = place->pattern[len - 1] == '/';
	buf_printf(&path, "%s%s%.*s", base, place->pattern[0] == '/' || !base[0] ? "" : "/", (int)(len - whole),
	           place->pattern);
	return buf_error(&path) ? buf_error(&path) : visit_pattern(&v, path.data, whole);
}

/* In the homes of all, each once; "/" is one, too, of many who have none. */
static int visit_homes(struct sweep *s, const struct place *place)
{
	_cleanup_(strset_free) struct strset homes = {0};
	for (size_t i = 0; i < s->users.n; i++) {
		const struct user *u = &s->users.v[i];
		_cleanup_buf_ struct buf base = {0};
		if (u->home[0] != '/')
			continue;
		size_t len = strlen(u->home);
		while (len && u->home[len - 1] == '/')
			len--;
		buf_add(&base, u->home, len);
		buf_puts(&base, len ? "" : "/.");
		int r = buf_error(&base) ? buf_error(&base) : strset_add(&homes, base.data);
		if (r > 0)
			r = visit_place(s, place, base.data, u);
		if (r < 0)
			return r;
	}
	return 0;
}

int sweep_places(struct sweep *s, const struct place *places)
{
	int r = 0;
	for (; r == 0 && places->pattern; places++)
		r = places->flags & PLACE_HOME ? visit_homes(s, places) : visit_place(s, places, "", NULL);
	return r;
}

/* ---- what is searched for -------------------------------------------------------------------- */

/* Where packages put nothing: their lists need not be read for a path below. */
static bool is_local(const char *path)
{
	static const char *const places_of_no_package[] = {
		"/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/home/", "/root/", "/srv/", "/usr/local/",
	};
	for (size_t i = 0; i < sizeof(places_of_no_package) / sizeof(*places_of_no_package); i++)
		if (strncmp(path, places_of_no_package[i], strlen(places_of_no_package[i])) == 0)
			return true;
	return false;
}

/* Devices and the like are the system's, wherever they are: /dev/null stands in half of all
 * scripts. So are directories that everybody writes to, and those at the top. What is not
 * there any more may have been anything. */
static bool is_everybodys(struct sweep *s, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	if (path_open(s->host->root, path, O_PATH | O_NOFOLLOW, &fd) < 0 || fstat(fd, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return (st.st_mode & S_ISVTX) || !strchr(path + 1, '/');
	return !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode);
}

static int keep_telling(struct sweep *s, const char *path, struct strv *ret)
{
	_cleanup_buf_ struct buf name = {0}, owner = {0}, real = {0};
	if (strcmp(path, "/") == 0)
		return plan_fail(s->plan, -EINVAL, "references: / would match entries of all kinds; name files");
	int r = path_resolve(s->host->root, path, &real);
	if (r == -ENOMEM)
		return r;
	const char *resolved = r == 0 ? real.data : path;
	if (is_everybodys(s, resolved))
		return escape_str(&name, path) ?: sweep_tell(s, "%s is everybody's: no entry is told by it; use match",
		                                             buf_text(&name));
	r = is_local(path) ? -ENOENT : host_package_of(s->host, resolved, &owner);
	if (r == -ENOENT)
		r = strv_add_new(ret, path) ?: strv_add_new(ret, resolved);
	else if (r == 0)
		r = escape_str(&name, path) ?: sweep_tell(s, "%s belongs to the package %s: no entry is told by it; use match",
		                                           buf_text(&name), buf_text(&owner));
	return r;
}

int sweep_keep_telling(struct sweep *s, const struct strv *paths, struct strv *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < paths->n; i++)
		r = keep_telling(s, paths->v[i], ret);
	return r;
}

int sweep_check_texts(struct plan *plan, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strspn(texts->v[i], " \t*") == strlen(texts->v[i]))
			return plan_fail(plan, -EINVAL, "match: \"%s\" would match every entry", texts->v[i]);
	return 0;
}
