/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-layout.h"

#include "change/nft-make.h"
#include "change/nft-rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#define LONG_LIST 65536
#define SET_SIZE (2u * 1024 * 1024)

const struct nft_table respond_table = {.family = NFPROTO_INET, .name = "respond"};

static const struct {
	unsigned direction;
	const char *word;
	const char *chain;
	uint32_t hook;
	bool source, destination;
} directions[] = {
	{DIRECTION_IN, "in", "input", NF_INET_LOCAL_IN, true, false},
	{DIRECTION_OUT, "out", "output", NF_INET_LOCAL_OUT, false, true},
	{DIRECTION_FORWARD, "forward", "forward", NF_INET_FORWARD, true, true},
};

#define N_DIRECTIONS (sizeof(directions) / sizeof(*directions))

static const int families[] = {AF_INET, AF_INET6};

const char *direction_word(unsigned direction)
{
	for (size_t i = 0; i < N_DIRECTIONS; i++)
		if (directions[i].direction == direction)
			return directions[i].word;
	return "";
}

int directions_text(unsigned set, const char *separator, struct buf *ret)
{
	const char *before = "";
	for (size_t i = 0; i < N_DIRECTIONS; i++) {
		if (!(set & directions[i].direction))
			continue;
		buf_puts(ret, before);
		buf_puts(ret, directions[i].word);
		before = separator;
	}
	return buf_error(ret);
}

int direction_parse(const char *word, unsigned *ret)
{
	for (size_t i = 0; i < N_DIRECTIONS; i++)
		if (strcmp(directions[i].word, word) == 0) {
			*ret |= directions[i].direction;
			return 0;
		}
	return -EINVAL;
}

void set_name(const struct block_group *group, int family, enum set_role role, char ret[SET_NAME_LEN])
{
	static const char *const roles[SET_ROLES] = {"", "-net", "-asked"};
	char port[16] = "", words[24] = "";
	if (group->port)
		snprintf(port, sizeof(port), "-p%u", group->port);
	if (group->directions != DIRECTION_ALL)
		snprintf(words, sizeof(words), "%s%s%s", group->directions & DIRECTION_IN ? "-in" : "",
		         group->directions & DIRECTION_OUT ? "-out" : "",
		         group->directions & DIRECTION_FORWARD ? "-forward" : "");
	snprintf(ret, SET_NAME_LEN, "block%c%s%s%s", family == AF_INET ? '4' : '6', words, port, roles[role]);
}

void layout_free(struct layout *layout)
{
	strv_free(&layout->chains);
	strv_free(&layout->sets);
	nft_rules_free(&layout->rules);
	*layout = (struct layout){0};
}

int layout_read(struct layout *ret)
{
	_cleanup_buf_ struct buf comment = {0};
	_cleanup_layout_ struct layout l = {0};
	int r = nft_table_comment(&respond_table, &comment);
	if (r == 0 && strcmp(buf_text(&comment), NFT_MARK) != 0)
		return -EEXIST;
	l.there = r == 0;
	if (r == -ENOENT)
		r = 0;
	if (r == 0 && l.there)
		r = nft_chains(&respond_table, &l.chains);
	if (r == 0 && l.there)
		r = nft_sets(&respond_table, &l.sets);
	if (r == 0 && l.there)
		r = nft_rules(&respond_table, &l.rules);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct layout){0};
	return 0;
}

bool layout_has_set(const struct layout *layout, const char *set)
{
	return strv_has(&layout->sets, set);
}

/* A rule is known by its chain and its comment. */
static bool has_rule(const struct layout *layout, const struct drop_rule *rule)
{
	char comment[RULE_COMMENT_LEN];
	drop_rule_comment(rule, comment);
	for (size_t i = 0; i < layout->rules.n; i++)
		if (strcmp(layout->rules.v[i].chain, rule->chain) == 0 &&
		    strcmp(layout->rules.v[i].comment, comment) == 0)
			return true;
	return false;
}

/* What of a layout is the group's own. */
struct share {
	const struct layout *layout;
	struct nft_batch *batch; /* NULL: only count */
	size_t rules, sets;
};

static int visit_ends(const struct block_group *group, size_t direction, struct drop_rule *rule,
                      int (*visit)(void *ctx, const struct drop_rule *rule), void *ctx)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	for (int source = 1; source >= 0; source--) {
		if (!(source ? directions[direction].source : directions[direction].destination))
			continue;
		rule->source = source;
		for (size_t p = 0; p < (group->port ? 2 : 1); p++) {
			rule->protocol = group->port ? protocols[p] : 0;
			int r = visit(ctx, rule);
			if (r)
				return r;
		}
	}
	return 0;
}

/* Every rule that the group has. */
static int visit_rules(const struct block_group *group, int (*visit)(void *ctx, const struct drop_rule *rule), void *ctx)
{
	struct drop_rule rule = {.port = group->port};
	for (size_t d = 0; d < N_DIRECTIONS; d++) {
		if (!(group->directions & directions[d].direction))
			continue;
		rule.chain = directions[d].chain;
		for (size_t f = 0; f < 2; f++)
			for (enum set_role role = SET_HOSTS; role <= SET_RANGES; role++) {
				rule.family = families[f];
				set_name(group, families[f], role, rule.set);
				int r = visit_ends(group, d, &rule, visit, ctx);
				if (r)
					return r;
			}
	}
	return 0;
}

static int is_missing(void *ctx, const struct drop_rule *rule)
{
	const struct layout *layout = ((struct share *)ctx)->layout;
	return !strv_has(&layout->chains, rule->chain) || !has_rule(layout, rule);
}

