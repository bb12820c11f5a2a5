/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-make.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#define WHAT_LEN 128
#define TRIES 20
#define PAUSE_MS 1u

/* A comment, as nft(8) keeps it with tables, sets and rules. */
struct udata {
	uint8_t bytes[2 + NFTNL_UDATA_COMMENT_MAXLEN];
	uint32_t len;
};

static void udata_make(struct udata *u, uint8_t type, const char *comment)
{
	size_t len = strnlen(comment, NFTNL_UDATA_COMMENT_MAXLEN - 1);
	*u = (struct udata){.bytes = {type, (uint8_t)(len + 1)}, .len = (uint32_t)(2 + len + 1)};
	memcpy(u->bytes + 2, comment, len);
}

static void put_comment(struct nlmsghdr *nlh, uint16_t attr, uint8_t type, const char *comment)
{
	struct udata u;
	udata_make(&u, type, comment);
	mnl_attr_put(nlh, attr, u.len, u.bytes);
}

static struct nlmsghdr *open_object(const struct nft_table *table, int type, const char *what, const char *name,
                                    struct nft_batch *batch)
{
	char text[WHAT_LEN];
	bool adds = type == NFT_MSG_NEWTABLE || type == NFT_MSG_NEWCHAIN || type == NFT_MSG_NEWSET;
	snprintf(text, sizeof(text), "%s %s %s", adds ? "adding" : "deleting", what, name);
	return nft_batch_open(batch, type, adds ? NLM_F_CREATE | NLM_F_EXCL : 0, table->family, text);
}

int nft_make_table(const struct nft_table *table, const char *comment, struct nft_batch *batch)
{
	struct nlmsghdr *nlh = open_object(table, NFT_MSG_NEWTABLE, "table inet", table->name, batch);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table->name);
	put_comment(nlh, NFTA_TABLE_USERDATA, NFTNL_UDATA_TABLE_COMMENT, comment);
	nft_batch_close(batch);
	return 0;
}

int nft_remove_table(const struct nft_table *table, struct nft_batch *batch)
{
	struct nlmsghdr *nlh = open_object(table, NFT_MSG_DELTABLE, "table inet", table->name, batch);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table->name);
	nft_batch_close(batch);
	return 0;
}

int nft_make_chain(const struct nft_table *table, const char *chain, uint32_t hook, struct nft_batch *batch)
{
	struct nlmsghdr *nlh = open_object(table, NFT_MSG_NEWCHAIN, "chain", chain, batch);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(hook));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)NFT_FIRST_PRIORITY));
	mnl_attr_nest_end(nlh, nest);
	nft_batch_close(batch);
	return 0;
}

int nft_remove_chain(const struct nft_table *table, const char *chain, struct nft_batch *batch)
{
	struct nlmsghdr *nlh = open_object(table, NFT_MSG_DELCHAIN, "chain", chain, batch);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	nft_batch_close(batch);
	return 0;
}

static void put_size(struct nlmsghdr *nlh, size_t size)
{
	struct nlattr *desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	mnl_attr_put_u32(nlh, NFTA_SET_DESC_SIZE, htonl((uint32_t)size));
	mnl_attr_nest_end(nlh, desc);
}

int nft_make_set(const struct nft_table *table, const char *set, const struct nft_set_shape *shape,
                 struct nft_batch *batch)
{
	struct nlmsghdr *nlh = open_object(table, NFT_MSG_NEWSET, "set", set, batch);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set);
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(shape->flags));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(shape->type));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(shape->len));
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl((uint32_t)batch->what.n));
	if (shape->size)
		put_size(nlh, shape->size);
	if (shape->comment)
		put_comment(nlh, NFTA_SET_USERDATA, NFTNL_UDATA_SET_COMMENT, shape->comment);
	nft_batch_close(batch);
	return 0;
}

int nft_remove_set(const struct nft_table *table, const char *set, struct nft_batch *batch)
{
	struct nlmsghdr *nlh = open_object(table, NFT_MSG_DELSET, "set", set, batch);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set);
	nft_batch_close(batch);
	return 0;
}

void nft_rule_begin(struct nft_making *m, const struct nft_table *table, const char *chain)
{
	*m = (struct nft_making){.table = table, .chain = chain, .rule = nftnl_rule_alloc()};
	m->error = m->rule ? 0 : -ENOMEM;
	if (m->error || nftnl_rule_set_str(m->rule, NFTNL_RULE_TABLE, table->name) < 0 ||
	    nftnl_rule_set_str(m->rule, NFTNL_RULE_CHAIN, chain) < 0)
		m->error = -ENOMEM;
}

static struct nftnl_expr *add(struct nft_making *m, const char *name)
{
	struct nftnl_expr *e = m->error ? NULL : nftnl_expr_alloc(name);
	if (e)
		nftnl_rule_add_expr(m->rule, e);
	else
		m->error = -ENOMEM;
	return e;
}

void nft_put_meta(struct nft_making *m, uint32_t key)
{
	struct nftnl_expr *e = add(m, "meta");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void nft_put_payload(struct nft_making *m, uint32_t base, size_t offset, size_t len)
{
	struct nftnl_expr *e = add(m, "payload");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, (uint32_t)len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void put_cmp(struct nft_making *m, uint32_t op, const void *value, size_t len)
{
	struct nftnl_expr *e = add(m, "cmp");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, (uint32_t)len);
}

void nft_put_is(struct nft_making *m, const void *value, size_t len)
{
	put_cmp(m, NFT_CMP_EQ, value, len);
}

void nft_put_is_not(struct nft_making *m, const void *value, size_t len)
{
	put_cmp(m, NFT_CMP_NEQ, value, len);
}

void nft_put_mask(struct nft_making *m, const void *mask, size_t len)
{
	static const uint8_t none[16];
	struct nftnl_expr *e = len <= sizeof(none) ? add(m, "bitwise") : NULL;
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, (uint32_t)len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, (uint32_t)len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, none, (uint32_t)len);
}

void nft_put_in(struct nft_making *m, const char *set)
{
	struct nftnl_expr *e = add(m, "lookup");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
}

void nft_put_verdict(struct nft_making *m, bool count, uint32_t verdict)
{
	if (count)
		add(m, "counter");
	struct nftnl_expr *e = add(m, "immediate");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict);
}

int nft_rule_end(struct nft_making *m, const char *comment, const char *what, struct nft_batch *batch)
{
	struct udata u;
	udata_make(&u, NFTNL_UDATA_RULE_COMMENT, comment);
	if (!m->error && nftnl_rule_set_data(m->rule, NFTNL_RULE_USERDATA, u.bytes, u.len) < 0)
		m->error = -ENOMEM;
	struct nlmsghdr *nlh = m->error ? NULL : nft_batch_open(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
	                                                       m->table->family, what);
	if (nlh) {
		nftnl_rule_nlmsg_build_payload(nlh, m->rule);
		nft_batch_close(batch);
	}
	if (m->rule)
		nftnl_rule_free(m->rule);
	m->rule = NULL;
	return nlh ? 0 : -ENOMEM;
}

bool nft_again(int r, int attempt, struct buf *why)
{
	if ((r != -ERESTART && r != -ENOENT) || attempt + 1 >= TRIES)
		return false;
	sleep_ms(PAUSE_MS * (unsigned)(attempt + 1));
	buf_reset(why);
	return true;
}
