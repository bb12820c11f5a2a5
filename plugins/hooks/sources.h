/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The detection sources that there are. Adding one is its file and a line in sources.c.
 */
#ifndef RESPOND_HOOKS_SOURCES_H
#define RESPOND_HOOKS_SOURCES_H

#include "hook/source.h"

extern const struct source *const sources[]; /* NULL-ended */

const struct source *source_find(const char *name); /* NULL: there is none of that name */

#endif
