/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/users.h"

#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PASSWD_MAX (16 * 1024 * 1024)

static bool parse_id(const char *text, unsigned *ret)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	unsigned long long id = strtoull(text, &end, 10);
	if (errno || *end || id >= (unsigned)-1)
		return false;
	*ret = (unsigned)id;
	return true;
}

/* name:password:uid:gid:gecos:home:shell */
static int add_line(struct users *users, char *line)
{
	char *field[7];
	for (size_t i = 0; i < 7; i++) {
		field[i] = strsep(&line, ":");
		if (!field[i])
			return 0;
	}
	struct user u = {0};
	if (!field[0][0] || line || !parse_id(field[2], &u.uid) || !parse_id(field[3], &u.gid))
		return 0;
	struct user *v = reallocarray(users->v, users->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	users->v = v;
	u.name = strdup(field[0]);
	u.home = strdup(field[5]);
	u.shell = strdup(field[6]);
	v[users->n++] = u;
	return u.name && u.home && u.shell ? 0 : -ENOMEM;
}

int users_load(int root, struct users *ret)
{
	_cleanup_buf_ struct buf path = {0}, text = {0};
	int r = path_resolve(root, "/etc/passwd", &path);
	if (r == 0)
		r = path_read(root, buf_text(&path), PASSWD_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	_cleanup_users_ struct users users = {0};
	char *rest = text.data;
	for (char *line; r == 0 && (line = strsep(&rest, "\n"));)
		r = add_line(&users, line);
	if (r < 0)
		return r;
	*ret = users;
	users = (struct users){0};
	return 0;
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
