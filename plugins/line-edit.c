/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line-edit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* One pass over a text. */
struct pass {
	const struct buf *text;
	const struct entry_search *search;
	struct buf out;
	struct hits hits;
};

static bool is_comment(enum line_form form, struct slice s)
{
	if (!s.len || (s.p[0] != '#' && !(form == LINES_MODULES && s.p[0] == ';')))
		return false;
	return form != LINES_SUDOERS ||
	       !(slice_starts(s, "#include") || (s.len > 1 && (isdigit((unsigned char)s.p[1]) || s.p[1] == '-')));
}

/* Without a comment at its end: in sudoers "#" and digits are a user, and quotes may hold a
 * "#"; in ld.so.preload nothing does. */
static struct slice code_of(enum line_form form, struct slice line)
{
	bool quoted = false;
	if (form != LINES_SUDOERS && form != LINES_WORDS)
		return line;
	for (size_t i = 0; i < line.len; i++) {
		if (form == LINES_SUDOERS && line.p[i] == '"')
			quoted = !quoted;
		struct slice rest = slice_from(line, i);
		bool begins = form == LINES_WORDS || (i && is_blank(line.p[i - 1]));
		if (!quoted && begins && is_comment(form, rest))
			return (struct slice){line.p, i};
		if (line.p[i] == '\n')
			quoted = false;
	}
	return line;
}

static int comment_hit(struct pass *p, struct slice line)
{
	const char *why = NULL;
	int r = search_finds(p->search, line, &why);
	return r <= 0 ? r : hits_add(&p->hits, HIT_COMMENT, p->text, line, why);
}

/* "evil_mod" is what loads evil-mod.ko. */
static bool is_module(struct slice word, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strcspn(name, ".");
	if (strncmp(name + len, ".ko", 3) != 0 || word.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] != word.p[i] && !(strchr("-_", name[i]) && strchr("-_", word.p[i]) && word.p[i]))
			return false;
	return true;
}

static bool names_module(const struct entry_search *search, struct slice line, const char **ret_why)
{
	struct slice rest = trim(line), word = take_word(&rest);
	for (size_t i = 0; search->paths && i < search->paths->n; i++) {
		*ret_why = search->paths->v[i];
		if (is_module(trim(word), search->paths->v[i]))
			return true;
	}
	return false;
}

/* 1: the line is meant. */
static int judge(enum line_form form, const struct entry_search *search, struct slice code, const char **ret_why)
{
	int r = search_finds(search, code, ret_why);
	return r == 0 && form == LINES_MODULES ? names_module(search, code, ret_why) : r;
}

static int do_line(struct pass *p, enum line_form form, struct slice line, struct slice whole)
{
	struct slice s = skip_blanks(line), code = code_of(form, line);
	const char *why = NULL;
	int r = 0;
	if (trim(s).len && !is_comment(form, s)) {
		r = judge(form, p->search, code, &why);
		p->hits.live += r == 0 && trim(code).len;
	}
	if (r > 0)
		return hits_add(&p->hits, HIT_ENTRY, p->text, line, why);
	buf_add(&p->out, whole.p, whole.len);
	return r < 0 ? r : comment_hit(p, line);
}

/* ---- ld.so.preload ---------------------------------------------------------------- */

