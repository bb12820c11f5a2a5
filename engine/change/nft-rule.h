/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One rule that drops what a set holds.
 */
#ifndef RESPOND_CHANGE_NFT_RULE_H
#define RESPOND_CHANGE_NFT_RULE_H

#include "base/nft.h"

#define RULE_COMMENT_LEN 96

struct drop_rule {
	const char *chain;
	char set[64];
	int family;
	bool source;      /* drops by source address, otherwise by destination */
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP with a port; 0: all, without */
	uint16_t port;    /* destination port */
};

/* Its comment, by which it is known again: unlike that of any other rule of its chain. */
void drop_rule_comment(const struct drop_rule *rule, char ret[RULE_COMMENT_LEN]);

/* Both 0 or -ENOMEM. */
int drop_rule_make(const struct nft_table *table, const struct drop_rule *rule, struct nft_batch *batch);
int drop_rule_remove(const struct nft_table *table, const struct nft_rule *rule, struct nft_batch *batch);

#endif
