/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything about a file that is not its content: owner, mode, POSIX ACLs and other
 * extended attributes, inode flags (chattr +i, +a, ...), access and modification time.
 */
#ifndef RESPOND_BASE_META_H
#define RESPOND_BASE_META_H

#include <jansson.h>
#include <stdbool.h>

/* Reads what the open file has, as a JSON object (new reference). 0 or -errno. */
int meta_read(int fd, json_t **ret);

/* Gives the open file owner, mode, ACLs and xattrs of META; META_TIMES also the times,
 * META_FLAGS also the inode flags (last, because +i ends all other changes). A setuid
 * or setgid bit is set only when META_SETUID allows it. 0 or -errno. */
#define META_TIMES 1u
#define META_FLAGS 2u
#define META_SETUID 4u
int meta_write(int fd, const json_t *meta, unsigned what);

/* Whether two files have the same owner, mode, ACLs, xattrs and flags; times may differ. */
bool meta_same(const json_t *a, const json_t *b);

unsigned meta_flags(const json_t *meta); /* the inode flags of META */

/* Whether who runs the file gets rights by that: set-user-ID, set-group-ID, capabilities. */
bool meta_gives_rights(const json_t *meta);

/* The inode flags that stand in the way of an edit or a rename (+i, +a): reads them
 * all to RET and clears those two. 0 flags where the filesystem has none. */
int meta_unlock(int fd, unsigned *ret_flags);
int meta_set_flags(int fd, unsigned flags);

unsigned meta_locks(unsigned flags); /* those two of FLAGS */
int meta_read_flags(int fd, unsigned *ret); /* 0 where the filesystem has none */
int meta_relock(int fd, unsigned flags); /* adds those two of FLAGS, where they are not set */

/* "0644 root:root +i" for people. */
struct buf;
int meta_describe(const json_t *meta, struct buf *ret);

#endif
