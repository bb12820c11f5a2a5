/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A rule is a row of expressions: some load a register, some compare it, one gives a
 * verdict. Here a register holds no value but what kind of thing it is, and each
 * comparison is answered for a new TCP connection to the port: met, not met, or maybe.
 */
#include "base/nft-port.h"

#include "base/buf.h"
#include "base/netlink.h"
#include "base/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define CT_STATE_NEW 8u /* as nft_ct gives it */
#define DEPTH_MAX 16

struct chains {
	struct nftnl_chain **v;
	size_t n;
};

struct rules {
	struct nftnl_rule **v;
	size_t n;
};

struct ruleset {
	struct chains chains;
	struct rules rules;
	uint16_t port;
};

enum met { MET_NO, MET_MAYBE, MET_YES };

/* What a register holds. */
enum held { HELD_OTHER, HELD_PORT, HELD_PROTOCOL, HELD_FAMILY, HELD_STATE, HELD_NEW, HELD_NOT_NEW };

/* How a packet leaves a chain. */
enum fate { FATE_ON, FATE_ACCEPT, FATE_DROP };

static void forget_chains(void *ctx)
{
	struct chains *chains = &((struct ruleset *)ctx)->chains;
	for (size_t i = 0; i < chains->n; i++)
		nftnl_chain_free(chains->v[i]);
	free(chains->v);
	*chains = (struct chains){0};
}

static void forget_rules(void *ctx)
{
	struct rules *rules = &((struct ruleset *)ctx)->rules;
	for (size_t i = 0; i < rules->n; i++)
		nftnl_rule_free(rules->v[i]);
	free(rules->v);
	*rules = (struct rules){0};
}

static void ruleset_free(struct ruleset *set)
{
	forget_chains(set);
	forget_rules(set);
}

