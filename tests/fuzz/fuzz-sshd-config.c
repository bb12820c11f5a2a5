/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with an option as a playbook gives it, and a file of sshd_config(5). An edit
 * says what it was to say, leaves every other line alone, and changes nothing the
 * second time.
 */
#include "fuzz.h"

#include "sshd-config-edit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_lines_ _cleanup_(sshd_lines_free)

static bool same_line(const struct sshd_line *a, const struct sshd_line *b, unsigned moved)
{
	if (a->number + moved != b->number || strcmp(a->keyword, b->keyword) != 0 || a->broken != b->broken ||
	    a->args.n != b->args.n)
		return false;
	for (size_t i = 0; i < a->args.n; i++)
		if (strcmp(a->args.v[i], b->args.v[i]) != 0)
			return false;
	return true;
}

static void is_in_order(const struct sshd_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct sshd_line *line = &lines->v[i];
		MUST(line->number > (i ? line[-1].number : 0) && line->keyword[0]);
		for (const char *p = line->keyword; *p; p++)
			MUST(!isupper((unsigned char)*p));
	}
}

static void no_edit_is_none(const struct buf *file)
{
	_cleanup_buf_ struct buf out = {0};
	MUST(sshd_lines_edit(file, NULL, 0, &out) == 0);
	MUST(buf_equal(&out, file));
}

static void at_the_top_it_holds(const struct buf *file, const struct sshd_lines *lines, const struct sshd_option *option)
{
	struct sshd_edit edit = {.number = 0, .text = option->text};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_lines_ struct sshd_lines now = {0};
	MUST(sshd_lines_edit(file, &edit, 1, &out) == 0);
	MUST(out.len > file->len && (!file->len || memcmp(out.data + out.len - file->len, file->data, file->len) == 0));
	MUST(sshd_lines_parse(&out, &now) == 0);
	MUST(now.n == lines->n + 1 && now.v[0].number == 1 && !now.v[0].broken);
	MUST(strcmp(now.v[0].keyword, option->keyword) == 0 && sshd_option_is(option, &now.v[0].args));
	for (size_t i = 0; i < lines->n; i++)
		MUST(same_line(&lines->v[i], &now.v[i + 1], 1));
}

/* The file with TEXT in some of its lines, of which indentation and line end stay. */
static void with_lines(const struct buf *file, const struct sshd_edit *edits, size_t n, struct buf *ret)
{
	unsigned number = 1;
	for (size_t at = 0, len, next = 0; at < file->len; at += len, number++) {
		const char *line = file->data + at, *newline = memchr(line, '\n', file->len - at);
		len = newline ? (size_t)(newline - line) + 1 : file->len - at;
		if (next == n || edits[next].number != number) {
			buf_add(ret, line, len);
			continue;
		}
		size_t end = len > 1 && newline && newline[-1] == '\r' ? 2 : newline ? 1 : 0;
		buf_add(ret, line, strspn(line, " \t"));
		buf_puts(ret, edits[next++].text);
		buf_add(ret, line + len - end, end);
	}
}

/* In place of every line with its keyword. */
static void in_place_it_holds(const struct buf *file, const struct sshd_lines *lines, const struct sshd_option *option)
{
	_cleanup_free_ struct sshd_edit *edits = calloc(lines->n + 1, sizeof(*edits));
	size_t n = 0;
	MUST(edits);
	for (size_t i = 0; i < lines->n; i++)
		if (strcmp(lines->v[i].keyword, option->keyword) == 0)
			edits[n++] = (struct sshd_edit){.number = lines->v[i].number, .text = option->text};
	_cleanup_buf_ struct buf out = {0}, expected = {0}, again = {0};
	_cleanup_lines_ struct sshd_lines now = {0};
	MUST(sshd_lines_edit(file, edits, n, &out) == 0);
	with_lines(file, edits, n, &expected);
	MUST(buf_equal(&out, &expected));
	MUST(sshd_lines_edit(&out, edits, n, &again) == 0);
	MUST(buf_equal(&out, &again));
	MUST(sshd_lines_parse(&out, &now) == 0);
	MUST(now.n == lines->n);
	for (size_t i = 0; i < lines->n; i++) {
		bool ours = strcmp(lines->v[i].keyword, option->keyword) == 0;
		MUST(ours ? !now.v[i].broken && sshd_option_is(option, &now.v[i].args)
		          : same_line(&lines->v[i], &now.v[i], 0));
	}
}

/* A line that becomes a comment is gone, the others stay. */
static void one_goes(const struct buf *file, const struct sshd_lines *lines, size_t which)
{
	struct sshd_edit edit = {.number = lines->v[which].number, .text = "# gone"};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_lines_ struct sshd_lines now = {0};
	MUST(sshd_lines_edit(file, &edit, 1, &out) == 0);
	MUST(sshd_lines_parse(&out, &now) == 0);
	MUST(now.n == lines->n - 1);
	for (size_t i = 0; i < now.n; i++)
		MUST(same_line(&lines->v[i + (i >= which)], &now.v[i], 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *text = fuzz_line(&in);
	_cleanup_buf_ struct buf file = fuzz_rest(&in), why = {0};
	_cleanup_lines_ struct sshd_lines lines = {0};
	_cleanup_(sshd_option_free) struct sshd_option option = {0};
	int parsed = sshd_lines_parse(&file, &lines), taken = sshd_option_parse(text, &option, &why);
	MUST(parsed == (memchr(buf_text(&file), '\0', file.len) ? -EINVAL : 0));
	MUST(taken == 0 ? !why.len : taken == -EINVAL && why.len);
	MUST(fuzz_printable(&why, false));
	if (parsed < 0)
		return 0;
	is_in_order(&lines);
	no_edit_is_none(&file);
	for (size_t i = 0; i < lines.n && i < 20; i++)
		one_goes(&file, &lines, i);
	if (taken == 0) {
		MUST(sshd_option_is(&option, &option.args));
		at_the_top_it_holds(&file, &lines, &option);
		in_place_it_holds(&file, &lines, &option);
	}
	return 0;
}
