/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A list of addresses and prefixes that may be a million long.
 */
#ifndef RESPOND_BASE_ADDRS_H
#define RESPOND_BASE_ADDRS_H

#include "base/buf.h"
#include "base/netaddr.h"

struct addrs {
	struct netaddr *v;
	size_t n;
	size_t cap;
};

int addrs_add(struct addrs *a, const struct netaddr *address);
void addrs_sort(struct addrs *a); /* by netaddr_cmp(), duplicates dropped */
void addrs_free(struct addrs *a);
#define _cleanup_addrs_ _cleanup_(addrs_free)

/* The narrowest of a sorted list in which ADDRESS lies, NULL if there is none. */
const struct netaddr *addrs_find(const struct addrs *a, const struct netaddr *address);

/* Appends the addresses of a text: one a line; blanks around it, empty lines, and
 * what follows a "#" do not count. A line that holds anything else is given to BAD,
 * with its number from 1, its text (not escaped) and netaddr_parse()'s error (-EINVAL
 * too for a line with a NUL byte); what BAD returns, if nonzero, ends the reading and is
 * returned. */
int addrs_read(const char *text, size_t len, struct addrs *ret,
               int (*bad)(void *ctx, size_t line, const char *text, size_t len, int error), void *ctx);

/* One a line, as addrs_read() takes it. */
int addrs_write(const struct addrs *a, struct buf *ret);

#endif