static int no_memory(void)
{
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static int take_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct chains *chains = &((struct ruleset *)ctx)->chains;
	struct nftnl_chain **v = reallocarray(chains->v, chains->n + 1, sizeof(struct nftnl_chain *));
	if (!v)
		return no_memory();
	chains->v = v;
	struct nftnl_chain *chain = nftnl_chain_alloc();
	if (!chain)
		return no_memory();
	v[chains->n++] = chain;
	return nftnl_chain_nlmsg_parse(nlh, chain) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct rules *rules = &((struct ruleset *)ctx)->rules;
	struct nftnl_rule **v = reallocarray(rules->v, rules->n + 1, sizeof(struct nftnl_rule *));
	if (!v)
		return no_memory();
	rules->v = v;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	if (!rule)
		return no_memory();
	v[rules->n++] = rule;
	return nftnl_rule_nlmsg_parse(nlh, rule) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int dump(int type, mnl_cb_t answer, void (*restart)(void *), struct ruleset *set)
{
	char buffer[64] = "";
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	*m = (struct nfgenmsg){.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	struct netlink_question q = {
		.bus = NETLINK_NETFILTER, .request = nlh, .answer = answer, .restart = restart, .ctx = set,
	};
	int r = netlink_ask(&q);
	return r == -EINVAL || r == -EPROTONOSUPPORT ? -EOPNOTSUPP : r;
}

static enum met met(bool is)
{
	return is ? MET_YES : MET_NO;
}

static enum met negate(enum met m, bool invert)
{
	return !invert || m == MET_MAYBE ? m : m == MET_YES ? MET_NO : MET_YES;
}

static uint32_t number(const struct nftnl_expr *e, uint16_t attr)
{
	return nftnl_expr_is_set(e, attr) ? nftnl_expr_get_u32(e, attr) : 0;
}

static enum held load_payload(const struct nftnl_expr *e)
{
	uint32_t base = number(e, NFTNL_EXPR_PAYLOAD_BASE), offset = number(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t len = number(e, NFTNL_EXPR_PAYLOAD_LEN);
	bool port = base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == offsetof(struct tcphdr, dest) && len == 2;
	/* "protocol" of IPv4 and "next header" of IPv6 */
	bool protocol = base == NFT_PAYLOAD_NETWORK_HEADER && (offset == 9 || offset == 6) && len == 1;
	return port ? HELD_PORT : protocol ? HELD_PROTOCOL : HELD_OTHER;
}

static enum held load_meta(const struct nftnl_expr *e)
{
	uint32_t key = number(e, NFTNL_EXPR_META_KEY);
	return key == NFT_META_L4PROTO ? HELD_PROTOCOL : key == NFT_META_NFPROTO ? HELD_FAMILY : HELD_OTHER;
}

/* "ct state new,established" masks the state, and asks whether anything is left. */
static enum held mask(const struct nftnl_expr *e, enum held held)
{
	uint32_t len = 0, bits = 0;
	const void *data = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &len);
	if (held != HELD_STATE || !data || len != sizeof(bits))
		return HELD_OTHER;
	memcpy(&bits, data, sizeof(bits));
	return bits & CT_STATE_NEW ? HELD_NEW : HELD_NOT_NEW;
}

static enum met compare_port(uint32_t op, uint16_t port, uint16_t with)
{
	switch (op) {
	case NFT_CMP_EQ: return met(port == with);
	case NFT_CMP_NEQ: return met(port != with);
	case NFT_CMP_LT: return met(port < with);
	case NFT_CMP_LTE: return met(port <= with);
	case NFT_CMP_GT: return met(port > with);
	default: return met(port >= with);
	}
}

static enum met compare(const struct nftnl_expr *e, enum held held, uint16_t port)
{
	uint32_t len = 0, op = number(e, NFTNL_EXPR_CMP_OP);
	const uint8_t *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);
	if (!data || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ && held != HELD_PORT))
		return MET_MAYBE;
	if (held == HELD_PORT && len == 2)
		return compare_port(op, port, (uint16_t)(data[0] << 8 | data[1]));
	if (held == HELD_PROTOCOL && len == 1)
		return negate(met(data[0] == IPPROTO_TCP), op == NFT_CMP_NEQ);
	if (held == HELD_FAMILY)
		return MET_YES; /* one of both families is enough to be let in */
	if (held == HELD_NEW || held == HELD_NOT_NEW)
		return negate(met(held == HELD_NOT_NEW), op == NFT_CMP_NEQ); /* with 0 */
	return MET_MAYBE;
}

static enum met in_range(const struct nftnl_expr *e, enum held held, uint16_t port)
{
	uint32_t len = 0;
	const uint8_t *from = nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &len);
	const uint8_t *to = len == 2 ? nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA, &len) : NULL;
	if (held != HELD_PORT || !from || !to || len != 2)
		return MET_MAYBE;
	bool in = port >= (from[0] << 8 | from[1]) && port <= (to[0] << 8 | to[1]);
	return negate(met(in), number(e, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ);
}

/* Of an interval set, the last element at or before the port tells: it begins a range, or ends one. */
static enum met in_elements(const struct nft_elements *all, uint16_t port)
{
	int best = -1;
	bool ends = false, interval = false;
	for (size_t i = 0; i < all->n; i++) {
		const struct nft_element *e = &all->v[i];
		int key = e->key[0] << 8 | e->key[1];
		interval |= e->end;
		if (e->key_len != 2 && e->key_len != 4)
			return MET_MAYBE;
		if (key > port || key < best || (key == best && e->end))
			continue;
		best = key;
		ends = e->end;
	}
	return met(best >= 0 && !ends && (interval || best == port));
}

static enum met in_set(const struct nftnl_rule *rule, const struct nftnl_expr *e, enum held held, uint16_t port)
{
	_cleanup_(nft_elements_free) struct nft_elements all = {0};
	const struct nft_table table = {
		.family = (int)nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY),
		.name = nftnl_rule_get_str(rule, NFTNL_RULE_TABLE),
	};
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG)) /* a map to verdicts */
		return MET_MAYBE;
	if (held != HELD_PORT || nft_elements(&table, nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET), 0, &all) < 0)
		return MET_MAYBE;
	return negate(in_elements(&all, port), number(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV);
}

