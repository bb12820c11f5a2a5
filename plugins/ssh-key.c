/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ssh-key.h"

#include "base/hash.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define CERT_SUFFIX "-cert-v01"
#define VENDOR_SUFFIX "@openssh.com"

/* The types by the name that is left when "-cert-v01" and "@openssh.com" are taken
 * off, what sshd calls the plain key, and its fields: s a string, m a number. */
static const struct kind {
	const char *stem;
	const char *name;
	const char *fields;
} kinds[] = {
	{"ssh-ed25519", "ssh-ed25519", "s"},
	{"ed25519", "ssh-ed25519", "s"},
	{"ssh-rsa", "ssh-rsa", "mm"},
	{"rsa", "ssh-rsa", "mm"},
	{"rsa-sha2-256", "ssh-rsa", "mm"},
	{"rsa-sha2-512", "ssh-rsa", "mm"},
	{"ssh-dss", "ssh-dss", "mmmm"},
	{"dsa", "ssh-dss", "mmmm"},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "ss"},
	{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "ss"},
	{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "ss"},
	{"sk-ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ss"},
	{"ed25519-sk", "sk-ssh-ed25519@openssh.com", "ss"},
	{"sk-ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com", "sss"},
	{"webauthn-sk-ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com", "sss"},
};

static bool cut_suffix(const char *name, size_t *len, const char *suffix)
{
	size_t n = strlen(suffix);
	if (*len <= n || strncasecmp(name + *len - n, suffix, n) != 0)
		return false;
	*len -= n;
	return true;
}

static const struct kind *kind_of(const char *name, size_t len, bool *ret_cert)
{
	cut_suffix(name, &len, VENDOR_SUFFIX);
	*ret_cert = cut_suffix(name, &len, CERT_SUFFIX);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i].stem) == len && strncasecmp(kinds[i].stem, name, len) == 0)
			return &kinds[i];
	return NULL;
}

struct reader {
	const uint8_t *at;
	size_t left;
};

/* RFC 4251, 5: four bytes of length, then the bytes. */
static int read_string(struct reader *r, const uint8_t **ret, size_t *ret_len)
{
	if (r->left < 4)
		return -EINVAL;
	size_t len = (size_t)r->at[0] << 24 | (size_t)r->at[1] << 16 | (size_t)r->at[2] << 8 | r->at[3];
	if (len > r->left - 4)
		return -EINVAL;
	*ret = r->at + 4;
	*ret_len = len;
	r->at += 4 + len;
	r->left -= 4 + len;
	return 0;
}

static int add_string(struct buf *out, const void *bytes, size_t len, bool zero_before)
{
	size_t n = len + (zero_before ? 1 : 0);
	const char head[5] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n, 0};
	buf_add(out, head, zero_before ? 5 : 4);
	return buf_add(out, bytes, len);
}

static int copy_field(struct reader *r, char type, struct buf *out)
{
	const uint8_t *p;
	size_t len;
	int e = read_string(r, &p, &len);
	if (e < 0)
		return e;
	if (type == 's')
		return add_string(out, p, len, false);
	while (len && *p == 0) {
		p++;
		len--;
	}
	return add_string(out, p, len, len && (*p & 0x80));
}

/* The canonical plain key of BLOB; one of an unknown type stays as it is. */
static int canonical(const struct buf *blob, const char *type, size_t type_len, struct buf *ret)
{
	struct reader r = {(const uint8_t *)blob->data, blob->len};
	const uint8_t *name, *nonce;
	size_t name_len, nonce_len;
	bool cert, type_cert;
	int e = read_string(&r, &name, &name_len);
	if (e < 0)
		return e;
	const struct kind *kind = kind_of((const char *)name, name_len, &cert);
	const struct kind *said = type ? kind_of(type, type_len, &type_cert) : kind;
	if (!kind && type && (type_len != name_len || memcmp(type, name, name_len) != 0))
		return -EINVAL;
	if (!kind)
		return name_len ? buf_add(ret, blob->data, blob->len) : -EINVAL;
	if (!said || strcmp(said->name, kind->name) != 0)
		return -EINVAL;
	if (cert && (e = read_string(&r, &nonce, &nonce_len)) < 0)
		return e;
	add_string(ret, kind->name, strlen(kind->name), false);
	for (const char *f = kind->fields; *f && e == 0; f++)
		e = copy_field(&r, *f, ret);
	return e;
}

static unsigned nibble(char hex)
{
	return (unsigned)(hex <= '9' ? hex - '0' : hex - 'a' + 10);
}

static void set_fingerprint(struct ssh_key *key)
{
	struct sha256 hash;
	uint8_t raw[SHA256_HEX_LEN / 2];
	char text[BASE64_ENCODE_RAW_LENGTH(sizeof(raw))];
	sha256_bytes(key->blob.data, key->blob.len, &hash);
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(nibble(hash.hex[2 * i]) << 4 | nibble(hash.hex[2 * i + 1]));
	base64_encode_raw(text, sizeof(raw), raw);
	memcpy(key->fingerprint, "SHA256:", 7);
	memcpy(key->fingerprint + 7, text, SSH_FINGERPRINT_LEN - 7); /* without the padding */
	key->fingerprint[SSH_FINGERPRINT_LEN] = '\0';
}

/* nettle skips the same white space inside base64 as sshd does, and insists on the
 * same padding. */
static int decode(const char *text, size_t len, struct buf *ret)
{
	struct base64_decode_ctx ctx;
	size_t n = BASE64_DECODE_LENGTH(len);
	int r = buf_reserve(ret, n);
	if (r < 0)
		return r;
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &n, (uint8_t *)ret->data, len, text) || !base64_decode_final(&ctx) || n == 0)
		return -EINVAL;
	ret->len = n;
	ret->data[n] = '\0';
	return 0;
}

static size_t span(const char *text, size_t len, size_t at, bool blank)
{
	while (at < len && (text[at] == ' ' || text[at] == '\t') == blank)
		at++;
	return at;
}

static int read_blob(const char *type, size_t type_len, const char *text, size_t len, struct ssh_key *ret)
{
	_cleanup_buf_ struct buf blob = {0};
	struct ssh_key key = {0};
	int r = decode(text, len, &blob);
	if (r == 0)
		r = canonical(&blob, type, type_len, &key.blob);
	if (r == 0)
		r = buf_error(&key.blob);
	if (r < 0) {
		ssh_key_free(&key);
		return r;
	}
	set_fingerprint(&key);
	*ret = key;
	return 0;
}

int ssh_key_read(const char *text, size_t len, struct ssh_key *ret, size_t *ret_used)
{
	size_t type = span(text, len, 0, false);
	size_t from = span(text, len, type, true);
	size_t to = span(text, len, from, false);
	if (!type || from == to)
		return -EINVAL;
	int r = read_blob(text, type, text + from, to - from, ret);
	if (r == 0)
		*ret_used = span(text, len, to, true);
	return r;
}

int ssh_key_parse(const char *text, struct ssh_key *ret)
{
	size_t len = strlen(text), used;
	size_t from = span(text, len, 0, true);
	int r = ssh_key_read(text + from, len - from, ret, &used);
	return r == -EINVAL ? read_blob(NULL, 0, text + from, span(text, len, from, false) - from, ret) : r;
}

void ssh_key_free(struct ssh_key *key)
{
	buf_free(&key->blob);
}

bool ssh_key_equal(const struct ssh_key *a, const struct ssh_key *b)
{
	return buf_equal(&a->blob, &b->blob);
}
