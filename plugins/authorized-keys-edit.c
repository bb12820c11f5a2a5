/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "authorized-keys-edit.h"

#include <errno.h>
#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
	while (at < len && blank(text[at]))
		at++;
	return at;
}

/* The end of the options that start the line: the first blank outside of quotes. */
static int skip_options(const char *text, size_t len, size_t *at)
{
	bool quoted = false;
	size_t i = *at;
	for (; i < len && (quoted || !blank(text[i])); i++) {
		if (text[i] == '\\' && i + 1 < len && text[i + 1] == '"')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
	}
	*at = i;
	return quoted ? -EINVAL : 0;
}

static void set_comment(struct authorized_key *k, const char *text, size_t len, size_t at)
{
	while (len > at && strchr(" \t\r\n\v\f", text[len - 1]))
		len--;
	k->comment = text + at;
	k->comment_len = len - at;
}

/* As sshd does: a key, or else options and a key. */
static int read_line(const char *text, size_t len, struct authorized_key *ret)
{
	size_t used = 0, at = skip_blanks(text, len, 0);
	if (at == len || text[at] == '#')
		return -EINVAL;
	int r = ssh_key_read(text + at, len - at, &ret->key, &used);
	if (r == -EINVAL) {
		r = skip_options(text, len, &at);
		if (r < 0)
			return r;
		at = skip_blanks(text, len, at);
		r = ssh_key_read(text + at, len - at, &ret->key, &used);
	}
	if (r == 0)
		set_comment(ret, text, len, at + used);
	return r;
}

/* The line at AT: its whole length, and the length of what sshd sees of it, which
 * ends at the newline or at a NUL. */
static size_t line_at(const struct buf *file, size_t at, size_t *ret_text)
{
	const char *start = file->data + at, *newline = memchr(start, '\n', file->len - at);
	size_t len = newline ? (size_t)(newline - start) + 1 : file->len - at;
	*ret_text = strnlen(start, newline ? len - 1 : len);
	return len;
}

static int judge(const char *text, size_t len, size_t line, authorized_key_fn visit, void *ctx)
{
	struct authorized_key key = {.line = line};
	int r = read_line(text, len, &key);
	if (r == 0) {
		r = visit(ctx, &key);
		ssh_key_free(&key.key);
		return r;
	}
	return r == -EINVAL ? 0 : r;
}

int authorized_keys_visit(const struct buf *file, authorized_key_fn visit, void *ctx)
{
	size_t line = 1;
	for (size_t at = 0, len, text; at < file->len; at += len, line++) {
		len = line_at(file, at, &text);
		int r = judge(file->data + at, text, line, visit, ctx);
		if (r != 0)
			return r;
	}
	return 0;
}

int authorized_keys_remove(const struct buf *file, authorized_key_fn doomed, void *ctx, struct buf *ret)
{
	size_t line = 1;
	_cleanup_buf_ struct buf out = {0};
	for (size_t at = 0, len, text; at < file->len; at += len, line++) {
		len = line_at(file, at, &text);
		int r = judge(file->data + at, text, line, doomed, ctx);
		if (r < 0)
			return r;
		if (r == 0)
			buf_add(&out, file->data + at, len);
	}
	return buf_error(&out) ? buf_error(&out) : buf_copy(ret, &out);
}
