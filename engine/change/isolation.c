/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/isolation.h"

#include "base/hash.h"
#include "change/nft-make.h"
#include "change/nft-ranges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOPBACK_INDEX 1u /* in every network namespace */
#define MLD_V2_REPORT 143
#define MARK_DIGITS 16
#define COMMENT_LEN 128

const struct nft_table isolation_table = {.family = NFPROTO_INET, .name = "respond-isolation"};

static const struct {
	const char *name;
	uint32_t hook;
} chains[] = {
	{"input", NF_INET_LOCAL_IN},
	{"output", NF_INET_LOCAL_OUT},
	{"forward", NF_INET_FORWARD},
};

#define N_CHAINS (sizeof(chains) / sizeof(*chains))

static const struct {
	const char *name;
	int family;
	uint32_t type, len;
} sets[] = {
	{"manage4", AF_INET, NFT_TYPE_IPV4, 4},
	{"manage6", AF_INET6, NFT_TYPE_IPV6, 16},
};

#define N_SETS (sizeof(sets) / sizeof(*sets))

enum test {
	TEST_LOOPBACK,   /* the interface */
	TEST_MANAGEMENT, /* the other end is in a set */
	TEST_PORTS,      /* UDP: from, to */
	TEST_ICMP,       /* type (from), and code (to) */
	TEST_ICMP6,      /* type (from) */
	TEST_ICMP6_LINK, /* likewise, and it was not forwarded: its hop limit is 255 */
};

/* A rule that accepts; those of a chain are in order, and a drop follows. */
static const struct accept_rule {
	const char *chain;
	const char *comment; /* by which it is known again, and for whoever lists the table */
	enum test test;
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6; 0: both */
	uint16_t from, to;
} rules[] = {
	{"input", "loopback", TEST_LOOPBACK, 0, 0, 0},
	{"input", "from management", TEST_MANAGEMENT, NFPROTO_IPV4, 0, 0},
	{"input", "from management", TEST_MANAGEMENT, NFPROTO_IPV6, 0, 0},
	{"input", "DHCP", TEST_PORTS, NFPROTO_IPV4, 67, 68},
	{"input", "DHCPv6", TEST_PORTS, NFPROTO_IPV6, 547, 546},
	{"input", "router advertisement", TEST_ICMP6_LINK, NFPROTO_IPV6, ND_ROUTER_ADVERT, 0},
	{"input", "neighbour solicitation", TEST_ICMP6_LINK, NFPROTO_IPV6, ND_NEIGHBOR_SOLICIT, 0},
	{"input", "neighbour advertisement", TEST_ICMP6_LINK, NFPROTO_IPV6, ND_NEIGHBOR_ADVERT, 0},
	{"input", "multicast listener query", TEST_ICMP6, NFPROTO_IPV6, MLD_LISTENER_QUERY, 0},
	{"input", "path MTU", TEST_ICMP, NFPROTO_IPV4, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED},
	{"input", "path MTU", TEST_ICMP6, NFPROTO_IPV6, ICMP6_PACKET_TOO_BIG, 0},
	{"output", "loopback", TEST_LOOPBACK, 0, 0, 0},
	{"output", "to management", TEST_MANAGEMENT, NFPROTO_IPV4, 0, 0},
	{"output", "to management", TEST_MANAGEMENT, NFPROTO_IPV6, 0, 0},
	{"output", "DHCP", TEST_PORTS, NFPROTO_IPV4, 68, 67},
	{"output", "DHCPv6", TEST_PORTS, NFPROTO_IPV6, 546, 547},
	{"output", "router solicitation", TEST_ICMP6_LINK, NFPROTO_IPV6, ND_ROUTER_SOLICIT, 0},
	{"output", "neighbour solicitation", TEST_ICMP6_LINK, NFPROTO_IPV6, ND_NEIGHBOR_SOLICIT, 0},
	{"output", "neighbour advertisement", TEST_ICMP6_LINK, NFPROTO_IPV6, ND_NEIGHBOR_ADVERT, 0},
	{"output", "multicast listener report", TEST_ICMP6, NFPROTO_IPV6, MLD_LISTENER_REPORT, 0},
	{"output", "multicast listener done", TEST_ICMP6, NFPROTO_IPV6, MLD_LISTENER_REDUCTION, 0},
	{"output", "multicast listener report", TEST_ICMP6, NFPROTO_IPV6, MLD_V2_REPORT, 0},
};

