/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which links enable a unit: those that its [Install] section asks for, or, for a script
 * of init.d, those of the runlevels.
 */
#ifndef RESPOND_UNIT_INSTALL_H
#define RESPOND_UNIT_INSTALL_H

#include "change/unit-codec.h"
#include "change/unit-links.h"

/* What the unit file at FILE, and then DROP_INS, say. */
int unit_read_install(struct host *host, const char *file, const struct strv *drop_ins, struct unit_install *ret);

/* The links that enabling UNIT makes and that are not there yet. *RET_ANY: it asks for
 * links at all. -EEXIST: something else is at the path that goes to RET_WHY. -EDESTADDRREQ:
 * a template without a default instance. -EOPNOTSUPP: it uses what cannot be worked out. */
int unit_missing_links(struct host *host, const struct unit_install *install, const char *unit, const char *file,
                       struct unit_links *ret, bool *ret_any, struct buf *ret_why);

/* The links that start the script in runlevels, and what they are turned into so that they
 * stop it there; and the other way round. */
int sysv_turn_links(struct host *host, const char *script, bool start, struct unit_links *ret_take,
                    struct unit_links *ret_make);

#endif
