/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which package of the distribution owns a file, as dpkg's own lists say; where there
 * is no dpkg, rpm is asked.
 */
#ifndef RESPOND_BASE_PACKAGES_H
#define RESPOND_BASE_PACKAGES_H

#include "base/buf.h"

/* Where rpm may have its database. Without one it must not be asked: it would make one. */
#define RPM_DATABASES \
	"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/Packages.db", "/var/lib/rpm/rpmdb.sqlite", \
		"/var/lib/rpm/Packages"

/* Whether a file with something in it stands at one of the N PATHS, which a NULL may end; as for
 * rpm, the system that runs is meant. */
bool packages_have_database(const char *const *paths, size_t n);

struct packages;

/* Reads the lists below ROOT. A host without packages gives an empty one. */
int packages_open(int root, struct packages **ret);
void packages_close(struct packages **packages);

/* The name of the package that owns PATH, which must be resolved (path_resolve()): on
 * a host with merged /usr, /usr/bin/x is also found as /bin/x. -ENOENT: none does. */
int packages_owner(struct packages *packages, const char *path, struct buf *ret_name);

#endif
