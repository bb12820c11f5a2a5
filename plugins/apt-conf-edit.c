/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apt-conf-edit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define NONE SIZE_MAX

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_COMMENT, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SEMICOLON, TOKEN_BROKEN };

struct token {
	enum token_type type;
	size_t at, len;
};

/* NAME VALUE; or NAME { statements } */
struct statement {
	size_t at, end;
	size_t parent;          /* NONE: it is in no other */
	size_t inside, going;   /* how many statements are in it, and how many of them go */
	bool block, goes;
	const char *why;
};

struct parser {
	struct slice text;
	size_t at;
	const struct entry_search *search;
	struct statement *v;
	size_t n, room;
	size_t stack[DEPTH_MAX], depth;
	size_t open;      /* the statement that has begun, or NONE */
	size_t closed;    /* the block that has just ended, or NONE */
	bool broken;
	struct hits comments;
};

static size_t find(struct slice text, size_t from, const char *what)
{
	const char *at = memmem(text.p + from, text.len - from, what, strlen(what));
	return at ? (size_t)(at - text.p) : NONE;
}

static bool space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool begins(struct slice text, size_t at, const char *what)
{
	return slice_starts(slice_from(text, at), what);
}

static size_t end_of_line(struct slice text, size_t at)
{
	size_t end = find(text, at, "\n");
	return end == NONE ? text.len : end;
}

static bool is_comment(struct slice text, size_t at)
{
	return begins(text, at, "//") ||
	       (text.p[at] == '#' && !begins(text, at, "#clear") && !begins(text, at, "#include"));
}

static struct token next_token(struct parser *p)
{
	static const char *const marks = "{};";
	static const enum token_type types[] = {TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SEMICOLON};
	struct slice t = p->text;
	while (p->at < t.len && space(t.p[p->at]))
		p->at++;
	size_t at = p->at, end = at;
	enum token_type type = TOKEN_WORD;
	if (at >= t.len)
		return (struct token){TOKEN_END, at, 0};
	const char *mark = t.p[at] ? strchr(marks, t.p[at]) : NULL;
	if (mark) {
		type = types[mark - marks];
		end = at + 1;
	} else if (t.p[at] == '"') {
		end = find(t, at + 1, "\"");
		type = end == NONE ? TOKEN_BROKEN : TOKEN_WORD;
		end = end == NONE ? t.len : end + 1;
	} else if (begins(t, at, "/*")) {
		end = find(t, at + 2, "*/");
		type = end == NONE ? TOKEN_BROKEN : TOKEN_COMMENT;
		end = end == NONE ? t.len : end + 2;
	} else if (is_comment(t, at)) {
		end = end_of_line(t, at);
		type = TOKEN_COMMENT;
	} else {
		while (end < t.len && !space(t.p[end]) && !(t.p[end] && strchr("{};\"", t.p[end])))
			end++;
	}
	p->at = end;
	return (struct token){type, at, end - at};
}

static int begin_statement(struct parser *p, size_t at)
{
	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct statement *v = reallocarray(p->v, room, sizeof(*v));
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->room = room;
	}
	size_t parent = p->depth ? p->stack[p->depth - 1] : NONE;
	p->v[p->n] = (struct statement){.at = at, .end = at, .parent = parent};
	if (parent != NONE)
		p->v[parent].inside++;
	p->open = p->n++;
	return 0;
}

static int add_word(struct parser *p, const struct token *t)
{
	int r = p->open == NONE ? begin_statement(p, t->at) : 0;
	if (r < 0)
		return r;
	struct statement *s = &p->v[p->open];
	s->end = t->at + t->len;
	r = search_finds(p->search, (struct slice){p->text.p + t->at, t->len}, &s->why);
	s->goes |= r > 0;
	return r < 0 ? r : 0;
}

static int open_block(struct parser *p, const struct token *t)
{
	int r = p->open == NONE ? begin_statement(p, t->at) : 0;
	if (r < 0)
		return r;
	if (p->depth == DEPTH_MAX)
		return -EFBIG;
	p->v[p->open].block = true;
	p->stack[p->depth++] = p->open;
	p->open = NONE;
	return 0;
}

static void close_block(struct parser *p, const struct token *t)
{
	p->open = NONE;
	if (!p->depth) {
		p->broken = true;
		return;
	}
	p->closed = p->stack[--p->depth];
	p->v[p->closed].end = t->at + t->len;
}

static void end_statement(struct parser *p, const struct token *t)
{
	size_t ended = p->open != NONE ? p->open : p->closed;
	if (ended != NONE)
		p->v[ended].end = t->at + t->len;
	p->open = p->closed = NONE;
}

