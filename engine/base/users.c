/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/users.h"

#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PASSWD_MAX (16 * 1024 * 1024)

/* Up to a colon, or the end; *REST goes behind it. */
static char *next_field(char **rest)
{
	char *field = *rest;
	size_t len = strcspn(field, ":");
	*rest = field + len + (field[len] == ':');
	field[len] = '\0';
	return field;
}

/* An id of all bits set is none. */
static bool parse_id(const char *text, unsigned *ret)
{
	char *end;
	unsigned long id = strtoul(text, &end, 10);
	if (end == text || *end || id >= (unsigned)-1)
		return false;
	*ret = (unsigned)id;
	return true;
}

/* name:password:uid:gid:gecos:home:shell */
static int add_line(struct users *users, char *line)
{
	struct user u = {0};
	line += strspn(line, " \t\v\f\r");
	if (!line[0] || strchr("#+-:", line[0]))
		return 0;
	char *name = next_field(&line);
	next_field(&line);
	if (!parse_id(next_field(&line), &u.uid) || !parse_id(next_field(&line), &u.gid))
		return 0;
	next_field(&line);
	struct user *v = reallocarray(users->v, users->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	users->v = v;
	u.name = strdup(name);
	u.home = strdup(next_field(&line));
	u.shell = strdup(line);
	v[users->n++] = u;
	return u.name && u.home && u.shell ? 0 : -ENOMEM;
}

int users_parse(const struct buf *passwd, struct users *ret)
{
	_cleanup_users_ struct users users = {0};
	const char *at = buf_text(passwd), *end = at + passwd->len;
	for (size_t len; at < end; at += len + 1) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		len = (size_t)((newline ? newline : end) - at);
		_cleanup_free_ char *line = strndup(at, len);
		int r = line ? add_line(&users, line) : -ENOMEM;
		if (r < 0)
			return r;
	}
	*ret = users;
	users = (struct users){0};
	return 0;
}

int users_load(int root, struct users *ret)
{
	_cleanup_buf_ struct buf path = {0}, text = {0};
	int r = path_resolve(root, "/etc/passwd", &path);
	if (r == 0)
		r = path_read(root, buf_text(&path), PASSWD_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return users_parse(&text, ret);
}

void users_free(struct users *users)
{
	for (size_t i = 0; i < users->n; i++) {
		free(users->v[i].name);
		free(users->v[i].home);
		free(users->v[i].shell);
	}
	free(users->v);
	*users = (struct users){0};
}

const struct user *users_by_name(const struct users *users, const char *name)
{
	for (size_t i = 0; i < users->n; i++)
		if (strcmp(users->v[i].name, name) == 0)
			return &users->v[i];
	return NULL;
}

const struct user *users_by_uid(const struct users *users, uid_t uid)
{
	for (size_t i = 0; i < users->n; i++)
		if (users->v[i].uid == uid)
			return &users->v[i];
	return NULL;
}

int users_name(const struct users *users, uid_t uid, struct buf *ret)
{
	const struct user *user = users_by_uid(users, uid);
	return user ? buf_puts(ret, user->name) : buf_printf(ret, "%u", (unsigned)uid);
}
