/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a block looks in nf_tables: the table "inet respond", which is this program's own.
 *
 * A group is what a block is for: a set of directions, and all ports or one. Each has
 * its own sets, in each family:
 *     block4         the hosts, in a hash set
 *     block4-net     what the prefixes come to, in an interval set: ranges that never overlap
 *     block4-asked   the prefixes themselves, which may overlap: what block4-net is made of
 * followed in other groups than the default by what they are for: "block4-in-p22-net". A set
 * belongs to the rules that drop what it holds: by source in chain input, by destination in
 * chain output, by both in chain forward.
 *
 * A port is the destination port of a packet, over TCP and UDP: ours for what comes in,
 * theirs for what goes out.
 *
 * Ports that are closed to everybody have a chain of their own: change/closed-ports.h.
 *
 * A drop is of everything: an IPv6 neighbour on the same link that is blocked is not
 * answered its neighbour discovery either.
 */
#ifndef RESPOND_CHANGE_NFT_LAYOUT_H
#define RESPOND_CHANGE_NFT_LAYOUT_H

#include "base/buf.h"
#include "base/nft.h"

#define DIRECTION_IN 1u
#define DIRECTION_OUT 2u
#define DIRECTION_FORWARD 4u
#define DIRECTION_ALL 7u

struct block_group {
	unsigned directions;
	uint16_t port; /* 0: all */
};

enum set_role { SET_HOSTS, SET_RANGES, SET_ASKED, SET_ROLES };

#define SET_NAME_LEN 64
#define CLOSED_CHAIN "closed"

extern const struct nft_table respond_table;

/* The word of one direction ("in"), and all words of a set of them: "in, out". */
const char *direction_word(unsigned direction);
int directions_text(unsigned directions, const char *separator, struct buf *ret);
int direction_parse(const char *word, unsigned *ret); /* adds it to RET; -EINVAL */

void set_name(const struct block_group *group, int family, enum set_role role, char ret[SET_NAME_LEN]);

/* What is there of the table. */
struct layout {
	bool there;
	struct strv chains;
	struct strv sets;
	struct nft_rules rules;
};

/* 0 also where there is no such table. -EEXIST: a table of that name is there, and is not
 * marked as this program's. */
int layout_read(struct layout *ret);
void layout_free(struct layout *layout);
#define _cleanup_layout_ _cleanup_(layout_free)

/* Whether all that the group's elements need to have an effect is there. */
bool layout_complete(const struct layout *layout, const struct block_group *group);
bool layout_has_set(const struct layout *layout, const char *set);

/* Whether nothing is there but so many rules and sets, which the caller knows to be its own, and
 * chains that this program makes: they stay, and may be empty. */
bool layout_is_only(const struct layout *layout, size_t rules, size_t sets);

/* Adds what is missing for the group. HOSTS: how many of each family ([0] IPv4, [1] IPv6)
 * there will be, for sets that are made. 0 or -ENOMEM. */
int layout_make(const struct layout *layout, const struct block_group *group, const size_t hosts[2],
                struct nft_batch *batch);

/* Removes the group's rules and sets; the whole table when nothing else is in it.
 * 0 or -ENOMEM. */
int layout_remove(const struct layout *layout, const struct block_group *group, struct nft_batch *batch);

#endif
