/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a path leads whose links a user may have made.
 */
#ifndef RESPOND_BASE_REAL_PATH_H
#define RESPOND_BASE_REAL_PATH_H

#include "base/buf.h"

#include <sys/types.h>

/* PATH (absolute, below ROOT) with all of its symbolic links resolved at once, on one
 * open file. Links that path_resolve() does not follow count only when the file they
 * lead to belongs to UID: otherwise -EPERM, so that nobody steers an edit at somebody
 * else's file. -ENOENT, -EACCES, ... as they are. */
int path_resolve_for(int root, const char *path, uid_t uid, struct buf *ret);

/* The same, whoever made the links and whosever the file is: good for a look at it, never
 * for altering it. */
int path_real(int root, const char *path, struct buf *ret);

#endif
