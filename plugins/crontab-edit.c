/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crontab-edit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct slice {
	const char *p;
	size_t len;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice skip_blanks(struct slice s)
{
	while (s.len && blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	return s;
}

static struct slice trim(struct slice s)
{
	s = skip_blanks(s);
	while (s.len && (blank(s.p[s.len - 1]) || s.p[s.len - 1] == '\r'))
		s.len--;
	return s;
}

/* Takes one word off the front of S. */
static struct slice take_word(struct slice *s)
{
	struct slice rest = skip_blanks(*s), word = {rest.p, 0};
	while (word.len < rest.len && !blank(rest.p[word.len]))
		word.len++;
	*s = (struct slice){rest.p + word.len, rest.len - word.len};
	return word;
}

static bool slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

/* NAME = VALUE; the name may be quoted. */
static bool is_setting(struct slice line)
{
	struct slice s = skip_blanks(line);
	size_t i = 0;
	if (s.len && (s.p[0] == '"' || s.p[0] == '\'')) {
		char quote = s.p[0];
		for (i = 1; i < s.len && s.p[i] != quote; i++)
			;
		i++;
	} else {
		while (i < s.len && !blank(s.p[i]) && s.p[i] != '=')
			i++;
	}
	if (i == 0 || i >= s.len)
		return false;
	s = skip_blanks((struct slice){s.p + i, s.len - i});
	return s.len && s.p[0] == '=';
}

struct entry {
	struct slice user; /* empty where the form has none */
	struct slice command;
};

static bool parse_entry(enum crontab_form form, struct slice line, struct entry *ret)
{
	struct slice rest = line, word = take_word(&rest);
	unsigned fields = form == CRONTAB_ANACRON ? 2 : word.len && word.p[0] == '@' ? 0 : 4;
	if (!word.len)
		return false;
	while (fields--)
		if (!take_word(&rest).len)
			return false;
	struct entry e = {0};
	if (form == CRONTAB_SYSTEM) {
		e.user = take_word(&rest);
		if (!e.user.len)
			return false;
	}
	e.command = skip_blanks(rest);
	*ret = e;
	return e.command.len > 0;
}

static bool holds(struct slice s, const char *text)
{
	return text[0] && memmem(s.p, s.len, text, strlen(text)) != NULL;
}

/* Whether a path could go on with this byte, so that what is found is but a part of it. */
static bool goes_on(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("_-./+@~\\", c));
}

static bool comes_before(char c)
{
	return goes_on(c) || c == '}' || c == ')' || c == '$';
}

static bool names_path(struct slice s, const char *path)
{
	size_t len = strlen(path);
	struct slice rest = s;
	const char *at;
	while (len && (at = memmem(rest.p, rest.len, path, len))) {
		bool begins = at == s.p || !comes_before(at[-1]);
		bool ends = at + len == s.p + s.len || !goes_on(at[len]);
		if (begins && ends)
			return true;
		rest = (struct slice){at + 1, (size_t)(s.p + s.len - at) - 1};
	}
	return false;
}

/* What the shell gets for what is written: \% is a percent sign. For paths also /./ and
 * doubled slashes as one. */
static int spell_out(struct slice s, bool paths, struct buf *ret)
{
	for (size_t i = 0; i < s.len; i++) {
		const char *p = s.p + i;
		size_t left = s.len - i;
		if (left > 1 && p[0] == '\\' && p[1] == '%')
			continue;
		if (paths && left > 1 && p[0] == '/' && p[1] == '/')
			continue;
		if (paths && left > 2 && p[0] == '/' && p[1] == '.' && p[2] == '/') {
			i++;
			continue;
		}
		buf_putc(ret, *p);
	}
	return buf_error(ret);
}

/* Whether COMMAND holds a text or names a path that is searched for. */
static int means(struct slice command, const struct cron_search *search, bool *ret)
{
	_cleanup_buf_ struct buf plain = {0}, paths = {0};
	int r = spell_out(command, false, &plain);
	if (r == 0)
		r = spell_out(command, true, &paths);
	if (r < 0)
		return r;
	*ret = false;
	for (size_t i = 0; i < search->texts->n; i++)
		if (holds(command, search->texts->v[i]) ||
		    holds((struct slice){buf_text(&plain), plain.len}, search->texts->v[i]))
			*ret = true;
	for (size_t i = 0; i < search->paths->n; i++)
		if (names_path((struct slice){buf_text(&paths), paths.len}, search->paths->v[i]))
			*ret = true;
	return 0;
}

static bool is_whole(struct slice line, const struct cron_search *search)
{
	for (size_t i = 0; i < search->texts->n; i++)
		if (search->texts->v[i][0] && slice_is(trim(line), search->texts->v[i]))
			return true;
	return false;
}

static bool user_wanted(const struct entry *e, const struct cron_search *search)
{
	if (!search->users->n || !e->user.len)
		return true;
	for (size_t i = 0; i < search->users->n; i++)
		if (slice_is(e->user, search->users->v[i]))
			return true;
	return false;
}

/* 1: LINE is meant, and RET says what it is; 0: it is not; -errno. */
static int judge(enum crontab_form form, struct slice line, const struct cron_search *search,
                 enum crontab_found *ret)
{
	struct slice s = skip_blanks(line);
	struct entry e = {.command = s};
	if (!s.len || s.p[0] == '#')
		return 0;
	bool setting = is_setting(line);
	bool entry = !setting && parse_entry(form, line, &e);
	if (setting && form == CRONTAB_SYSTEM && search->users->n)
		return 0;
	if (entry && !user_wanted(&e, search))
		return 0;
	bool meant;
	int r = means(entry ? e.command : s, search, &meant);
	if (r < 0)
		return r;
	*ret = setting ? CRONTAB_SETTING : entry ? CRONTAB_ENTRY : CRONTAB_INERT;
	return meant || is_whole(line, search);
}

/* The length of the line at the front of S without its newline. */
static size_t line_len(enum crontab_form form, struct slice s)
{
	size_t at = 0;
	for (;;) {
		const char *newline = memchr(s.p + at, '\n', s.len - at);
		if (!newline)
			return s.len;
		size_t len = (size_t)(newline - s.p);
		if (form != CRONTAB_ANACRON || len == 0 || newline[-1] != '\\' || len + 1 >= s.len)
			return len;
		at = len + 1;
	}
}

static bool is_hidden(struct slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return true;
	return false;
}

static int add_hit(struct crontab_hits *hits, enum crontab_found what, unsigned number, struct slice line,
                   const struct buf *text)
{
	struct crontab_hit *v = reallocarray(hits->v, hits->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	hits->v = v;
	v[hits->n++] = (struct crontab_hit){
		.what = what,
		.line = number,
		.hidden = is_hidden(line),
		.at = (size_t)(line.p - text->data),
		.len = line.len,
	};
	return 0;
}

void crontab_hits_free(struct crontab_hits *hits)
{
	free(hits->v);
	*hits = (struct crontab_hits){0};
}

static unsigned count_lines(struct slice s)
{
	unsigned n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

int crontab_strip(enum crontab_form form, const struct buf *text, const struct cron_search *search,
                  struct buf *ret, struct crontab_hits *ret_hits)
{
	_cleanup_(crontab_hits_free) struct crontab_hits hits = {0};
	_cleanup_buf_ struct buf out = {0};
	struct slice rest = {buf_text(text), text->len};
	bool removed = false;
	for (unsigned number = 1; rest.len;) {
		struct slice line = {rest.p, line_len(form, rest)};
		size_t whole = line.len < rest.len ? line.len + 1 : line.len;
		enum crontab_found what = CRONTAB_INERT;
		int r = judge(form, line, search, &what);
		if (r > 0)
			r = add_hit(&hits, what, number, line, text) ?: 1;
		if (r < 0)
			return r;
		if (r > 0 && what != CRONTAB_INERT)
			removed = true;
		else
			buf_add(&out, rest.p, whole);
		number += count_lines((struct slice){rest.p, whole});
		rest = (struct slice){rest.p + whole, rest.len - whole};
	}
	if (removed && out.len && out.data[out.len - 1] != '\n') {
		buf_putc(&out, '\n');
		hits.newline_added = true;
	}
	if (buf_error(&out) || buf_copy(ret, &out) < 0)
		return -ENOMEM;
	*ret_hits = hits;
	hits = (struct crontab_hits){0};
	return 0;
}

int script_mentions(const struct buf *script, const struct cron_search *search, bool *ret)
{
	struct slice rest = {buf_text(script), script->len};
	bool found = false;
	for (bool first = true; rest.len && !found; first = false) {
		struct slice line = {rest.p, line_len(CRONTAB_USER, rest)}, s = skip_blanks(line);
		size_t whole = line.len < rest.len ? line.len + 1 : line.len;
		bool interpreter = first && line.len > 1 && line.p[0] == '#' && line.p[1] == '!';
		if (s.len && (s.p[0] != '#' || interpreter)) {
			int r = means(s, search, &found);
			if (r < 0)
				return r;
		}
		rest = (struct slice){rest.p + whole, rest.len - whole};
	}
	*ret = found;
	return 0;
}

bool cron_skips_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isascii((unsigned char)*p) || (!isalnum((unsigned char)*p) && *p != '_' && *p != '-'))
			return true;
	return !name[0];
}
