/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is blocked, and how changes keep it: {
 *     "directions": ["in", "out", "forward"],
 *     "port": 22,                  only when the block is for one
 *     "ttl": 86400000,             in milliseconds, only when it ends by itself
 *     "until": 1700086400,         in seconds since 1970, rounded up to a minute; with ttl
 *     "count": 2,
 *     "addresses": ["203.0.113.67", ...],  all of them, or, of a long list, the first few:
 *     "list": "SHA256"             the long list in the vault, one a line
 * }
 */
#ifndef RESPOND_CHANGE_BLOCK_H
#define RESPOND_CHANGE_BLOCK_H

#include "base/addrs.h"
#include "change/nft-layout.h"
#include "core/plan.h"

struct block {
	struct block_group group;
	int64_t ttl_ms;     /* 0: it does not end by itself */
	int64_t until_s;    /* 0: as ttl_ms */
	struct addrs addrs; /* sorted */
};

void block_free(struct block *block);
#define _cleanup_block_ _cleanup_(block_free)

/* Plans a change of KIND for a block of at least one address. until_s is not read. */
int block_plan(struct plan *plan, const struct change_kind *kind, const struct block *block, struct change **ret);

/* The block of a change. A long list comes from the change itself or from the vault:
 * -ENODATA where there is neither (a dry run). -EINVAL: the data makes no sense. */
int block_read(struct host *host, const struct change *change, struct block *ret);

/* Whether its time has run out by the clock. */
bool block_is_over(const struct block *block);

/* "203.0.113.67 in, out port 22": what one address of the block is, among all runs. */
#define BLOCK_KEY_LEN (NETADDR_TEXT_LEN + 48)
void block_key(const struct block *block, const struct netaddr *address, char ret[BLOCK_KEY_LEN]);

/* "VERB 203.0.113.67", with more than one: their number and the first few. */
int block_describe(const struct change *change, const char *verb, struct buf *ret);

/* " (in, out), port 22, for 24h" */
int block_describe_scope(const struct change *change, struct buf *ret);

/* The first addresses, a line each, when there are more than block_describe() names. */
int block_detail(const struct change *change, struct buf *ret);

/* A change_kind's subjects: every address. Of a long list that is only in the vault, the
 * first few: what is taken back hurts nobody. */
int block_subjects(const struct change *change, subject_fn visit, void *ctx);

#endif
