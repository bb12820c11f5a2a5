/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/line-diff.h"

#include "base/escape.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this many differing lines the rest counts as one hunk: still right, only coarser. */
#define MAX_EDITS 2000

struct lines {
	struct line {
		const char *at;
		size_t len; /* with the newline */
		uint64_t hash;
	} *v;
	size_t n;
};

static int split(const struct buf *text, struct lines *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	n += text->len && text->data[text->len - 1] != '\n';
	ret->v = calloc(n ? n : 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	ret->n = n;
	const char *at = buf_text(text), *end = at + text->len;
	for (size_t i = 0; i < n; i++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline + 1 : end) - at);
		uint64_t hash = 14695981039346656037ULL;
		for (size_t k = 0; k < len; k++)
			hash = (hash ^ (unsigned char)at[k]) * 1099511628211ULL;
		ret->v[i] = (struct line){.at = at, .len = len, .hash = hash};
		at += len;
	}
	return 0;
}

static void lines_free(struct lines *l)
{
	free(l->v);
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	const struct line *x = &a->v[i], *y = &b->v[k];
	return x->hash == y->hash && x->len == y->len && memcmp(x->at, y->at, x->len) == 0;
}

/* The middle that differs, once equal heads and tails are set aside, and the furthest
 * points that Myers' search reached for each number of edits. */
struct search {
	const struct lines *old, *new;
	size_t head;
	long n, m; /* lines of the middle in old and new */
	long **v;  /* v[d][k + d]: x on diagonal k after d edits */
	long d;
};

static long furthest(const struct search *s, long d, long k)
{
	if (d == 0)
		return 0;
	const long *before = s->v[d - 1] + (d - 1);
	if (k == -d || (k != d && before[k - 1] < before[k + 1]))
		return before[k + 1]; /* a line of new is inserted */
	return before[k - 1] + 1; /* a line of old is deleted */
}

/* Whether the end was reached on the way of D edits. */
static bool step(struct search *s, long d)
{
	for (long k = -d; k <= d; k += 2) {
		long x = furthest(s, d, k), y = x - k;
		while (x >= 0 && y >= 0 && x < s->n && y < s->m &&
		       same(s->old, s->head + (size_t)x, s->new, s->head + (size_t)y))
			x++, y++;
		s->v[d][k + d] = x;
		if (x >= s->n && y >= s->m)
			return true;
	}
	return false;
}

static int find(struct search *s)
{
	long max = s->n + s->m < MAX_EDITS ? s->n + s->m : MAX_EDITS;
	s->v = calloc((size_t)max + 1, sizeof(*s->v));
	if (!s->v)
		return -ENOMEM;
	for (s->d = 0; s->d <= max; s->d++) {
		s->v[s->d] = calloc((size_t)s->d * 2 + 1, sizeof(long));
		if (!s->v[s->d])
			return -ENOMEM;
		if (step(s, s->d))
			return 0;
	}
	return -E2BIG;
}

static void search_free(struct search *s)
{
	for (long d = 0; s->v && d <= s->d && d <= MAX_EDITS; d++)
		free(s->v[d]);
	free(s->v);
}

/* Walks back from the end, marking deleted and inserted lines. */
static void mark(const struct search *s, bool *deleted, bool *inserted)
{
	long x = s->n, y = s->m;
	for (long d = s->d; d > 0; d--) {
		long k = x - y;
		const long *before = s->v[d - 1] + (d - 1);
		bool insert = k == -d || (k != d && before[k - 1] < before[k + 1]);
		long from_k = insert ? k + 1 : k - 1;
		x = before[from_k];
		y = x - from_k;
		if (insert)
			inserted[y] = true;
		else
			deleted[x] = true;
	}
}

