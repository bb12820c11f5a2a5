/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with a number whose bits say which keys go (bit 0: the first), and an
 * authorized_keys file. Removing keys leaves every other byte alone, and none of them
 * behind.
 */
#include "fuzz.h"

#include "authorized-keys-edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct chosen {
	unsigned long long bits;
	size_t seen;
	size_t lines[64]; /* of the keys that go */
	size_t n_lines;
	struct strv fingerprints; /* of them */
};

static int note(void *ctx, const struct authorized_key *key)
{
	struct chosen *c = ctx;
	size_t number = c->seen++;
	MUST(strlen(key->key.fingerprint) == SSH_FINGERPRINT_LEN);
	if (number >= 64 || !(c->bits >> number & 1))
		return 0;
	MUST(c->n_lines == 0 || key->line > c->lines[c->n_lines - 1]);
	c->lines[c->n_lines++] = key->line;
	return strv_add(&c->fingerprints, key->key.fingerprint);
}

static int by_fingerprint(void *ctx, const struct authorized_key *key)
{
	return strv_has(ctx, key->key.fingerprint);
}

static int by_line(void *ctx, const struct authorized_key *key)
{
	const struct chosen *c = ctx;
	for (size_t i = 0; i < c->n_lines; i++)
		if (c->lines[i] == key->line)
			return 1;
	return 0;
}

static int nobody(void *ctx, const struct authorized_key *key)
{
	(void)ctx, (void)key;
	return 0;
}

static int comment_is_inside(void *ctx, const struct authorized_key *key)
{
	const struct buf *file = ctx;
	MUST(key->comment >= file->data && key->comment + key->comment_len <= file->data + file->len);
	MUST(!memchr(key->comment, '\n', key->comment_len));
	return 0;
}

/* The file without the lines, told by counting newlines alone. */
static void without_lines(const struct buf *file, const struct chosen *c, struct buf *ret)
{
	size_t line = 1, k = 0;
	for (size_t at = 0, len; at < file->len; at += len, line++) {
		const char *newline = memchr(file->data + at, '\n', file->len - at);
		len = newline ? (size_t)(newline - file->data) - at + 1 : file->len - at;
		if (k < c->n_lines && c->lines[k] == line)
			k++;
		else
			buf_add(ret, file->data + at, len);
	}
	MUST(k == c->n_lines);
}

static void all_else_stays(const struct buf *file, struct chosen *c)
{
	_cleanup_buf_ struct buf same = {0}, out = {0}, expected = {0};
	MUST(authorized_keys_remove(file, nobody, NULL, &same) == 0);
	MUST(buf_equal(&same, file));
	MUST(authorized_keys_remove(file, by_line, c, &out) == 0);
	without_lines(file, c, &expected);
	MUST(buf_equal(&out, &expected));
}

static void no_spelling_is_left(const struct buf *file, struct chosen *c)
{
	_cleanup_buf_ struct buf out = {0}, again = {0};
	MUST(authorized_keys_remove(file, by_fingerprint, &c->fingerprints, &out) == 0);
	MUST(authorized_keys_visit(&out, by_fingerprint, &c->fingerprints) == 0);
	MUST(authorized_keys_remove(&out, by_fingerprint, &c->fingerprints, &again) == 0);
	MUST(buf_equal(&out, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *number = fuzz_line(&in);
	_cleanup_buf_ struct buf file = fuzz_rest(&in);
	struct chosen chosen = {.bits = strtoull(number, NULL, 0)};
	MUST(authorized_keys_visit(&file, comment_is_inside, &file) == 0);
	MUST(authorized_keys_visit(&file, note, &chosen) == 0);
	all_else_stays(&file, &chosen);
	no_spelling_is_left(&file, &chosen);
	strv_free(&chosen.fingerprints);
	return 0;
}
