/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit-file-edit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX 20000 /* what it costs to look for resets grows with the square */

struct setting {
	struct slice line, whole;
	struct slice section, key, value; /* key empty: a comment, a header, a blank line */
	bool comment;
	bool goes;
};

struct settings {
	struct setting *v;
	size_t n;
};

static void settings_free(struct settings *settings)
{
	free(settings->v);
}

/* A continued line may have comments within: they are passed over, and go on. */
static void take_setting(struct slice *rest, struct setting *ret)
{
	struct slice whole, line = take_line(rest, false, &whole);
	ret->whole = whole;
	ret->line = line;
	struct slice s = skip_blanks(line);
	ret->comment = s.len && (s.p[0] == '#' || s.p[0] == ';');
	bool more = !ret->comment && line.len && line.p[line.len - 1] == '\\';
	while (more && rest->len) {
		line = take_line(rest, false, &whole);
		ret->line.len = ret->whole.len + line.len;
		ret->whole.len += whole.len;
		s = skip_blanks(line);
		bool comment = s.len && (s.p[0] == '#' || s.p[0] == ';');
		more = comment || (line.len && line.p[line.len - 1] == '\\');
	}
}

static void parse_setting(struct setting *s, struct slice *section)
{
	struct slice line = trim(s->line);
	s->section = *section;
	if (s->comment || !line.len)
		return;
	if (line.p[0] == '[') {
		const char *end = memchr(line.p, ']', line.len);
		if (end)
			*section = (struct slice){line.p + 1, (size_t)(end - line.p) - 1};
		return;
	}
	const char *equals = memchr(line.p, '=', line.len);
	if (!equals)
		return;
	s->key = trim((struct slice){line.p, (size_t)(equals - line.p)});
	s->value = trim((struct slice){equals + 1, (size_t)(line.p + line.len - equals) - 1});
}

static int read_settings(const struct buf *text, struct settings *ret)
{
	struct slice rest = slice_of(text), section = {"", 0};
	size_t room = 0;
	while (rest.len) {
		if (ret->n == SETTINGS_MAX)
			return -EFBIG;
		if (ret->n == room) {
			room = room ? room * 2 : 64;
			struct setting *v = reallocarray(ret->v, room, sizeof(*v));
			if (!v)
				return -ENOMEM;
			ret->v = v;
		}
		struct setting *s = &ret->v[ret->n++];
		*s = (struct setting){0};
		take_setting(&rest, s);
		parse_setting(s, &section);
	}
	return 0;
}

static bool same(struct slice a, struct slice b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static bool is_one_of(struct slice s, const char *const *words)
{
	for (; *words; words++)
		if (slice_is(s, *words))
			return true;
	return false;
}

/* What a file says for people only. */
static bool is_description(enum unit_form form, const struct setting *s)
{
	static const char *const unit[] = {"Description", "Documentation", "SyslogIdentifier", NULL};
	static const char *const desktop[] = {"Exec", "TryExec", NULL};
	if (form == UNIT_DESKTOP)
		return !is_one_of(s->key, desktop);
	return is_one_of(s->key, unit) || slice_starts(s->key, "X-") || slice_starts(s->section, "X-");
}

/* What makes a unit do something: what it is for. */
static bool is_purpose(enum unit_form form, struct slice key)
{
	static const char *const unit[] = {
		"ExecStart", "Unit", "Service", "PathExists", "PathExistsGlob", "PathChanged", "PathModified",
		"DirectoryNotEmpty", "What", NULL,
	};
	static const char *const desktop[] = {"Exec", NULL};
	return is_one_of(key, form == UNIT_DESKTOP ? desktop : unit);
}

/* Whether a setting has an effect on the unit: where it is installed has none. */
static bool has_effect(enum unit_form form, const struct setting *s)
{
	return s->key.len && s->value.len && !is_description(form, s) && !slice_is(s->section, "Install");
}

/* Resets of a list of which nothing is left: they would leave the unit without. */
static void drop_resets(struct settings *settings)
{
	for (size_t i = 0; i < settings->n; i++) {
		struct setting *reset = &settings->v[i];
		bool gone = false, left = false;
		if (!reset->key.len || reset->value.len)
			continue;
		for (size_t k = i + 1; k < settings->n && !left; k++) {
			const struct setting *s = &settings->v[k];
			if (!s->value.len || !same(s->key, reset->key) || !same(s->section, reset->section))
				continue;
			gone |= s->goes;
			left |= !s->goes;
		}
		reset->goes = gone && !left;
	}
}

/* "-" and the like before a path say how it is started. */
static struct slice without_prefix(struct slice value)
{
	while (value.len && value.p[0] && strchr("-@:+!|", value.p[0]))
		value = slice_from(value, 1);
	return value;
}

static int judge(enum unit_form form, const struct setting *s, const struct entry_search *search,
                 enum hit_type *ret, const char **ret_why)
{
	bool live = s->key.len && !is_description(form, s);
	*ret = s->comment ? HIT_COMMENT : live ? HIT_ENTRY : HIT_INERT;
	return search_finds(search, live ? without_prefix(s->value) : s->line, ret_why);
}

static int judge_all(enum unit_form form, const struct buf *text, struct settings *settings,
                     const struct entry_search *search, struct hits *hits)
{
	for (size_t i = 0; i < settings->n; i++) {
		struct setting *s = &settings->v[i];
		const char *why = NULL;
		enum hit_type what = HIT_ENTRY;
		int r = judge(form, s, search, &what, &why);
		s->goes = r > 0 && hit_goes(what);
		hits->live += !s->goes && has_effect(form, s);
		if (r > 0)
			r = hits_add(hits, what, text, s->line, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct unit_verdict weigh(enum unit_form form, const struct settings *settings, const struct hits *hits)
{
	bool gone = false, left = false;
	for (size_t i = 0; i < settings->n; i++) {
		const struct setting *s = &settings->v[i];
		bool purpose = s->key.len && s->value.len && is_purpose(form, s->key);
		gone |= purpose && s->goes;
		left |= purpose && !s->goes;
	}
	return (struct unit_verdict){.purpose = gone && !left, .empty = hits->taken && !hits->live};
}

int unit_file_strip(enum unit_form form, const struct buf *text, const struct entry_search *search,
                    struct buf *ret, struct hits *ret_hits, struct unit_verdict *ret_verdict)
{
	_cleanup_(settings_free) struct settings settings = {0};
	_cleanup_hits_ struct hits hits = {0};
	_cleanup_buf_ struct buf out = {0};
	int r = read_settings(text, &settings);
	if (r == 0)
		r = judge_all(form, text, &settings, search, &hits);
	if (r < 0)
		return r;
	drop_resets(&settings);
	for (size_t i = 0; i < settings.n; i++)
		if (!settings.v[i].goes)
			buf_add(&out, settings.v[i].whole.p, settings.v[i].whole.len);
	if (buf_error(&out) || buf_copy(ret, &out) < 0)
		return -ENOMEM;
	*ret_verdict = weigh(form, &settings, &hits);
	*ret_hits = hits;
	hits = (struct hits){0};
	return 0;
}

int unit_file_values(const struct buf *text, const char *section, const char *key, struct strv *ret)
{
	_cleanup_(settings_free) struct settings settings = {0};
	int r = read_settings(text, &settings);
	for (size_t i = 0; r == 0 && i < settings.n; i++) {
		const struct setting *s = &settings.v[i];
		if (!slice_is(s->key, key) || !slice_is(s->section, section))
			continue;
		if (s->value.len)
			r = strv_addn(ret, s->value.p, s->value.len);
		else
			strv_free(ret);
	}
	return r;
}
