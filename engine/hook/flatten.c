/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/flatten.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t span_of(struct slice s, const char *set)
{
	size_t n = 0;
	while (n < s.len && s.p[n] && strchr(set, s.p[n]))
		n++;
	return n;
}

static bool take_char(struct slice *s, const char *set)
{
	if (!s->len || !s->p[0] || !strchr(set, s->p[0]))
		return false;
	*s = slice_from(*s, 1);
	return true;
}

static bool take_digits(struct slice *s)
{
	size_t n = span_of(*s, "0123456789");
	*s = slice_from(*s, n);
	return n > 0;
}

/* Whether the token is a number of JSON (RFC 8259) and none that 64 bits hold. */
static bool is_odd_number(struct slice token)
{
	char text[32];
	struct slice s = token;
	take_char(&s, "-");
	if (!take_char(&s, "0") && !take_digits(&s))
		return false;
	bool whole = !s.len;
	if (take_char(&s, ".") && !take_digits(&s))
		return false;
	if (take_char(&s, "eE")) {
		take_char(&s, "+-");
		if (!take_digits(&s))
			return false;
	}
	if (s.len)
		return false;
	if (!whole || token.len >= sizeof(text))
		return true;
	memcpy(text, token.p, token.len);
	text[token.len] = '\0';
	errno = 0;
	strtoll(text, NULL, 10);
	return errno == ERANGE;
}

/* The length of the string that S begins with, its quotes included. */
static size_t string_len(struct slice s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return s.len;
}

static bool is_key(struct slice behind)
{
	behind = slice_from(behind, span_of(behind, " \t\r\n"));
	return behind.len && behind.p[0] == ':';
}

static unsigned hex_at(struct slice s)
{
	unsigned value = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *at;
		char c = i < s.len ? s.p[i] : '\0';
		at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
		if (!at)
			return 0;
		value = value << 4 | (unsigned)(at - digits);
	}
	return value;
}

/* The code of "\uXXXX" that S begins with; 0: of none. */
static unsigned escaped_at(struct slice s)
{
	return slice_starts(s, "\\u") ? hex_at(slice_from(s, 2)) : 0;
}

#define IS_HIGH(code) ((code) >= 0xd800 && (code) < 0xdc00)
#define IS_LOW(code) ((code) >= 0xdc00 && (code) < 0xe000)

/* Whether a string goes on with a character, written in *RET_LEN bytes: it does not with invalid
 * UTF-8, or half a pair of surrogates. What is no JSON is left to jansson. */
static bool is_character(struct slice s, size_t *ret_len)
{
	unsigned code = escaped_at(s);
	if (s.p[0] != '\\') {
		size_t n = utf8_next(s.p, s.len, &code);
		*ret_len = n ? n : 1;
		return n;
	}
	*ret_len = IS_HIGH(code) || IS_LOW(code) ? 6 : s.len < 2 ? 1 : 2;
	if (!IS_HIGH(code) || !IS_LOW(escaped_at(slice_from(s, 6))))
		return *ret_len != 6;
	*ret_len = 12;
	return true;
}

static bool is_text(struct slice string)
{
	for (size_t i = 0, n; i < string.len; i += n)
		if (!is_character(slice_from(string, i), &n))
			return false;
	return true;
}

/* With a NUL for what is no character: so it is no text, and JSON all the same. */
static void add_mended(struct slice string, struct buf *ret)
{
	for (size_t i = 0, n; i < string.len; i += n) {
		struct slice s = slice_from(string, i);
		if (is_character(s, &n))
			buf_add(ret, s.p, n);
		else
			buf_puts(ret, "\\u0000");
	}
}

/* A string at the front of S that is no text is mended, and an odd number quoted: whole to RET,
 * and true. *RET_LEN: how far it goes. */
static bool alter(struct slice s, struct buf *ret, struct slice before, size_t *ret_len)
{
	bool string = s.p[0] == '"';
	*ret_len = string ? string_len(s) : span_of(s, "0123456789+-.eE");
	struct slice token = {s.p, *ret_len};
	if (string ? is_text(token) : !is_odd_number(token) || is_key(slice_from(s, token.len)))
		return false;
	buf_add(ret, before.p, before.len);
	if (string) {
		add_mended(token, ret);
		return true;
	}
	buf_putc(ret, '"');
	buf_add(ret, token.p, token.len);
	buf_putc(ret, '"');
	return true;
}

/* jansson keeps of a number that is not whole only what a double holds, and refuses larger
 * ones: they get quotes, and are text as written. It refuses all of a message for one string
 * that is no text, too. RET stays empty where there are none. What is no JSON stays none. The
 * depth is judged here, too: jansson recurses. */
static int make_readable(struct slice in, struct buf *ret, struct buf *ret_why)
{
	size_t depth = 0, from = 0;
	for (size_t i = 0, n; i < in.len; i += n) {
		struct slice s = slice_from(in, i);
		n = 1;
		if (s.p[0] == '{' || s.p[0] == '[') {
			if (++depth > EVENT_DEPTH_MAX) {
				buf_printf(ret_why, "nested deeper than %d levels", EVENT_DEPTH_MAX);
				return -EINVAL;
			}
		} else if (s.p[0] == '}' || s.p[0] == ']') {
			depth -= depth > 0;
		} else if (s.p[0] == '"' || span_of((struct slice){s.p, 1}, "0123456789+-.eE")) {
			if (alter(s, ret, (struct slice){in.p + from, i - from}, &n))
				from = i + n;
		}
	}
	return ret->len ? buf_add(ret, in.p + from, in.len - from) : buf_error(ret);
}

