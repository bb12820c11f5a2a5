/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connections on a unix socket. Of each the first line names the source, and every other is a
 * message. When the sender has said all (it shuts its side down), it is told in one line how
 * many messages were taken: "taken 12\n", or "taken 12, too long 1\n".
 *
 *  1. Who may send is decided by the uid that the kernel gives of the peer when it connects.
 *  2. Nobody waits for a peer: what has not come is not waited for, what cannot be written is
 *     not said, and each has its turn.
 *  3. What waits for the end of its line is bounded, for all together: whoever holds most is closed.
 *  4. A peer that does not name its source in LISTEN_GREETING_MS is closed. Where all places
 *     are taken, the one that has been silent longest makes room if that is LISTEN_IDLE_MS, or
 *     else one of the user who has more places than the newcomer then has.
 */
#ifndef RESPOND_HOOK_LISTEN_H
#define RESPOND_HOOK_LISTEN_H

#include "hook/feed.h"
#include "hook/source.h"

#include <poll.h>

#define LISTEN_GREETING_MS 5000
#define LISTEN_IDLE_MS 10000
#define LISTEN_PAUSE_MS 1000 /* when the kernel has no descriptor for another peer */
#define LISTEN_NAME_MAX 64
#define LISTEN_BYTES_MAX (64 * 1024 * 1024) /* of lines that have not ended, of all peers together */

struct client {
	int fd;
	uid_t uid;
	const struct source *source; /* NULL: not named yet */
	struct feed feed;
	int64_t heard;               /* when it last said something, or connected, in ms of CLOCK_MONOTONIC */
	bool unwelcome;              /* it has named none */
	uint64_t taken, noted;       /* messages; of those that were too long, how many have been told */
};

struct listener {
	int fd;
	size_t limit;                       /* of connections */
	const uid_t *uids;                  /* who may send, beside root */
	size_t n_uids;
	const struct source *(*find)(const char *name);
	void (*take)(void *ctx, const struct source *source, struct slice message);
	void (*going)(void *ctx); /* as feed_taker's */
	void (*too_long)(void *ctx, const struct source *source, uint64_t n); /* may be NULL */
	void *ctx;
	size_t bytes_max;
	int64_t pause_until; /* nobody is let in; 0: they are */
	struct client *clients;
	size_t n;
	uint64_t accepted, refused_uid, refused_full, refused_source, too_slow;
};

/* Makes the socket PATH with the permissions MODE, in place of one that nobody listens on any
 * more, and its directory where that is missing. -EADDRINUSE: somebody does; -EEXIST: it is no
 * socket; -EPERM: others could write to the directory. */
int listen_make(const char *path, mode_t mode, int *ret_fd);

/* Whether FD is what systemd hands over: a unix stream socket that listens. */
bool listen_is(int fd);

/* LISTENER has its find(), take() and limit. FD passes to it, and is made non-blocking. */
int listener_open(struct listener *listener, int fd);
void listener_close(struct listener *listener);

/* In a child that has inherited it: nothing is said to anybody. */
void listener_leave(struct listener *listener);

/* Tells too_long() what there was since. */
void listener_note_lost(struct listener *listener);

/* What to wait for: at most 1 + LIMIT entries; how many. */
size_t listener_polled(const struct listener *listener, struct pollfd *ret);

/* When a peer's time, or a pause, is over at the earliest, in ms of CLOCK_MONOTONIC; INT64_MAX: never. */
int64_t listener_due(const struct listener *listener);

/* After poll(): POLLED as listener_polled() gave it. */
void listener_turn(struct listener *listener, const struct pollfd *polled, size_t n, int64_t now_ms);

#endif
