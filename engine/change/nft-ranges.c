/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Prefixes nest or are disjoint. Walking them in order (a network before what is in it)
 * with a stack of the networks that are open, everything up to the next border belongs to
 * the innermost open one.
 */
#include "change/nft-ranges.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

static u128 number(const uint8_t *bytes, unsigned len)
{
	u128 n = 0;
	for (unsigned i = 0; i < len; i++)
		n = n << 8 | bytes[i];
	return n;
}

static void put_number(u128 n, unsigned len, uint8_t ret[16])
{
	memset(ret, 0, 16);
	for (unsigned i = len; i-- > 0; n >>= 8)
		ret[i] = (uint8_t)n;
}

static unsigned key_len(const struct netaddr *net)
{
	return net->family == AF_INET ? 4 : 16;
}

static u128 last_of(const struct netaddr *net)
{
	unsigned free_bits = 8 * key_len(net) - net->prefix;
	u128 host = free_bits == 128 ? ~(u128)0 : ((u128)1 << free_bits) - 1;
	return number(net->bytes, key_len(net)) | host;
}

void ranges_free(struct ranges *ranges)
{
	free(ranges->v);
	*ranges = (struct ranges){0};
}

static int add(struct ranges *r, const struct range *range)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct range *v = reallocarray(r->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = *range;
	return 0;
}

struct open {
	u128 last;
	int64_t left_ms;
};

struct walk {
	struct open stack[129]; /* one for each length of prefix */
	unsigned depth;
	u128 at;    /* the first address that is not yet in a range */
	bool ended; /* there is none: the last address of all has been reached */
	unsigned len;
	struct ranges *ret;
};

/* A range of the innermost network, from where the walk is to LAST. */
static int emit(struct walk *w, u128 last)
{
	if (w->ended || last < w->at)
		return 0;
	struct range range = {.left_ms = w->stack[w->depth - 1].left_ms};
	put_number(w->at, w->len, range.first);
	put_number(last, w->len, range.last);
	w->at = last + 1;
	w->ended = w->at == 0;
	return add(w->ret, &range);
}

/* Closes what ends before FIRST. */
static int close_before(struct walk *w, u128 first, bool all)
{
	int r = 0;
	while (r == 0 && w->depth && (all || w->stack[w->depth - 1].last < first)) {
		r = emit(w, w->stack[w->depth - 1].last);
		w->depth--;
	}
	return r;
}

static bool lasts_longer(int64_t a, int64_t b)
{
	return a > b && (a == LEFT_FOREVER || a - b > LEFT_SAME_MS);
}

static int walk_to(struct walk *w, const struct asked *asked)
{
	w->len = key_len(&asked->net);
	u128 first = number(asked->net.bytes, w->len);
	int r = close_before(w, first, false);
	if (r < 0 || (w->depth && !lasts_longer(asked->left_ms, w->stack[w->depth - 1].left_ms)))
		return r;
	if (w->depth && first > w->at)
		r = emit(w, first - 1);
	w->at = first;
	w->stack[w->depth++] = (struct open){.last = last_of(&asked->net), .left_ms = asked->left_ms};
	return r;
}

int ranges_make(const struct asked *asked, size_t n, struct ranges *ret)
{
	struct walk w = {.ret = ret};
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = walk_to(&w, &asked[i]);
	return r < 0 ? r : close_before(&w, 0, true);
}

/* At the same key, the end of one range comes before the start of the next. */
static int by_key(const void *a, const void *b)
{
	const struct nft_element *x = a, *y = b;
	int r = memcmp(x->key, y->key, sizeof(x->key));
	return r ? r : y->end - x->end;
}

int ranges_read(struct nft_elements *elements, struct ranges *ret)
{
	int r = 0;
	if (elements->n)
		qsort(elements->v, elements->n, sizeof(*elements->v), by_key);
	for (size_t i = 0; r == 0 && i < elements->n; i++) {
		const struct nft_element *e = &elements->v[i];
		if (e->end || e->key_len > 16)
			continue;
		struct range range = {.left_ms = e->timeout_ms ? (int64_t)e->left_ms : LEFT_FOREVER};
		memcpy(range.first, e->key, 16);
		u128 end = i + 1 < elements->n ? number(elements->v[i + 1].key, e->key_len) : 0;
		put_number(end - 1, e->key_len, range.last);
		r = add(ret, &range);
	}
	return r;
}

size_t range_elements(const struct range *range, unsigned len, struct nft_element ret[2])
{
	ret[0] = (struct nft_element){.key_len = (uint8_t)len};
	memcpy(ret[0].key, range->first, len);
	ret[0].timeout_ms = range->left_ms == LEFT_FOREVER ? 0 : (uint64_t)range->left_ms;
	u128 end = number(range->last, len) + 1;
	if (end == 0 || (len == 4 && end >> 32))
		return 1;
	ret[1] = (struct nft_element){.key_len = (uint8_t)len, .end = true};
	uint8_t bytes[16];
	put_number(end, len, bytes);
	memcpy(ret[1].key, bytes, len);
	return 2;
}

bool ranges_cover(const struct ranges *ranges, const struct netaddr *net, int64_t left_ms)
{
	unsigned len = key_len(net);
	u128 at = number(net->bytes, len), last = last_of(net);
	size_t low = 0, high = ranges->n;
	while (low < high) { /* the first range that does not end before it */
		size_t middle = low + (high - low) / 2;
		if (number(ranges->v[middle].last, len) < at)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < ranges->n && number(ranges->v[low].first, len) <= at; low++) {
		if (ranges->v[low].left_ms < left_ms)
			return false;
		u128 reached = number(ranges->v[low].last, len);
		if (reached >= last)
			return true;
		at = reached + 1;
	}
	return false;
}

static bool same(const struct range *a, const struct range *b)
{
	return memcmp(a->first, b->first, 16) == 0 && memcmp(a->last, b->last, 16) == 0 &&
	       !lasts_longer(a->left_ms, b->left_ms) && !lasts_longer(b->left_ms, a->left_ms);
}

int ranges_missing(const struct ranges *a, const struct ranges *b, int (*visit)(void *ctx, const struct range *range),
                   void *ctx)
{
	int r = 0;
	for (size_t i = 0, k = 0; r == 0 && i < a->n; i++) {
		while (k < b->n && memcmp(b->v[k].first, a->v[i].first, 16) < 0)
			k++;
		if (k == b->n || !same(&a->v[i], &b->v[k]))
			r = visit(ctx, &a->v[i]);
	}
	return r;
}
