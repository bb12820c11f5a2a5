/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every transaction is made for the generation of the ruleset that was looked at: when
 * somebody else was faster, the kernel refuses it (ERESTART) and everything is looked at
 * again. An element may also end by itself in between (ENOENT): the same.
 */
#include "change/nft-force.h"

#include "change/nft-make.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

static unsigned key_len(const struct part *p)
{
	return p->family == AF_INET ? 4 : 16;
}

void force_free(struct force_state *s)
{
	layout_free(&s->layout);
	for (size_t i = 0; i < PARTS; i++) {
		struct part *p = &s->parts[i];
		addrs_free(&p->addrs);
		ranges_free(&p->ranges);
		free(p->state);
		free(p->left_ms);
		free(p->kept);
		free(p->keep_ms);
		free(p->asked);
	}
	*s = (struct force_state){0};
}

static size_t part_of(const struct netaddr *a)
{
	return (a->family == AF_INET ? 0 : 2) + !netaddr_is_host(a);
}

int force_new(const struct block *block, struct force_state *ret)
{
	_cleanup_force_ struct force_state s = {0};
	for (size_t i = 0; i < PARTS; i++) {
		s.parts[i].family = i < 2 ? AF_INET : AF_INET6;
		s.parts[i].nets = i % 2;
	}
	for (size_t i = 0; i < block->addrs.n; i++)
		if (addrs_add(&s.parts[part_of(&block->addrs.v[i])].addrs, &block->addrs.v[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < PARTS; i++) {
		struct part *p = &s.parts[i];
		p->state = calloc(p->addrs.n + 1, sizeof(*p->state));
		p->left_ms = calloc(p->addrs.n + 1, sizeof(*p->left_ms));
		p->kept = calloc(p->addrs.n + 1, sizeof(*p->kept));
		p->keep_ms = calloc(p->addrs.n + 1, sizeof(*p->keep_ms));
		if (!p->state || !p->left_ms || !p->kept || !p->keep_ms)
			return -ENOMEM;
	}
	*ret = s;
	s = (struct force_state){0};
	return 0;
}

struct finding {
	struct part *part;
	int64_t enough_ms;
};

static int note_host(void *ctx, size_t i, const struct nft_element *e)
{
	struct finding *f = ctx;
	f->part->left_ms[i] = e ? left_of(e) : 0;
	f->part->state[i] = !e ? FORCE_NONE : left_of(e) >= f->enough_ms ? FORCE_FULL : FORCE_SHORTER;
	return 0;
}

static int find_hosts(struct part *p, const char *set, int64_t enough_ms)
{
	struct finding f = {.part = p, .enough_ms = enough_ms};
	return nft_find(&respond_table, set, p->addrs.v[0].bytes, sizeof(p->addrs.v[0]), key_len(p), p->addrs.n, note_host, &f);
}

/* The key of a prefix that was asked for: address, and length as a host-order word. */
static void put_asked(const struct asked *a, unsigned len, struct nft_element *ret)
{
	uint32_t prefix = a->net.prefix;
	*ret = (struct nft_element){
		.key_len = (uint8_t)(len + sizeof(prefix)),
		.timeout_ms = a->left_ms == LEFT_FOREVER ? 0 : (uint64_t)a->left_ms,
	};
	memcpy(ret->key, a->net.bytes, len);
	memcpy(ret->key + len, &prefix, sizeof(prefix));
}

static int asked_cmp(const void *a, const void *b)
{
	return netaddr_cmp(&((const struct asked *)a)->net, &((const struct asked *)b)->net);
}

static int net_cmp(const void *a, const void *b)
{
	return netaddr_cmp(a, b);
}

static int read_asked(struct part *p, const char *set)
{
	_cleanup_(nft_elements_free) struct nft_elements all = {0};
	int r = nft_elements(&respond_table, set, 0, &all);
	if (r < 0)
		return r;
	p->asked = calloc(all.n + 1, sizeof(*p->asked));
	if (!p->asked)
		return -ENOMEM;
	for (size_t i = 0; i < all.n; i++) {
		uint32_t prefix;
		struct asked *a = &p->asked[p->n_asked];
		if (all.v[i].key_len != key_len(p) + sizeof(prefix))
			continue;
		memcpy(&prefix, all.v[i].key + key_len(p), sizeof(prefix));
		if (prefix > 8 * key_len(p))
			continue; /* put there by hand: stands for nothing */
		*a = (struct asked){.net = {.family = p->family, .prefix = prefix}, .left_ms = left_of(&all.v[i])};
		memcpy(a->net.bytes, all.v[i].key, key_len(p));
		p->n_asked++;
	}
	qsort(p->asked, p->n_asked, sizeof(*p->asked), asked_cmp);
	return 0;
}

static int read_ranges(struct part *p, const char *set)
{
	_cleanup_(nft_elements_free) struct nft_elements all = {0};
	int r = nft_elements(&respond_table, set, 0, &all);
	return r < 0 ? r : ranges_read(&all, &p->ranges);
}

static void judge_nets(struct part *p, int64_t enough_ms)
{
	/* A range that an element was made with a moment later may end a moment earlier. */
	int64_t covered_ms = enough_ms == LEFT_FOREVER || enough_ms < LEFT_SAME_MS ? enough_ms : enough_ms - LEFT_SAME_MS;
	for (size_t i = 0; i < p->addrs.n; i++) {
		struct asked wanted = {.net = p->addrs.v[i]};
		const struct asked *a = bsearch(&wanted, p->asked, p->n_asked, sizeof(wanted), asked_cmp);
		bool full = a && a->left_ms >= enough_ms && ranges_cover(&p->ranges, &wanted.net, covered_ms);
		p->left_ms[i] = a ? a->left_ms : 0;
		p->state[i] = full ? FORCE_FULL : a ? FORCE_SHORTER : FORCE_NONE;
	}
}

static int find_nets(struct part *p, const struct block_group *group, const struct layout *layout, int64_t enough_ms)
{
	char ranges[SET_NAME_LEN], asked[SET_NAME_LEN];
	set_name(group, p->family, SET_RANGES, ranges);
	set_name(group, p->family, SET_ASKED, asked);
	int r = layout_has_set(layout, asked) ? read_asked(p, asked) : 0;
	if (r == 0 && layout_has_set(layout, ranges))
		r = read_ranges(p, ranges);
	if (r == 0 && p->n_asked)
		judge_nets(p, enough_ms);
	return r;
}

static void forget(struct part *p)
{
	free(p->asked);
	p->asked = NULL;
	p->n_asked = 0;
	ranges_free(&p->ranges);
	memset(p->state, 0, p->addrs.n * sizeof(*p->state));
}

int force_read(const struct block_group *group, int64_t enough_ms, struct force_state *s)
{
	layout_free(&s->layout);
	int r = layout_read(&s->layout);
	if (r < 0)
		return r;
	s->complete = layout_complete(&s->layout, group);
	for (size_t i = 0; r == 0 && i < PARTS; i++) {
		struct part *p = &s->parts[i];
		char hosts[SET_NAME_LEN];
		forget(p);
		set_name(group, p->family, SET_HOSTS, hosts);
		if (!p->addrs.n)
			continue;
		if (p->nets)
			r = find_nets(p, group, &s->layout, enough_ms);
		else if (layout_has_set(&s->layout, hosts))
			r = find_hosts(p, hosts, enough_ms);
	}
	return r;
}

/* Where elements of one set go. */
struct writing {
	struct nft_batch *batch;
	const char *set;
	const char *comment;
	unsigned len;
	int type;
};

static int write_element(const struct writing *w, struct nft_element *e)
{
	bool adding = w->type == NFT_MSG_NEWSETELEM;
	if (!adding || e->end)
		e->timeout_ms = 0;
	return nft_batch_element(w->batch, w->type, &respond_table, w->set, e, adding && !e->end ? w->comment : NULL);
}

static int write_host(const struct writing *w, const struct netaddr *a, int64_t ttl_ms)
{
	struct nft_element e = {.key_len = (uint8_t)w->len, .timeout_ms = (uint64_t)ttl_ms};
	memcpy(e.key, a->bytes, w->len);
	return write_element(w, &e);
}

static int write_asked(const struct writing *w, const struct netaddr *net, int64_t ttl_ms)
{
	struct asked a = {.net = *net, .left_ms = ttl_ms ? ttl_ms : LEFT_FOREVER};
	struct nft_element e;
	put_asked(&a, w->len, &e);
	return write_element(w, &e);
}

static int write_range(void *ctx, const struct range *range)
{
	const struct writing *w = ctx;
	struct nft_element e[2];
	int r = 0;
	size_t n = range_elements(range, w->len, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = write_element(w, &e[i]);
	return r;
}

/* Which addresses of a part a pass is about. */
typedef bool (*picks)(const struct part *p, size_t i);

static bool picks_shorter(const struct part *p, size_t i)
{
	return p->state[i] == FORCE_SHORTER;
}

static bool picks_not_full(const struct part *p, size_t i)
{
	return p->state[i] != FORCE_FULL;
}

bool force_keeps_shorter(const struct part *p, size_t i)
{
	return p->state[i] != FORCE_NONE && p->kept[i] && left_exceeds(p->left_ms[i], p->keep_ms[i]);
}

static bool picks_taken(const struct part *p, size_t i)
{
	return (p->state[i] != FORCE_NONE && !p->kept[i]) || force_keeps_shorter(p, i);
}

/* How long what is put in is to last: what is kept has a time of its own. */
static int64_t ttl_of(const struct part *p, size_t i, int64_t ttl_ms)
{
	return p->kept[i] ? p->keep_ms[i] : ttl_ms;
}

/* One pass over a part: those that PICK wants, out of or into their set. */
static int write_part(const struct part *p, const struct writing *w, picks pick, int64_t ttl_ms)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->addrs.n; i++)
		if (pick(p, i))
			r = p->nets ? write_asked(w, &p->addrs.v[i], ttl_of(p, i, ttl_ms))
			            : write_host(w, &p->addrs.v[i], ttl_of(p, i, ttl_ms));
	return r;
}

/* All prefixes that will be asked for: those of the kernel without what is taken out,
 * and what is put in. */
static int asked_after(const struct part *p, picks out, picks in, int64_t ttl_ms, struct asked **ret, size_t *ret_n)
{
	struct asked *v = calloc(p->n_asked + p->addrs.n + 1, sizeof(*v));
	size_t n = 0;
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_asked; i++) {
		const struct netaddr *found = bsearch(&p->asked[i].net, p->addrs.v, p->addrs.n, sizeof(*found), net_cmp);
		if (!found || !out(p, (size_t)(found - p->addrs.v)))
			v[n++] = p->asked[i];
	}
	for (size_t i = 0; i < p->addrs.n; i++)
		if (in(p, i)) {
			int64_t ttl = ttl_of(p, i, ttl_ms);
			v[n++] = (struct asked){.net = p->addrs.v[i], .left_ms = ttl ? ttl : LEFT_FOREVER};
		}
	qsort(v, n, sizeof(*v), asked_cmp);
	*ret = v;
	*ret_n = n;
	return 0;
}

