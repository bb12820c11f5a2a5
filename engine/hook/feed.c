/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void feed_init(struct feed *feed, size_t max)
{
	*feed = (struct feed){.max = max};
}

void feed_free(struct feed *feed)
{
	free(feed->room);
	feed_init(feed, feed->max);
}

static size_t waiting(const struct feed *feed)
{
	return feed->to - feed->from;
}

/* Room for a whole read behind what waits, which is less than a line. It grows with the
 * lines that come, and is given back when a long one has passed. */
static int make_room(struct feed *feed)
{
	size_t cap = waiting(feed) + FEED_READ_MAX;
	if (feed->from && waiting(feed))
		memmove(feed->room, feed->room + feed->from, waiting(feed));
	feed->to -= feed->from;
	feed->from = 0;
	if (cap <= feed->cap && feed->cap < 4 * cap)
		return 0;
	char *room = realloc(feed->room, cap + FEED_READ_MAX);
	if (!room)
		return feed->cap >= cap ? 0 : -ENOMEM;
	feed->room = room;
	feed->cap = cap + FEED_READ_MAX;
	return 0;
}

/* Gives up a line as soon as it is too long, not when its end is seen. */
static void pass_over(struct feed *feed)
{
	if (!feed->passing_over)
		feed->too_long++;
	feed->passing_over = true;
	feed->from = feed->to = feed->seen = 0;
}

ssize_t feed_read(struct feed *feed, int fd)
{
	int r = make_room(feed);
	if (r < 0)
		return r;
	ssize_t n = read(fd, feed->room + feed->to, FEED_READ_MAX);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	feed->to += (size_t)n;
	return n;
}

int feed_put(struct feed *feed, struct slice bytes)
{
	int r = bytes.len > FEED_READ_MAX ? -EINVAL : make_room(feed);
	if (r < 0 || !bytes.len)
		return r;
	memcpy(feed->room + feed->to, bytes.p, bytes.len);
	feed->to += bytes.len;
	return 0;
}

/* The next line, however long. */
static bool split(struct feed *feed, struct slice *ret)
{
	if (waiting(feed) == feed->seen)
		return false;
	char *line = feed->room + feed->from;
	char *end = memchr(line + feed->seen, '\n', waiting(feed) - feed->seen);
	if (!end) {
		feed->seen = waiting(feed);
		return false;
	}
	*ret = (struct slice){line, (size_t)(end - line)};
	feed->from += ret->len + 1;
	feed->seen = 0;
	return true;
}

bool feed_line(struct feed *feed, struct slice *ret)
{
	struct slice line;
	while (split(feed, &line)) {
		bool refused = feed->passing_over || line.len > feed->max;
		feed->too_long += !feed->passing_over && refused;
		feed->passing_over = false;
		if (refused || !line.len)
			continue;
		*ret = line;
		return true;
	}
	if (waiting(feed) > feed->max || feed->passing_over)
		pass_over(feed);
	return false;
}

bool feed_rest(struct feed *feed, struct slice *ret)
{
	bool whole = waiting(feed) && !feed->passing_over;
	if (whole)
		*ret = (struct slice){feed->room + feed->from, waiting(feed)};
	feed_cut(feed);
	return whole;
}

void feed_cut(struct feed *feed)
{
	feed->from = feed->to = feed->seen = 0;
	feed->passing_over = false;
}

void feed_join(struct feed *feed)
{
	feed_cut(feed);
	feed->passing_over = true;
}

static void going(const struct feed_taker *taker)
{
	if (taker->going)
		taker->going(taker->ctx);
}

ssize_t feed_turn(struct feed *feed, int fd, const struct feed_taker *taker)
{
	struct slice line;
	ssize_t n = feed_read(feed, fd);
	while (n > 0 && feed_line(feed, &line))
		taker->take(taker->ctx, line);
	going(taker);
	return n;
}

void feed_end(struct feed *feed, const struct feed_taker *taker)
{
	struct slice line;
	if (!feed_rest(feed, &line))
		return;
	taker->take(taker->ctx, line);
	going(taker);
}
