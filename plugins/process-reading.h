/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes read one by one, each once, and the trees below them.
 */
#ifndef RESPOND_PLUGINS_PROCESS_READING_H
#define RESPOND_PLUGINS_PROCESS_READING_H

#include "base/pids.h"
#include "base/users.h"
#include "change/process-record.h"
#include "change/process-select.h"
#include "core/plan.h"

/* The processes meant, in the order in which they were found. */
struct reading {
	struct host *host;
	struct users users;
	struct pids known; /* sorted */
	struct processes *list;
	bool direct; /* what is read now was selected itself */
};

int reading_begin(struct reading *reading, struct host *host, struct processes *list);
void reading_end(struct reading *reading);

/* Reads PID unless it is known, has gone, or is this program. CTX: the reading. */
int reading_one(void *ctx, pid_t pid);

/* Reads all that has grown from what was read. */
int reading_descendants(struct reading *reading);

/* Moves those that earlier steps of the plan stop or kill already from LIST to LEFT, and, with
 * STANDING, those that stand still anyway. */
int reading_drop_planned(const struct plan *plan, bool standing, struct processes *list, struct processes *left);

/* A selector of just those that are in LIST themselves, with their trees. */
int reading_selector(const struct processes *list, struct selector **ret);

#endif
