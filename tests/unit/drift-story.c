/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drift-story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TAG "they "

enum { STYLE_LF, STYLE_CRLF, STYLE_MIXED, STYLE_LONG, STYLE_BYTES, STYLES };

/* ---- lines ----------------------------------------------------------------- */

static struct buf known[1024];
static size_t n_known;

static void forget_lines(void)
{
	while (n_known)
		buf_free(&known[--n_known]);
}

static int line_of(const char *bytes, size_t len)
{
	const struct buf view = {.data = (char *)bytes, .len = len};
	for (size_t i = 0; i < n_known; i++)
		if (buf_equal(&known[i], &view))
			return (int)i;
	assert_true(n_known < sizeof(known) / sizeof(*known));
	buf_add(&known[n_known], bytes, len);
	return (int)n_known++;
}

static bool ended(int line)
{
	const struct buf *b = &known[line];
	return b->data[b->len - 1] == '\n';
}

static int end(int line)
{
	_cleanup_buf_ struct buf b = {0};
	buf_copy(&b, &known[line]);
	buf_putc(&b, '\n');
	return ended(line) ? line : line_of(b.data, b.len);
}

/* A line of nothing but its newline stays: without it there is no line. */
static int unend(int line)
{
	const struct buf *b = &known[line];
	return ended(line) && b->len > 1 ? line_of(b->data, b->len - 1) : line;
}

bool text_is_tag(int line)
{
	return known[line].len > strlen(TAG) && memcmp(known[line].data, TAG, strlen(TAG)) == 0;
}

void text_bytes(const struct text *t, struct buf *ret)
{
	for (size_t i = 0; i < t->n; i++)
		buf_add(ret, known[t->v[i]].data, known[t->v[i]].len);
}

static void add(struct text *t, int line)
{
	assert_true(t->n < STORY_LINES);
	t->v[t->n++] = line;
}

void text_split(const struct buf *bytes, struct text *ret)
{
	const char *at = buf_text(bytes), *last = at + bytes->len;
	ret->n = 0;
	while (at < last) {
		const char *newline = memchr(at, '\n', (size_t)(last - at));
		const char *next = newline ? newline + 1 : last;
		add(ret, line_of(at, (size_t)(next - at)));
		at = next;
	}
}

/* ---- chance ---------------------------------------------------------------- */

static unsigned dice(struct story *s, unsigned n)
{
	uint64_t z = s->seed += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (unsigned)((z ^ z >> 31) >> 33) % n;
}

static int line_ended(struct story *s, struct buf *b)
{
	bool crlf = s->style == STYLE_CRLF || (s->style == STYLE_MIXED && dice(s, 2));
	buf_puts(b, crlf ? "\r\n" : "\n");
	return line_of(b->data, b->len);
}

/* The letters of the alphabet: 0 is an empty line, where the style has one. */
static int random_line(struct story *s)
{
	_cleanup_buf_ struct buf b = {0};
	unsigned letter = dice(s, s->letters);
	if (s->style == STYLE_LONG) {
		char run[3000];
		memset(run, 'a' + (int)(letter % 26), sizeof(run));
		buf_add(&b, run, 2000 + letter % 1000);
	} else if (s->style == STYLE_BYTES) {
		for (unsigned x = letter * 40503; x; x >>= 8)
			buf_putc(&b, (x & 0xff) == '\n' ? '\0' : (char)x);
	} else if (letter) {
		buf_printf(&b, "%x", letter);
	}
	return line_ended(s, &b);
}

static int fresh_line(struct story *s, const char *who)
{
	_cleanup_buf_ struct buf b = {0};
	buf_printf(&b, "%s%u", who, s->serial++);
	return line_ended(s, &b);
}

/* ---- what we do ------------------------------------------------------------- */

static void make_before(struct story *s)
{
	static const unsigned alphabets[] = {1, 2, 3, 6, 15, 30, 1000};
	s->letters = alphabets[dice(s, sizeof(alphabets) / sizeof(*alphabets))];
	s->style = dice(s, STYLES);
	for (unsigned n = dice(s, 5) ? dice(s, 40) : dice(s, 4); n; n--)
		add(&s->before, random_line(s));
	if (s->before.n && !dice(s, 3))
		s->before.v[s->before.n - 1] = unend(s->before.v[s->before.n - 1]);
}

static void keep(struct story *s, size_t i)
{
	s->from[s->after.n] = (int)i;
	add(&s->after, s->before.v[i]);
}

static void write_ours(struct story *s, int line)
{
	s->from[s->after.n] = -1;
	add(&s->after, line);
}

static void alter(struct story *s, size_t i, int line)
{
	if (s->after.v[i] != line)
		s->from[i] = -1;
	s->after.v[i] = line;
}

static void make_after(struct story *s)
{
	unsigned hunks = 1 + dice(s, 4), places = (unsigned)s->before.n + 1;
	for (size_t i = 0; i < places; i++) {
		if (s->after.n < 60 && dice(s, places) < hunks) {
			unsigned out = dice(s, 4), in = dice(s, 4);
			while (in--)
				write_ours(s, dice(s, 3) ? random_line(s) : fresh_line(s, "we "));
			i += out;
		}
		if (i < s->before.n)
			keep(s, i);
	}
	for (size_t i = 0; i + 1 < s->after.n; i++)
		alter(s, i, end(s->after.v[i]));
	if (s->after.n && !dice(s, 8))
		alter(s, s->after.n - 1, dice(s, 2) ? end(s->after.v[s->after.n - 1]) : unend(s->after.v[s->after.n - 1]));
}

