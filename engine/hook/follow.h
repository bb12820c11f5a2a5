/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lines that are appended to a file by its name, as tail -F has them: from where it ends
 * now, and when another file has come to its place, from the beginning of that one.
 *
 *  1. What has left its place is read on while its writer may still have it open: until
 *     FOLLOW_LAST_MS after another has come.
 *  2. A file that has become shorter was emptied: it is read from its beginning.
 *  3. inotify tells when to look; what it does not tell (its queue overflowed, the directory
 *     itself was replaced, the filesystem has none) is seen within FOLLOW_LOOK_MS.
 *  4. Only a regular file is followed, and on the way to it only symbolic links that root
 *     alone could have made.
 */
#ifndef RESPOND_HOOK_FOLLOW_H
#define RESPOND_HOOK_FOLLOW_H

#include "hook/feed.h"

#include <sys/types.h>

#define FOLLOW_LOOK_MS 2000
#define FOLLOW_LAST_MS 10000

struct followed {
	int fd; /* -1: there is none */
	int watch;
	off_t at;
	dev_t dev;
	ino_t ino;
	struct feed feed;
};

struct follow {
	int root;
	char *path;
	size_t line_max;
	int notify;          /* the caller waits until it can be read, or LOOK_AT has come */
	int64_t look_at;     /* in ms of CLOCK_MONOTONIC */
	int directory_watch;
	struct followed now, before; /* BEFORE has left its place */
	int64_t before_until;
	int trouble;         /* 0, or why the file cannot be opened: -ENOENT, -ELOOP, ... */
	uint64_t too_long, rotations, truncations;
};

/* PATH is absolute; what it names need not be there yet. */
int follow_open(int root, const char *path, size_t line_max, struct follow *ret);
void follow_close(struct follow *follow);

/* Looks what has changed, and reads some. 1: there may be more to read at once, 0, or -ENOMEM. */
int follow_turn(struct follow *follow, int64_t now_ms, const struct feed_taker *taker);

#endif
