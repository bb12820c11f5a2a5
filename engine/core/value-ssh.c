/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value-check.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdint.h>
#include <string.h>

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define FINGERPRINT_LEN 43 /* 32 bytes in base64 without padding */

int check_fingerprint(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	const char *hash = text + 7;
	if (strncmp(text, "SHA256:", 7) != 0 || strspn(hash, BASE64) != FINGERPRINT_LEN || hash[FINGERPRINT_LEN])
		return value_refuse(why, text, "is not a fingerprint: SHA256: and %d characters, as 'ssh-keygen -l -f FILE' prints it",
		                    FINGERPRINT_LEN);
	return buf_puts(out, text);
}

static int decode(const char *base64, size_t len, struct buf *ret)
{
	struct base64_decode_ctx ctx;
	base64_decode_init(&ctx);
	int r = buf_reserve(ret, BASE64_DECODE_LENGTH(len));
	if (r < 0)
		return r;
	size_t n = BASE64_DECODE_LENGTH(len);
	if (!base64_decode_update(&ctx, &n, (uint8_t *)ret->data, len, base64) || !base64_decode_final(&ctx))
		return -EINVAL;
	ret->len = n;
	ret->data[n] = '\0';
	return 0;
}

/* A blob starts with the length and the name of its type (RFC 4253, 6.6). */
static int blob_type(const struct buf *blob, const char **ret, size_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)blob->data;
	if (blob->len < 4)
		return -EINVAL;
	size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (!len || len > 100 || len >= blob->len - 4)
		return -EINVAL;
	const char *type = blob->data + 4;
	for (size_t i = 0; i < len; i++)
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789-@.", type[i], 39))
			return -EINVAL;
	*ret = type;
	*ret_len = len;
	return 0;
}

/* "TYPE BASE64 [COMMENT]" or "BASE64"; normalised to the former, the type as the blob has it. */
int check_key(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	const char *first = text + strspn(text, " \t");
	size_t first_len = strcspn(first, " \t");
	bool bare = first_len > 4 && strncmp(first, "AAAA", 4) == 0;
	const char *base64 = bare ? first : first + first_len + strspn(first + first_len, " \t");
	size_t len = strcspn(base64, " \t");

	_cleanup_buf_ struct buf blob = {0};
	const char *type;
	size_t type_len;
	int r = value_plain("key", text, why);
	if (r < 0)
		return r;
	r = decode(base64, len, &blob);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || blob_type(&blob, &type, &type_len) < 0)
		return value_refuse(why, text, "is not an OpenSSH public key: write 'TYPE BASE64 [COMMENT]' as in a .pub file, "
		                               "without options");
	if (!bare && (type_len != first_len || memcmp(type, first, type_len) != 0))
		return value_refuse(why, text, "is not an OpenSSH public key: the type inside is %.*s, not what stands before it",
		                    (int)type_len, type);
	buf_add(out, type, type_len);
	buf_putc(out, ' ');
	buf_add(out, base64, len);
	const char *comment = base64 + len + strspn(base64 + len, " \t");
	if (*comment)
		buf_printf(out, " %s", comment);
	return buf_error(out);
}

int check_option(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	int r = value_plain("option", text, why);
	if (r < 0)
		return r;
	size_t keyword = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
	const char *value = text + keyword + strspn(text + keyword, " \t");
	if (!keyword || value == text + keyword || !*value)
		return value_refuse(why, text, "is not an option: write 'Keyword value', as in sshd_config(5)");
	buf_add(out, text, keyword);
	return buf_printf(out, " %s", value);
}
