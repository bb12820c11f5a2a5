/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A tar archive, compressed by zstd, written to a file.
 *
 * libzstd is loaded when an archive is begun and not before: linked to the program it would
 * cost every start a third of a millisecond, most of which happen to contain an intrusion and
 * none of those to write an archive. It is the system's own library, found as the others are.
 */
#ifndef RESPOND_BASE_ARCHIVE_H
#define RESPOND_BASE_ARCHIVE_H

#include "base/buf.h"

#include <stdint.h>

struct archive;

/* Writes to FD, which stays the caller's. -ENOPKG: libzstd is not there. */
int archive_new(int fd, struct archive **ret);
void archive_free(struct archive **archive);

/* A file of the archive, of these bytes or of what is behind FD (from its start; -EIO when it
 * is shorter than its size). MTIME in seconds since 1970. */
int archive_add(struct archive *archive, const char *name, int64_t mtime, const struct buf *bytes);
int archive_add_file(struct archive *archive, const char *name, int64_t mtime, int fd);

/* Writes what is left. Nothing can be added afterwards. */
int archive_end(struct archive *archive);

#endif
