/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/slice.h"

#include <string.h>
#include <strings.h>

struct slice slice_of(const struct buf *text)
{
	return (struct slice){buf_text(text), text->len};
}

struct slice slice_from(struct slice s, size_t at)
{
	return (struct slice){s.p + at, s.len - at};
}

bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice skip_blanks(struct slice s)
{
	while (s.len && is_blank(s.p[0]))
		s = slice_from(s, 1);
	return s;
}

struct slice trim(struct slice s)
{
	s = skip_blanks(s);
	while (s.len && (is_blank(s.p[s.len - 1]) || s.p[s.len - 1] == '\r'))
		s.len--;
	return s;
}

struct slice take_word(struct slice *s)
{
	struct slice rest = skip_blanks(*s), word = {rest.p, 0};
	while (word.len < rest.len && !is_blank(rest.p[word.len]))
		word.len++;
	*s = slice_from(rest, word.len);
	return word;
}

bool slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

bool slice_is_nocase(struct slice s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.p, text, s.len) == 0;
}

bool slice_starts(struct slice s, const char *text)
{
	return s.len >= strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

bool slice_holds(struct slice s, const char *text)
{
	return text[0] && memmem(s.p, s.len, text, strlen(text)) != NULL;
}

char *slice_dup(struct slice s)
{
	return strndup(s.p, s.len);
}

static size_t line_len(struct slice s, bool continued)
{
	size_t at = 0;
	for (;;) {
		const char *newline = memchr(s.p + at, '\n', s.len - at);
		if (!newline)
			return s.len;
		size_t len = (size_t)(newline - s.p);
		if (!continued || len == at || newline[-1] != '\\' || len + 1 >= s.len)
			return len;
		at = len + 1;
	}
}

struct slice take_line(struct slice *s, bool continued, struct slice *ret_whole)
{
	struct slice line = {s->p, line_len(*s, continued)};
	*ret_whole = (struct slice){s->p, line.len < s->len ? line.len + 1 : line.len};
	*s = slice_from(*s, ret_whole->len);
	return line;
}

unsigned count_newlines(struct slice s)
{
	unsigned n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

bool slice_is_hidden(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t' && s.p[i] != '\n') || s.p[i] == 0x7f)
			return true;
	return false;
}
