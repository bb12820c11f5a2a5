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

struct package_backend;

/* The one of this name (packages_name()); NULL: the one whose packages this host has. -EOPNOTSUPP: there is
 * none that is known, that one is not there, or it is not this host. */
int packages_manager(struct host *host, const char *name, const struct package_backend **ret, struct buf *ret_why);
const char *packages_name(const struct package_backend *b); /* "apt", "dnf" */

/* The command that renews what is known of packages, and the one that ends what is halfway, for
 * people. */
const char *packages_refresh(const struct package_backend *b);
const char *packages_repair(const struct package_backend *b);

/* What is known of NAMES; one that is unknown is PACKAGE_ABSENT. */
int packages_show(const struct package_backend *b, const struct strv *names, struct package_set *ret,
                  struct buf *ret_why);

/* What would have to be installed, with what they depend on, so that NAMES are. -ENOENT: one
 * of them cannot be had; -EPERM: others would have to be removed or upgraded for it. */
int packages_plan(const struct package_backend *b, const struct strv *names, struct package_set *ret,
                  struct buf *ret_why);

/* Gets what these at their versions need; nothing is installed yet. */
int packages_fetch(const struct package_backend *b, const struct package_set *wanted, struct buf *ret_why);

/* Installs them. RET_WHY tells of what came or went beside ALL. An installation goes on where respond is ended. */
int packages_install(const struct package_backend *b, const struct package_set *wanted, const struct package_set *all,
                     struct buf *ret_why);

/* Removes these and no others. -ESTALE: others need them by now. Configuration files go as
 * well, but for those of a package in state PACKAGE_REMOVED, which were there before, and
 * those that somebody has changed: RET_WHY says so. */
int packages_remove(const struct package_backend *b, const struct package_set *set, struct buf *ret_why);

/* Ends what was cut short: waits for what is still under way, and configures those of the set
 * that are unpacked. */
int packages_settle(const struct package_backend *b, const struct package_set *set, struct buf *ret_why);

#endif
