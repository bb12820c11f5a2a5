/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages are parsed in a child that can do nothing else: what a stranger wrote meets no
 * parser in the process that acts.
 *
 * The child is started by the first message, and kept. It has no file open but the socket to
 * us, no user and no capability of ours (uid and gid 65534), cannot gain any, is not to be
 * traced, ends with us, and has of all system calls those for memory, that socket and its own
 * clock and end (seccomp: any other kills it). Memory and CPU time are limited. What comes back
 * is read as event-codec.h reads. There is no parsing without all of that. What is left to a
 * message that takes the parser over is to lie about itself and about the messages that the same
 * child is given later: values that rules and the guard judge like any others.
 */
#ifndef RESPOND_HOOK_CONFINE_H
#define RESPOND_HOOK_CONFINE_H

#include "hook/source.h"

#include <sys/types.h>

struct confined {
	const struct source *source;
	pid_t pid; /* 0: no child */
	int pidfd;
	int fd;
	pid_t owner; /* whose child it is: one that was forked since then starts its own */
	bool proven; /* it has answered: it was confined */
};

#define CONFINED_OF(of_source) ((struct confined){.source = (of_source), .pidfd = -1, .fd = -1})

/* What a message of so many bytes may take, in milliseconds: CPU time, and time, of which it needs
 * more on a host that a miner keeps busy. */
#define CONFINE_CPU_MS(bytes) (1000 + (int)((bytes) / 2048))
#define CONFINE_WAIT_MS(bytes) (5 * CONFINE_CPU_MS(bytes))

/* 0 with the events. Otherwise RET_WHY has one sentence, fit to be printed: -EINVAL: the message
 * is refused: too long, by the parser, or because that broke, wanted more memory or did what it
 * may not; -ETIMEDOUT: the parser did not answer in time; any other: there can be no child. The
 * next message has a new child where this one was ended. */
int confine_parse(struct confined *c, struct slice message, struct events *ret, struct buf *ret_why);

/* One of many messages, and what became of it: as above. */
struct parsed {
	int error;
	struct events events;
	struct buf why;
};
void parsed_free(struct parsed *parsed, size_t n);

/* The same for N messages in one go: there and back is one switch to the child and one from it.
 * One that breaks the parser does not spoil those beside it. RET has room for N. */
#define CONFINE_MANY 256
void confine_parse_many(struct confined *c, const struct slice *messages, size_t n, struct parsed *ret);

/* Ends the child, if there is one; in another process than the one that started it, lets go of it. */
void confine_end(struct confined *c);
#define _cleanup_confined_ _cleanup_(confine_end)

#endif