/* A match of iptables-nft. */
static enum met xt_match(const struct nftnl_expr *e, uint16_t port)
{
	uint32_t len = 0;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
	const struct xt_tcp *tcp = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &len);
	if (!name || strcmp(name, "tcp") != 0 || !tcp || len < sizeof(*tcp))
		return name && strcmp(name, "comment") == 0 ? MET_YES : MET_MAYBE;
	bool in = port >= tcp->dpts[0] && port <= tcp->dpts[1];
	if (negate(met(in), tcp->invflags & XT_TCP_INV_DSTPT) == MET_NO)
		return MET_NO;
	bool all_sources = tcp->spts[0] == 0 && tcp->spts[1] == 65535 && !(tcp->invflags & XT_TCP_INV_SRCPT);
	return all_sources && !tcp->flg_mask && !tcp->option ? MET_YES : MET_MAYBE;
}

struct reading {
	const struct ruleset *set;
	const struct nftnl_rule *rule;
	enum held held[NFT_REG32_15 + 1];
	enum met met;         /* all comparisons so far */
	bool decides;         /* there is a verdict: */
	uint32_t verdict;
	const char *to;       /* of a jump */
};

static enum held *held_at(struct reading *r, uint32_t reg)
{
	return &r->held[reg <= NFT_REG32_15 ? reg : 0];
}

static void compared(struct reading *r, enum met m)
{
	r->met = m < r->met ? m : r->met;
}

static void decide(struct reading *r, uint32_t verdict, const char *to)
{
	r->decides = true;
	r->verdict = verdict;
	r->to = to;
}

static void read_verdict(struct reading *r, const struct nftnl_expr *e)
{
	if (number(e, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT)
		decide(r, number(e, NFTNL_EXPR_IMM_VERDICT),
		       nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN) ? nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN) : NULL);
}

static int read_expr(struct nftnl_expr *e, void *ctx)
{
	struct reading *r = ctx;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	if (strcmp(name, "payload") == 0)
		*held_at(r, number(e, NFTNL_EXPR_PAYLOAD_DREG)) = load_payload(e);
	else if (strcmp(name, "meta") == 0)
		*held_at(r, number(e, NFTNL_EXPR_META_DREG)) = load_meta(e);
	else if (strcmp(name, "ct") == 0)
		*held_at(r, number(e, NFTNL_EXPR_CT_DREG)) =
			number(e, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE ? HELD_STATE : HELD_OTHER;
	else if (strcmp(name, "bitwise") == 0)
		*held_at(r, number(e, NFTNL_EXPR_BITWISE_DREG)) =
			mask(e, *held_at(r, number(e, NFTNL_EXPR_BITWISE_SREG)));
	else if (strcmp(name, "cmp") == 0)
		compared(r, compare(e, *held_at(r, number(e, NFTNL_EXPR_CMP_SREG)), r->set->port));
	else if (strcmp(name, "range") == 0)
		compared(r, in_range(e, *held_at(r, number(e, NFTNL_EXPR_RANGE_SREG)), r->set->port));
	else if (strcmp(name, "lookup") == 0)
		compared(r, in_set(r->rule, e, *held_at(r, number(e, NFTNL_EXPR_LOOKUP_SREG)), r->set->port));
	else if (strcmp(name, "match") == 0)
		compared(r, xt_match(e, r->set->port));
	else if (strcmp(name, "immediate") == 0)
		read_verdict(r, e);
	else if (strcmp(name, "reject") == 0 ||
	         (strcmp(name, "target") == 0 && strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME), "REJECT") == 0))
		decide(r, NF_DROP, NULL);
	else if (strcmp(name, "counter") != 0 && strcmp(name, "log") != 0 && strcmp(name, "target") != 0)
		compared(r, MET_MAYBE);
	return MNL_CB_OK;
}

