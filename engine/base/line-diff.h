/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The difference of two texts by lines (Myers, "An O(ND) Difference Algorithm and
 * Its Variations", 1986). A line is its bytes with the newline that ends it; the
 * last one may lack it. Pure: no I/O.
 */
#ifndef RESPOND_BASE_LINE_DIFF_H
#define RESPOND_BASE_LINE_DIFF_H

#include "base/buf.h"

/* Lines [old_at, old_at+old_n) of the old text stand as lines [new_at, new_at+new_n)
 * in the new one. Counted from 0; hunks are in order and do not touch each other. */
struct hunk {
	size_t old_at, old_n;
	size_t new_at, new_n;
};

struct hunks {
	struct hunk *v;
	size_t n;
};

int line_diff(const struct buf *old, const struct buf *new, struct hunks *ret);
void hunks_free(struct hunks *h);

/* A unified diff with CONTEXT lines, every line made safe for a terminal (escape_controls) and the missing
 * last newline told as diff(1) does; no file header. */
int line_diff_unified(const struct buf *old, const struct buf *new, size_t context, struct buf *ret);

/* Takes the edit BEFORE -> AFTER out of CURRENT, which somebody may have edited
 * further: the result has BEFORE's lines where ours were, and all of the other edits.
 * -EEXIST when an edit of somebody else touches or adjoins one of ours; RET_LINE gets
 * the line of CURRENT, from 1. */
int line_diff_revert(const struct buf *before, const struct buf *after, const struct buf *current, struct buf *ret,
                     size_t *ret_line);

/* Whether a line that BEFORE has and AFTER has nowhere stands in CURRENT, blank lines and
 * the blanks at a line's end aside: 1 with its number, from 1, in RET_LINE; 0; -ENOMEM. */
int line_diff_stands_again(const struct buf *before, const struct buf *after, const struct buf *current,
                           size_t *ret_line);

#endif
