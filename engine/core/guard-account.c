/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which accounts are never locked, or given another password.
 */
#include "core/guard-rules.h"

#include <errno.h>
#include <string.h>

/* Whether UID logged in here, or owns something that started this program: the shell
 * below which sudo(8) runs. */
static int is_operator(struct guard *guard, uid_t uid)
{
	const struct pids *ancestors;
	uid_t login;
	int r = guard_ancestors(guard, &ancestors);
	for (size_t i = 0; r == 0 && i < ancestors->n; i++) {
		struct proc_status status;
		pid_t pid = ancestors->v[i];
		if ((proc_status(guard->host->proc, pid, &status) == 0 && status.uid == uid) ||
		    (proc_loginuid(guard->host->proc, pid, &login) == 0 && login == uid))
			return 1;
	}
	return r;
}

/* Root has the uid of its duplicates, which are what is to be locked: only the name tells. */
static int check_operator(struct guard *guard, const struct user *user, const char *shown, struct refusal *v)
{
	int r = user->uid == 0 ? 0 : is_operator(guard, user->uid);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out whose session this is");
	return r == 0 ? 0
	              : guard_refuse(guard, v, "account.operator", "%s is who runs this: log in as somebody else first",
	                             shown);
}

int guard_account(struct guard *guard, const struct subject *s, struct refusal *v)
{
	const char *name = s->account;
	const struct users *users;
	_cleanup_buf_ struct buf shown = {0};
	int r = guard_users(guard, &users);
	if (r < 0)
		return guard_unsure(v, r, "cannot read the users of this host");
	guard_text(&shown, name);
	if (strv_has(&guard->config->users, name))
		return guard_refuse(guard, v, "user.protected", "the account %s is protected by respond.conf(5)",
		                    buf_text(&shown));
	if (s->password)
		return 0; /* whoever it is handed to can log in */
	const struct user *user = users_by_name(users, name), *root = users_by_name(users, "root");
	if (!root || root->uid != 0) /* renamed */
		root = users_by_uid(users, 0);
	if (user && user == root) {
		r = guard_refuse(guard, v, "account.root",
		                 "%s is what the host itself runs as: cron jobs and the console would be locked, too",
		                 buf_text(&shown));
		if (r < 0)
			return r;
	}
	return user ? check_operator(guard, user, buf_text(&shown), v) : 0;
}
