/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All that lies below a directory, walked by descriptors, without following links or leaving
 * the filesystem, and not without end.
 */
#ifndef RESPOND_PLUGINS_TREE_WALK_H
#define RESPOND_PLUGINS_TREE_WALK_H

#include "core/host.h"

#include <sys/stat.h>

struct tree_entry {
	int dir;              /* that it is in */
	const char *name, *path;
	const struct stat *st;
};

/* 0: go on, and into it if it is a directory; 1: go on, but not into it; -errno ends the walk. */
typedef int (*tree_visit_fn)(void *ctx, const struct tree_entry *entry);

/* Sorted within each directory. *RET_CUT: there was more than is walked. -ENOENT, -ENOTDIR,
 * -ELOOP, -EACCES, ... of TREE itself. */
int tree_walk(struct host *host, const char *tree, tree_visit_fn visit, void *ctx, bool *ret_cut);

#endif
