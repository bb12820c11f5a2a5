/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SHA-256, written as 64 lower-case hexadecimal digits, and HMAC-SHA256 (RFC 2104).
 */
#ifndef RESPOND_BASE_HASH_H
#define RESPOND_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define SHA256_HEX_LEN 64

struct sha256 {
	char hex[SHA256_HEX_LEN + 1];
};

void sha256_bytes(const void *bytes, size_t len, struct sha256 *ret);

/* The whole file behind FD, from its start (pread: the offset stays). 0 or -errno. */
int sha256_fd(int fd, struct sha256 *ret);

/* Under a key of SHA256_LEN bytes; as bytes, and written as a hash is. */
void hmac_sha256(const uint8_t key[SHA256_LEN], const void *bytes, size_t len, uint8_t ret[SHA256_LEN]);
void hmac_sha256_hex(const uint8_t key[SHA256_LEN], const void *bytes, size_t len, struct sha256 *ret);

bool sha256_is_hex(const char *text); /* exactly 64 hexadecimal digits of either case */

#endif
