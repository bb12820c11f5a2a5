/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes that somebody hides: what is mounted over /proc/PID covers it for everybody but
 * a procfs of our own, and a kernel that leaves out entries of a listing still answers for
 * the pid itself.
 */
#ifndef RESPOND_PLUGINS_HIDDEN_PROCESSES_H
#define RESPOND_PLUGINS_HIDDEN_PROCESSES_H

#include "base/proc.h"
#include "core/host.h"

struct hidden {
	struct pids covered;  /* in our procfs, and not in the host's /proc */
	struct pids unlisted; /* signals reach them, and no listing has them */
	bool partial;         /* not every pid could be asked in time */
};

/* 0 or -errno. -EPERM without root, from whom procfs may keep processes by its options. */
int hidden_find(struct host *host, struct hidden *ret);
void hidden_free(struct hidden *hidden);

#endif
