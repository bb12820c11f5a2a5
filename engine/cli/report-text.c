/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report-text.h"

#include "base/escape.h"

#include <errno.h>
#include <string.h>

static int put_html(struct buf *out, const char *text, bool attribute)
{
	_cleanup_buf_ struct buf safe = {0};
	if (escape_controls(&safe, text, strlen(text)) < 0)
		return out->error = -ENOMEM;
	for (const char *p = buf_text(&safe); *p; p++) {
		switch (*p) {
		case '&': buf_puts(out, "&amp;"); break;
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '"': buf_puts(out, attribute ? "&quot;" : "\""); break;
		case '\'': buf_puts(out, attribute ? "&#39;" : "'"); break;
		case '`': buf_puts(out, attribute ? "&#96;" : "`"); break;
		case '\n':
		case '\t': buf_putc(out, attribute ? ' ' : *p); break;
		default: buf_putc(out, *p);
		}
	}
	return buf_error(out);
}

int html_text(struct buf *out, const char *text)
{
	return put_html(out, text, false);
}

int html_attr(struct buf *out, const char *text)
{
	return put_html(out, text, true);
}

/* The length of the longest run of backticks. */
static size_t longest_run(const char *text)
{
	size_t longest = 0;
	for (const char *p = text; *p;) {
		size_t run = strspn(p, "`");
		longest = run > longest ? run : longest;
		p += run ? run : 1;
	}
	return longest;
}

static void put_fence(struct buf *out, size_t n)
{
	while (n--)
		buf_putc(out, '`');
}

/* A blank on either side, of which Markdown takes one away, where the text begins or ends with
 * a backtick or a blank. */
int md_code(struct buf *out, const char *text)
{
	_cleanup_buf_ struct buf safe = {0};
	if (!*text)
		return buf_error(out);
	if (escape_controls(&safe, text, strlen(text)) < 0)
		return out->error = -ENOMEM;
	for (size_t i = 0; i < safe.len; i++)
		if (safe.data[i] == '\n' || safe.data[i] == '\t')
			safe.data[i] = ' ';
	size_t fence = longest_run(safe.data) + 1;
	bool pad = strchr("` ", safe.data[0]) || strchr("` ", safe.data[safe.len - 1]);
	put_fence(out, fence);
	buf_puts(out, pad ? " " : "");
	buf_add(out, safe.data, safe.len);
	buf_puts(out, pad ? " " : "");
	put_fence(out, fence);
	return buf_error(out);
}

int md_block(struct buf *out, const char *language, const char *text, const char *indent)
{
	_cleanup_buf_ struct buf safe = {0};
	if (escape_controls(&safe, text, strlen(text)) < 0)
		return out->error = -ENOMEM;
	size_t fence = longest_run(buf_text(&safe)) + 1;
	if (fence < 3)
		fence = 3;
	buf_puts(out, indent);
	put_fence(out, fence);
	buf_printf(out, "%s\n", language);
	char *save = NULL;
	for (char *line = safe.len ? strtok_r(safe.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		buf_printf(out, "%s%s\n", indent, line);
	buf_puts(out, indent);
	put_fence(out, fence);
	buf_putc(out, '\n');
	return buf_error(out);
}
