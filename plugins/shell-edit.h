/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Scripts and start files of a shell, by lines: which mention what is searched for, and the
 * text without them. Pure: bytes in, bytes out; nothing is ever run to find out.
 *
 * This is no shell. A line is taken with those that a backslash, "&&", "||" or "|" joins to
 * it, and without its comment. One that is a part of something larger (an "if" without its
 * "fi", an open quote, the start of a here-document) is told and left to people; where one
 * was all that a block held, ":" stands in its place, so that the file can still be read.
 */
#ifndef RESPOND_PLUGINS_SHELL_EDIT_H
#define RESPOND_PLUGINS_SHELL_EDIT_H

#include "entry-hits.h"
#include "entry-search.h"

/* TEXT without the lines that SEARCH finds; every other byte stays. */
int shell_strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits);

/* Whether a line other than a comment, or the interpreter in the first one, holds what is
 * searched for: 1 and what it was in RET_WHY (may be NULL), 0, -errno. */
int script_mentions(const struct buf *script, const struct entry_search *search, const char **ret_why);

/* How many lines of a script do something, comments and blank lines aside. */
int script_count_lines(const struct buf *script, size_t *ret);

#endif
