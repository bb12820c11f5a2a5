/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * INI files: what is taken means one thing, so that it can be written down again and
 * reads the same; what is wrong is told by line, in words fit to print.
 */
#include "fuzz.h"

#include "core/ini-line.h"
#include "core/ini.h"

#include <errno.h>
#include <string.h>

#define _cleanup_ini_ _cleanup_(ini_free)

static size_t count_lines(const struct buf *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n + (text->len && text->data[text->len - 1] != '\n');
}

static void errors_are_told(const struct buf *bytes, const struct diags *diags)
{
	_cleanup_buf_ struct buf text = {0};
	MUST(diags_print(diags, &text) == 0);
	MUST(fuzz_printable(&text, true));
	for (size_t i = 0; i < diags->n; i++)
		MUST(diags->v[i].line <= count_lines(bytes) && diags->v[i].text[0]);
}

/* False where a value that stood on several lines does not fit on one. */
static bool print(const struct ini *ini, struct buf *ret)
{
	for (size_t s = 0; s < ini->n_sections; s++) {
		const struct ini_section *section = &ini->sections[s];
		buf_printf(ret, "[%s%s%s]\n", section->section, section->name[0] ? " " : "", section->name);
		for (size_t i = 0; i < ini->n; i++) {
			const struct ini_entry *e = &ini->v[i];
			if (e->section_line != section->line)
				continue;
			MUST(strcmp(e->section, section->section) == 0 && strcmp(e->name, section->name) == 0);
			if (strlen(e->key) + 1 + strlen(e->value) > INI_LINE_MAX)
				return false;
			buf_printf(ret, "%s=%s\n", e->key, e->value);
		}
	}
	return true;
}

static void reads_the_same(const struct ini *ini)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_ini_ struct ini again = {0};
	struct diags diags = {0};
	if (!print(ini, &text))
		return;
	MUST(ini_parse_bytes(&text, &again, &diags) == 0 && diags.n == 0);
	MUST(again.n == ini->n && again.n_sections == ini->n_sections);
	for (size_t i = 0; i < ini->n; i++)
		MUST(strcmp(ini->v[i].key, again.v[i].key) == 0 && strcmp(ini->v[i].value, again.v[i].value) == 0 &&
		     strcmp(ini->v[i].section, again.v[i].section) == 0 && strcmp(ini->v[i].name, again.v[i].name) == 0);
	diags_free(&diags);
}

static void print_list(const struct ini_element *v, size_t n, struct buf *ret)
{
	for (size_t i = 0; i < n; i++) {
		buf_puts(ret, i ? ", \"" : "\"");
		for (const char *p = v[i].text; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_putc(ret, '\\');
			buf_putc(ret, *p);
		}
		buf_putc(ret, '"');
	}
}

static void lists_read_the_same(const char *value)
{
	struct ini_element *v = NULL, *again = NULL;
	size_t n = 0, n_again = 0;
	_cleanup_buf_ struct buf why = {0}, text = {0};
	int r = ini_split_list(value, &v, &n, &why);
	MUST(r == 0 || (r == -EINVAL && why.len && !v));
	MUST(fuzz_printable(&why, false));
	if (r < 0)
		return;
	print_list(v, n, &text);
	MUST(ini_split_list(buf_text(&text), &again, &n_again, &why) == 0 && n == n_again);
	for (size_t i = 0; i < n; i++)
		MUST(strcmp(v[i].text, again[i].text) == 0 && again[i].quoted);
	ini_elements_free(v, n);
	ini_elements_free(again, n_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in);
	_cleanup_ini_ struct ini ini = {0};
	struct diags diags = {0};
	MUST(ini_parse_bytes(&bytes, &ini, &diags) == 0);
	errors_are_told(&bytes, &diags);
	for (size_t i = 0; i < ini.n; i++)
		lists_read_the_same(ini.v[i].value);
	if (diags.n == 0)
		reads_the_same(&ini);
	diags_free(&diags);
	return 0;
}
