/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind file.move: a file leaves its place for the vault, and comes back
 * with its owner, mode, ACL, xattrs, inode flags and times; never over another file.
 */
#ifndef RESPOND_CHANGE_FILE_MOVE_H
#define RESPOND_CHANGE_FILE_MOVE_H

#include "core/change.h"
#include "core/plan.h"

#define FILE_MOVE_MAX (4LL << 30) /* the largest file that is taken: it is read whole, holes too */

extern const struct change_kind file_move_kind;

/* Plans to take away the regular file at PATH (no wildcards; symbolic links of the
 * host itself are resolved first, path_resolve()). RET_SHA256 (may be NULL) gets its
 * content's hash. -ENOENT: nothing there, or an earlier step takes it; nothing is
 * planned. -ELOOP, -EINVAL (not a regular file), -EFBIG, -EACCES as they are. */
int file_move_plan(struct host *host, struct plan *plan, const char *path, struct sha256 *ret_sha256,
                   struct change **ret);

#endif
