/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The users of a host as its own /etc/passwd has them: no name service, no library
 * of the host, and it works below any root.
 */
#ifndef RESPOND_BASE_USERS_H
#define RESPOND_BASE_USERS_H

#include "base/buf.h"

#include <sys/types.h>

struct user {
	char *name;
	uid_t uid;
	gid_t gid;
	char *home;
	char *shell;
};

struct users {
	struct user *v;
	size_t n;
};

/* In file order; lines that are no entry are left out. A missing file gives none. What
 * glibc takes for an entry is one, however odd: a blank before it, a sign before an id,
 * fields that are missing or one too many, NUL bytes in the line before. An attacker with
 * root can write such lines. Ids of all bits set, and the + and - of NIS, are none. */
int users_load(int root, struct users *ret);
int users_parse(const struct buf *passwd, struct users *ret);
void users_free(struct users *users);
#define _cleanup_users_ _cleanup_(users_free)

const struct user *users_by_name(const struct users *users, const char *name);
const struct user *users_by_uid(const struct users *users, uid_t uid); /* the first */

/* "root", or "1234" for a uid without a name. */
int users_name(const struct users *users, uid_t uid, struct buf *ret);

#endif
