/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The name that somebody probably meant, for messages: "did you mean 'address'?"
 */
#ifndef RESPOND_CORE_NEAR_H
#define RESPOND_CORE_NEAR_H

#include "base/buf.h"

struct near {
	const char *wanted;
	const char *best; /* of what was offered so far; NULL: nothing was near */
	unsigned distance;
};

void near_offer(struct near *near, const char *name);

/* Appends " (did you mean 'NAME'?)", or nothing. */
int near_print(const struct near *near, struct buf *ret);

#endif
