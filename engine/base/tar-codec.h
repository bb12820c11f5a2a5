/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Headers of a tar archive: POSIX.1-1988 ustar, as every tar reads it. Pure: no I/O.
 */
#ifndef RESPOND_BASE_TAR_CODEC_H
#define RESPOND_BASE_TAR_CODEC_H

#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512
#define TAR_NAME_MAX 100
#define TAR_SIZE_MAX (((uint64_t)1 << 33) - 1) /* 11 octal digits: just under 8 GiB */

/* A regular file of root's with mode 0600. -ENAMETOOLONG; -EFBIG. */
int tar_header(const char *name, uint64_t size, int64_t mtime, unsigned char ret[TAR_BLOCK]);

/* How many zeros follow a file of that size. */
size_t tar_padding(uint64_t size);

#endif
