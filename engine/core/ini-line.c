/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ini-line.h"

#include "base/escape.h"

#include <string.h>

#define SECTION_MAX 49 /* inih truncates what stands between the brackets at 50 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct ini_span trim(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	while (at < end && is_blank(end[-1]))
		end--;
	return (struct ini_span){at, (size_t)(end - at)};
}

static void quote(struct buf *why, struct ini_span s)
{
	buf_putc(why, '\'');
	escape_text(why, s.at, s.len < 60 ? s.len : 60);
	buf_puts(why, s.len < 60 ? "'" : "...'");
}

/* The length of the run at AT that may be a name: a letter, then letters, digits, '-'. */
static size_t name_len(const char *at, const char *end)
{
	const char *p = at;
	while (p < end && ((*p >= 'a' && *p <= 'z') || (p > at && ((*p >= '0' && *p <= '9') || *p == '-'))))
		p++;
	return (size_t)(p - at);
}

/* Whether every byte means what it shows. */
static bool clean_bytes(const char *text, size_t len, struct buf *why)
{
	for (size_t i = 0, n; i < len; i += n) {
		unsigned c = 0;
		n = utf8_next(text + i, len - i, &c);
		if (!n)
			buf_printf(why, "byte %zu (0x%02x) is not valid UTF-8: save the file as UTF-8", i + 1,
			           (unsigned char)text[i]);
		else if (!c)
			buf_printf(why, "byte %zu is NUL: this is not a text file", i + 1);
		else if (c == '\r')
			buf_puts(why, "a carriage return stands inside the line: lines end with a line feed, not with a "
			              "carriage return (tr '\\r' '\\n')");
		else if (c == 0xfeff)
			buf_puts(why, "a byte order mark stands here: save the file as UTF-8 without one");
		else if (utf8_is_control(c) && c != '\t')
			buf_printf(why, "byte %zu is an invisible or control character (U+%04X): remove it", i + 1, c);
		if (why->len)
			return false;
	}
	return true;
}

static bool judge_name(const char *what, struct ini_span s, struct buf *why)
{
	if (name_len(s.at, s.at + s.len) != s.len) {
		quote(why, s);
		buf_printf(why, " is not %s: a lower-case letter, then lower-case letters, digits and '-'", what);
		return false;
	}
	if (s.len > INI_NAME_MAX) {
		quote(why, s);
		buf_printf(why, " is %zu bytes long: %s has at most %d", s.len, what, INI_NAME_MAX);
		return false;
	}
	return true;
}

static bool judge_section(const char *text, const char *end, struct ini_line *ret, struct buf *why)
{
	const char *close = memchr(text, ']', (size_t)(end - text));
	if (!close) {
		buf_puts(why, "the section has no ']': write [KIND] or [KIND NAME]");
		return false;
	}
	struct ini_span after = trim(close + 1, end), inside = trim(text + 1, close);
	if (after.len) {
		quote(why, after);
		buf_puts(why, " stands after the section's ']': put it on a line of its own");
		return false;
	}
	if (!inside.len) {
		buf_puts(why, "the section has no name between '[' and ']'");
		return false;
	}
	if (inside.len > SECTION_MAX) {
		buf_printf(why, "the section is %zu bytes long: at most %d may stand between '[' and ']'", inside.len,
		           SECTION_MAX);
		return false;
	}
	const char *gap = inside.at;
	while (gap < inside.at + inside.len && !is_blank(*gap))
		gap++;
	ret->section = (struct ini_span){inside.at, (size_t)(gap - inside.at)};
	ret->name = trim(gap, inside.at + inside.len);
	return judge_name("a kind of section", ret->section, why) && judge_name("a name", ret->name, why);
}

/* Whether the value would come out of inih as it stands, for it cuts values at a ';' after a blank. */
static bool judge_value(struct ini_span v, struct buf *why)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.at[i] == ';' && (i == 0 || is_blank(v.at[i - 1])) && (i > 0 || is_blank(v.at[-1]))) {
			buf_puts(why, "a ';' after a blank would cut the value as if a comment started there, even in quotes: "
			              "remove the blank or the ';'; a comment stands on a line of its own");
			return false;
		}
	return true;
}

/* Whether the value ends with a comma outside of quotes; false if a quote stays open. */
static bool judge_quotes(struct ini_span v, bool *ret_open, struct buf *why)
{
	const char *p = v.at, *end = v.at + v.len;
	while (p < end) {
		while (p < end && is_blank(*p))
			p++;
		if (p < end && *p == '"') {
			for (p++; p < end && *p != '"'; p++)
				p += *p == '\\' && p + 1 < end;
			if (p == end) {
				buf_puts(why, "a quote is not closed in its line");
				return false;
			}
		}
		while (p < end && *p != ',')
			p++;
		*ret_open = p < end;
		p += p < end;
	}
	return true;
}

