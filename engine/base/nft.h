/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * nf_tables over nfnetlink: reading what is there, and transactions.
 *
 * Everything needs CAP_NET_ADMIN, reading too (-EPERM). -EOPNOTSUPP: this kernel has
 * no nf_tables. A transaction is made whole or not at all, and only if the ruleset is still
 * at the generation that the caller read before it looked (compare and swap).
 */
#ifndef RESPOND_BASE_NFT_H
#define RESPOND_BASE_NFT_H

#include "base/buf.h"

#include <libmnl/libmnl.h>
#include <stdint.h>

#define NFT_KEY_MAX 20

struct nft_table {
	int family; /* NFPROTO_INET */
	const char *name;
};

/* The number of the ruleset's state: changes with every transaction of anybody. */
int nft_generation(uint32_t *ret);

/* -ENOENT: no such table. Its comment goes to RET_COMMENT, raw bytes. */
int nft_table_comment(const struct nft_table *table, struct buf *ret_comment);

/* The names of the table's chains and of its sets, appended. */
int nft_chains(const struct nft_table *table, struct strv *ret);
int nft_sets(const struct nft_table *table, struct strv *ret);

struct nft_rule {
	char *chain;
	char *comment; /* "" if none */
	uint64_t handle;
};

struct nft_rules {
	struct nft_rule *v;
	size_t n;
};

int nft_rules(const struct nft_table *table, struct nft_rules *ret);
void nft_rules_free(struct nft_rules *rules);

/* An element of a set. Of an interval set, two stand for one range: the first address,
 * and the one behind the last (END), which is missing where there is none behind. */
struct nft_element {
	uint8_t key[NFT_KEY_MAX];
	uint8_t key_len;
	bool end;
	uint64_t timeout_ms; /* 0: none */
	uint64_t left_ms;    /* of the timeout */
};

struct nft_elements {
	struct nft_element *v;
	size_t n, cap;
};

/* The elements of a set; reading ends early when there are AT_LEAST of them (0: never).
 * -ENOENT: no such set. Slow on large sets: the kernel starts over for every chunk. */
int nft_elements(const struct nft_table *table, const char *set, size_t at_least, struct nft_elements *ret);
void nft_elements_free(struct nft_elements *elements);

/* Asks for N elements by key: tells for each, in order, what is there (NULL: it is not).
 * KEYS lie STRIDE bytes apart. A nonzero answer of VISIT ends it and is returned. */
int nft_find(const struct nft_table *table, const char *set, const void *keys, size_t stride, size_t key_len, size_t n,
             int (*visit)(void *ctx, size_t i, const struct nft_element *element), void *ctx);

/* A transaction:
 *     nft_batch_begin(), then for each object nft_batch_open(), the message's attributes,
 *     nft_batch_close(), and for each element nft_batch_element(); then nft_batch_send().
 * Errors on the way are kept and returned by nft_batch_send(). */
struct nft_batch {
	struct buf bytes;
	size_t at;        /* offset of the message that is open */
	bool open;
	struct strv what; /* what each message is about, by sequence number */
	/* The element message that is open. */
	int element_type;
	const char *set;
	size_t list;
};

void nft_batch_begin(struct nft_batch *batch, uint32_t generation);
void nft_batch_free(struct nft_batch *batch);

/* TYPE: NFT_MSG_NEWTABLE, ...; FLAGS: NLM_F_CREATE, ... At least 60 KiB of attributes fit. WHAT is
 * copied ("chain input"), for the message when the kernel refuses. NULL: no memory (kept). */
struct nlmsghdr *nft_batch_open(struct nft_batch *batch, int type, unsigned flags, int family, const char *what);
void nft_batch_close(struct nft_batch *batch);

/* TYPE: NFT_MSG_NEWSETELEM (fails where it is there: NLM_F_EXCL) or NFT_MSG_DELSETELEM.
 * SET must outlive the batch. COMMENT may be NULL. left_ms is not used. */
int nft_batch_element(struct nft_batch *batch, int type, const struct nft_table *table, const char *set,
                      const struct nft_element *element, const char *comment);

/* 0: made. -ERESTART: somebody changed the ruleset since the generation was read, look again.
 * Other -errno: refused, with what and why in RET_WHY; nothing was changed. */
int nft_batch_send(struct nft_batch *batch, struct buf *ret_why);

#endif
