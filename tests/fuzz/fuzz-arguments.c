/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with a type of the playbook language ("choice a|b" has choices), and a text. A
 * value has one normal spelling, and keeps its meaning when it is converted; an
 * argument can be written down again.
 */
#include "fuzz.h"

#include "core/reference.h"
#include "core/value.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* NULL when there is none. */
static int check(enum type type, const char *choices, const char *text, char **ret)
{
	_cleanup_strv_ struct strv items = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = type_check(type, choices, text, &items, &why);
	MUST(r == 0 ? items.n == 1 : r == -EINVAL && items.n == 0 && why.len);
	MUST(fuzz_printable(&why, false));
	*ret = r == 0 ? strdup(items.v[0]) : NULL;
	return r;
}

static bool says_any_bytes(enum type type)
{
	return type == TYPE_PATH || type == TYPE_GLOB || type == TYPE_ADDRESS; /* file:/PATH */
}

static void converts(enum type type, const char *value)
{
	for (unsigned i = 0; i < TYPE_COUNT_; i++) {
		enum type to = (enum type)i;
		_cleanup_strv_ struct strv items = {0};
		_cleanup_free_ char *normal = NULL;
		int r = type_convert(type, to, value, &items);
		MUST(r == 0 ? items.n == 1 && type_fits(type, to) : r == -EINVAL && items.n == 0);
		if (r < 0 || to == TYPE_CHOICE || (to == TYPE_TEXT && says_any_bytes(type)))
			continue;
		MUST(check(to, NULL, items.v[0], &normal) == 0);
		MUST(strcmp(normal, items.v[0]) == 0);
		if (type == TYPE_PATH && to == TYPE_GLOB)
			MUST(fnmatch(normal, value, FNM_PATHNAME) == 0);
	}
}

static void one_normal_spelling(enum type type, const char *choices, const char *text)
{
	_cleanup_free_ char *normal = NULL, *again = NULL;
	if (check(type, choices, text, &normal) < 0)
		return;
	MUST(check(type, choices, normal, &again) == 0);
	MUST(strcmp(normal, again) == 0);
	converts(type, normal);
	if (type == TYPE_DURATION)
		MUST(value_ms(normal) >= 0);
	if (type == TYPE_NUMBER || type == TYPE_PERCENT || type == TYPE_PORT || type == TYPE_PID)
		MUST(value_number(normal) >= 0);
}

static void print_literal(const char *text, struct buf *ret)
{
	buf_putc(ret, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_putc(ret, '\\');
		if (p[0] == '$' && p[1] == '{')
			buf_putc(ret, '$');
		buf_putc(ret, *p);
	}
	buf_putc(ret, '"');
}

static void print(const struct element *v, size_t n, struct buf *ret)
{
	for (size_t i = 0; i < n; i++) {
		buf_puts(ret, i ? "," : "");
		if (!element_is_reference(&v[i])) {
			print_literal(v[i].text, ret);
			continue;
		}
		buf_puts(ret, "${");
		reference_print(&v[i], ret);
		buf_putc(ret, '}');
	}
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void reads_the_same(const char *text)
{
	struct element *v = NULL, *again = NULL;
	size_t n = 0, n_again = 0;
	_cleanup_buf_ struct buf why = {0}, written = {0};
	int r = elements_parse(text, &v, &n, &why);
	MUST(r == 0 ? n > 0 : r == -EINVAL && why.len && !v);
	MUST(fuzz_printable(&why, false));
	if (r < 0)
		return;
	print(v, n, &written);
	MUST(elements_parse(buf_text(&written), &again, &n_again, &why) == 0 && n == n_again);
	for (size_t i = 0; i < n; i++)
		MUST(same(v[i].text, again[i].text) && same(v[i].input, again[i].input) && same(v[i].step, again[i].step) &&
		     same(v[i].fact, again[i].fact));
	elements_free(v, n);
	elements_free(again, n_again);
}

/* Words as a playbook has checked them. */
static bool are_choices(const char *choices)
{
	return choices[0] && strspn(choices, "abcdefghijklmnopqrstuvwxyz-|") == strlen(choices);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *name = fuzz_line(&in);
	_cleanup_buf_ struct buf rest = fuzz_rest(&in);
	_cleanup_free_ char *text = fuzz_string(&rest);
	char *space = strchr(name, ' ');
	const char *choices = space && are_choices(space + 1) ? space + 1 : "a";
	enum type type;
	bool list;
	if (space)
		*space = '\0';
	if (type_from_name(name, &type, &list) == 0) {
		MUST(strcmp(type_name(type, list), name) == 0);
		one_normal_spelling(type, choices, text);
	}
	reads_the_same(text);
	return 0;
}
