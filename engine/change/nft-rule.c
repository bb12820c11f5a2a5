/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-rule.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
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

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name, int *error)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);
	if (e)
		nftnl_rule_add_expr(rule, e);
	else
		*error = -ENOMEM;
	return e;
}

static void add_meta(struct nftnl_rule *rule, uint32_t key, int *error)
{
	struct nftnl_expr *e = add(rule, "meta", error);
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

static void add_payload(struct nftnl_rule *rule, uint32_t base, size_t offset, size_t len, int *error)
{
	struct nftnl_expr *e = add(rule, "payload", error);
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, (uint32_t)len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void add_is(struct nftnl_rule *rule, const void *value, size_t len, int *error)
{
	struct nftnl_expr *e = add(rule, "cmp", error);
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, (uint32_t)len);
}

static void add_port(struct nftnl_rule *rule, uint8_t protocol, uint16_t port, int *error)
{
	uint16_t wire = htons(port);
	add_meta(rule, NFT_META_L4PROTO, error);
	add_is(rule, &protocol, sizeof(protocol), error);
	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, dest), sizeof(wire), error);
	add_is(rule, &wire, sizeof(wire), error);
}

static void add_lookup(struct nftnl_rule *rule, const char *set, int *error)
{
	struct nftnl_expr *e = add(rule, "lookup", error);
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
}

static void add_drop(struct nftnl_rule *rule, int *error)
{
	add(rule, "counter", error);
	struct nftnl_expr *e = add(rule, "immediate", error);
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_DROP);
}

static size_t address_offset(const struct drop_rule *rule)
{
	if (rule->family == AF_INET)
		return rule->source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr);
	return rule->source ? offsetof(struct ip6_hdr, ip6_src) : offsetof(struct ip6_hdr, ip6_dst);
}

static void add_comment(struct nftnl_rule *to, const struct drop_rule *rule)
{
	char text[RULE_COMMENT_LEN];
	drop_rule_comment(rule, text);
	uint8_t udata[2 + RULE_COMMENT_LEN] = {NFTNL_UDATA_RULE_COMMENT, (uint8_t)(strlen(text) + 1)};
	memcpy(udata + 2, text, udata[1]);
	nftnl_rule_set_data(to, NFTNL_RULE_USERDATA, udata, 2u + udata[1]);
}

static void rule_free(struct nftnl_rule **rule)
{
	if (*rule)
		nftnl_rule_free(*rule);
}

int drop_rule_make(const struct nft_table *table, const struct drop_rule *rule, struct nft_batch *batch)
{
	_cleanup_(rule_free) struct nftnl_rule *r = nftnl_rule_alloc();
	if (!r)
		return -ENOMEM;
	int error = 0;
	uint8_t family = rule->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table->name);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, rule->chain);
	add_meta(r, NFT_META_NFPROTO, &error);
	add_is(r, &family, sizeof(family), &error);
	if (rule->protocol)
		add_port(r, rule->protocol, rule->port, &error);
	add_payload(r, NFT_PAYLOAD_NETWORK_HEADER, address_offset(rule), rule->family == AF_INET ? 4 : 16, &error);
	add_lookup(r, rule->set, &error);
	add_drop(r, &error);
	add_comment(r, rule);
	char what[160];
	snprintf(what, sizeof(what), "adding the rule for set %s to chain %s", rule->set, rule->chain);
	struct nlmsghdr *nlh = error ? NULL : nft_batch_open(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
	                                                     table->family, what);
	if (!nlh)
		return -ENOMEM;
	nftnl_rule_nlmsg_build_payload(nlh, r);
	nft_batch_close(batch);
	return 0;
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