static bool separates(char c)
{
	return c == ' ' || c == '\t' || c == ':' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static bool take_entry(struct slice *s, struct slice *ret)
{
	while (s->len && separates(s->p[0]))
		*s = slice_from(*s, 1);
	*ret = (struct slice){s->p, 0};
	while (ret->len < s->len && !separates(s->p[ret->len]))
		ret->len++;
	*s = slice_from(*s, ret->len);
	return ret->len > 0;
}

/* What stands between two entries goes with the first of them; between the last one that
 * stays and one that goes, with that. */
static int write_words(struct pass *p, struct slice line, struct slice code)
{
	struct slice rest = code, entry;
	size_t end = 0;
	bool more = take_entry(&rest, &entry);
	buf_add(&p->out, line.p, (size_t)(entry.p - line.p));
	for (size_t floor = p->out.len; more;) {
		const char *begin = entry.p;
		bool meant = search_finds(p->search, entry, NULL) > 0;
		end = (size_t)(entry.p + entry.len - line.p);
		more = take_entry(&rest, &entry);
		if (!meant)
			buf_add(&p->out, begin, (size_t)((more ? entry.p : line.p + end) - begin));
		if (!more)
			while (meant && p->out.len > floor && separates(p->out.data[p->out.len - 1]))
				p->out.data[--p->out.len] = '\0';
	}
	return buf_add(&p->out, line.p + end, line.len - end);
}

static int do_words(struct pass *p, struct slice line, struct slice whole)
{
	struct slice code = code_of(LINES_WORDS, line), rest = code, entry;
	size_t kept = 0, gone = 0;
	while (take_entry(&rest, &entry)) {
		const char *why = NULL;
		int r = search_finds(p->search, entry, &why);
		kept += r == 0;
		gone += r > 0;
		if (r > 0)
			r = hits_add(&p->hits, HIT_ENTRY, p->text, entry, why);
		if (r < 0)
			return r;
	}
	p->hits.live += kept;
	if (!gone) {
		buf_add(&p->out, whole.p, whole.len);
		return code.len < line.len ? comment_hit(p, line) : 0;
	}
	if (!kept && code.len == line.len) /* nothing but the entries: the line goes */
		return 0;
	int r = write_words(p, line, code);
	return r < 0 ? r : buf_add(&p->out, whole.p + line.len, whole.len - line.len);
}

int preload_entries(const struct buf *text, struct strv *ret)
{
	struct slice rest = slice_of(text), whole, entry;
	int r = 0;
	while (rest.len) {
		struct slice code = code_of(LINES_WORDS, take_line(&rest, false, &whole));
		while (r == 0 && take_entry(&code, &entry))
			r = strv_addn(ret, entry.p, entry.len);
	}
	return r;
}

/* ---- udev rules --------------------------------------------------------------------- */

/* KEY{attribute}=="value": what a rule consists of. */
struct token {
	struct slice all; /* with the comma and the blanks behind it */
	struct slice key, value;
	bool assigns, runs;
};

static bool runs_something(struct slice key, struct slice attribute)
{
	return slice_is(key, "RUN") || slice_is(key, "PROGRAM") ||
	       (slice_is(key, "IMPORT") && slice_is(attribute, "program"));
}

static bool in_rule(char c)
{
	return c != '\0' && strchr(" \t,\\\r\n", c);
}

static bool take_token(struct slice *s, struct token *ret)
{
	size_t i = 0, key, name;
	while (i < s->len && in_rule(s->p[i]))
		i++;
	size_t begin = i;
	while (i < s->len && (isalnum((unsigned char)s->p[i]) || s->p[i] == '_'))
		i++;
	key = name = i;
	if (i < s->len && s->p[i] == '{') {
		while (i < s->len && s->p[i] != '}')
			i++;
		name = i++;
	}
	if (i > s->len)
		return false;
	size_t op = i;
	while (i < s->len && (is_blank(s->p[i]) || strchr("=!+-:", s->p[i])) && s->p[i])
		i++;
	struct slice sign = trim((struct slice){s->p + op, i - op});
	if (i < s->len && s->p[i] == 'e') /* e"": with C escapes */
		i++;
	if (key == begin || !sign.len || i >= s->len || s->p[i] != '"')
		return false;
	size_t value = ++i;
	while (i < s->len && s->p[i] != '"')
		i += s->p[i] == '\\' && i + 1 < s->len ? 2 : 1;
	if (i >= s->len)
		return false;
	size_t end = i++;
	while (i < s->len && in_rule(s->p[i]))
		i++;
	ret->key = (struct slice){s->p + begin, key - begin};
	struct slice attribute = name > key ? (struct slice){s->p + key + 1, name - key - 1} : (struct slice){s->p, 0};
	ret->value = (struct slice){s->p + value, end - value};
	ret->all = (struct slice){s->p + begin, i - begin};
	ret->runs = runs_something(ret->key, attribute);
	ret->assigns = !slice_is(sign, "==") && !slice_is(sign, "!=");
	*s = slice_from(*s, i);
	return true;
}

/* What the rule does besides running what is searched for: then only that goes. */
struct rule {
	size_t meant, others;
	const char *why;
};

static int weigh_rule(const struct entry_search *search, struct slice line, struct rule *ret)
{
	struct slice rest = line;
	struct token t;
	while (take_token(&rest, &t)) {
		int r = t.runs ? search_finds(search, t.value, &ret->why) : 0;
		if (r < 0)
			return r;
		ret->meant += r > 0;
		ret->others += r == 0 && t.assigns;
	}
	return 0;
}

/* The rule without what it runs; the comma before that goes where nothing follows. */
static int cut_rule(struct pass *p, struct slice line)
{
	struct slice rest = line;
	struct token t;
	const char *from = line.p;
	size_t begin = p->out.len;
	while (take_token(&rest, &t)) {
		int r = t.runs ? search_finds(p->search, t.value, NULL) : 0;
		if (r < 0)
			return r;
		if (r == 0)
			buf_add(&p->out, from, (size_t)(t.all.p + t.all.len - from));
		else if (from == line.p)
			buf_add(&p->out, from, (size_t)(t.all.p - from));
		from = t.all.p + t.all.len;
	}
	buf_add(&p->out, from, (size_t)(line.p + line.len - from));
	while (p->out.len > begin && in_rule(p->out.data[p->out.len - 1]))
		p->out.data[--p->out.len] = '\0';
	return buf_error(&p->out);
}

static int do_rule(struct pass *p, struct slice line, struct slice whole)
{
	struct rule rule = {0};
	if (!trim(line).len || is_comment(LINES_UDEV, skip_blanks(line))) {
		buf_add(&p->out, whole.p, whole.len);
		return comment_hit(p, line);
	}
	int r = weigh_rule(p->search, line, &rule);
	p->hits.live += r == 0 && (!rule.meant || rule.others);
	if (r == 0 && !rule.meant) {
		const char *why = NULL;
		buf_add(&p->out, whole.p, whole.len);
		r = search_finds(p->search, line, &why);
		return r <= 0 ? r : hits_add(&p->hits, HIT_INERT, p->text, line, why);
	}
	if (r == 0)
		r = hits_add(&p->hits, HIT_ENTRY, p->text, line, rule.why);
	if (r < 0 || !rule.others)
		return r;
	r = cut_rule(p, line);
	return r < 0 ? r : buf_add(&p->out, line.p + line.len, whole.len - line.len);
}

int lines_strip(enum line_form form, const struct buf *text, const struct entry_search *search, struct buf *ret,
                struct hits *ret_hits)
{
	struct pass p = {.text = text, .search = search};
	struct slice rest = slice_of(text), whole;
	int r = 0;
	while (r == 0 && rest.len) {
		struct slice line = take_line(&rest, form == LINES_SUDOERS || form == LINES_UDEV, &whole);
		r = form == LINES_UDEV    ? do_rule(&p, line, whole)
		    : form == LINES_WORDS ? do_words(&p, line, whole)
		                          : do_line(&p, form, line, whole);
	}
	if (r == 0)
		r = buf_copy(ret, &p.out);
	buf_free(&p.out);
	if (r < 0)
		hits_free(&p.hits);
	else
		*ret_hits = p.hits;
	return r;
}
