/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log-tail.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

struct tail {
	int (*visit)(void *ctx, const char *line, size_t len);
	void *ctx;
	struct log_reading *reading;
	char line[LOG_LINE_MAX]; /* what the chunks before have of the line at hand */
	size_t len;
	bool too_long;
};

static int end_line(struct tail *t, const char *rest, size_t n)
{
	if (t->too_long || t->len + n > sizeof(t->line)) {
		t->reading->long_lines++;
	} else if (!t->len) {
		t->reading->lines++;
		return t->visit(t->ctx, rest, n); /* in one piece, as most are */
	} else {
		memcpy(t->line + t->len, rest, n);
		t->reading->lines++;
		return t->visit(t->ctx, t->line, t->len + n);
	}
	return 0;
}

static void keep_rest(struct tail *t, const char *rest, size_t n)
{
	t->too_long |= t->len + n > sizeof(t->line);
	if (t->too_long)
		return;
	memcpy(t->line + t->len, rest, n);
	t->len += n;
}

static int take_chunk(struct tail *t, const char *p, size_t n)
{
	const char *end = p + n, *newline;
	int r = 0;
	while (r == 0 && p < end && (newline = memchr(p, '\n', (size_t)(end - p)))) {
		r = end_line(t, p, (size_t)(newline - p));
		t->len = 0;
		t->too_long = false;
		p = newline + 1;
	}
	keep_rest(t, p, (size_t)(end - p));
	return r;
}

static int read_from(int fd, off_t at, off_t end, int64_t deadline, struct tail *t)
{
	char *chunk = malloc(CHUNK);
	int r = chunk ? 0 : -ENOMEM;
	while (r == 0 && at < end) {
		if (monotonic_ms() > deadline) {
			t->reading->timed_out = true;
			break;
		}
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t n = pread(fd, chunk, want, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : 0; /* it was cut meanwhile */
			break;
		}
		at += n;
		r = take_chunk(t, chunk, (size_t)n);
	}
	if (r == 0 && t->len && !t->reading->timed_out)
		r = end_line(t, "", 0);
	free(chunk);
	return r;
}

int log_tail(int fd, off_t max, int timeout_ms, int (*visit)(void *ctx, const char *line, size_t len), void *ctx,
             struct log_reading *ret)
{
	struct tail tail = {.visit = visit, .ctx = ctx, .reading = ret};
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct log_reading){.size = st.st_size};
	if (st.st_size > max) {
		ret->skipped = st.st_size - max;
		tail.too_long = true; /* the line that is cut here */
	}
	return read_from(fd, ret->skipped, st.st_size, monotonic_ms() + timeout_ms, &tail);
}
