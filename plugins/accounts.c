/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static int add_user(struct users *users, const struct passwd *pw)
{
	struct user *v = reallocarray(users->v, users->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	users->v = v;
	struct user *u = &v[users->n++];
	*u = (struct user){.name = strdup(pw->pw_name), .uid = pw->pw_uid, .gid = pw->pw_gid,
	                   .home = strdup(pw->pw_dir), .shell = strdup(pw->pw_shell)};
	return u->name && u->home && u->shell ? 0 : -ENOMEM;
}

/* The name service gives the same order again, so only what comes after the local
 * users is looked up: thousands of entries stay cheap. */
static int add_remote(struct users *users)
{
	const struct passwd *pw;
	size_t local = users->n, seen = 0;
	int r = 0;
	setpwent();
	while (r == 0 && (pw = getpwent())) {
		if (seen < local && strcmp(users->v[seen].name, pw->pw_name) == 0)
			seen++;
		else if (!users_by_name(users, pw->pw_name))
			r = add_user(users, pw);
	}
	endpwent();
	return r;
}

int accounts_load(struct host *host, struct users *ret)
{
	struct users users = {0};
	int r = users_load(host->root, &users);
	if (r == 0 && host_is_this(host))
		r = add_remote(&users);
	if (r < 0) {
		users_free(&users);
		return r;
	}
	*ret = users;
	return 0;
}

int account_groups(const char *user, struct strv *ret)
{
	const struct passwd *pw = getpwnam(user);
	if (!pw)
		return 0;
	gid_t first = pw->pw_gid;
	int n = 64, room;
	_cleanup_free_ gid_t *gids = NULL;
	do {
		room = n;
		gid_t *v = reallocarray(gids, (size_t)n, sizeof(*gids));
		if (!v)
			return -ENOMEM;
		gids = v;
	} while (getgrouplist(user, first, gids, &n) < 0 && n > room);
	int r = 0;
	for (int i = 0; i < n && r == 0; i++) {
		const struct group *gr = getgrgid(gids[i]);
		if (gr)
			r = strv_add(ret, gr->gr_name);
	}
	return r;
}
