/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether what a process runs is the intruder's own.
 */
#ifndef RESPOND_PLUGINS_OWN_PROGRAM_H
#define RESPOND_PLUGINS_OWN_PROGRAM_H

#include "change/process-record.h"

/* Whether the program of this path is one that runs scripts, or other programs. */
bool is_interpreter(const char *path);

/* Whether the executable itself is the intruder's. A script shows as its interpreter,
 * wherever that was installed; what a script calls (sleep, curl) is the host's own; and
 * anybody may start one of the host's programs under the miner's name. No later step may
 * take such a program for the miner's: there are honest processes that run it. 1, 0 or
 * -errno. */
int own_program(struct host *host, const struct process *process);

#endif
