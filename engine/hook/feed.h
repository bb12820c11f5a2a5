/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines out of a stream of bytes that a stranger may have written, in bounded memory. A line
 * that is longer than may be is refused: it is passed over to its end, and counted.
 *
 *     while ((r = feed_read(&feed, fd)) > 0)
 *             while (feed_line(&feed, &line))
 *                     use(line);
 *     if (r == 0 && feed_rest(&feed, &line))
 *             use(line);
 */
#ifndef RESPOND_HOOK_FEED_H
#define RESPOND_HOOK_FEED_H

#include "base/slice.h"

#include <stdint.h>
#include <sys/types.h>

#define FEED_READ_MAX (64 * 1024) /* what one feed_read() takes at most, so that others have their turn */

struct feed {
	size_t max;        /* of a line, without its newline, in bytes */
	char *room;
	size_t cap;
	size_t from, to;   /* what of the room has been read, and not yet been given */
	size_t seen;       /* so much of it has no newline */
	bool passing_over; /* in the midst of a line that is refused */
	uint64_t too_long; /* how many were refused */
};

void feed_init(struct feed *feed, size_t max);
void feed_free(struct feed *feed);

/* One read(2): the number of bytes, 0 at the end, -errno (-EAGAIN: nothing now). Every line must
 * have been taken before: what feed_line() gave is gone afterwards. */
ssize_t feed_read(struct feed *feed, int fd);

/* Appends BYTES in the same way; they may be at most FEED_READ_MAX. */
int feed_put(struct feed *feed, struct slice bytes);

/* Takes the next whole line, without its newline. Empty lines are none. */
bool feed_line(struct feed *feed, struct slice *ret);

/* At the end of the stream: what is there of a last line that nothing ended. */
bool feed_rest(struct feed *feed, struct slice *ret);

/* Forgets what is there of a line: the stream was cut. */
void feed_cut(struct feed *feed);

/* The stream is joined in the midst of a line: what follows of it is passed over, uncounted. */
void feed_join(struct feed *feed);

/* Who takes lines. They stay where they are until it has been told that they are going. */
struct feed_taker {
	void (*take)(void *ctx, struct slice line);
	void (*going)(void *ctx); /* may be NULL */
	void *ctx;
};

/* Reads once, and hands on all lines that are whole: what feed_read() gave. */
ssize_t feed_turn(struct feed *feed, int fd, const struct feed_taker *taker);

/* The same with what feed_rest() gives. */
void feed_end(struct feed *feed, const struct feed_taker *taker);

#endif