#define N_RULES (sizeof(rules) / sizeof(*rules))
#define DROP_COMMENT "everything else"

/* The table's comment: tells for which addresses it was made. */
static int mark_of(const struct addrs *management, char ret[COMMENT_LEN])
{
	_cleanup_buf_ struct buf text = {0};
	struct sha256 sha;
	int r = addrs_write(management, &text);
	if (r < 0)
		return r;
	sha256_bytes(buf_text(&text), text.len, &sha);
	snprintf(ret, COMMENT_LEN, NFT_MARK ", management %.*s", MARK_DIGITS, sha.hex);
	return 0;
}

static int ranges_of(const struct addrs *management, int family, struct ranges *ret)
{
	_cleanup_free_ struct asked *asked = calloc(management->n + 1, sizeof(*asked));
	size_t n = 0;
	if (!asked)
		return -ENOMEM;
	for (size_t i = 0; i < management->n; i++)
		if (management->v[i].family == family)
			asked[n++] = (struct asked){.net = management->v[i], .left_ms = LEFT_FOREVER};
	return ranges_make(asked, n, ret);
}

/* ---- what is there ----------------------------------------------------------------- */

static int differs(void *ctx, const struct range *range)
{
	(void)ctx, (void)range;
	return 1;
}

/* 1: the set holds the addresses, and no others. */
static int set_is_right(size_t set, const struct addrs *management)
{
	_cleanup_(nft_elements_free) struct nft_elements all = {0};
	_cleanup_ranges_ struct ranges wanted = {0}, there = {0};
	int r = ranges_of(management, sets[set].family, &wanted);
	if (r == 0)
		r = nft_elements(&isolation_table, sets[set].name, 0, &all);
	if (r == 0)
		r = ranges_read(&all, &there);
	if (r == 0)
		r = ranges_missing(&wanted, &there, differs, NULL);
	if (r == 0)
		r = ranges_missing(&there, &wanted, differs, NULL);
	return r < 0 ? r == -ENOENT ? 0 : r : r == 0;
}

/* Looks for the chain's next rule that is there, from *AT on. */
static const struct nft_rule *next_rule(const struct nft_rules *there, const char *chain, size_t *at)
{
	while (*at < there->n) {
		const struct nft_rule *rule = &there->v[(*at)++];
		if (strcmp(rule->chain, chain) == 0)
			return rule;
	}
	return NULL;
}

/* The rules of each chain in the order in which the kernel asks them. */
static bool rules_are_right(const struct nft_rules *there, struct buf *why)
{
	size_t seen = 0;
	for (size_t c = 0; c < N_CHAINS; c++) {
		size_t at = 0;
		for (size_t i = 0; i <= N_RULES; i++) {
			const char *comment = i < N_RULES ? rules[i].comment : DROP_COMMENT;
			if (i < N_RULES && strcmp(rules[i].chain, chains[c].name) != 0)
				continue;
			const struct nft_rule *rule = next_rule(there, chains[c].name, &at);
			seen++;
			if (rule && strcmp(rule->comment, comment) == 0)
				continue;
			buf_printf(why, "the rule \"%s\" of chain %s is not where it was", comment, chains[c].name);
			return false;
		}
	}
	if (seen != there->n)
		buf_puts(why, "somebody has added rules to it");
	return seen == there->n;
}

static int judge(const struct addrs *management, enum isolation_state *ret, struct buf *why)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_(nft_rules_free) struct nft_rules there = {0};
	int r = nft_chains(&isolation_table, &names);
	if (r == 0)
		r = nft_rules(&isolation_table, &there);
	if (r < 0)
		return r;
	*ret = ISOLATION_BROKEN;
	for (size_t c = 0; c < N_CHAINS; c++)
		if (!strv_has(&names, chains[c].name))
			return buf_printf(why, "its chain %s is gone", chains[c].name);
	if (!rules_are_right(&there, why))
		return buf_error(why);
	for (size_t i = 0; i < N_SETS; i++) {
		r = set_is_right(i, management);
		if (r <= 0)
			return r < 0 ? r : buf_printf(why, "its set %s holds other addresses", sets[i].name);
	}
	*ret = ISOLATION_WHOLE;
	return 0;
}

