/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who listens on ports of this host, and what owns that: a unit or the process alone.
 *
 * A process is in the cgroup of the unit that it grew from, whatever it has become: what an
 * intruder starts from a crontab is in cron.service. So a unit owns what its main process
 * listens on, and what descendants of that do that run the same program; where systemd knows
 * no main process, all that is in its cgroup; and a socket unit what systemd listens on for it.
 */
#ifndef RESPOND_PLUGINS_PORT_OWNERS_H
#define RESPOND_PLUGINS_PORT_OWNERS_H

#include "change/process-record.h"
#include "core/plan.h"

struct port_question {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	const uint16_t *ports;
	size_t n;
	bool for_good; /* units count that could not be started again */
};

struct port_owners {
	struct strv units;          /* sockets first, then the services */
	struct processes listening; /* all of them but systemd */
	struct processes alone;     /* those of them that no unit owns */
};

void port_owners_free(struct port_owners *owners);
#define _cleanup_port_owners_ _cleanup_(port_owners_free)

/* Finds them. What is worth knowing beside is noted in PLAN, what cannot be looked at in
 * host->blind. */
int port_owners_find(struct host *host, const struct port_question *question, struct plan *plan,
                     struct port_owners *ret);

#endif
