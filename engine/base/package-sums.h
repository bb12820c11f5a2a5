/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a file is as its package installed it, as dpkg's own sums say. They are there
 * against accidents: whoever replaced the file may have replaced them, too.
 */
#ifndef RESPOND_BASE_PACKAGE_SUMS_H
#define RESPOND_BASE_PACKAGE_SUMS_H

/* PATH is resolved, PACKAGE as packages_owner() calls it. 1: it is another file now; 0: it is
 * the same; -ENOENT: there is no sum of it; or another -errno. */
int package_file_altered(int root, const char *package, const char *path);

#endif
