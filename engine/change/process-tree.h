/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes as the tree that their parents make of them.
 */
#ifndef RESPOND_CHANGE_PROCESS_TREE_H
#define RESPOND_CHANGE_PROCESS_TREE_H

#include "change/process-record.h"

struct tree_place {
	const struct process *process;
	unsigned depth; /* 0: its parent is not in the list */
	bool last;      /* of its siblings */
};

/* Visits each process once: siblings by pid, its own right below each. A nonzero answer ends
 * it and is returned. */
int process_tree_walk(const struct processes *list, int (*visit)(void *ctx, const struct tree_place *place), void *ctx);

#endif