static int take_token(struct parser *p, const struct token *t, const struct buf *text)
{
	int r = 0;
	if (t->type == TOKEN_SEMICOLON) {
		end_statement(p, t);
		return 0;
	}
	if (t->type == TOKEN_COMMENT) {
		struct slice comment = {p->text.p + t->at, t->len};
		const char *why = NULL;
		r = search_finds(p->search, comment, &why);
		return r > 0 ? hits_add(&p->comments, HIT_COMMENT, text, comment, why) : r;
	}
	p->closed = NONE;
	if (t->type == TOKEN_WORD || t->type == TOKEN_BROKEN)
		r = add_word(p, t);
	if (t->type == TOKEN_OPEN)
		r = open_block(p, t);
	if (t->type == TOKEN_CLOSE)
		close_block(p, t);
	p->broken |= t->type == TOKEN_BROKEN;
	return r;
}

static int parse(struct parser *p, const struct buf *text)
{
	struct token t;
	int r = 0;
	while (r == 0 && (t = next_token(p)).type != TOKEN_END)
		r = take_token(p, &t, text);
	p->broken |= p->depth > 0 || p->open != NONE;
	return r;
}

/* A block goes with all that is in it, which stands behind it in the list. */
static void empty_blocks(struct parser *p)
{
	for (size_t i = p->n; i-- > 0;) {
		struct statement *s = &p->v[i];
		s->goes |= s->inside && s->going == s->inside;
		if (s->goes && s->parent != NONE)
			p->v[s->parent].going++;
	}
	for (size_t i = 0; i < p->n; i++)
		p->v[i].goes |= p->v[i].parent != NONE && p->v[p->v[i].parent].goes;
}

/* One hit for each statement that is found, in the order of the text; the comments beside. */
static int report(struct parser *p, const struct buf *text, struct hits *hits)
{
	size_t next = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i <= p->n; i++) {
		size_t at = i < p->n ? p->v[i].at : p->text.len;
		for (; r == 0 && next < p->comments.n && (p->comments.v[next].at < at || i == p->n); next++)
			r = hits_add(hits, HIT_COMMENT, text,
			             (struct slice){p->text.p + p->comments.v[next].at, p->comments.v[next].len},
			             p->comments.v[next].why);
		if (r < 0 || i == p->n)
			break;
		const struct statement *s = &p->v[i];
		if (s->goes && s->why)
			r = hits_add(hits, p->broken ? HIT_STUCK : HIT_ENTRY, text,
			             (struct slice){p->text.p + s->at, s->end - s->at}, s->why);
		hits->live += !s->goes && !s->block;
	}
	return r;
}

/* A statement that has its lines for itself goes with them. */
static void widen(struct slice text, size_t *at, size_t *end)
{
	size_t begin = *at, stop = *end;
	while (begin > 0 && is_blank(text.p[begin - 1]))
		begin--;
	while (stop < text.len && (is_blank(text.p[stop]) || text.p[stop] == '\r'))
		stop++;
	if ((begin > 0 && text.p[begin - 1] != '\n') || (stop < text.len && text.p[stop] != '\n'))
		return;
	*at = begin;
	*end = stop < text.len ? stop + 1 : stop;
}

static int write(const struct parser *p, struct buf *out)
{
	size_t done = 0;
	for (size_t i = 0; i < p->n; i++) {
		size_t at = p->v[i].at, end = p->v[i].end;
		if (!p->v[i].goes || p->broken || at < done)
			continue;
		widen(p->text, &at, &end);
		if (at < done)
			at = done;
		buf_add(out, p->text.p + done, at - done);
		done = end;
	}
	return buf_add(out, p->text.p + done, p->text.len - done);
}

int apt_conf_strip(const struct buf *text, const struct entry_search *search, struct buf *ret,
                   struct hits *ret_hits)
{
	struct parser p = {.text = slice_of(text), .search = search, .open = NONE, .closed = NONE};
	_cleanup_hits_ struct hits hits = {0};
	_cleanup_buf_ struct buf out = {0};
	int r = parse(&p, text);
	if (r == 0) {
		empty_blocks(&p);
		r = report(&p, text, &hits);
	}
	if (r == 0)
		r = write(&p, &out);
	if (r == 0)
		r = buf_copy(ret, &out);
	free(p.v);
	hits_free(&p.comments);
	if (r < 0)
		return r;
	*ret_hits = hits;
	hits = (struct hits){0};
	return 0;
}
