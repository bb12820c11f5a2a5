/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is wrong with a file that a person wrote: all of it, by line.
 */
#ifndef RESPOND_CORE_DIAG_H
#define RESPOND_CORE_DIAG_H

#include "base/buf.h"

struct diag {
	unsigned line; /* from 1; 0: the file as a whole */
	char *text;
};

struct diags {
	char *file; /* as messages name it: "miner.pb" */
	struct diag *v;
	size_t n;
	int error;
};

int diag_add(struct diags *d, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "miner.pb:12: ...\n" for each, in the order of the lines. */
int diags_print(const struct diags *d, struct buf *ret);
void diags_free(struct diags *d);

#endif
