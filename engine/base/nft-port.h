/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the nftables rulesets of a host, whoever made them, do with new TCP connections
 * to one of its ports, as far as that can be told without a packet.
 */
#ifndef RESPOND_BASE_NFT_PORT_H
#define RESPOND_BASE_NFT_PORT_H

#include <stdint.h>

enum nft_port_fate {
	NFT_PORT_SOME, /* accepted on conditions (an address, an interface, ...), otherwise dropped */
	NFT_PORT_NONE, /* dropped, by a rule without other conditions or by the chain's policy */
};

struct nft_filter {
	const char *family; /* "inet" */
	const char *table;
	const char *chain; /* the base chain */
	enum nft_port_fate fate;
};

/* Visits the base chains at the input hook that do not accept PORT (in host order) from everybody.
 * What a rule means that is not understood counts as a condition that may or may not be met.
 * A nonzero answer ends the visit and is returned. -EPERM, -EOPNOTSUPP as in base/nft.h. */
int nft_port_filters(uint16_t port, int (*visit)(void *ctx, const struct nft_filter *filter), void *ctx);

#endif
