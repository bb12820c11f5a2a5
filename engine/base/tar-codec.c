/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tar-codec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where the fields of a header are. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	MAGIC = 257,
	OWNER = 265,
	GROUP = 297,
};

/* Octal digits, the last byte is NUL. */
static void put_octal(unsigned char *field, size_t len, uint64_t value)
{
	field[--len] = '\0';
	while (len-- > 0) {
		field[len] = (unsigned char)('0' + (value & 7));
		value >>= 3;
	}
}

int tar_header(const char *name, uint64_t size, int64_t mtime, unsigned char ret[TAR_BLOCK])
{
	size_t len = strlen(name);
	unsigned sum = 0;
	if (len > TAR_NAME_MAX)
		return -ENAMETOOLONG;
	if (size > TAR_SIZE_MAX)
		return -EFBIG;
	memset(ret, 0, TAR_BLOCK);
	memcpy(ret + NAME, name, len);
	put_octal(ret + MODE, 8, 0600);
	put_octal(ret + UID, 8, 0);
	put_octal(ret + GID, 8, 0);
	put_octal(ret + SIZE, 12, size);
	put_octal(ret + MTIME, 12, mtime > 0 ? (uint64_t)mtime & TAR_SIZE_MAX : 0);
	ret[TYPE] = '0';
	memcpy(ret + MAGIC, "ustar\00000", 8);
	memcpy(ret + OWNER, "root", 4);
	memcpy(ret + GROUP, "root", 4);
	memset(ret + CHECKSUM, ' ', 8); /* it counts as blanks itself */
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += ret[i];
	put_octal(ret + CHECKSUM, 7, sum);
	return 0;
}

size_t tar_padding(uint64_t size)
{
	return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}
