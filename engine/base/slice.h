/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A part of a text that somebody else holds: what the readers of configuration files
 * look at. Pure.
 */
#ifndef RESPOND_BASE_SLICE_H
#define RESPOND_BASE_SLICE_H

#include "base/buf.h"

struct slice {
	const char *p;
	size_t len;
};

struct slice slice_of(const struct buf *text);
struct slice slice_from(struct slice s, size_t at); /* what follows the first AT bytes */

bool is_blank(char c); /* a space or a tab */
struct slice skip_blanks(struct slice s);
struct slice trim(struct slice s); /* blanks at both ends, carriage returns at the end */

/* Takes one word, which blanks end, off the front of S. */
struct slice take_word(struct slice *s);

bool slice_is(struct slice s, const char *text);
bool slice_is_nocase(struct slice s, const char *text);
bool slice_starts(struct slice s, const char *text);
bool slice_holds(struct slice s, const char *text); /* an empty text is nowhere */
char *slice_dup(struct slice s); /* up to a NUL */

/* Takes the first line, without its newline, off the front of S. With CONTINUED, a
 * backslash at the end of a line joins the next one to it. RET_WHOLE: the same with the
 * newline that ends it, if any. */
struct slice take_line(struct slice *s, bool continued, struct slice *ret_whole);

unsigned count_newlines(struct slice s);

/* Whether it holds control bytes other than tabs and newlines, so that it looks different
 * on a terminal. */
bool slice_is_hidden(struct slice s);

#endif