int isolation_read(const struct addrs *management, enum isolation_state *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf comment = {0}, why = {0};
	char mark[COMMENT_LEN];
	enum isolation_state state = ISOLATION_NONE;
	int r = mark_of(management, mark);
	if (r == 0)
		r = nft_table_comment(&isolation_table, &comment);
	if (r == 0 && strcmp(buf_text(&comment), mark) == 0)
		r = judge(management, &state, &why);
	else if (r == 0)
		state = strncmp(buf_text(&comment), NFT_MARK, strlen(NFT_MARK)) == 0 ? ISOLATION_OTHER : ISOLATION_FOREIGN;
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = state;
	return ret_why && why.len ? buf_puts(ret_why, why.data) : 0;
}

/* ---- making it ------------------------------------------------------------------- */

static void put_family(struct nft_making *m, uint8_t family)
{
	nft_put_meta(m, NFT_META_NFPROTO);
	nft_put_is(m, &family, sizeof(family));
}

static void put_protocol(struct nft_making *m, uint8_t protocol)
{
	nft_put_meta(m, NFT_META_L4PROTO);
	nft_put_is(m, &protocol, sizeof(protocol));
}

static void put_header_is(struct nft_making *m, size_t offset, const void *value, size_t len)
{
	nft_put_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, offset, len);
	nft_put_is(m, value, len);
}

static void put_loopback(struct nft_making *m, bool in)
{
	uint32_t index = LOOPBACK_INDEX;
	nft_put_meta(m, in ? NFT_META_IIF : NFT_META_OIF);
	nft_put_is(m, &index, sizeof(index));
}

static void put_management(struct nft_making *m, uint8_t family, bool in)
{
	bool v4 = family == NFPROTO_IPV4;
	size_t offset = v4 ? in ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr)
	                   : in ? offsetof(struct ip6_hdr, ip6_src) : offsetof(struct ip6_hdr, ip6_dst);
	nft_put_payload(m, NFT_PAYLOAD_NETWORK_HEADER, offset, v4 ? 4 : 16);
	nft_put_in(m, sets[v4 ? 0 : 1].name);
}

static void put_ports(struct nft_making *m, uint16_t from, uint16_t to)
{
	uint16_t source = htons(from), destination = htons(to);
	put_protocol(m, IPPROTO_UDP);
	put_header_is(m, offsetof(struct udphdr, source), &source, sizeof(source));
	put_header_is(m, offsetof(struct udphdr, dest), &destination, sizeof(destination));
}

static void put_icmp(struct nft_making *m, const struct accept_rule *rule)
{
	uint8_t type = (uint8_t)rule->from, code = (uint8_t)rule->to, hops = 255;
	put_protocol(m, rule->test == TEST_ICMP ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	put_header_is(m, offsetof(struct icmp6_hdr, icmp6_type), &type, sizeof(type));
	if (rule->test == TEST_ICMP)
		put_header_is(m, offsetof(struct icmphdr, code), &code, sizeof(code));
	if (rule->test != TEST_ICMP6_LINK)
		return;
	nft_put_payload(m, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct ip6_hdr, ip6_hlim), sizeof(hops));
	nft_put_is(m, &hops, sizeof(hops));
}

static int make_accept(const struct accept_rule *rule, struct nft_batch *batch)
{
	struct nft_making m;
	bool in = strcmp(rule->chain, "input") == 0;
	char what[COMMENT_LEN];
	nft_rule_begin(&m, &isolation_table, rule->chain);
	if (rule->family)
		put_family(&m, rule->family);
	switch (rule->test) {
	case TEST_LOOPBACK: put_loopback(&m, in); break;
	case TEST_MANAGEMENT: put_management(&m, rule->family, in); break;
	case TEST_PORTS: put_ports(&m, rule->from, rule->to); break;
	case TEST_ICMP:
	case TEST_ICMP6:
	case TEST_ICMP6_LINK: put_icmp(&m, rule); break;
	}
	nft_put_verdict(&m, false, NF_ACCEPT);
	snprintf(what, sizeof(what), "adding the rule \"%s\" to chain %s", rule->comment, rule->chain);
	return nft_rule_end(&m, rule->comment, what, batch);
}

