/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Puts new content at a path so that at every moment either the old file or the new
 * one stands there, whole.
 *
 * Rules:
 *  1. The new file is made beside the old one, under a name nobody can guess
 *     (file_part_name()), and is complete and synced before it gets the change's
 *     temporary name, and then its place by an exchange of the two names. So what has
 *     the temporary name is never a file in the making.
 *  2. What came out in the exchange must hold the bytes that were judged; otherwise
 *     the two are exchanged back and nothing has happened.
 *  3. Flags that stood in the way (+i, +a) of the file and of its directory are put
 *     back exactly, on every path out.
 * What the end of the program or of the host leaves between two steps is put in order by
 * change/file-settle.c.
 */
#ifndef RESPOND_CHANGE_FILE_REPLACE_H
#define RESPOND_CHANGE_FILE_REPLACE_H

#include "base/buf.h"
#include "base/fd.h"
#include "base/hash.h"

#include <jansson.h>

#define FILE_MOUNTED_ON "something is mounted on it; unmount it first, and look at what lies beneath" /* -EBUSY */

/* The name under which a file is made that will be TEMPORARY's (effect->temporary). */
void file_part_name(const char *temporary, char ret[RANDOM_NAME_LEN]);

/* The file NAME of the directory DIR whose content hashes to OLD gets CONTENT. META:
 * owner, mode, ACLs, xattrs, flags, and times with META_TIMES in WHAT; NULL: those that
 * the old file has, with a new modification time. -ESTALE: it was no longer OLD. Other
 * -errno: it stands as it was. */
int file_replace(int dir, const char *name, const char *temporary, const struct sha256 *old, const struct buf *content,
                 const json_t *meta, unsigned what);

/* A new file with CONTENT_FD's bytes and META's attributes (meta.h: WHAT) under NAME,
 * where nothing may stand: -EEXIST. */
int file_install(int dir, const char *name, const char *temporary, int content_fd, const json_t *meta, unsigned what);

/* For file_replace() and for others that move names in a directory: opens DIR (which may
 * be an O_PATH fd) for reading, and takes +i and +a from it. */
struct unlocked_dir {
	int fd;
	unsigned flags;
};
int dir_unlock(int dir, struct unlocked_dir *ret);
int dir_relock(struct unlocked_dir *dir); /* also closes; 0 or the first error */

/* Notes +i and +a of the directory that PATH lies in, where it has them, in the data of
 * a change: "dir-flags". */
int dir_note_flags(int root, const char *path, json_t *data);
unsigned dir_noted_flags(const json_t *data);

#endif
