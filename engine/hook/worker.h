/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Work done in children, a piece each: what goes wrong in one ends nothing else, and what it
 * takes of memory is given back.
 */
#ifndef RESPOND_HOOK_WORKER_H
#define RESPOND_HOOK_WORKER_H

#include "hook/queue.h"

#include <poll.h>
#include <sys/types.h>

#define WORKERS_MAX 64

struct worker {
	pid_t pid;
	int pidfd;
	struct work *work;
};

struct workers {
	struct worker v[WORKERS_MAX];
	size_t n;
	uint64_t done, failed, crashed;
};

/* Forks; in the child DO_WORK is called with CTX and WORK, and what it gives is the exit
 * status. The child has /dev/null as its input, a process group of its own, and no signal
 * blocked. 0 or -errno: nothing was started. */
int worker_start(struct workers *workers, struct work *work, int (*do_work)(void *ctx, struct work *work), void *ctx);

/* How one of them has ended. */
struct worker_end {
	struct work *work;
	int status; /* the exit status, */
	int signal; /* or, not 0, what ended it */
};

size_t workers_polled(const struct workers *workers, struct pollfd *ret); /* one entry each */

/* The next that has ended, with no waiting; it is gone from the list. */
bool workers_reap(struct workers *workers, struct worker_end *ret);

#endif
