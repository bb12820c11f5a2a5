/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Public keys: the input as text, and as the blob that base64 would hold. A key that is
 * read is in its one spelling: written again, with its type or without, it is the same.
 */
#include "fuzz.h"

#include "ssh-key.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

static struct buf base64(const struct buf *blob)
{
	struct buf text = {0};
	MUST(buf_reserve(&text, BASE64_ENCODE_RAW_LENGTH(blob->len) + 1) == 0);
	base64_encode_raw(text.data, blob->len, (const uint8_t *)blob->data);
	text.len = BASE64_ENCODE_RAW_LENGTH(blob->len);
	text.data[text.len] = '\0';
	return text;
}

static void is_read_as(const struct ssh_key *key, const char *text)
{
	struct ssh_key again = {0};
	MUST(ssh_key_parse(text, &again) == 0);
	MUST(ssh_key_equal(key, &again));
	MUST(strcmp(key->fingerprint, again.fingerprint) == 0);
	ssh_key_free(&again);
}

/* The name of the type, which stands first in the blob. */
static struct buf type_of(const struct ssh_key *key)
{
	const uint8_t *p = (const uint8_t *)key->blob.data;
	struct buf type = {0};
	MUST(key->blob.len > 4);
	size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	MUST(len > 0 && len <= key->blob.len - 4);
	buf_add(&type, key->blob.data + 4, len);
	return type;
}

static void has_one_spelling(const struct ssh_key *key)
{
	_cleanup_buf_ struct buf encoded = base64(&key->blob), type = type_of(key), line = {0};
	MUST(strlen(key->fingerprint) == SSH_FINGERPRINT_LEN && strncmp(key->fingerprint, "SHA256:", 7) == 0);
	is_read_as(key, buf_text(&encoded));
	if (strlen(buf_text(&type)) < type.len || strpbrk(buf_text(&type), " \t"))
		return; /* a type that nobody can write */
	buf_printf(&line, "  %s\t%s  a comment", buf_text(&type), buf_text(&encoded));
	is_read_as(key, buf_text(&line));
}

static void as_text(const struct buf *bytes)
{
	struct ssh_key key = {0};
	size_t used = 0;
	_cleanup_free_ char *text = fuzz_string(bytes);
	int r = ssh_key_read(bytes->data, bytes->len, &key, &used);
	MUST(r == 0 || r == -EINVAL);
	MUST(used <= bytes->len);
	if (r == 0)
		has_one_spelling(&key);
	ssh_key_free(&key);
	key = (struct ssh_key){0};
	r = ssh_key_parse(text, &key);
	MUST(r == 0 || r == -EINVAL);
	if (r == 0)
		has_one_spelling(&key);
	ssh_key_free(&key);
}

static void as_blob(const struct buf *bytes)
{
	struct ssh_key key = {0};
	_cleanup_buf_ struct buf text = base64(bytes);
	int r = ssh_key_parse(buf_text(&text), &key);
	MUST(r == 0 || r == -EINVAL);
	if (r == 0)
		has_one_spelling(&key);
	ssh_key_free(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in);
	as_text(&bytes);
	as_blob(&bytes);
	return 0;
}
