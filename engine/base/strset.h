/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A set of strings that may be large, in the order in which they came.
 */
#ifndef RESPOND_BASE_STRSET_H
#define RESPOND_BASE_STRSET_H

#include "base/buf.h"

struct strset {
	struct strv list;
	void *tree; /* tsearch(3) over the strings of the list */
};

int strset_add(struct strset *s, const char *text); /* 1: new; 0: it was there; -ENOMEM */
bool strset_has(const struct strset *s, const char *text);
void strset_free(struct strset *s);

#endif
