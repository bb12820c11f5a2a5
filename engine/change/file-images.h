/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The two images of an edited file, before and after, and what today's content makes of
 * them when others have edited it, too.
 */
#ifndef RESPOND_CHANGE_FILE_IMAGES_H
#define RESPOND_CHANGE_FILE_IMAGES_H

#include "base/line-diff.h"
#include "core/change.h"

#define FILE_EDIT_MAX (16 * 1024 * 1024) /* the largest file that is edited */

struct images {
	struct buf before, after;
};

/* The hunks of a change's data: [{"at": line from 0, "old": lines taken out, "new": bytes
 * put in}]. NULL: no memory. */
json_t *hunks_json(const struct hunks *h, const struct buf *after);

/* The content after, from the content before and the hunks. */
int hunks_apply(const struct buf *before, const json_t *hunks, struct buf *ret);

/* The images of a file.edit, the one before from the vault. */
int images_read(struct host *host, const struct change *c, struct images *ret);
void images_free(struct images *i);
#define _cleanup_images_ _cleanup_(images_free)

/* Where our edit is in CONTENT: in force (CHANGE_AFTER) or not, with all that others
 * have edited beside it; CHANGE_DRIFTED where they touched it: *RET_LINE (from 1, may be
 * NULL). MERGED (may be NULL) gets CONTENT with the edit turned over: taken out where it
 * is in force, put in where it is not. */
int images_place(const struct images *i, const struct buf *content, enum change_state *ret, struct buf *merged,
                 size_t *ret_line);

/* Whether A is what turning our edit over makes of B, or B of A. */
bool images_turn(const struct images *i, const struct buf *a, const struct buf *b);

#endif