/* The length of the run at AT that may be what a key is about: the name of a field. */
static size_t of_len(const char *at, const char *end)
{
	const char *p = at;
	while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
	                   strchr("._@/-", *p)))
		p++;
	return (size_t)(p - at);
}

/* "match rule.level": a word, a blank, and what it is about, taken apart. */
static bool split_key(struct ini_line *ret, struct buf *why)
{
	struct ini_span whole = ret->key;
	const char *end = whole.at + whole.len, *gap = whole.at + name_len(whole.at, end);
	if (gap == whole.at || gap == end || !is_blank(*gap))
		return true;
	struct ini_span of = trim(gap, end);
	ret->key.len = (size_t)(gap - whole.at);
	if (of_len(of.at, end) != of.len) {
		quote(why, of);
		buf_puts(why, " cannot stand in a key: letters, digits, '.', '_', '@', '/' and '-' can");
		return false;
	}
	if (of.len > INI_OF_MAX) {
		quote(why, of);
		buf_printf(why, " is %zu bytes long: in a key it has at most %d", of.len, INI_OF_MAX);
		return false;
	}
	ret->of = of;
	return true;
}

static bool judge_key(const char *text, const char *end, struct ini_line *ret, struct buf *why)
{
	const char *equals = memchr(text, '=', (size_t)(end - text));
	size_t word = name_len(text, end);
	const char *next = trim(text + word, end).at;
	if (word && next < end && *next == ':') {
		buf_printf(why, "a ':' stands after '%.*s': write key = value", (int)word, text);
		return false;
	}
	if (!equals) {
		quote(why, trim(text, end));
		buf_puts(why, " has no '=': a line is key = value, [section], or a comment that starts with #");
		return false;
	}
	ret->key = trim(text, equals);
	ret->value = trim(equals + 1, end);
	if (!ret->key.len) {
		buf_puts(why, "no key stands before the '='");
		return false;
	}
	return split_key(ret, why) && judge_name("a key", ret->key, why) && judge_value(ret->value, why) &&
	       judge_quotes(ret->value, &ret->open, why);
}

/* Whether an indented line may continue a list; what it continues is for the caller to know. */
static bool judge_indented(struct ini_span v, struct ini_line *ret, struct buf *why)
{
	const char *end = v.at + v.len;
	size_t word = name_len(v.at, end);
	const char *next = trim(v.at + word, end).at;
	if (next > v.at + word)
		next = trim(next + of_len(next, end), end).at;
	if (v.at[0] == '#' || v.at[0] == ';') {
		buf_puts(why, "a comment starts in the first column: remove the blanks before it");
		return false;
	}
	if (word && next < end && *next == '=') {
		buf_printf(why, "the line is indented but looks like a key: start '%.*s' in the first column, or put the "
		                "element in quotes", (int)word, v.at);
		return false;
	}
	ret->value = v;
	return judge_value(v, why) && judge_quotes(v, &ret->open, why);
}

static enum ini_line_kind kind_of(const char *text, size_t len)
{
	if (!trim(text, text + len).len)
		return INI_LINE_BLANK;
	if (text[0] == '#' || text[0] == ';')
		return INI_LINE_COMMENT;
	if (text[0] == '[')
		return INI_LINE_SECTION;
	return is_blank(text[0]) ? INI_LINE_INDENTED : INI_LINE_KEY;
}

static bool judge(const char *text, size_t len, struct ini_line *ret, struct buf *why)
{
	const char *end = text + len;
	ret->kind = ret->meant = kind_of(text, len);
	if (!clean_bytes(text, len, why))
		return false;
	if (len > INI_LINE_MAX) {
		buf_printf(why, "the line is %zu bytes long, more than %d: let a list go over several lines that start with a "
		                "blank, each but the last ended by a comma", len, INI_LINE_MAX);
		return false;
	}
	switch (ret->kind) {
	case INI_LINE_SECTION: return judge_section(text, end, ret, why);
	case INI_LINE_KEY: return judge_key(text, end, ret, why);
	case INI_LINE_INDENTED: return judge_indented(trim(text, end), ret, why);
	default: return true;
	}
}

void ini_line_judge(const char *text, size_t len, struct ini_line *ret, struct buf *ret_why)
{
	struct ini_line line = {0};
	if (len && memchr(text, '\r', len) == text + len - 1) {
		line.carriage_return = true;
		len--;
	}
	if (!judge(text, len, &line, ret_why)) {
		line.kind = INI_LINE_BAD;
		line.open = len && text[len - 1] == ',';
	}
	*ret = line;
}
