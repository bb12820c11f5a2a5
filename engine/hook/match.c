/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a field of an event is what a rule asks for. The field is a stranger's: no test takes
 * longer than its length times the pattern's, which is why fnmatch(3) is not asked.
 */
#include "hook/rule.h"

#include "base/escape.h"
#include "core/ini.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns ------------------------------------------------------------------------ */

/* The length of the set that begins at P, with its brackets; 0: it does not end. */
static size_t set_len(const char *p)
{
	size_t i = 1 + (p[1] == '!' || p[1] == '^');
	i += p[i] == ']';
	while (p[i] && p[i] != ']')
		i += p[i] == '\\' && p[i + 1] ? 2 : 1;
	return p[i] ? i + 1 : 0;
}

static unsigned next_point(const char *p, size_t len, size_t *ret_len)
{
	unsigned c = (unsigned char)*p;
	size_t n = utf8_next(p, len, &c);
	*ret_len = n ? n : 1;
	return c;
}

static bool set_has(const char *set, size_t len, unsigned wanted)
{
	const char *p = set + 1, *end = set + len - 1;
	bool not = *p == '!' || *p == '^', found = false;
	size_t n;
	for (p += not; p < end; p += n) {
		p += *p == '\\';
		unsigned low = next_point(p, (size_t)(end - p), &n), high = low;
		if (p + n + 1 < end && p[n] == '-') {
			p += n + 1;
			p += *p == '\\';
			high = next_point(p, (size_t)(end - p), &n);
		}
		found |= low <= wanted && wanted <= high;
	}
	return found != not;
}

/* Whether what stands at *P, which is no star, takes the character at T; both go on. */
static bool takes_one(const char **p, const char **t)
{
	size_t len, point = 1;
	unsigned c = next_point(*t, strnlen(*t, 4), &len);
	const char *s = *p;
	if (!*s)
		return false;
	if (*s == '[') {
		point = set_len(s);
		if (!set_has(s, point, c))
			return false;
	} else if (*s != '?') {
		s += *s == '\\' && s[1];
		if (next_point(s, strnlen(s, 4), &point) != c)
			return false;
	}
	*p = s + point;
	*t += len;
	return true;
}

/* Only the last star is gone back to: what one before it could take, it takes, too. */
bool glob_matches(const char *pattern, const char *text)
{
	const char *p = pattern, *t = text, *star = NULL, *from = NULL;
	while (*t) {
		if (*p == '*') {
			star = ++p;
			from = t;
		} else if (!takes_one(&p, &t)) {
			size_t len;
			if (!star)
				return false;
			next_point(from, strnlen(from, 4), &len);
			from += len;
			t = from;
			p = star;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

int glob_check(const char *pattern, struct buf *ret_why)
{
	for (const char *p = pattern; *p; p++) {
		if (*p == '\\' && !p[1]) {
			buf_puts(ret_why, "the pattern ends with a backslash that stands before nothing");
			return -EINVAL;
		}
		size_t len = *p == '[' ? set_len(p) : 1;
		if (!len) {
			buf_puts(ret_why, "the pattern has a '[' without its ']': write \\[ for the character itself, or put the "
			                  "value in quotes");
			return -EINVAL;
		}
		p += *p == '\\' ? 1 : len - 1;
	}
	return 0;
}

/* ---- reading tests ------------------------------------------------------------------- */

static bool read_number(const char *text, int64_t *ret)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno || end == text || *end || !strchr("-0123456789", *text))
		return false;
	*ret = n;
	return true;
}

static int read_comparison(const char *text, struct test *ret, struct buf *why)
{
	static const struct {
		const char *sign;
		enum comparison comparison;
	} signs[] = {{">=", IS_AT_LEAST}, {"<=", IS_AT_MOST}, {">", IS_MORE}, {"<", IS_LESS}, {"=", IS_EQUAL}};
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		size_t len = strlen(signs[i].sign);
		if (strncmp(text, signs[i].sign, len) != 0)
			continue;
		ret->kind = TEST_NUMBER;
		ret->comparison = signs[i].comparison;
		text += len + strspn(text + len, " \t");
		if (read_number(text, &ret->number))
			return 1;
		buf_putc(why, '\'');
		escape_str(why, text);
		buf_printf(why, "' is no whole number, and '%s' compares with one: put the value in quotes if it is text",
		           signs[i].sign);
		return -EINVAL;
	}
	return 0;
}

/* What a value means, by how it is spelt; in quotes it is text. */
static int read_test(const struct ini_element *e, struct test *ret, struct buf *why)
{
	struct test t = {.kind = TEST_TEXT};
	int r = e->quoted ? 0 : read_comparison(e->text, &t, why);
	if (r == 0 && !e->quoted && strpbrk(e->text, "*?[\\")) {
		t.kind = TEST_GLOB;
		r = glob_check(e->text, why);
	} else if (r == 0 && !e->quoted) {
		int a = netaddr_parse(e->text, &t.within);
		t.kind = a == 0 ? TEST_WITHIN : TEST_TEXT;
		if (a == -EDOM) {
			buf_printf(why, "'%s' has bits set behind its prefix length: write the network's address", e->text);
			r = -EINVAL;
		}
	}
	if (r < 0)
		return r;
	t.text = strdup(e->text);
	if (!t.text)
		return -ENOMEM;
	*ret = t;
	return 0;
}

void matcher_free(struct matcher *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->tests[i].text);
	free(m->tests);
	free(m->field);
	free(m->text);
	*m = (struct matcher){0};
}

int matcher_parse(const char *field, const char *values, struct matcher *ret, struct buf *ret_why)
{
	struct matcher m = {.field = strdup(field), .text = strdup(values)};
	struct ini_element *v = NULL;
	size_t n = 0;
	int r = m.field && m.text ? ini_split_list(values, &v, &n, ret_why) : -ENOMEM;
	m.tests = r == 0 ? calloc(n, sizeof(*m.tests)) : NULL;
	if (r == 0 && !m.tests)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = read_test(&v[i], &m.tests[m.n], ret_why);
		m.n += r == 0;
	}
	ini_elements_free(v, n);
	if (r < 0)
		matcher_free(&m);
	else
		*ret = m;
	return r;
}

/* ---- asking them --------------------------------------------------------------------- */

static bool compares(const struct test *t, int64_t n)
{
	switch (t->comparison) {
	case IS_LESS: return n < t->number;
	case IS_AT_MOST: return n <= t->number;
	case IS_MORE: return n > t->number;
	case IS_AT_LEAST: return n >= t->number;
	case IS_EQUAL: return n == t->number;
	}
	return false;
}

static bool text_passes(const struct test *t, const char *text)
{
	struct netaddr a;
	int64_t n;
	switch (t->kind) {
	case TEST_TEXT: return strcmp(t->text, text) == 0;
	case TEST_GLOB: return glob_matches(t->text, text);
	case TEST_NUMBER: return read_number(text, &n) && compares(t, n);
	case TEST_WITHIN: return netaddr_parse(text, &a) == 0 && netaddr_contains(&t->within, &a);
	}
	return false;
}

static bool passes(const struct matcher *m, const char *text)
{
	for (size_t i = 0; i < m->n; i++)
		if (text_passes(&m->tests[i], text))
			return true;
	return false;
}

bool matcher_holds(const struct matcher *m, const struct event *event)
{
	const struct field *f = event_field(event, m->field);
	if (!f || f->type == FIELD_EMPTY)
		return false;
	if (f->type != FIELD_LIST)
		return passes(m, f->text);
	for (size_t i = 0; i < f->items.n; i++)
		if (passes(m, f->items.v[i]))
			return true;
	return false;
}
