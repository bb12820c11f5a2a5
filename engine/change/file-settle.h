/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an apply or a revert of a file.edit or file.move has left that was cut short.
 */
#ifndef RESPOND_CHANGE_FILE_SETTLE_H
#define RESPOND_CHANGE_FILE_SETTLE_H

#include "change/file-images.h"
#include "core/change.h"

typedef int (*settle_fn)(struct host *host, const struct change *c, struct effect *effect);

/* change_kind.settle of the two. */
int file_edit_settle(struct host *host, const struct change *c, struct effect *effect);
int file_move_settle(struct host *host, const struct change *c, struct effect *effect);

/* How a kind that edits a file in place, by file_replace(), tells contents apart. */
struct edited {
	/* The contents before and after; NULL where the kind knows only a part of them. */
	int (*images)(struct host *host, const struct change *c, struct images *ret);
	/* Whether A is what turning the edit over makes of B, or B of A. */
	bool (*turn)(const struct change *c, const struct images *images, const struct buf *a, const struct buf *b);
	/* Where the edit is in CONTENT. */
	int (*place)(const struct change *c, const struct images *images, const struct buf *content,
	             enum change_state *ret);
};

/* The change's target is the path, its data has "meta" and "dir-flags" as file.edit's. */
int edited_settle(struct host *host, const struct change *c, struct effect *effect, const struct edited *how);

/* For the beginning of apply and revert: if anything stands under the change's temporary
 * names, SETTLE is called, and what it has to leave there is renamed out of the way.
 * 0 or -errno. */
int file_ready(struct host *host, const struct change *c, struct effect *effect, settle_fn settle);

#endif