/* Makes the ranges what the prefixes come to after the change. */
static int write_ranges(const struct part *p, const struct writing *w, picks out, picks in, int64_t ttl_ms)
{
	_cleanup_free_ struct asked *after = NULL;
	_cleanup_ranges_ struct ranges wanted = {0};
	size_t n = 0;
	int r = asked_after(p, out, in, ttl_ms, &after, &n);
	if (r == 0)
		r = ranges_make(after, n, &wanted);
	struct writing del = *w, add = *w;
	del.type = NFT_MSG_DELSETELEM;
	add.type = NFT_MSG_NEWSETELEM;
	if (r == 0)
		r = ranges_missing(&p->ranges, &wanted, write_range, &del);
	return r < 0 ? r : ranges_missing(&wanted, &p->ranges, write_range, &add);
}

/* Everything that changes in a part. The set names must live as long as the batch. */
struct part_names {
	char own[SET_NAME_LEN], ranges[SET_NAME_LEN];
};

static int change_part(const struct block *block, const struct part *p, struct part_names *names, picks out, picks in,
                       const char *comment, struct nft_batch *batch)
{
	set_name(&block->group, p->family, p->nets ? SET_ASKED : SET_HOSTS, names->own);
	set_name(&block->group, p->family, SET_RANGES, names->ranges);
	struct writing w = {.batch = batch, .set = names->own, .comment = comment, .len = key_len(p)};
	w.type = NFT_MSG_DELSETELEM;
	int r = write_part(p, &w, out, 0);
	w.type = NFT_MSG_NEWSETELEM;
	if (r == 0)
		r = write_part(p, &w, in, block->ttl_ms);
	w.set = names->ranges;
	return r < 0 || !p->nets || !p->addrs.n ? r : write_ranges(p, &w, out, in, block->ttl_ms);
}

