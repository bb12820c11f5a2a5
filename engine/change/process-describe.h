/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes about processes, for people and for the guard: what the kinds have in common.
 */
#ifndef RESPOND_CHANGE_PROCESS_DESCRIBE_H
#define RESPOND_CHANGE_PROCESS_DESCRIBE_H

#include "change/process-record.h"
#include "change/process-select.h"
#include "core/plan.h"

/* Plans KIND for the processes of LIST. Nothing is planned for none. LEFT: who is selected,
 * too, and left out. */
int processes_plan(struct host *host, struct plan *plan, const struct change_kind *kind,
                   const struct selector *selector, const struct processes *list, const struct processes *left);

/* "kill 5 processes: xmrig (412), [kthreadd] (415) and 3 descendants" */
int processes_describe(const struct change *change, const char *verb, struct buf *ret);

/* The processes as a tree, one a line. */
int processes_detail(const struct change *change, struct buf *ret);
int processes_tree(const struct processes *list, struct buf *ret);

/* A change_kind's processes, with what was kept of each. */
int processes_view(const struct change *change, int (*visit)(void *ctx, const struct process_view *process),
                   void *ctx);

/* One SUBJECT_PROCESS for each. */
int processes_subjects(const struct change *change, subject_fn visit, void *ctx);

#endif
