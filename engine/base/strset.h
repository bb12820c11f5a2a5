/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A set of strings that may be large, in the order in which they came.
 */
#ifndef RESPOND_BASE_STRSET_H
#define RESPOND_BASE_STRSET_H

#include "base/buf.h"

#include <stdint.h>

struct strset {
	struct strv list;
	uint32_t *slots; /* by hash: 1 + where in the list, 0: free */
	size_t n_slots;  /* a power of 2 */
};

int strset_add(struct strset *s, const char *text); /* 1: new; 0: it was there; -ENOMEM */
bool strset_has(const struct strset *s, const char *text);
void strset_free(struct strset *s);

#endif