static int change_parts(const struct block *block, const struct force_state *s, picks out, picks in, const char *comment,
                        struct nft_batch *batch, struct buf *ret_why)
{
	struct part_names names[PARTS];
	int r = 0;
	for (size_t i = 0; r == 0 && i < PARTS; i++)
		r = change_part(block, &s->parts[i], &names[i], out, in, comment, batch);
	return r < 0 ? r : nft_batch_send(batch, ret_why);
}

static int put_once(const struct block *block, struct force_state *s, const char *comment, struct buf *ret_why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = force_read(&block->group, left_enough(block->ttl_ms), s);
	if (r == -EEXIST)
		buf_puts(ret_why, "a table inet respond is there that this program did not make");
	if (r < 0)
		return r;
	nft_batch_begin(&batch, generation);
	const size_t hosts[] = {s->parts[0].addrs.n, s->parts[2].addrs.n};
	r = layout_make(&s->layout, &block->group, hosts, &batch);
	return r < 0 ? r : change_parts(block, s, picks_shorter, picks_not_full, comment, &batch, ret_why);
}

static int take_once(const struct block *block, struct force_state *s, const char *comment, struct buf *ret_why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = force_read(&block->group, 0, s);
	if (r == -EEXIST)
		return 0; /* ours is gone, and with it all that was in it */
	if (r < 0)
		return r;
	nft_batch_begin(&batch, generation);
	return change_parts(block, s, picks_taken, force_keeps_shorter, comment, &batch, ret_why);
}

