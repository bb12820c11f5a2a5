/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crontab-edit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

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
		while (i < s.len && !is_blank(s.p[i]) && s.p[i] != '=')
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

static bool user_wanted(const struct entry *e, const struct entry_search *search)
{
	if (!search->users || !search->users->n || !e->user.len)
		return true;
	for (size_t i = 0; i < search->users->n; i++)
		if (slice_is(e->user, search->users->v[i]))
			return true;
	return false;
}

/* 1: LINE is meant, and RET says what it is; 0: it is not; -errno. LIVE counts the entries
 * that are not. */
static int judge(enum crontab_form form, struct slice line, const struct entry_search *search, struct hit *ret,
                 size_t *live)
{
	struct slice s = skip_blanks(line);
	struct entry e = {.command = s};
	if (!s.len)
		return 0;
	if (s.p[0] == '#') {
		ret->what = HIT_COMMENT;
		return search_finds(search, s, &ret->why);
	}
	bool setting = is_setting(line);
	bool entry = !setting && parse_entry(form, line, &e);
	bool everybodys = setting && form == CRONTAB_SYSTEM && search->users && search->users->n;
	int r = 0;
	if (!everybodys && (!entry || user_wanted(&e, search)))
		r = search_finds(search, entry ? e.command : s, &ret->why);
	if (r == 0 && !everybodys && (!entry || user_wanted(&e, search)))
		r = search_is_line(search, line, &ret->why);
	ret->what = setting ? HIT_SETTING : entry ? HIT_ENTRY : HIT_INERT;
	*live += r == 0 && entry;
	return r;
}

int crontab_strip(enum crontab_form form, const struct buf *text, const struct entry_search *search,
                  struct buf *ret, struct hits *ret_hits)
{
	_cleanup_hits_ struct hits hits = {0};
	_cleanup_buf_ struct buf out = {0};
	struct slice rest = slice_of(text), whole;
	while (rest.len) {
		struct slice line = take_line(&rest, form == CRONTAB_ANACRON, &whole);
		struct hit hit = {.what = HIT_INERT};
		int r = judge(form, line, search, &hit, &hits.live);
		if (r > 0)
			r = hits_add(&hits, hit.what, text, line, hit.why) ?: 1;
		if (r < 0)
			return r;
		if (r == 0 || !hit_goes(hit.what))
			buf_add(&out, whole.p, whole.len);
	}
	if (hits.taken && out.len && out.data[out.len - 1] != '\n') {
		buf_putc(&out, '\n');
		hits.newline_added = true;
	}
	if (buf_error(&out) || buf_copy(ret, &out) < 0)
		return -ENOMEM;
	*ret_hits = hits;
	hits = (struct hits){0};
	return 0;
}

bool cron_skips_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isascii((unsigned char)*p) || (!isalnum((unsigned char)*p) && *p != '_' && *p != '-'))
			return true;
	return !name[0];
}
