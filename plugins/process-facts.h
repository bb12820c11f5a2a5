/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What later steps are told of processes.
 */
#ifndef RESPOND_PLUGINS_PROCESS_FACTS_H
#define RESPOND_PLUGINS_PROCESS_FACTS_H

#include "change/process-record.h"
#include "core/action.h"

/* What an action declares that yields them. */
#define PROCESS_FACTS \
	{"pid", TYPE_PID, "the processes"}, \
	{"exe", TYPE_PATH, "their executables, without interpreters and what packages own"}, \
	{"user", TYPE_USER, "the users that they run as"}, \
	{"peer", TYPE_ADDRESS, "remote addresses that they are connected to, without loopback"}, \
	{"cwd", TYPE_PATH, "their working directories"}, \
	{"count", TYPE_NUMBER, "how many they are"}

/* Yields them. What cannot be looked at is noted in host->blind. */
int process_facts(struct host *host, struct plan *plan, const struct processes *list);

#endif
