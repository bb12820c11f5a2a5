/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hash.h"

#include "base/buf.h"

#include <errno.h>
#include <nettle/base16.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_hex(const uint8_t digest[SHA256_LEN], struct sha256 *ret)
{
	base16_encode_update(ret->hex, SHA256_LEN, digest);
	ret->hex[SHA256_HEX_LEN] = '\0';
}

static void finish(struct sha256_ctx *ctx, struct sha256 *ret)
{
	uint8_t digest[SHA256_LEN];
	sha256_digest(ctx, sizeof(digest), digest);
	write_hex(digest, ret);
}

void sha256_bytes(const void *bytes, size_t len, struct sha256 *ret)
{
	struct sha256_ctx ctx;
	sha256_init(&ctx);
	sha256_update(&ctx, len, bytes);
	finish(&ctx, ret);
}

int sha256_fd(int fd, struct sha256 *ret)
{
	enum { CHUNK = 256 * 1024 };
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK);
	if (!chunk)
		return -ENOMEM;
	struct sha256_ctx ctx;
	sha256_init(&ctx);
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(fd, chunk, CHUNK, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		sha256_update(&ctx, (size_t)n, chunk);
		at += n;
	}
	finish(&ctx, ret);
	return 0;
}

void hmac_sha256(const uint8_t key[SHA256_LEN], const void *bytes, size_t len, uint8_t ret[SHA256_LEN])
{
	struct hmac_sha256_ctx ctx;
	hmac_sha256_set_key(&ctx, SHA256_LEN, key);
	hmac_sha256_update(&ctx, len, bytes);
	hmac_sha256_digest(&ctx, SHA256_LEN, ret);
}

void hmac_sha256_hex(const uint8_t key[SHA256_LEN], const void *bytes, size_t len, struct sha256 *ret)
{
	uint8_t digest[SHA256_LEN];
	hmac_sha256(key, bytes, len, digest);
	write_hex(digest, ret);
}

bool sha256_is_hex(const char *text)
{
	return strlen(text) == SHA256_HEX_LEN && strspn(text, "0123456789abcdefABCDEF") == SHA256_HEX_LEN;
}
