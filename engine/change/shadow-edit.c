/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/shadow-edit.h"

#include <errno.h>
#include <string.h>

#define FIELDS 9

/* glibc skips these before a name. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_entry_of(const char *line, size_t len, const char *user)
{
	size_t name = strlen(user);
	while (len && is_blank(*line)) {
		line++;
		len--;
	}
	return name && len > name && line[0] != '#' && memcmp(line, user, name) == 0 && line[name] == ':';
}

/* The first entry of USER at or after *AT, which goes behind it. */
static bool next_entry(const struct buf *file, const char *user, size_t *at, struct shadow_entry *ret)
{
	while (*at < file->len) {
		const char *line = file->data + *at, *newline = memchr(line, '\n', file->len - *at);
		size_t start = *at, len = newline ? (size_t)(newline - line) : file->len - *at;
		*at += len + 1;
		if (!is_entry_of(line, strnlen(line, len), user))
			continue;
		*ret = (struct shadow_entry){start, len};
		return true;
	}
	return false;
}

int shadow_find(const struct buf *file, const char *user, struct shadow_entry *ret)
{
	size_t at = 0;
	return next_entry(file, user, &at, ret);
}

size_t shadow_count(const struct buf *file, const char *user)
{
	struct shadow_entry entry;
	size_t n = 0, at = 0;
	while (next_entry(file, user, &at, &entry))
		n++;
	return n;
}

/* Up to the next colon or the end; false when there is no field any more. */
static bool next_field(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	if (!*at)
		return false;
	const char *colon = memchr(*at, ':', (size_t)(end - *at));
	*ret = *at;
	*ret_len = (size_t)((colon ? colon : end) - *at);
	*at = colon ? colon + 1 : NULL;
	return true;
}

int shadow_field(const char *entry, size_t len, unsigned field, struct buf *ret)
{
	const char *at = entry, *text;
	size_t n;
	for (unsigned i = 0; next_field(&at, entry + len, &text, &n); i++)
		if (i == field)
			return buf_add(ret, text, n);
	return 0;
}

static const char *new_value(unsigned field, const struct shadow_edit *edit)
{
	switch (field) {
	case SHADOW_PASSWORD: return edit->password;
	case SHADOW_CHANGED: return edit->changed;
	case SHADOW_EXPIRE: return edit->expire;
	default: return NULL;
	}
}

static void put_field(unsigned field, const char *text, size_t len, const struct shadow_edit *edit, struct buf *ret)
{
	const char *value = new_value(field, edit);
	if (value) {
		text = value;
		len = strlen(value);
	}
	if (field)
		buf_putc(ret, ':');
	if (field == SHADOW_PASSWORD && edit->lock && (!len || text[0] != '!'))
		buf_putc(ret, '!');
	buf_add(ret, text, len);
}

int shadow_edit_entry(const char *entry, size_t len, const struct shadow_edit *edit, struct buf *ret)
{
	const char *at = entry, *text;
	size_t n;
	unsigned field = 0;
	while (next_field(&at, entry + len, &text, &n))
		put_field(field++, text, n, edit, ret);
	while (field < FIELDS)
		put_field(field++, "", 0, edit, ret);
	return buf_error(ret);
}

int shadow_replace(const struct buf *file, const struct shadow_entry *entry, const struct buf *by, struct buf *ret)
{
	size_t end = entry->at + entry->len;
	if (end > file->len)
		return -EINVAL;
	buf_add(ret, file->data, entry->at);
	buf_add(ret, buf_text(by), by->len);
	return buf_add(ret, file->data + end, file->len - end);
}

enum secret shadow_secret(const char *password)
{
	if (!password[0])
		return SECRET_EMPTY;
	if (password[0] == '!')
		return SECRET_LOCKED;
	return password[0] == '*' || !password[1] ? SECRET_NONE : SECRET_SET;
}
