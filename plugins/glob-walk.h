/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files that a pattern names, found directory by directory through descriptors:
 * no symbolic link is followed but the host's own (path_resolve()) before the first
 * wildcard. Wildcards are fnmatch(3)'s; none matches a slash or a leading dot.
 */
#ifndef RESPOND_PLUGINS_GLOB_WALK_H
#define RESPOND_PLUGINS_GLOB_WALK_H

#include "core/host.h"

#define GLOB_MATCHES_MAX 10000

/* Whether the pattern has a wildcard, so that it does not name one file. */
bool glob_is_wild(const char *pattern);

/* Visits each match, sorted within its directory. A pattern without wildcards is
 * visited whether it exists or not. -E2BIG: too many matches. What the visitor returns
 * ends the walk unless it is 0. Directories that cannot be read are told by
 * host_blind(). */
int glob_walk(struct host *host, const char *pattern, int (*visit)(void *ctx, const char *path), void *ctx);

#endif
