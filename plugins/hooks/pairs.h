/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Words and variables: NAME=VALUE, each ended by a NUL.
 */
#ifndef RESPOND_HOOKS_PAIRS_H
#define RESPOND_HOOKS_PAIRS_H

#include "base/slice.h"

struct pair {
	struct slice name, value;
};

/* Takes the first pair off the front of S: 1; 0: there is none; -EINVAL with a sentence in
 * RET_WHY: it has no "=", or nothing ends it. */
int take_pair(struct slice *s, struct pair *ret, struct buf *ret_why);

#endif
