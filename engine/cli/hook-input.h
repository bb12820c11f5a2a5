/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How the message of a detection source comes in: as bytes, which nobody here looks into.
 */
#ifndef RESPOND_CLI_HOOK_INPUT_H
#define RESPOND_CLI_HOOK_INPUT_H

#include "options.h"

#include "hook/source.h"

/* Keeps the variables that sources read, before the environment is cleared. */
int hook_keep_environment(void);

/* The message, by the way of the source: at most a byte more than it may have, which is enough to
 * refuse it. -EINVAL, -ENODATA, -ETIMEDOUT and others with a sentence in RET_WHY. */
int hook_read_message(const struct source *source, const struct options *options, struct buf *ret, struct buf *ret_why);

/* The next line of standard input, without its newline, within TIMEOUT_MS. -ENODATA: there is
 * nothing more. */
int hook_read_line(size_t max, int timeout_ms, struct buf *ret, struct buf *ret_why);

#endif
