/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pam-edit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define JUMPS_MAX 32
#define LINES_MAX 2000 /* what it costs to follow all jumps grows with the square */

/* "success=2" in a control: a number in the text, and the lines of its stack that it skips. */
struct jump {
	struct slice number;
	size_t count;
	size_t end;     /* it skips lines before this one, */
	size_t unknown; /* those from here on by guess only: something is included in between */
	size_t gone;    /* how many of the lines that it skips go */
};

enum line_type { LINE_NONE, LINE_COMMENT, LINE_INCLUDE, LINE_RULE };

struct rule {
	enum line_type type;
	struct slice line, whole;
	struct slice service, facility, module, arguments;
	bool includes; /* control "include": the lines of another file stand here */
	struct jump jumps[JUMPS_MAX];
	size_t n_jumps;
	bool goes;
};

struct rules {
	struct rule *v;
	size_t n;
};

static void rules_free(struct rules *rules)
{
	free(rules->v);
}

/* Backslash and newline are a blank to PAM. */
static bool pam_blank(char c)
{
	return is_blank(c) || c == '\\' || c == '\n' || c == '\r';
}

static struct slice pam_word(struct slice *s)
{
	while (s->len && pam_blank(s->p[0]))
		*s = slice_from(*s, 1);
	struct slice word = {s->p, 0};
	bool bracket = s->len && s->p[0] == '[';
	while (word.len < s->len && (bracket || !pam_blank(s->p[word.len]))) {
		bool ends = bracket && s->p[word.len] == ']' && s->p[word.len - 1] != '\\';
		word.len++;
		if (ends)
			break;
	}
	*s = slice_from(*s, word.len);
	return word;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static void read_jumps(struct rule *r, struct slice control)
{
	for (size_t i = 0; i < control.len && r->n_jumps < JUMPS_MAX; i++) {
		size_t n = 0;
		if (control.p[i] != '=')
			continue;
		while (i + 1 < control.len && is_blank(control.p[i + 1]))
			i++;
		while (i + 1 + n < control.len && digit(control.p[i + 1 + n]))
			n++;
		if (!n || n > 6)
			continue;
		struct jump *j = &r->jumps[r->n_jumps++];
		j->number = (struct slice){control.p + i + 1, n};
		for (size_t k = 0; k < n; k++)
			j->count = j->count * 10 + (size_t)(j->number.p[k] - '0');
	}
}

static void parse_rule(enum pam_form form, struct rule *r)
{
	const char *hash = memchr(r->line.p, '#', r->line.len);
	struct slice rest = {r->line.p, hash ? (size_t)(hash - r->line.p) : r->line.len};
	struct slice word = pam_word(&rest);
	if (!word.len) {
		r->type = hash ? LINE_COMMENT : LINE_NONE;
		return;
	}
	if (form == PAM_CONF) {
		r->service = word;
		word = pam_word(&rest);
	}
	if (slice_is_nocase(word, "@include")) {
		r->type = LINE_INCLUDE;
		return;
	}
	r->facility = slice_starts(word, "-") ? slice_from(word, 1) : word;
	struct slice control = pam_word(&rest);
	r->module = pam_word(&rest);
	r->arguments = rest;
	r->type = r->module.len ? LINE_RULE : LINE_NONE;
	r->includes = slice_is_nocase(control, "include");
	if (slice_starts(control, "["))
		read_jumps(r, control);
}

static bool same_word(struct slice a, struct slice b)
{
	return a.len == b.len && (!a.len || strncasecmp(a.p, b.p, a.len) == 0);
}

static bool same_stack(const struct rule *a, const struct rule *b)
{
	return same_word(a->facility, b->facility) && same_word(a->service, b->service);
}

static void follow_jump(const struct rules *rules, size_t from, struct jump *j)
{
	const struct rule *start = &rules->v[from];
	size_t left = j->count, i;
	j->unknown = SIZE_MAX;
	for (i = from + 1; left > 0 && i < rules->n; i++) {
		const struct rule *r = &rules->v[i];
		if (j->unknown == SIZE_MAX && (r->type == LINE_INCLUDE || (r->includes && same_stack(r, start))))
			j->unknown = i;
		left -= r->type == LINE_RULE && same_stack(r, start);
	}
	j->end = i;
}

static int read_rules(enum pam_form form, const struct buf *text, struct rules *ret)
{
	struct slice rest = slice_of(text);
	while (rest.len) {
		struct rule *v = reallocarray(ret->v, ret->n + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		ret->v = v;
		struct rule *r = &v[ret->n++];
		*r = (struct rule){0};
		if (ret->n > LINES_MAX)
			return -EFBIG;
		r->line = take_line(&rest, true, &r->whole);
		parse_rule(form, r);
	}
	for (size_t i = 0; i < ret->n; i++)
		for (size_t k = 0; k < ret->v[i].n_jumps; k++)
			follow_jump(ret, i, &ret->v[i].jumps[k]);
	return 0;
}

static bool loads(const struct rule *r)
{
	return r->type == LINE_RULE && !r->includes;
}

int pam_list_modules(enum pam_form form, const struct buf *text, struct strv *ret)
{
	_cleanup_(rules_free) struct rules rules = {0};
	int r = read_rules(form, text, &rules);
	for (size_t i = 0; r == 0 && i < rules.n; i++) {
		if (!loads(&rules.v[i]))
			continue;
		_cleanup_free_ char *name = slice_dup(rules.v[i].module);
		r = name ? strv_add_new(ret, name) : -ENOMEM;
	}
	return r;
}

static bool listed(const struct strv *names, struct slice name, const char **ret)
{
	for (size_t i = 0; names && i < names->n; i++) {
		if (!slice_is(name, names->v[i]))
			continue;
		*ret = names->v[i];
		return true;
	}
	return false;
}

static bool skips(const struct rules *rules, size_t from, const struct jump *j, size_t i)
{
	return i > from && i < j->end && rules->v[i].type == LINE_RULE && same_stack(&rules->v[i], &rules->v[from]);
}

/* Whether all jumps over line I can be told, and stay jumps without it. */
static bool can_go(const struct rules *rules, size_t i)
{
	for (size_t from = 0; from < i; from++) {
		const struct rule *r = &rules->v[from];
		for (size_t k = 0; r->type == LINE_RULE && !r->goes && k < r->n_jumps; k++) {
			const struct jump *j = &r->jumps[k];
			if (skips(rules, from, j, i) && (i > j->unknown || j->gone + 1 >= j->count))
				return false;
		}
	}
	return true;
}

static void let_go(struct rules *rules, size_t i)
{
	rules->v[i].goes = true;
	for (size_t from = 0; from < i; from++)
		for (size_t k = 0; k < rules->v[from].n_jumps; k++)
			rules->v[from].jumps[k].gone += skips(rules, from, &rules->v[from].jumps[k], i);
}

/* 1: the line is meant. */
static int judge(const struct rule *r, const struct entry_search *search, const struct pam_modules *modules,
                 enum hit_type *ret, const char **ret_why)
{
	if (r->type == LINE_NONE)
		return 0;
	*ret = r->type == LINE_COMMENT ? HIT_COMMENT : HIT_INERT;
	if (!loads(r))
		return search_finds(search, r->line, ret_why);
	if (listed(modules->meant, r->module, ret_why)) {
		*ret = HIT_ENTRY;
		return 1;
	}
	int found = search_finds(search, r->arguments, ret_why);
	const char *name;
	if (found == 0 && listed(modules->foreign, r->module, &name))
		found = search_finds(search, r->module, ret_why);
	if (found != 0) {
		*ret = HIT_ENTRY;
		return found;
	}
	found = search_finds(search, r->module, ret_why); /* a package's own module: it stays */
	if (found == 0) {
		*ret = HIT_COMMENT;
		found = memchr(r->line.p, '#', r->line.len) ? search_finds(search, r->line, ret_why) : 0;
	}
	return found;
}

static int judge_all(const struct buf *text, struct rules *rules, const struct entry_search *search,
                     const struct pam_modules *modules, struct hits *hits)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct rule *rule = &rules->v[i];
		const char *why = NULL;
		enum hit_type what = HIT_ENTRY;
		int r = judge(rule, search, modules, &what, &why);
		if (r > 0 && hit_goes(what) && !can_go(rules, i))
			what = HIT_STUCK;
		if (r > 0 && hit_goes(what))
			let_go(rules, i);
		hits->live += loads(rule) && !rule->goes;
		if (r > 0)
			r = hits_add(hits, what, text, rule->line, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static void write_rule(const struct rule *r, struct buf *out)
{
	const char *from = r->whole.p;
	for (size_t k = 0; k < r->n_jumps; k++) {
		const struct jump *j = &r->jumps[k];
		if (!j->gone)
			continue;
		buf_add(out, from, (size_t)(j->number.p - from));
		buf_printf(out, "%zu", j->count - j->gone);
		from = j->number.p + j->number.len;
	}
	buf_add(out, from, (size_t)(r->whole.p + r->whole.len - from));
}

int pam_strip(enum pam_form form, const struct buf *text, const struct entry_search *search,
              const struct pam_modules *modules, struct buf *ret, struct hits *ret_hits)
{
	_cleanup_(rules_free) struct rules rules = {0};
	_cleanup_hits_ struct hits hits = {0};
	_cleanup_buf_ struct buf out = {0};
	int r = read_rules(form, text, &rules);
	if (r == 0)
		r = judge_all(text, &rules, search, modules, &hits);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rules.n; i++)
		if (!rules.v[i].goes)
			write_rule(&rules.v[i], &out);
	if (buf_error(&out) || buf_copy(ret, &out) < 0)
		return -ENOMEM;
	*ret_hits = hits;
	hits = (struct hits){0};
	return 0;
}
