/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-rule.h"

#include "change/nft-make.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

void drop_rule_comment(const struct drop_rule *rule, char ret[RULE_COMMENT_LEN])
{
	snprintf(ret, RULE_COMMENT_LEN, "%s %s%s", rule->source ? "from" : "to", rule->set,
	         rule->protocol == IPPROTO_TCP ? " tcp" : rule->protocol == IPPROTO_UDP ? " udp" : "");
}

static void put_port(struct nft_making *m, uint8_t protocol, uint16_t port)
{
	uint16_t wire = htons(port);
	nft_put_meta(m, NFT_META_L4PROTO);
	nft_put_is(m, &protocol, sizeof(protocol));
	nft_put_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, dest), sizeof(wire));
	nft_put_is(m, &wire, sizeof(wire));
}

static size_t address_offset(const struct drop_rule *rule)
{
	if (rule->family == AF_INET)
		return rule->source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr);
	return rule->source ? offsetof(struct ip6_hdr, ip6_src) : offsetof(struct ip6_hdr, ip6_dst);
}

int drop_rule_make(const struct nft_table *table, const struct drop_rule *rule, struct nft_batch *batch)
{
	struct nft_making m;
	char comment[RULE_COMMENT_LEN], what[160];
	uint8_t family = rule->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	nft_rule_begin(&m, table, rule->chain);
	nft_put_meta(&m, NFT_META_NFPROTO);
	nft_put_is(&m, &family, sizeof(family));
	if (rule->protocol)
		put_port(&m, rule->protocol, rule->port);
	nft_put_payload(&m, NFT_PAYLOAD_NETWORK_HEADER, address_offset(rule), rule->family == AF_INET ? 4 : 16);
	nft_put_in(&m, rule->set);
	nft_put_verdict(&m, true, NF_DROP);
	drop_rule_comment(rule, comment);
	snprintf(what, sizeof(what), "adding the rule for set %s to chain %s", rule->set, rule->chain);
	return nft_rule_end(&m, comment, what, batch);
}

int drop_rule_remove(const struct nft_table *table, const struct nft_rule *rule, struct nft_batch *batch)
{
	struct nlmsghdr *nlh = nft_batch_open(batch, NFT_MSG_DELRULE, 0, table->family, "deleting a rule");
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, rule->chain);
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(rule->handle));
	nft_batch_close(batch);
	return 0;
}