static int add_hunk(struct hunks *h, const struct hunk *hunk)
{
	struct hunk *v = reallocarray(h->v, h->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	h->v = v;
	v[h->n++] = *hunk;
	return 0;
}

static int gather(const struct search *s, const bool *deleted, const bool *inserted, struct hunks *ret)
{
	long x = 0, y = 0;
	while (x < s->n || y < s->m) {
		struct hunk hunk = {.old_at = s->head + (size_t)x, .new_at = s->head + (size_t)y};
		while (x < s->n && deleted[x])
			x++, hunk.old_n++;
		while (y < s->m && inserted[y])
			y++, hunk.new_n++;
		if (hunk.old_n || hunk.new_n) {
			int r = add_hunk(ret, &hunk);
			if (r < 0)
				return r;
			continue;
		}
		x++, y++;
	}
	return 0;
}

static int diff_middle(struct search *s, struct hunks *ret)
{
	if (!s->n || !s->m) {
		struct hunk all = {s->head, (size_t)s->n, s->head, (size_t)s->m};
		return s->n + s->m ? add_hunk(ret, &all) : 0;
	}
	int r = find(s);
	if (r == -E2BIG) {
		struct hunk all = {s->head, (size_t)s->n, s->head, (size_t)s->m};
		return add_hunk(ret, &all);
	}
	_cleanup_free_ bool *deleted = calloc((size_t)s->n + 1, sizeof(bool));
	_cleanup_free_ bool *inserted = calloc((size_t)s->m + 1, sizeof(bool));
	if (r < 0 || !deleted || !inserted)
		return r < 0 ? r : -ENOMEM;
	mark(s, deleted, inserted);
	return gather(s, deleted, inserted, ret);
}

static int diff_lines(const struct lines *old, const struct lines *new, struct hunks *ret)
{
	size_t head = 0, tail = 0;
	while (head < old->n && head < new->n && same(old, head, new, head))
		head++;
	while (tail < old->n - head && tail < new->n - head && same(old, old->n - 1 - tail, new, new->n - 1 - tail))
		tail++;
	struct search s = {.old = old, .new = new, .head = head, .n = (long)(old->n - head - tail),
	                   .m = (long)(new->n - head - tail)};
	struct hunks found = {0};
	int r = diff_middle(&s, &found);
	search_free(&s);
	if (r < 0)
		hunks_free(&found);
	else
		*ret = found;
	return r;
}

void hunks_free(struct hunks *h)
{
	free(h->v);
	*h = (struct hunks){0};
}

int line_diff(const struct buf *old, const struct buf *new, struct hunks *ret)
{
	_cleanup_(lines_free) struct lines a = {0}, b = {0};
	int r = split(old, &a);
	if (r == 0)
		r = split(new, &b);
	return r < 0 ? r : diff_lines(&a, &b, ret);
}

static void put_lines(struct buf *out, char mark_char, const struct lines *l, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++) {
		const struct line *line = &l->v[i];
		bool ended = line->at[line->len - 1] == '\n';
		buf_putc(out, mark_char);
		escape_controls(out, line->at, line->len - ended);
		buf_puts(out, ended ? "\n" : "\n\\ No newline at end of file\n");
	}
}

/* Hunks whose contexts meet share one header. */
static size_t group_end(const struct hunks *h, size_t first, size_t context)
{
	size_t last = first;
	while (last + 1 < h->n && h->v[last + 1].old_at - (h->v[last].old_at + h->v[last].old_n) <= 2 * context)
		last++;
	return last;
}

static void put_range(struct buf *out, char sign, size_t at, size_t n)
{
	buf_printf(out, n == 1 ? "%c%zu" : "%c%zu,%zu", sign, n ? at + 1 : at, n);
}

static void put_group(struct buf *out, const struct lines *a, const struct lines *b, const struct hunks *h,
                      size_t first, size_t last, size_t context)
{
	const struct hunk *f = &h->v[first], *l = &h->v[last];
	size_t lead = f->old_at < context ? f->old_at : context;
	size_t behind = a->n - (l->old_at + l->old_n) < context ? a->n - (l->old_at + l->old_n) : context;
	size_t start = f->old_at - lead, end = l->old_at + l->old_n + behind;
	buf_puts(out, "@@ ");
	put_range(out, '-', start, end - start);
	buf_putc(out, ' ');
	put_range(out, '+', f->new_at - lead, l->new_at + l->new_n + behind - (f->new_at - lead));
	buf_puts(out, " @@\n");
	size_t at = start;
	for (size_t i = first; i <= last; i++) {
		put_lines(out, ' ', a, at, h->v[i].old_at - at);
		put_lines(out, '-', a, h->v[i].old_at, h->v[i].old_n);
		put_lines(out, '+', b, h->v[i].new_at, h->v[i].new_n);
		at = h->v[i].old_at + h->v[i].old_n;
	}
	put_lines(out, ' ', a, at, end - at);
}

int line_diff_unified(const struct buf *old, const struct buf *new, size_t context, struct buf *ret)
{
	_cleanup_(lines_free) struct lines a = {0}, b = {0};
	_cleanup_(hunks_free) struct hunks h = {0};
	int r = split(old, &a);
	if (r == 0)
		r = split(new, &b);
	if (r == 0)
		r = diff_lines(&a, &b, &h);
	for (size_t first = 0, last; r == 0 && first < h.n; first = last + 1) {
		last = group_end(&h, first, context);
		put_group(ret, &a, &b, &h, first, last, context);
	}
	return r < 0 ? r : buf_error(ret);
}

