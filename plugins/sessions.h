/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is logged in: the connections of sshd, by the processes that hold them, and what
 * utmp(5) lists besides (consoles, telnet).
 *
 * An sshd is told by its executable, whose session it is by its title, which only it can
 * set. So accounts that share a uid have sessions of their own. What has left its session
 * (a daemon, nohup) is no part of it.
 */
#ifndef RESPOND_PLUGINS_SESSIONS_H
#define RESPOND_PLUGINS_SESSIONS_H

#include "core/host.h"
#include "core/plan.h"

#include <stdint.h>
#include <sys/types.h>

struct session {
	pid_t leader;       /* the process that holds it: it ends when this ends */
	char *user;
	struct strv peers;  /* addresses that it is connected with */
	int64_t age_ms;
	bool own;           /* this program runs in it */
};

struct sessions {
	struct session *v;
	size_t n;
};

int sessions_load(struct host *host, struct sessions *ret);
void sessions_free(struct sessions *s);

/* The user that the title of an sshd names: "sshd: mallory [priv]", "sshd: root@pts/0";
 * -ENOENT: none, it is the listener, or nobody has said who he is. */
int session_title_user(const char *title, struct buf *ret);

/* Which sessions are meant: all of what is given must hold. NULL: given by nobody. */
struct session_filter {
	const struct strv *users;
	const struct strv *addresses; /* prefixes, too */
	int64_t older_ms;             /* 0: of any age */
};

/* Plans to end those sessions, each with all that runs in it; never the operator's own,
 * which is noted. Yields the facts user, address, pid and count where FACTS. */
int sessions_plan_end(struct host *host, struct plan *plan, const struct session_filter *filter, bool facts);

#endif
