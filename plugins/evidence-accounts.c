/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, accounts: who there is, who is root under another name, what shells they
 * have, whose password changed of late.
 */
#include "accounts.h"
#include "evidence.h"
#include "shadow-codec.h"

#include "base/escape.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 << 20)
#define DAY 86400

struct look {
	struct collection *c;
	struct users users;
	struct buf shadow, shells, group;
	struct evidence_rows rows;
	unsigned roots, recent, odd;
};

static void look_end(struct look *look)
{
	users_free(&look->users);
	buf_free(&look->shadow);
	buf_free(&look->shells);
	buf_free(&look->group);
}

static int read_file(struct look *look, const char *path, struct buf *ret)
{
	int r = path_read(look->c->host->root, path, FILE_MAX, ret, NULL);
	if (r == 0 || r == -ENOENT || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	look->rows.partial = true;
	return host_unreadable(look->c->host, path, r);
}

/* Visits lines until one answers other than 0. */
static int each_line(const struct buf *text, int (*visit)(void *ctx, const char *line, size_t len), void *ctx)
{
	int r = 0;
	for (const char *p = text->data, *end = p ? p + text->len : NULL; r == 0 && p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);
		r = visit(ctx, p, len);
		p += len + 1;
	}
	return r;
}

struct search {
	const char *name;
	size_t len;
	struct shadow_entry entry;
	json_t *groups;
};

static int find_entry(void *ctx, const char *line, size_t len)
{
	struct search *s = ctx;
	struct shadow_entry e;
	if (shadow_decode(line, len, &e) < 0 || e.name_len != s->len || memcmp(e.name, s->name, s->len) != 0)
		return 0;
	s->entry = e;
	return 1;
}

static int find_shell(void *ctx, const char *line, size_t len)
{
	const struct search *s = ctx;
	return s->len == len && memcmp(line, s->name, len) == 0;
}

/* "name:x:27:a,b": the members are what follows the last colon. */
static int find_groups(void *ctx, const char *line, size_t len)
{
	struct search *s = ctx;
	const char *colon = memchr(line, ':', len), *members = memrchr(line, ':', len);
	if (!colon || members == colon)
		return 0;
	for (const char *p = members + 1, *end = line + len; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t n = (size_t)((comma ? comma : end) - p);
		if (n == s->len && memcmp(p, s->name, n) == 0)
			return json_array_append_new(s->groups, json_bytes(line, (size_t)(colon - line))) < 0 ? -ENOMEM : 0;
		p += n + 1;
	}
	return 0;
}

/* A shell that nobody is told to use, and that lets in all the same. */
static bool odd_shell(const struct look *look, const char *shell)
{
	static const char *const closed[] = {"nologin", "false", "sync", "shutdown", "halt"};
	struct search s = {.name = shell, .len = strlen(shell)};
	const char *name = strrchr(shell, '/');
	for (size_t i = 0; name && i < sizeof(closed) / sizeof(*closed); i++)
		if (strcmp(name + 1, closed[i]) == 0)
			return false;
	return *shell && each_line(&look->shells, find_shell, &s) == 0;
}

static bool is_recent(const struct look *look, long day)
{
	return day > 0 && (int64_t)day * DAY >= look->c->since - DAY;
}

static json_t *home_json(const struct look *look, const struct user *user)
{
	struct stat st;
	_cleanup_close_ int fd = -1;
	if (path_open(look->c->host->root, user->home, O_PATH, &fd) < 0 || fstat(fd, &st) < 0)
		return json_null();
	return evidence_stat(&st);
}

static json_t *day_json(long day)
{
	return day < 0 ? json_null() : evidence_time((int64_t)day * DAY + 1);
}

static int add_user(struct look *look, const struct user *user)
{
	struct search s = {.name = user->name, .len = strlen(user->name), .entry = {.password = "unknown", .changed = -1,
	                                                                            .expires = -1}};
	bool root = user->uid == 0 && strcmp(user->name, "root") != 0, odd = odd_shell(look, user->shell);
	s.groups = json_array();
	int r = s.groups ? each_line(&look->group, find_groups, &s) : -ENOMEM;
	if (r < 0) {
		json_decref(s.groups);
		return r;
	}
	each_line(&look->shadow, find_entry, &s);
	bool recent = is_recent(look, s.entry.changed);
	look->roots += root;
	look->odd += odd;
	look->recent += recent;
	r = evidence_row(&look->rows, json_pack("{so sI sI so so sb so so ss so so}", "user", json_text(user->name), "uid",
	                                        (json_int_t)user->uid, "gid", (json_int_t)user->gid, "home",
	                                        json_text(user->home), "shell", json_text(user->shell), "odd-shell", odd,
	                                        "home-directory", home_json(look, user), "groups", s.groups, "password",
	                                        s.entry.password, "password-changed", day_json(s.entry.changed), "expires",
	                                        day_json(s.entry.expires)));
	if (r == 0 && root)
		r = plan_fact(look->c->plan, "root-user", user->name);
	return r == 0 && recent ? plan_fact(look->c->plan, "recent-user", user->name) : r;
}

/* The files as they are, but for those with hashes of passwords. */
static int keep_copies(struct collection *c)
{
	static const char *const paths[] = {"/etc/passwd", "/etc/group"};
	int r = 0;
	for (size_t i = 0; r == 0 && c->copy && i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = -1;
		if (path_open_regular(c->host->root, paths[i], &fd, NULL) == 0)
			r = plan_evidence_file(c->plan, strrchr(paths[i], '/') + 1, fd, "%s as it is", paths[i]);
	}
	return r;
}

int evidence_accounts(struct collection *c)
{
	_cleanup_(look_end) struct look look = {.c = c, .rows = {.array = json_array()}};
	int r = look.rows.array ? accounts_load(c->host, &look.users) : -ENOMEM;
	if (r == 0)
		r = read_file(&look, "/etc/shadow", &look.shadow);
	if (r == 0)
		r = read_file(&look, "/etc/shells", &look.shells);
	if (r == 0)
		r = read_file(&look, "/etc/group", &look.group);
	for (size_t i = 0; r == 0 && i < look.users.n; i++)
		r = add_user(&look, &look.users.v[i]);
	if (r < 0) {
		json_decref(look.rows.array);
		return r;
	}
	r = evidence_document(c, "accounts.json", look.rows.array, look.rows.partial,
	                      "%zu accounts, %u with uid 0 besides root, %u with an odd shell, %u with a new password",
	                      look.users.n, look.roots, look.odd, look.recent);
	return r < 0 ? r : keep_copies(c);
}
