/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hash.h"

#include "base/buf.h"

#include <errno.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void finish(struct sha256_ctx *ctx, struct sha256 *ret)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_digest(ctx, sizeof(digest), digest);
	base16_encode_update(ret->hex, sizeof(digest), digest);
	ret->hex[SHA256_HEX_LEN] = '\0';
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

bool sha256_is_hex(const char *text)
{
	return strlen(text) == SHA256_HEX_LEN && strspn(text, "0123456789abcdefABCDEF") == SHA256_HEX_LEN;
}
