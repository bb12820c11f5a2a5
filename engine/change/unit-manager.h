/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The service manager of the host: systemd, asked and told by systemctl(1), or the
 * scripts of init.d where it does not run. Every unit has the name that systemd would
 * give it; the script of "ssh.service" is /etc/init.d/ssh.
 */
#ifndef RESPOND_CHANGE_UNIT_MANAGER_H
#define RESPOND_CHANGE_UNIT_MANAGER_H

#include "change/unit-codec.h"
#include "core/host.h"

/* Whether systemd is pid 1 of HOST, and HOST is this one. */
bool host_runs_systemd(struct host *host);

/* What systemd knows of each of NAMES, in their order; asked for all of them at once.
 * None may be a template. A failure is explained in RET_WHY (escaped). */
int units_show(const struct strv *names, struct unit_infos *ret, struct buf *ret_why);
int unit_show(const char *name, struct unit_infos *ret, struct buf *ret_why); /* one */

/* All sockets that systemd has loaded. */
int units_show_sockets(struct unit_infos *ret, struct buf *ret_why);

/* The script of a unit: /etc/init.d/NAME. -ENOENT: there is none, or another type of unit. */
int sysv_script(struct host *host, const char *unit, struct buf *ret_path);

/* Whether what the script starts runs, as it says itself. Only the script of a package is
 * asked: whatever else lies there would be executed for its answer. -EPERM: it is not
 * asked; -EOPNOTSUPP: it gives no answer. */
int sysv_is_up(struct host *host, const char *script, bool *ret);

/* Waits until it is done. VERB: start, stop, restart. 0, or -errno explained in RET_NOTE. */
int unit_do(struct host *host, const char *verb, const char *unit, struct buf *ret_note);

/* Has systemd read its unit files and links again. */
int units_reload(struct buf *ret_note);

#endif