static int make_drop(const char *chain, struct nft_batch *batch)
{
	struct nft_making m;
	nft_rule_begin(&m, &isolation_table, chain);
	nft_put_verdict(&m, true, NF_DROP);
	return nft_rule_end(&m, DROP_COMMENT, "adding the rule that drops everything else", batch);
}

static int make_set(size_t set, const struct addrs *management, struct nft_batch *batch)
{
	_cleanup_ranges_ struct ranges ranges = {0};
	const struct nft_set_shape shape = {.flags = NFT_SET_INTERVAL, .type = sets[set].type, .len = sets[set].len};
	int r = nft_make_set(&isolation_table, sets[set].name, &shape, batch);
	if (r == 0)
		r = ranges_of(management, sets[set].family, &ranges);
	for (size_t i = 0; r == 0 && i < ranges.n; i++) {
		struct nft_element e[2];
		size_t n = range_elements(&ranges.v[i], sets[set].len, e);
		for (size_t j = 0; r == 0 && j < n; j++)
			r = nft_batch_element(batch, NFT_MSG_NEWSETELEM, &isolation_table, sets[set].name, &e[j], NULL);
	}
	return r;
}

static int make(const struct addrs *management, struct nft_batch *batch)
{
	char mark[COMMENT_LEN];
	int r = mark_of(management, mark);
	if (r == 0)
		r = nft_make_table(&isolation_table, mark, batch);
	for (size_t i = 0; r == 0 && i < N_SETS; i++)
		r = make_set(i, management, batch);
	for (size_t i = 0; r == 0 && i < N_CHAINS; i++)
		r = nft_make_chain(&isolation_table, chains[i].name, chains[i].hook, batch);
	for (size_t i = 0; r == 0 && i < N_RULES; i++)
		r = make_accept(&rules[i], batch);
	for (size_t i = 0; r == 0 && i < N_CHAINS; i++)
		r = make_drop(chains[i].name, batch);
	return r;
}

static int may_put(enum isolation_state state, bool repair, struct buf *why)
{
	switch (state) {
	case ISOLATION_NONE:
	case ISOLATION_WHOLE: return 0;
	case ISOLATION_BROKEN: return repair ? 0 : -ESTALE;
	case ISOLATION_OTHER:
		buf_puts(why, "the host is isolated already, for other management addresses");
		return -EEXIST;
	case ISOLATION_FOREIGN: break;
	}
	buf_printf(why, "a table inet %s is there that this program did not make", isolation_table.name);
	return -EEXIST;
}

static int put_once(const struct addrs *management, bool repair, struct buf *why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	enum isolation_state state = ISOLATION_NONE;
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = isolation_read(management, &state, why);
	if (r == 0)
		r = may_put(state, repair, why);
	if (r < 0 || state == ISOLATION_WHOLE)
		return r;
	buf_reset(why);
	nft_batch_begin(&batch, generation);
	if (state == ISOLATION_BROKEN)
		r = nft_remove_table(&isolation_table, &batch);
	if (r == 0)
		r = make(management, &batch);
	return r < 0 ? r : nft_batch_send(&batch, why);
}

static int take_once(const struct addrs *management, enum isolation_state *ret_found, struct buf *why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = isolation_read(management, ret_found, NULL);
	if (r < 0 || (*ret_found != ISOLATION_WHOLE && *ret_found != ISOLATION_BROKEN))
		return r;
	nft_batch_begin(&batch, generation);
	r = nft_remove_table(&isolation_table, &batch);
	return r < 0 ? r : nft_batch_send(&batch, why);
}

int isolation_put(const struct addrs *management, bool repair, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = put_once(management, repair, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}

int isolation_take(const struct addrs *management, enum isolation_state *ret_found, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = take_once(management, ret_found, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}
