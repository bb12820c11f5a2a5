/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of a log, line by line, in bounded memory whatever its size and content.
 */
#ifndef RESPOND_PLUGINS_LOG_TAIL_H
#define RESPOND_PLUGINS_LOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LOG_LINE_MAX 8192

struct log_reading {
	off_t size;
	off_t skipped;       /* bytes at the beginning that were not read */
	uint64_t lines;
	uint64_t long_lines; /* longer than LOG_LINE_MAX, not looked at */
	bool timed_out;
};

/* Visits the lines, without their newlines, of the last MAX bytes of the regular file behind
 * FD, for at most TIMEOUT_MS; a last one without its newline, too. What VISIT returns, if
 * nonzero, ends the reading and is returned. 0 or -errno. */
int log_tail(int fd, off_t max, int timeout_ms, int (*visit)(void *ctx, const char *line, size_t len), void *ctx,
             struct log_reading *ret);

#endif
