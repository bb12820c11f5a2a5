/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Transactions are made as in nft-force.c: for the generation of the ruleset that was looked
 * at, and again when somebody else was faster or an element has just ended by itself.
 */
#include "change/closed-ports.h"

#include "change/nft-make.h"
#include "change/nft-rule.h"
#include "change/nft-times.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/tcp.h>
#include <string.h>

#define LOOPBACK_INDEX 1u /* in every network namespace */
#define FLAGS_OFFSET 13   /* in a TCP header */

static const struct {
	uint8_t protocol;
	const char *name;
} sets[] = {
	{IPPROTO_TCP, "closed-tcp"},
	{IPPROTO_UDP, "closed-udp"},
};

#define N_SETS (sizeof(sets) / sizeof(*sets))

static const char *set_of(uint8_t protocol)
{
	return sets[protocol == IPPROTO_UDP].name;
}

void closed_free(struct closed_ports *ports)
{
	layout_free(&ports->layout);
	*ports = (struct closed_ports){0};
}

/* ---- the chain --------------------------------------------------------------------- */

static void put_protocol(struct nft_making *m, uint8_t protocol)
{
	nft_put_meta(m, NFT_META_L4PROTO);
	nft_put_is(m, &protocol, sizeof(protocol));
}

static void put_loopback(struct nft_making *m)
{
	uint32_t index = LOOPBACK_INDEX;
	nft_put_meta(m, NFT_META_IIF);
	nft_put_is(m, &index, sizeof(index));
	nft_put_verdict(m, false, NF_ACCEPT);
}

/* All but the first segment of a connection from outside. */
static void put_connected(struct nft_making *m)
{
	const uint8_t mask = TH_SYN | TH_ACK, opening = TH_SYN;
	put_protocol(m, IPPROTO_TCP);
	nft_put_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, FLAGS_OFFSET, sizeof(mask));
	nft_put_mask(m, &mask, sizeof(mask));
	nft_put_is_not(m, &opening, sizeof(opening));
	nft_put_verdict(m, false, NF_ACCEPT);
}

static void put_closed(struct nft_making *m, uint8_t protocol)
{
	put_protocol(m, protocol);
	nft_put_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, th_dport), sizeof(uint16_t));
	nft_put_in(m, set_of(protocol));
	nft_put_verdict(m, true, NF_DROP);
}

static void put_closed_tcp(struct nft_making *m)
{
	put_closed(m, IPPROTO_TCP);
}

static void put_closed_udp(struct nft_making *m)
{
	put_closed(m, IPPROTO_UDP);
}

/* In this order. The comment is what a rule is known by. */
static const struct {
	const char *comment;
	void (*put)(struct nft_making *m);
} rules[] = {
	{"loopback", put_loopback},
	{"connections that are there", put_connected},
	{"to closed-tcp", put_closed_tcp},
	{"to closed-udp", put_closed_udp},
};

#define N_RULES (sizeof(rules) / sizeof(*rules))

/* How many rules the chain has; *RET_RIGHT: they are ours, all of them, in order. */
static size_t count_rules(const struct layout *layout, bool *ret_right)
{
	size_t n = 0;
	bool right = true;
	for (size_t i = 0; i < layout->rules.n; i++) {
		const struct nft_rule *rule = &layout->rules.v[i];
		if (strcmp(rule->chain, CLOSED_CHAIN) != 0)
			continue;
		right &= n < N_RULES && strcmp(rule->comment, rules[n].comment) == 0;
		n++;
	}
	*ret_right = right && n == N_RULES;
	return n;
}

static bool is_complete(const struct layout *layout)
{
	bool right;
	count_rules(layout, &right);
	for (size_t i = 0; i < N_SETS; i++)
		right &= layout_has_set(layout, sets[i].name);
	return layout->there && right;
}

static int remove_rules(const struct layout *layout, struct nft_batch *batch)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < layout->rules.n; i++)
		if (strcmp(layout->rules.v[i].chain, CLOSED_CHAIN) == 0)
			r = drop_rule_remove(&respond_table, &layout->rules.v[i], batch);
	return r;
}

