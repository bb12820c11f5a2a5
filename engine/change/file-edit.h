/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind file.edit: lines of a file altered in place, everything else about
 * the file (owner, mode, ACL, xattrs, inode flags) kept.
 *
 * Undo gives back the before-image when nobody edited the file since; otherwise it
 * takes the hunks back line by line and keeps the other edits; where they touch ours
 * it refuses. The same holds for putting it in force again. A line that was taken out and
 * stands again elsewhere in the file is drift, and nothing that undoing would mind.
 */
#ifndef RESPOND_CHANGE_FILE_EDIT_H
#define RESPOND_CHANGE_FILE_EDIT_H

#include "change/file-images.h"
#include "core/change.h"
#include "core/plan.h"

extern const struct change_kind file_edit_kind;

/* What a step that wants to edit PATH starts from: the bytes as earlier steps of the
 * plan leave them, or those on the host. -ENOENT, -ELOOP (symbolic link), -EINVAL
 * (not a regular file), -EFBIG, -EACCES. */
int file_edit_read(struct host *host, const struct plan *plan, const char *path, struct buf *ret);

/* Plans the edit from BEFORE (as file_edit_read() gave it) to AFTER. Nothing is
 * planned when they are equal. SERVICE: whose configuration it is (core/service.h),
 * or NULL. RET may be NULL. */
int file_edit_plan(struct host *host, struct plan *plan, const char *path, const struct buf *before,
                   const struct buf *after, const char *service, struct change **ret);

#endif
