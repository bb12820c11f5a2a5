/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The package manager of the host: apt-get(8) with dpkg(1), or dnf(8) with rpm(8). What it is told to do it does
 * without asking anybody, and for the packages that were named, never for others.
 * Failures are explained in RET_WHY (escaped).
 */
#ifndef RESPOND_CHANGE_PACKAGE_MANAGER_H
#define RESPOND_CHANGE_PACKAGE_MANAGER_H

#include "change/package-codec.h"
#include "core/host.h"

/* 0; -EOPNOTSUPP: there is none that is known, or it is not this host. */
int packages_can(struct host *host, struct buf *ret_why);

/* The command that renews what is known of packages, and the one that ends what is halfway, for
 * people; "" where there is none. */
const char *packages_refresh(void);
const char *packages_repair(void);

/* What is known of NAMES; one that is unknown is PACKAGE_ABSENT. */
int packages_show(const struct strv *names, struct package_set *ret, struct buf *ret_why);

/* What would have to be installed, with what they depend on, so that NAMES are. -ENOENT: one
 * of them cannot be had; -EPERM: others would have to be removed or upgraded for it. */
int packages_plan(const struct strv *names, struct package_set *ret, struct buf *ret_why);

/* Gets what NAMES at these versions need; nothing is installed yet. */
int packages_fetch(const struct package_set *wanted, struct buf *ret_why);
int packages_install(const struct package_set *wanted, struct buf *ret_why);

/* Removes these and no others. -ESTALE: others need them by now. Configuration files go as
 * well, but for those of a package in state PACKAGE_REMOVED, which were there before, and
 * those that somebody has changed: RET_WHY says so. */
int packages_remove(const struct package_set *set, struct buf *ret_why);

/* Ends what was cut short: waits for what is still under way, and configures those of the set
 * that are unpacked. */
int packages_settle(const struct package_set *set, struct buf *ret_why);

#endif