static int make_rules(struct nft_batch *batch)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < N_RULES; i++) {
		struct nft_making m;
		nft_rule_begin(&m, &respond_table, CLOSED_CHAIN);
		rules[i].put(&m);
		r = nft_rule_end(&m, rules[i].comment, "adding a rule to chain " CLOSED_CHAIN, batch);
	}
	return r;
}

/* Whatever is missing; rules that are not as they were made are made anew. */
static int make_layout(const struct layout *layout, struct nft_batch *batch)
{
	const struct nft_set_shape shape = {.flags = NFT_SET_TIMEOUT, .type = NFT_TYPE_PORT, .len = sizeof(uint16_t)};
	bool right;
	int r = layout->there ? 0 : nft_make_table(&respond_table, NFT_MARK, batch);
	for (size_t i = 0; r == 0 && i < N_SETS; i++)
		if (!layout_has_set(layout, sets[i].name))
			r = nft_make_set(&respond_table, sets[i].name, &shape, batch);
	if (r == 0 && !strv_has(&layout->chains, CLOSED_CHAIN))
		r = nft_make_chain(&respond_table, CLOSED_CHAIN, NF_INET_LOCAL_IN, batch);
	count_rules(layout, &right);
	if (r == 0 && !right)
		r = remove_rules(layout, batch);
	return r == 0 && !right ? make_rules(batch) : r;
}

/* ---- what is there ------------------------------------------------------------------- */

static void element_of(const struct closed_port *p, int64_t ttl_ms, struct nft_element *ret)
{
	uint16_t wire = htons(p->port);
	*ret = (struct nft_element){
		.key_len = sizeof(wire),
		.timeout_ms = ttl_ms == LEFT_FOREVER ? 0 : (uint64_t)ttl_ms,
	};
	memcpy(ret->key, &wire, sizeof(wire));
}

static void judge(struct closed_port *p, const struct nft_elements *all, int64_t enough_ms)
{
	uint16_t wire = htons(p->port);
	p->state = CLOSED_NOT;
	p->left_ms = 0;
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].key_len != sizeof(wire) || memcmp(all->v[i].key, &wire, sizeof(wire)) != 0)
			continue;
		p->left_ms = left_of(&all->v[i]);
		p->state = p->left_ms >= enough_ms ? CLOSED_FULL : CLOSED_SHORTER;
	}
}

int closed_read(struct closed_ports *ports, int64_t enough_ms)
{
	_cleanup_(nft_elements_free) struct nft_elements all = {0};
	const char *set = set_of(ports->protocol);
	layout_free(&ports->layout);
	int r = layout_read(&ports->layout);
	if (r == 0 && layout_has_set(&ports->layout, set))
		r = nft_elements(&respond_table, set, 0, &all);
	if (r < 0)
		return r;
	ports->complete = is_complete(&ports->layout);
	for (size_t i = 0; i < ports->n; i++)
		judge(&ports->v[i], &all, enough_ms);
	return 0;
}

/* ---- transactions ---------------------------------------------------------------------- */

static bool gives_way(const struct closed_port *p)
{
	return p->state != CLOSED_NOT && (!p->kept || left_exceeds(p->left_ms, p->keep_ms));
}

/* What is to end otherwise than it does is taken out and put in again. */
static int write_ports(const struct closed_ports *ports, int type, bool (*pick)(const struct closed_port *p),
                       int64_t ttl_ms, const char *comment, struct nft_batch *batch)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < ports->n; i++) {
		const struct closed_port *p = &ports->v[i];
		struct nft_element e;
		if (!pick(p))
			continue;
		element_of(p, p->kept ? p->keep_ms : ttl_ms ? ttl_ms : LEFT_FOREVER, &e);
		if (type == NFT_MSG_DELSETELEM)
			e.timeout_ms = 0;
		r = nft_batch_element(batch, type, &respond_table, set_of(ports->protocol), &e,
		                      type == NFT_MSG_NEWSETELEM ? comment : NULL);
	}
	return r;
}