int story_place(const struct story *s, size_t at)
{
	int above = at ? s->from[at - 1] : -1, below = at < s->after.n ? s->from[at] : (int)s->before.n;
	return (at && above < 0) || below != above + 1 ? -1 : below;
}

static bool apart(const struct story *s, size_t at)
{
	return story_place(s, at) >= 0;
}

/* ---- what others do ----------------------------------------------------------- */

static void put(struct story *s, size_t at, int line)
{
	if (s->put[at].n < STORY_PUTS)
		s->put[at].v[s->put[at].n++] = line;
}

static void put_tags(struct story *s, size_t at)
{
	for (unsigned n = 1 + dice(s, 3); n; n--)
		put(s, at, fresh_line(s, TAG));
}

/* Takes the line out, or replaces it, or takes its last newline. */
static void alter_line(struct story *s, size_t i)
{
	if (s->drop[i])
		return;
	s->drop[i] = true;
	if (i + 1 == s->after.n && !dice(s, 3))
		put(s, i, unend(s->after.v[i]));
	else if (dice(s, 2))
		put_tags(s, i);
}

/* At a boundary that we left alone; the first one from a random one on that allows it. */
static bool edit_apart(struct story *s)
{
	size_t n = s->after.n, start = dice(s, (unsigned)n + 1);
	bool insert = dice(s, 2);
	for (size_t k = 0; k <= n; k++) {
		size_t at = (start + k) % (n + 1);
		/* Behind a line without a newline nothing is put without altering that line. */
		bool behind = at == n && n && !ended(s->after.v[n - 1]);
		if (!apart(s, at) || (behind && !apart(s, n - 1)))
			continue;
		if (insert) {
			put_tags(s, at);
			return true;
		}
		if (at < n && apart(s, at + 1)) {
			alter_line(s, at);
			return true;
		}
	}
	return false;
}

/* At one that we touched: there is one. */
static void edit_overlap(struct story *s)
{
	size_t n = s->after.n, at = dice(s, (unsigned)n + 1);
	while (apart(s, at))
		at = (at + 1) % (n + 1);
	unsigned what = dice(s, 3);
	if (what == 1 && at < n)
		alter_line(s, at);
	else if (what == 2 && at)
		alter_line(s, at - 1);
	else
		put_tags(s, at);
}

static bool make_edits(struct story *s)
{
	static const enum intent intents[] = {INTENT_APART, INTENT_APART, INTENT_APART, INTENT_OVERLAP, INTENT_BOTH};
	s->intent = intents[dice(s, sizeof(intents) / sizeof(*intents))];
	for (unsigned n = s->intent != INTENT_OVERLAP ? 1 + dice(s, 4) : 0; n; n--)
		if (!edit_apart(s))
			return false;
	for (unsigned n = s->intent != INTENT_APART ? 1 + dice(s, 3) : 0; n; n--)
		edit_overlap(s);
	return true;
}

/* Only the last line may lack its newline. */
static void end_all(struct text *t)
{
	for (size_t i = 0; i + 1 < t->n; i++)
		t->v[i] = end(t->v[i]);
}

static void put_all(const struct story *s, size_t at, struct text *to)
{
	for (size_t i = 0; i < s->put[at].n; i++)
		add(to, s->put[at].v[i]);
}

static void make_current(struct story *s)
{
	size_t n = s->after.n;
	for (size_t at = 0; at <= n; at++) {
		put_all(s, at, &s->current);
		if (at == n || s->drop[at])
			continue;
		add(&s->current, s->after.v[at]);
		s->kept++;
	}
	if (n && !s->drop[n - 1] && !ended(s->after.v[n - 1]) && s->put[n].n)
		s->kept--; /* it is altered: it gets its newline now */
	end_all(&s->current);
}

/* Their edits at the places in `before` that the places in `after` came from. */
static void make_wanted(struct story *s)
{
	size_t at = 0;
	for (size_t i = 0; i <= s->before.n; i++) {
		while (at < s->after.n && story_place(s, at) < (int)i)
			at++;
		if (story_place(s, at) == (int)i)
			put_all(s, at, &s->wanted);
		if (i == s->before.n)
			break;
		size_t k = 0;
		while (k < s->after.n && s->from[k] != (int)i)
			k++;
		if (k == s->after.n || !s->drop[k])
			add(&s->wanted, s->before.v[i]);
	}
	end_all(&s->wanted);
}

static bool same_text(const struct text *a, const struct text *b)
{
	return a->n == b->n && memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0;
}

static bool tell(struct story *s)
{
	forget_lines();
	*s = (struct story){.seed = s->seed};
	make_before(s);
	make_after(s);
	if (same_text(&s->before, &s->after) || !make_edits(s))
		return false;
	make_current(s);
	if (s->intent == INTENT_APART)
		make_wanted(s);
	return !same_text(&s->after, &s->current);
}

void story_make(struct story *s, uint64_t seed, unsigned number)
{
	s->seed = seed * 0xd1342543de82ef95ULL + number;
	while (!tell(s))
		;
}