static bool is_in(const struct nftnl_rule *rule, const struct nftnl_chain *base, const char *chain)
{
	return nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY) == nftnl_chain_get_u32(base, NFTNL_CHAIN_FAMILY) &&
	       strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), nftnl_chain_get_str(base, NFTNL_CHAIN_TABLE)) == 0 &&
	       strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), chain) == 0;
}

static enum fate walk(const struct ruleset *set, const struct nftnl_chain *base, const char *chain, unsigned depth,
                      bool *some);

static bool jumps(const struct reading *r)
{
	return r->verdict == (uint32_t)NFT_JUMP || r->verdict == (uint32_t)NFT_GOTO;
}

/* What the rule does to all such connections; SOME is set where it accepts a part of them. */
static enum fate follow(struct reading *r, const struct nftnl_chain *base, unsigned depth, bool *some)
{
	enum fate fate = FATE_ON;
	if (jumps(r) && r->to && depth < DEPTH_MAX)
		fate = walk(r->set, base, r->to, depth + 1, some);
	else if (r->verdict == NF_ACCEPT || r->verdict == NF_DROP)
		fate = r->verdict == NF_ACCEPT ? FATE_ACCEPT : FATE_DROP;
	else if (r->verdict == (uint32_t)NF_QUEUE || r->verdict == (uint32_t)NF_STOLEN)
		*some = true;
	if (r->met == MET_YES)
		return fate;
	*some |= fate == FATE_ACCEPT;
	return FATE_ON;
}

static enum fate walk(const struct ruleset *set, const struct nftnl_chain *base, const char *chain, unsigned depth,
                      bool *some)
{
	for (size_t i = 0; i < set->rules.n; i++) {
		struct reading r = {.set = set, .rule = set->rules.v[i], .met = MET_YES};
		if (!is_in(r.rule, base, chain))
			continue;
		nftnl_expr_foreach((struct nftnl_rule *)r.rule, read_expr, &r);
		if (r.met == MET_NO || !r.decides)
			continue;
		if (r.verdict == (uint32_t)NFT_RETURN && r.met == MET_YES)
			return FATE_ON;
		enum fate fate = follow(&r, base, depth, some);
		if (fate != FATE_ON)
			return fate;
		if (r.verdict == (uint32_t)NFT_GOTO && r.met == MET_YES)
			break;
	}
	return FATE_ON;
}

static const char *family_name(uint32_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ? "ip" : "ip6";
}

static bool filters_input(const struct nftnl_chain *chain)
{
	uint32_t family = nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
	return (family == NFPROTO_INET || family == NFPROTO_IPV4 || family == NFPROTO_IPV6) &&
	       nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) &&
	       nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) == NF_INET_LOCAL_IN;
}

static int judge(const struct ruleset *set, const struct nftnl_chain *chain,
                 int (*visit)(void *ctx, const struct nft_filter *filter), void *ctx)
{
	const char *name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
	bool some = false;
	enum fate fate = walk(set, chain, name, 0, &some);
	if (fate == FATE_ON && nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP)
		fate = FATE_DROP;
	struct nft_filter filter = {
		.family = family_name(nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY)),
		.table = nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE),
		.chain = name,
		.fate = some ? NFT_PORT_SOME : NFT_PORT_NONE,
	};
	return fate == FATE_DROP ? visit(ctx, &filter) : 0;
}

int nft_port_filters(uint16_t port, int (*visit)(void *ctx, const struct nft_filter *filter), void *ctx)
{
	_cleanup_(ruleset_free) struct ruleset set = {.port = port};
	int r = dump(NFT_MSG_GETCHAIN, take_chain, forget_chains, &set);
	if (r == 0)
		r = dump(NFT_MSG_GETRULE, take_rule, forget_rules, &set);
	for (size_t i = 0; i < set.chains.n && r == 0; i++)
		if (filters_input(set.chains.v[i]))
			r = judge(&set, set.chains.v[i], visit, ctx);
	return r;
}
