/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stops processes so that none of them can restart another one.
 *
 *     freeze_begin ──▶ freeze_settle ──▶ (signal what is held) ──▶ freeze_end
 *          known          stop, look again, stop what is new,
 *          ones           until two looks find nothing new and all hold still
 *
 * Rules:
 *  1. Only what is held by pidfd, and identified after it was opened, is signalled.
 *  2. A process that is found on the way is stopped at once (it can be continued),
 *     announced by effect->grow() before anything else is done to it, and continued
 *     and left alone when the guard refuses it.
 *  3. What was stopped by others is never continued.
 *  4. There is a deadline; processes can continue each other for ever.
 */
#ifndef RESPOND_CHANGE_PROCESS_FREEZE_H
#define RESPOND_CHANGE_PROCESS_FREEZE_H

#include "change/process-record.h"
#include "change/process-select.h"

struct held {
	struct proc_identity id;
	int pidfd;
	bool stopped; /* by us */
};

struct freeze {
	struct host *host;
	struct change *change;
	struct effect *effect;
	struct selector *selector;
	struct scan *scan;
	struct users users;
	struct held *held;
	size_t n;
	size_t cap;
	struct pids seen;  /* sorted: held, and those that are spared */
	size_t gone;       /* planned ones that had ended */
	size_t found;      /* on the way */
	size_t spared;     /* refused by the guard */
	int64_t deadline; /* monotonic_ms() */
	unsigned long files_before; /* RLIMIT_NOFILE, soft */
};

/* Holds the recorded processes that still live. -errno with effect->note filled;
 * freeze_end() is due in any case. */
int freeze_begin(struct freeze *f, struct host *host, struct change *change, struct effect *effect, int timeout_ms);

/* 0: all is still. -ETIMEDOUT: something kept moving; what is held is stopped as far
 * as it can be. Other -errno: nothing may be done to any of them. */
int freeze_settle(struct freeze *f);

/* Continues what we stopped. */
void freeze_thaw(struct freeze *f);

/* Closes everything; what is stopped stays so. */
void freeze_end(struct freeze *f);

#endif
