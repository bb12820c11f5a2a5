/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What prefixes come to: ranges that never overlap, which is all that an interval set
 * takes. Where prefixes overlap, the one that lasts longer counts. Pure, no I/O.
 */
#ifndef RESPOND_CHANGE_NFT_RANGES_H
#define RESPOND_CHANGE_NFT_RANGES_H

#include "base/netaddr.h"
#include "base/nft.h"
#include "change/nft-times.h"

/* A prefix that is asked for, and for how long yet. */
struct asked {
	struct netaddr net;
	int64_t left_ms; /* LEFT_FOREVER: no end */
};

struct range {
	uint8_t first[16], last[16]; /* network order, the family's bytes first */
	int64_t left_ms;
};

struct ranges {
	struct range *v;
	size_t n, cap;
};

void ranges_free(struct ranges *ranges);
#define _cleanup_ranges_ _cleanup_(ranges_free)

/* The prefixes of one family in netaddr_cmp()'s order, without duplicates. */
int ranges_make(const struct asked *asked, size_t n, struct ranges *ret);

/* What the elements of an interval set mean; they are sorted on the way. */
int ranges_read(struct nft_elements *elements, struct ranges *ret);

/* The elements of a range: 1, or 2 with the one that ends it. */
size_t range_elements(const struct range *range, unsigned key_len, struct nft_element ret[2]);

/* Whether the ranges hold every address of the prefix, for at least so long. */
bool ranges_cover(const struct ranges *ranges, const struct netaddr *net, int64_t left_ms);

/* Visits the ranges of A that B has not, each with its own time. */
int ranges_missing(const struct ranges *a, const struct ranges *b, int (*visit)(void *ctx, const struct range *range),
                   void *ctx);

#endif
