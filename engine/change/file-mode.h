/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind file.mode: the set-user-ID and set-group-ID bits of a file are taken away,
 * by which who runs it gets its owner's rights. The file stays where it is.
 */
#ifndef RESPOND_CHANGE_FILE_MODE_H
#define RESPOND_CHANGE_FILE_MODE_H

#include "core/change.h"
#include "core/plan.h"

extern const struct change_kind file_mode_kind;

#define FILE_MODE_RIGHTS 06000u
#define FILE_MODE_MAX (4LL << 30) /* the largest file that is looked at: it is read whole */

/* Plans it for the regular file at PATH (resolved). 0: planned; 1: it has no such bit.
 * -EMLINK: it has other names, which would lose them too. -EFBIG. Others as
 * path_open_regular(). */
int file_mode_plan(struct host *host, struct plan *plan, const char *path);

#endif