static bool is_shorter(const struct closed_port *p)
{
	return p->state == CLOSED_SHORTER;
}

static bool is_not_full(const struct closed_port *p)
{
	return p->state != CLOSED_FULL;
}

static bool is_shortened(const struct closed_port *p)
{
	return p->kept && gives_way(p);
}

static int put_once(struct closed_ports *ports, int64_t ttl_ms, const char *comment, struct buf *why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = closed_read(ports, left_enough(ttl_ms));
	if (r == -EEXIST)
		buf_puts(why, "a table inet respond is there that this program did not make");
	if (r < 0)
		return r;
	nft_batch_begin(&batch, generation);
	r = make_layout(&ports->layout, &batch);
	if (r == 0)
		r = write_ports(ports, NFT_MSG_DELSETELEM, is_shorter, 0, NULL, &batch);
	if (r == 0)
		r = write_ports(ports, NFT_MSG_NEWSETELEM, is_not_full, ttl_ms, comment, &batch);
	return r < 0 ? r : nft_batch_send(&batch, why);
}

static int take_once(struct closed_ports *ports, const char *comment, struct buf *why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = closed_read(ports, 0);
	if (r == -EEXIST)
		return 0; /* ours is gone, and with it all that was in it */
	if (r < 0)
		return r;
	nft_batch_begin(&batch, generation);
	r = write_ports(ports, NFT_MSG_DELSETELEM, gives_way, 0, NULL, &batch);
	if (r == 0)
		r = write_ports(ports, NFT_MSG_NEWSETELEM, is_shortened, 0, comment, &batch);
	return r < 0 ? r : nft_batch_send(&batch, why);
}

/* 1: a port is closed. How many of the sets are there goes to RET_SETS. */
static int any_is_closed(const struct layout *layout, size_t *ret_sets)
{
	int r = 0;
	*ret_sets = 0;
	for (size_t i = 0; r == 0 && i < N_SETS; i++) {
		_cleanup_(nft_elements_free) struct nft_elements some = {0};
		if (!layout_has_set(layout, sets[i].name))
			continue;
		r = nft_elements(&respond_table, sets[i].name, 1, &some);
		if (r == 0)
			r = some.n > 0;
		++*ret_sets;
	}
	return r;
}

static int remove_chain(const struct layout *layout, struct nft_batch *batch)
{
	return strv_has(&layout->chains, CLOSED_CHAIN) ? nft_remove_chain(&respond_table, CLOSED_CHAIN, batch) : 0;
}

static int remove_sets(const struct layout *layout, struct nft_batch *batch)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < N_SETS; i++)
		if (layout_has_set(layout, sets[i].name))
			r = nft_remove_set(&respond_table, sets[i].name, batch);
	return r;
}

static int clean_once(struct buf *why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	_cleanup_layout_ struct layout layout = {0};
	uint32_t generation;
	size_t n_sets = 0;
	bool right;
	int r = nft_generation(&generation);
	if (r == 0)
		r = layout_read(&layout);
	if (r < 0 || !layout.there)
		return r == -EEXIST ? 0 : r;
	r = any_is_closed(&layout, &n_sets);
	if (r)
		return r < 0 ? r : 0;
	nft_batch_begin(&batch, generation);
	if (layout_is_only(&layout, count_rules(&layout, &right), n_sets)) {
		r = nft_remove_table(&respond_table, &batch);
	} else {
		r = remove_rules(&layout, &batch);
		if (r == 0)
			r = remove_sets(&layout, &batch);
		if (r == 0)
			r = remove_chain(&layout, &batch);
	}
	return r < 0 ? r : nft_batch_send(&batch, why);
}

int closed_put(struct closed_ports *ports, int64_t ttl_ms, const char *comment, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = put_once(ports, ttl_ms, comment, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}

int closed_take(struct closed_ports *ports, const char *comment, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = take_once(ports, comment, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}

int closed_clean(struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = clean_once(ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}
