/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a block is in force, and the transactions that put it in force or take it out.
 */
#ifndef RESPOND_CHANGE_NFT_FORCE_H
#define RESPOND_CHANGE_NFT_FORCE_H

#include "change/block.h"
#include "change/nft-ranges.h"

enum force {
	FORCE_NONE,    /* not there */
	FORCE_SHORTER, /* there, and ends too early; or its ranges are gone */
	FORCE_FULL,    /* in force, for long enough */
};

/* Hosts or prefixes of one family: what has sets of its own. */
struct part {
	int family;
	bool nets;
	struct addrs addrs;  /* sorted */
	enum force *state;   /* by address */
	int64_t *left_ms;    /* by address: how long what is there lasts yet */
	bool *kept;          /* by address: not to be taken out, */
	int64_t *keep_ms;    /* and to last no longer than this */
	struct asked *asked; /* prefixes: all that the kernel has */
	size_t n_asked;
	struct ranges ranges;
};

#define PARTS 4

struct force_state {
	struct layout layout;
	bool complete; /* the rules that make elements count are there */
	struct part parts[PARTS];
};

int force_new(const struct block *block, struct force_state *ret);
void force_free(struct force_state *state);
#define _cleanup_force_ _cleanup_(force_free)

/* Looks at everything. -EEXIST: the table is somebody else's. -EPERM, -EOPNOTSUPP: cannot look. */
int force_read(const struct block_group *group, int64_t enough_ms, struct force_state *state);

/* Puts the whole block in force in one transaction; COMMENT goes with every element that
 * is made. What is in force for long enough is left as it is. */
int force_put(const struct block *block, struct force_state *state, const char *comment, struct buf *ret_why);

/* Takes out what is there and not marked as kept, and shortens what is kept and lasts too
 * long (with COMMENT), in one transaction. The state is that which was found. */
int force_take(const struct block *block, struct force_state *state, const char *comment, struct buf *ret_why);

/* Whether what is kept lasts longer than it is to, and a minute, by which times are rounded. */
bool force_keeps_shorter(const struct part *part, size_t i);

/* Removes what the group needed when nothing is blocked in it any more, by anybody. */
int force_clean(const struct block_group *group, struct buf *ret_why);

#endif
