/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A service whose configuration a change edits. An edit that names one is checked by
 * it before it is put in place, and the engine reloads the service once after the
 * edits of a round, and once after those of a rollback. Reloading is a consequence of
 * changes, never a change by itself: it may be repeated and has no undo of its own.
 */
#ifndef RESPOND_CORE_SERVICE_H
#define RESPOND_CORE_SERVICE_H

#include "base/buf.h"
#include "core/host.h"

struct service {
	const char *name;                /* "sshd" */
	const char *const *units;        /* systemd units to reload, the first that is active; NULL-ended, or NULL */
	const char *daemon;              /* executable whose listening process gets SIGHUP without systemd, or NULL */
	int (*reload)(struct host *host, struct buf *ret_note); /* as change/service-reload.h says, where it is
	                                  * told in another way than these; or NULL */

	/* Whether the host's configuration would be valid with CONTENT at PATH. 0, or
	 * -EINVAL with the daemon's own words in RET_WHY (escaped); -EOPNOTSUPP: it cannot be
	 * asked, RET_WHY says why; or another -errno. */
	int (*check)(struct host *host, const char *path, const struct buf *content, struct buf *ret_why);
};

/* Whether there is anything to reload: otherwise it is asked to check edits only. */
bool service_reloads(const struct service *service);

/* NULL when there is none of that name. */
const struct service *service_find(const struct service *const *services, const char *name);

#endif