/* Whether another's edit touches or adjoins ours; both are ranges of AFTER's lines.
 * An edit of ours that only deleted lines is the seam between two lines. */
static bool touches(const struct hunk *ours, const struct hunk *theirs)
{
	return theirs->old_at <= ours->new_at + ours->new_n && ours->new_at <= theirs->old_at + theirs->old_n;
}

static int check_conflict(const struct hunks *ours, const struct hunks *theirs, size_t *ret_line)
{
	for (size_t i = 0, k = 0; i < ours->n; i++) {
		while (k < theirs->n && theirs->v[k].old_at + theirs->v[k].old_n < ours->v[i].new_at)
			k++;
		if (k < theirs->n && touches(&ours->v[i], &theirs->v[k])) {
			*ret_line = theirs->v[k].new_at + 1;
			return -EEXIST;
		}
	}
	return 0;
}

static void put_raw(struct buf *out, const struct lines *l, size_t at, size_t end)
{
	for (size_t i = at; i < end; i++)
		buf_add(out, l->v[i].at, l->v[i].len);
}

/* CURRENT with the lines of each of our hunks, moved by what others inserted and
 * deleted above it, put back to what they were. */
static int take_out(const struct lines *before, const struct lines *current, const struct hunks *ours,
                    const struct hunks *theirs, struct buf *ret)
{
	_cleanup_buf_ struct buf out = {0};
	size_t at = 0, k = 0;
	long shift = 0;
	for (size_t i = 0; i < ours->n; i++) {
		const struct hunk *h = &ours->v[i];
		for (; k < theirs->n && theirs->v[k].old_at < h->new_at; k++)
			shift += (long)theirs->v[k].new_n - (long)theirs->v[k].old_n;
		size_t here = (size_t)((long)h->new_at + shift);
		put_raw(&out, current, at, here);
		put_raw(&out, before, h->old_at, h->old_at + h->old_n);
		at = here + h->new_n;
	}
	put_raw(&out, current, at, current->n);
	int r = buf_error(&out);
	return r < 0 ? r : buf_copy(ret, &out);
}

int line_diff_revert(const struct buf *before, const struct buf *after, const struct buf *current, struct buf *ret,
                     size_t *ret_line)
{
	_cleanup_(lines_free) struct lines b = {0}, a = {0}, c = {0};
	_cleanup_(hunks_free) struct hunks ours = {0}, theirs = {0};
	int r = split(before, &b);
	if (r == 0)
		r = split(after, &a);
	if (r == 0)
		r = split(current, &c);
	if (r == 0)
		r = diff_lines(&b, &a, &ours);
	if (r == 0)
		r = diff_lines(&a, &c, &theirs);
	if (r == 0)
		r = check_conflict(&ours, &theirs, ret_line);
	return r < 0 ? r : take_out(&b, &c, &ours, &theirs, ret);
}

/* Without the blanks at its end. */
static size_t bare_len(const struct line *l)
{
	size_t len = l->len;
	while (len && strchr(" \t\r\n", l->at[len - 1]) && l->at[len - 1])
		len--;
	return len;
}

static int by_bytes(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	size_t n = bare_len(x), m = bare_len(y);
	int r = memcmp(x->at, y->at, n < m ? n : m);
	return r ? r : n < m ? -1 : n > m;
}

static bool stands_in(const struct lines *sorted, const struct line *l)
{
	return bsearch(l, sorted->v, sorted->n, sizeof(*l), by_bytes) != NULL;
}

int line_diff_stands_again(const struct buf *before, const struct buf *after, const struct buf *current,
                           size_t *ret_line)
{
	_cleanup_(lines_free) struct lines b = {0}, a = {0}, c = {0};
	int r = split(before, &b);
	if (r == 0)
		r = split(after, &a);
	if (r == 0)
		r = split(current, &c);
	if (r < 0)
		return r;
	qsort(b.v, b.n, sizeof(*b.v), by_bytes);
	qsort(a.v, a.n, sizeof(*a.v), by_bytes);
	for (size_t i = 0; i < c.n; i++)
		if (bare_len(&c.v[i]) && stands_in(&b, &c.v[i]) && !stands_in(&a, &c.v[i])) {
			*ret_line = i + 1;
			return 1;
		}
	return 0;
}