bool layout_complete(const struct layout *layout, const struct block_group *group)
{
	if (!layout->there)
		return false;
	for (size_t f = 0; f < 2; f++)
		for (enum set_role role = 0; role < SET_ROLES; role++) {
			char name[SET_NAME_LEN];
			set_name(group, families[f], role, name);
			if (!layout_has_set(layout, name))
				return false;
		}
	struct share share = {.layout = layout};
	return visit_rules(group, is_missing, &share) == 0;
}

/* The attributes of sets by role. The prefixes asked for are pairs of address and length. */
static const struct {
	uint32_t flags;
	const char *comment; /* for whoever lists the table */
} roles[SET_ROLES] = {
	[SET_HOSTS] = {NFT_SET_TIMEOUT, NULL},
	[SET_RANGES] = {NFT_SET_TIMEOUT | NFT_SET_INTERVAL, NULL},
	[SET_ASKED] = {NFT_SET_TIMEOUT, "prefixes asked for: address and length"},
};

/* A hash set that grows while a long list is put in takes twice as long. But what a set is laid
 * out for is also all that it takes: so there is room for far more. */
static size_t size_for(size_t hosts)
{
	return hosts < LONG_LIST ? 0 : hosts > SET_SIZE / 4 ? 4 * hosts : SET_SIZE;
}

static int make_set(const char *name, int family, enum set_role role, size_t hosts, struct nft_batch *batch)
{
	struct nft_set_shape shape = {
		.flags = roles[role].flags,
		.type = family == AF_INET ? NFT_TYPE_IPV4 : NFT_TYPE_IPV6,
		.len = family == AF_INET ? 4 : 16,
		.size = role == SET_HOSTS ? size_for(hosts) : 0,
		.comment = roles[role].comment,
	};
	if (role == SET_ASKED) {
		shape.type = shape.type << NFT_TYPE_BITS | NFT_TYPE_MARK;
		shape.len += 4;
	}
	return nft_make_set(&respond_table, name, &shape, batch);
}

static int make_sets(const struct layout *layout, const struct block_group *group, const size_t hosts[2],
                     struct nft_batch *batch)
{
	for (size_t f = 0; f < 2; f++)
		for (enum set_role role = 0; role < SET_ROLES; role++) {
			char name[SET_NAME_LEN];
			set_name(group, families[f], role, name);
			if (layout_has_set(layout, name))
				continue;
			int r = make_set(name, families[f], role, hosts[f], batch);
			if (r < 0)
				return r;
		}
	return 0;
}

static int make_rule(void *ctx, const struct drop_rule *rule)
{
	struct share *share = ctx;
	return has_rule(share->layout, rule) ? 0 : drop_rule_make(&respond_table, rule, share->batch);
}

int layout_make(const struct layout *layout, const struct block_group *group, const size_t hosts[2],
                struct nft_batch *batch)
{
	struct share share = {.layout = layout, .batch = batch};
	int r = layout->there ? 0 : nft_make_table(&respond_table, NFT_MARK, batch);
	for (size_t d = 0; r == 0 && d < N_DIRECTIONS; d++)
		if (!strv_has(&layout->chains, directions[d].chain))
			r = nft_make_chain(&respond_table, directions[d].chain, directions[d].hook, batch);
	if (r == 0)
		r = make_sets(layout, group, hosts, batch);
	return r < 0 ? r : visit_rules(group, make_rule, &share);
}

static int take_rule(void *ctx, const struct drop_rule *rule)
{
	struct share *share = ctx;
	char comment[RULE_COMMENT_LEN];
	drop_rule_comment(rule, comment);
	for (size_t i = 0; i < share->layout->rules.n; i++) {
		const struct nft_rule *there = &share->layout->rules.v[i];
		if (strcmp(there->chain, rule->chain) != 0 || strcmp(there->comment, comment) != 0)
			continue;
		share->rules++;
		int r = share->batch ? drop_rule_remove(&respond_table, there, share->batch) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_sets(const struct block_group *group, struct share *share)
{
	for (size_t f = 0; f < 2; f++)
		for (enum set_role role = 0; role < SET_ROLES; role++) {
			char name[SET_NAME_LEN];
			set_name(group, families[f], role, name);
			if (!layout_has_set(share->layout, name))
				continue;
			share->sets++;
			int r = share->batch ? nft_remove_set(&respond_table, name, share->batch) : 0;
			if (r < 0)
				return r;
		}
	return 0;
}

bool layout_is_only(const struct layout *layout, size_t rules, size_t sets)
{
	for (size_t i = 0; i < layout->chains.n; i++) {
		bool ours = strcmp(layout->chains.v[i], CLOSED_CHAIN) == 0;
		for (size_t d = 0; d < N_DIRECTIONS; d++)
			ours |= strcmp(directions[d].chain, layout->chains.v[i]) == 0;
		if (!ours)
			return false;
	}
	return rules == layout->rules.n && sets == layout->sets.n;
}

int layout_remove(const struct layout *layout, const struct block_group *group, struct nft_batch *batch)
{
	struct share share = {.layout = layout};
	int r = visit_rules(group, take_rule, &share);
	if (r == 0)
		r = take_sets(group, &share);
	if (r == 0 && layout_is_only(layout, share.rules, share.sets))
		return nft_remove_table(&respond_table, batch);
	share.batch = batch;
	if (r == 0)
		r = visit_rules(group, take_rule, &share);
	return r < 0 ? r : take_sets(group, &share);
}
