/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/escape.h"

#include <errno.h>
#include <string.h>

size_t utf8_next(const char *s, size_t len, unsigned *ret)
{
	const unsigned char *p = (const unsigned char *)s;
	if (!len)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
	if (!n || len < n)
		return 0;
	unsigned c = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

bool utf8_valid(const char *s, size_t len)
{
	unsigned c;
	for (size_t i = 0, n; i < len; i += n)
		if (!(n = utf8_next(s + i, len - i, &c)))
			return false;
	return true;
}

bool utf8_is_control(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static void escape_hex(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "\\x%02x", (unsigned char)s[i]);
}

int escape_text(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		unsigned c = 0;
		n = utf8_next(s + i, len - i, &c);
		if (n == 1 && strchr("\\\n\t\r", s[i]) && s[i])
			buf_printf(out, "\\%c", s[i] == '\n' ? 'n' : s[i] == '\t' ? 't' : s[i] == '\r' ? 'r' : '\\');
		else if (!n || utf8_is_control(c))
			escape_hex(out, s + i, n = n ? n : 1);
		else
			buf_add(out, s + i, n);
	}
	return buf_error(out);
}

int escape_str(struct buf *out, const char *text)
{
	return escape_text(out, text, strlen(text));
}

int escape_controls(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		unsigned c = 0;
		n = utf8_next(s + i, len - i, &c);
		if (!n || (utf8_is_control(c) && s[i] != '\n' && s[i] != '\t'))
			escape_hex(out, s + i, n = n ? n : 1);
		else
			buf_add(out, s + i, n);
	}
	return buf_error(out);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

int unescape_text(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] != '\\') {
			buf_putc(out, s[i]);
			continue;
		}
		if (++i >= len)
			return -EINVAL;
		switch (s[i]) {
		case '\\': buf_putc(out, '\\'); break;
		case 'n': buf_putc(out, '\n'); break;
		case 't': buf_putc(out, '\t'); break;
		case 'r': buf_putc(out, '\r'); break;
		case 'x': {
			int high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
			if (low < 0)
				return -EINVAL;
			buf_putc(out, (char)(high << 4 | low));
			i += 2;
			break;
		}
		default: return -EINVAL;
		}
	}
	return buf_error(out);
}

json_t *json_bytes(const char *bytes, size_t len)
{
	_cleanup_buf_ struct buf b = {0};
	if (escape_text(&b, bytes, len) < 0)
		return NULL;
	return json_stringn(buf_text(&b), b.len);
}

json_t *json_text(const char *text)
{
	return json_bytes(text, strlen(text));
}

int json_bytes_get(const json_t *string, struct buf *ret)
{
	if (!json_is_string(string))
		return -EINVAL;
	return unescape_text(ret, json_string_value(string), json_string_length(string));
}

int json_field_text(const json_t *object, const char *field, char **ret)
{
	const json_t *value = json_object_get(object, field);
	if (!value)
		return -ENOENT;
	_cleanup_buf_ struct buf b = {0};
	int r = json_bytes_get(value, &b);
	if (r < 0)
		return r;
	if (b.len && memchr(b.data, '\0', b.len))
		return -EINVAL;
	char *text = buf_steal(&b);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}
