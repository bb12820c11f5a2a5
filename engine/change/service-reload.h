/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reloads a service (core/service.h) so that live sessions stay. With systemd as pid 1:
 * systemctl reload of the first of its units that is active, or try-restart where a socket unit
 * of that name holds the port and a restart ends the daemon alone; otherwise SIGHUP, by pidfd, to
 * the process of its daemon that listens.
 */
#ifndef RESPOND_CHANGE_SERVICE_RELOAD_H
#define RESPOND_CHANGE_SERVICE_RELOAD_H

#include "base/proc.h"
#include "core/service.h"

/* 0: reloaded. -ESRCH: it does not run here, nothing to do. Other -errno: failed.
 * RET_NOTE (escaped) says what was done or what went wrong. */
int service_reload(struct host *host, const struct service *service, struct buf *ret_note);

/* Whether systemd has a unit active. */
bool service_unit_active(const char *unit);

/* The processes that run the service's daemon (the file itself, not its name) and
 * accept TCP connections in our network namespace. Sessions that listen for what they
 * forward are none: their parent is the daemon. */
int service_listeners(struct host *host, const struct service *service, struct pids *ret);

#endif
