/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, persistence: what stands in the places from which programs are started
 * without anybody asking for it.
 */
#include "accounts.h"
#include "evidence.h"

#include "glob-walk.h"
#include "persist-places.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/strset.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 3
#define FILES_MAX 20000
#define HASH_MAX ((off_t)16 << 20)

/* Those of persist-places.h, and what is not an entry of its own but may lead to one. */
static const struct place more_places[] = {
	{"/etc/ld.so.conf", FORMAT_PLAIN, 0, "where libraries are looked for"},
	{"/etc/ld.so.conf.d/", FORMAT_PLAIN, 0, "where libraries are looked for"},
	{"/run/systemd/generator/", FORMAT_UNIT, 0, "a unit that a generator made"},
	{".ssh/environment", FORMAT_PLAIN, PLACE_HOME, "the environment of logins"},
	{0},
};

struct look {
	struct collection *c;
	struct evidence_rows rows;
	struct strset seen;
	const struct place *place; /* at hand */
	unsigned files, suspects;
};

static int visit_path(struct look *look, const char *path, unsigned depth);

static int visit_directory(struct look *look, const char *path, int fd, unsigned depth)
{
	_cleanup_strv_ struct strv names = {0};
	if (depth == DEPTH_MAX) {
		look->rows.partial = true;
		return 0;
	}
	int r = dir_names(fd, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf below = {0};
		buf_printf(&below, "%s/%s", path, names.v[i]);
		r = buf_error(&below) ? buf_error(&below) : visit_path(look, below.data, depth + 1);
	}
	return r;
}

/* What a package has put below /usr is its own, and much. */
static bool is_its_packages(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 || strncmp(path, "/lib/", 5) == 0;
}

/* What cannot be read is there all the same. */
static int hash_file(struct look *look, const char *path, json_t **ret)
{
	_cleanup_close_ int fd = -1;
	int r = path_open_regular(look->c->host->root, path, &fd, NULL);
	*ret = r == 0 ? evidence_hash(fd, HASH_MAX) : json_null();
	if (r == 0 || r == -ENOENT)
		return 0;
	look->rows.partial = true;
	return r == -EACCES ? 0 : host_unreadable(look->c->host, path, r); /* one line tells all that only root may read */
}

static int add_file(struct look *look, const char *path, const struct stat *st)
{
	_cleanup_buf_ struct buf owner = {0};
	int r = host_package_of(look->c->host, path, &owner);
	if (r == -ENOMEM || (r == 0 && is_its_packages(path)))
		return r;
	bool suspect = r == -ENOENT && st->st_ctime >= look->c->since;
	look->files++;
	look->suspects += suspect;
	json_t *package = r == 0 ? json_text(buf_text(&owner)) : json_null(), *hash;
	r = hash_file(look, path, &hash);
	json_t *row = json_pack("{so ss so so so}", "path", json_text(path), "place", look->place->what, "stat", evidence_stat(st),
	                        "package", package, "sha256", hash);
	if (r < 0) {
		json_decref(row);
		return r;
	}
	r = evidence_row(&look->rows, row);
	return r == 0 && suspect ? plan_fact(look->c->plan, "persistence-path", path) : r;
}

/* A link that enables a unit, or one that leads who knows where. */
static int add_link(struct look *look, const char *path, int fd, const struct stat *st)
{
	_cleanup_buf_ struct buf owner = {0};
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	if (is_its_packages(path) && host_package_of(look->c->host, path, &owner) == 0)
		return 0;
	look->files++;
	return evidence_row(&look->rows, json_pack("{so ss so so}", "path", json_text(path), "place", look->place->what, "stat",
	                                           evidence_stat(st), "leads-to", json_bytes(target, n > 0 ? (size_t)n : 0)));
}

static int visit_path(struct look *look, const char *path, unsigned depth)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	struct stat st;
	int r = path_open_parent(look->c->host->root, path, &dir, &name);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (look->files >= FILES_MAX) {
		look->rows.partial = true;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return visit_directory(look, path, fd, depth);
	r = strset_add(&look->seen, path);
	if (r <= 0)
		return r;
	if (S_ISLNK(st.st_mode))
		return add_link(look, path, fd, &st);
	return S_ISREG(st.st_mode) ? add_file(look, path, &st) : 0;
}

static int look_at(struct look *look, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	int r = path_resolve(look->c->host->root, path, &real);
	if (r == 0)
		r = visit_path(look, real.data, 0);
	if (r == 0 || r == -ENOENT || r == -ENOTDIR || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	look->rows.partial = true;
	return host_unreadable(look->c->host, path, r);
}

static int visit_match(void *ctx, const char *path)
{
	return look_at(ctx, path);
}

/* BASE is the root, "", or somebody's home, whose name may hold what is special in a pattern. */
static int look_at_place(struct look *look, const struct place *place, const char *base)
{
	_cleanup_buf_ struct buf pattern = {0};
	size_t len = strlen(place->pattern);
	look->place = place;
	for (const char *p = base; *p; p++) {
		if (strchr("*?[]\\", *p))
			buf_putc(&pattern, '\\');
		buf_putc(&pattern, *p);
	}
	buf_printf(&pattern, "%s%.*s", place->pattern[0] == '/' ? "" : "/",
	           (int)(len - (place->pattern[len - 1] == '/')), place->pattern);
	int r = buf_error(&pattern) ? buf_error(&pattern) : glob_walk(look->c->host, pattern.data, visit_match, look);
	look->rows.partial |= r == -E2BIG;
	return r == -E2BIG ? 0 : r;
}

static int look_at_homes(struct look *look, const struct place *place, const struct users *users)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < users->n; i++)
		if (users->v[i].home[0] == '/')
			r = look_at_place(look, place, strcmp(users->v[i].home, "/") == 0 ? "" : users->v[i].home);
	return r;
}

static int look_at_places(struct look *look, const struct place *places, const struct users *users)
{
	int r = 0;
	for (; r == 0 && places->pattern; places++)
		r = places->flags & PLACE_HOME ? look_at_homes(look, places, users) : look_at_place(look, places, "");
	return r;
}

int evidence_persistence(struct collection *c)
{
	struct look look = {.c = c, .rows = {.array = json_array()}};
	_cleanup_users_ struct users users = {0};
	int r = look.rows.array ? accounts_load(c->host, &users) : -ENOMEM;
	if (r == 0)
		r = look_at_places(&look, cron_places, &users);
	if (r == 0)
		r = look_at_places(&look, persist_places, &users);
	if (r == 0)
		r = look_at_places(&look, more_places, &users);
	strset_free(&look.seen);
	if (r < 0) {
		json_decref(look.rows.array);
		return r;
	}
	return evidence_document(c, "persistence.json", look.rows.array, look.rows.partial,
	                         "%u files and links that start programs, %u of them new and of no package", look.files,
	                         look.suspects);
}