int flatten_read(struct slice text, json_t **ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf readable = {0}, why = {0};
	int r = make_readable(text, &readable, ret_why);
	if (r < 0)
		return r;
	if (readable.len)
		text = slice_of(&readable);
	r = json_read(text.p, text.len, JSON_ALLOW_NUL, ret, &why);
	if (r == -EINVAL)
		buf_printf(ret_why, "no JSON that is accepted: %s", buf_text(&why));
	return r;
}

const char *flatten_text(const json_t *object, const char *member)
{
	const json_t *v = json_object_get(object, member);
	const char *text = json_string_value(v);
	return text && strlen(text) == json_string_length(v) ? text : NULL;
}

/* The way into the message, and where it goes. */
struct way {
	struct event *event;
	struct buf name;
	struct buf *why;
};

int flatten_refuse(int error, const char *name, struct buf *ret_why)
{
	if (error == 0 || error == -ENOMEM)
		return error;
	_cleanup_buf_ struct buf shown = {0};
	escape_text(&shown, name, strnlen(name, EVENT_NAME_MAX));
	buf_printf(ret_why,
	           error == -EEXIST   ? "two members are named \"%s\""
	           : error == -EILSEQ ? "\"%s\": an empty name, or no text: NUL or invalid UTF-8"
	                              : "\"%s\": more than an event may have: fields, lists, or a long name or text",
	           buf_text(&shown));
	return -EINVAL;
}

static bool is_item(const json_t *v)
{
	return json_is_string(v) || json_is_integer(v) || json_is_boolean(v);
}

static bool is_list(const json_t *array)
{
	size_t i;
	json_t *v;
	json_array_foreach(array, i, v)
		if (!is_item(v))
			return false;
	return true;
}

static struct slice text_of(const json_t *string)
{
	return (struct slice){json_string_value(string), json_string_length(string)};
}

/* What is no text, or longer than one may be, is as if it were empty: whoever chose it must not
 * keep the rest of the message from being read. */
static bool is_kept(struct slice text)
{
	return text.len <= EVENT_TEXT_MAX && !memchr(text.p, '\0', text.len);
}

static int add_item(struct way *way, const json_t *v)
{
	char text[24];
	if (json_is_string(v) && !is_kept(text_of(v)))
		return 0;
	if (json_is_string(v))
		return event_add_item(way->event, buf_text(&way->name), text_of(v));
	if (json_is_integer(v))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		snprintf(text, sizeof(text), "%s", json_is_true(v) ? "yes" : "no");
	return event_add_item(way->event, buf_text(&way->name), (struct slice){text, strlen(text)});
}

static int add_scalar(struct way *way, const json_t *v)
{
	const char *name = buf_text(&way->name);
	size_t i;
	json_t *item;
	int r = event_field(way->event, name) ? -EEXIST : 0;
	if (r < 0)
		return r;
	if (json_is_string(v) && is_kept(text_of(v)))
		return event_add_text(way->event, name, text_of(v));
	if (json_is_integer(v))
		return event_add_number(way->event, name, json_integer_value(v));
	if (json_is_boolean(v))
		return event_add_yes_no(way->event, name, json_is_true(v));
	json_array_foreach(v, i, item)
		if ((r = add_item(way, item)) < 0)
			return r;
	return event_field(way->event, name) ? r : event_add_empty(way->event, name);
}

static int add_value(struct way *way, const json_t *v);

/* Goes in below MEMBER, and comes back. */
static int add_member(struct way *way, const char *member, const json_t *v)
{
	size_t len = way->name.len;
	if (len)
		buf_putc(&way->name, '.');
	int r = buf_puts(&way->name, member);
	if (r == 0)
		r = way->name.len > EVENT_NAME_MAX || !member[0]
		            ? flatten_refuse(member[0] ? -E2BIG : -EILSEQ, buf_text(&way->name), way->why)
		            : add_value(way, v);
	if (r == 0)
		way->name.data[way->name.len = len] = '\0';
	return r;
}

static int add_members(struct way *way, const json_t *object)
{
	const char *key;
	json_t *v;
	int r = 0;
	json_object_foreach((json_t *)object, key, v)
		if ((r = add_member(way, key, v)) < 0)
			break;
	return r;
}

static int add_elements(struct way *way, const json_t *array)
{
	size_t i;
	json_t *v;
	int r = 0;
	json_array_foreach(array, i, v) {
		char member[24];
		if (i == FLATTEN_ELEMENTS)
			break;
		snprintf(member, sizeof(member), "%zu", i);
		if ((r = add_member(way, member, v)) < 0)
			break;
	}
	return r;
}

static int add_value(struct way *way, const json_t *v)
{
	if (json_is_object(v) && json_object_size(v))
		return add_members(way, v);
	if (json_is_array(v) && !is_list(v))
		return add_elements(way, v);
	return flatten_refuse(add_scalar(way, v), buf_text(&way->name), way->why);
}

int flatten_object(const json_t *object, struct event *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	struct way way = {.event = &event, .why = ret_why};
	int r = 0;
	if (!json_is_object(object)) {
		buf_puts(ret_why, "no JSON object");
		return -EINVAL;
	}
	r = add_members(&way, object);
	buf_free(&way.name);
	if (r < 0)
		return r;
	*ret = event;
	event = (struct event){0};
	return 0;
}

int flatten(struct slice text, struct event *ret, struct buf *ret_why)
{
	_cleanup_json_ json_t *json = NULL;
	int r = flatten_read(text, &json, ret_why);
	return r < 0 ? r : flatten_object(json, ret, ret_why);
}
