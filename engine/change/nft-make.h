/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The pieces of which tables are made: objects, and the expressions of rules. Each is one
 * message of a transaction, and 0 or -ENOMEM.
 */
#ifndef RESPOND_CHANGE_NFT_MAKE_H
#define RESPOND_CHANGE_NFT_MAKE_H

#include "base/nft.h"

#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stddef.h>

/* The comment of every table that is this program's, or how it begins. */
#define NFT_MARK "made by respond(8)"

/* Before connection tracking and everybody's filters: what is accepted later, or has
 * been accepted once, has no say. A drop is final wherever it is. */
#define NFT_FIRST_PRIORITY (-310)

/* nft(8)'s numbers of the types of keys. */
#define NFT_TYPE_IPV4 7
#define NFT_TYPE_IPV6 8
#define NFT_TYPE_PORT 13
#define NFT_TYPE_MARK 19
#define NFT_TYPE_BITS 6

int nft_make_table(const struct nft_table *table, const char *comment, struct nft_batch *batch);
int nft_remove_table(const struct nft_table *table, struct nft_batch *batch);

/* A base chain of type filter at HOOK (NF_INET_LOCAL_IN, ...) that accepts what no rule of it drops. */
int nft_make_chain(const struct nft_table *table, const char *chain, uint32_t hook, struct nft_batch *batch);

/* One that has no rules by then. */
int nft_remove_chain(const struct nft_table *table, const char *chain, struct nft_batch *batch);

struct nft_set_shape {
	uint32_t flags; /* NFT_SET_INTERVAL, ... */
	uint32_t type, len; /* of its keys */
	size_t size;         /* how many elements it is laid out for; 0: it grows */
	const char *comment; /* NULL: none */
};
int nft_make_set(const struct nft_table *table, const char *set, const struct nft_set_shape *shape,
                 struct nft_batch *batch);
int nft_remove_set(const struct nft_table *table, const char *set, struct nft_batch *batch);

/* A rule: nft_rule_begin(), expressions, nft_rule_end(), which appends it to its chain with
 * a comment and frees it. Errors on the way are kept. */
struct nft_making {
	const struct nft_table *table;
	const char *chain;
	struct nftnl_rule *rule;
	int error;
};
void nft_rule_begin(struct nft_making *m, const struct nft_table *table, const char *chain);
void nft_put_meta(struct nft_making *m, uint32_t key); /* NFT_META_NFPROTO, ...: into the register */
void nft_put_payload(struct nft_making *m, uint32_t base, size_t offset, size_t len); /* likewise */
void nft_put_is(struct nft_making *m, const void *value, size_t len);                 /* the register is VALUE */
void nft_put_is_not(struct nft_making *m, const void *value, size_t len);
void nft_put_mask(struct nft_making *m, const void *mask, size_t len);                /* the register's bits in MASK */
void nft_put_in(struct nft_making *m, const char *set);                               /* it is in the set */
void nft_put_verdict(struct nft_making *m, bool count, uint32_t verdict);             /* NF_DROP, NF_ACCEPT */
int nft_rule_end(struct nft_making *m, const char *comment, const char *what, struct nft_batch *batch);

/* Whether a transaction that was refused with R is worth another look at what is there, after a
 * pause that grows; WHY is emptied then. */
bool nft_again(int r, int attempt, struct buf *why);

#endif