/* 1: there is an element in the set. The end of a range that has run out is none, though the
 * kernel shows it until it collects its garbage. */
static int set_is_used(const char *set, bool ranges)
{
	_cleanup_(nft_elements_free) struct nft_elements some = {0};
	int r = nft_elements(&respond_table, set, ranges ? 0 : 1, &some);
	for (size_t i = 0; r == 0 && i < some.n; i++)
		r = !some.v[i].end;
	return r;
}

/* 1: there is an element in one of the group's sets. */
static int group_is_used(const struct block_group *group, const struct layout *layout)
{
	static const int families[] = {AF_INET, AF_INET6};
	for (size_t f = 0; f < 2; f++)
		for (enum set_role role = 0; role < SET_ROLES; role++) {
			char name[SET_NAME_LEN];
			set_name(group, families[f], role, name);
			int r = layout_has_set(layout, name) ? set_is_used(name, role == SET_RANGES) : 0;
			if (r)
				return r;
		}
	return 0;
}

static int clean_once(const struct block_group *group, struct buf *ret_why)
{
	_cleanup_(nft_batch_free) struct nft_batch batch = {0};
	_cleanup_layout_ struct layout layout = {0};
	uint32_t generation;
	int r = nft_generation(&generation);
	if (r == 0)
		r = layout_read(&layout);
	if (r < 0 || !layout.there)
		return r == -EEXIST ? 0 : r;
	r = group_is_used(group, &layout);
	if (r)
		return r < 0 ? r : 0;
	nft_batch_begin(&batch, generation);
	r = layout_remove(&layout, group, &batch);
	return r < 0 ? r : nft_batch_send(&batch, ret_why);
}

int force_put(const struct block *block, struct force_state *s, const char *comment, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = put_once(block, s, comment, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}

int force_take(const struct block *block, struct force_state *s, const char *comment, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = take_once(block, s, comment, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}

int force_clean(const struct block_group *group, struct buf *ret_why)
{
	int r, attempt = 0;
	do
		r = clean_once(group, ret_why);
	while (nft_again(r, attempt++, ret_why));
	return r;
}
