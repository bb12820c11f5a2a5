/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The vault: before-images, quarantined files and evidence, by content hash.
 *
 * Rules:
 *  1. The directory is root's and 0700; objects are regular files named by their
 *     SHA-256, opened by directory fd, never through a symbolic link.
 *  2. An object is complete or absent: it is written under a temporary name in the
 *     vault, synced, and linked to its name without replacing anything.
 *  3. An object is hashed again whenever it is read: one that is not what its name
 *     says is refused (-EBADMSG).
 *  4. Only a purge (core/purge.h) removes an object, after the journals say so.
 *  5. Whoever writes here holds the state's lock.
 *
 * What the end of the program or of the host can leave, and who puts it in order:
 *   - a temporary, whole or in part, which nothing refers to: vault_sweep();
 *   - an object that was put and that no journal names, or that the journals say was
 *     purged: it waits for a purge;
 *   - what vault_take() has moved in and not yet judged: of its old owner and mode still,
 *     perhaps open to be written, perhaps not even the file that was meant. The change
 *     whose intent names it calls vault_settle_object(), and where that was something
 *     else, vault_give_back().
 */
#ifndef RESPOND_CORE_VAULT_H
#define RESPOND_CORE_VAULT_H

#include "base/buf.h"
#include "base/hash.h"

#include <stdint.h>
#include <sys/stat.h>

struct vault;

/* Opens, making it if need be, DIR ("/var/lib/respond/vault") below ROOT. */
int vault_open(int root, const char *dir, struct vault **ret);

/* Opens one that exists, to read only: whatever would write answers -EROFS. */
int vault_open_to_read(int root, const char *dir, struct vault **ret);
void vault_close(struct vault **vault);

/* From now on, an object that would make all of them together occupy more than QUOTA
 * bytes of the disk (holes do not count) is refused with -EDQUOT, before it is written
 * or moved. */
int vault_limit(struct vault *vault, uint64_t quota);

/* Whether BYTES more would be taken: 0 or -EDQUOT. Nothing more always is. */
int vault_admit(const struct vault *vault, uint64_t bytes);

/* What an object of LEN bytes without holes occupies, as far as that can be told before. */
uint64_t vault_occupied(size_t len);

/* Visits all names in the vault in their order, whatever stands there (lstat); a nonzero
 * answer ends the visit and is returned. */
int vault_visit(struct vault *vault, int (*visit)(void *ctx, const char *name, const struct stat *st), void *ctx);

/* Removes an object, or what stands in its place unless that is a directory. */
int vault_remove(struct vault *vault, const char *sha256_hex);

int vault_put(struct vault *vault, const struct buf *bytes, struct sha256 *ret);

/* A copy of the whole regular file behind FD (sparse regions stay sparse). */
int vault_put_fd(struct vault *vault, int fd, struct sha256 *ret);

/* Moves the regular file NAME of directory DIR in by rename, if it has no other name
 * and SHA256 is its content; from then on it is the vault's alone. -EXDEV (other
 * filesystem), -EEXIST (the vault has it), -ETXTBSY (somebody may still write to it):
 * use vault_put_fd(). -ESTALE: something else stood there. Whatever it was, it is back
 * then; under a name beside NAME if that was taken meanwhile. */
int vault_take(struct vault *vault, int dir, const char *name, const struct sha256 *sha256);

/* Finishes a vault_take() that was cut short: 0: the object is there, whole, and the
 * vault's alone. -ENOENT; -EBADMSG: what is there is not what its name says. */
int vault_settle_object(struct vault *vault, const char *sha256_hex);

/* Moves what is there under an object's name and is not that object (-EBADMSG) back to
 * NAME in DIR. -EEXIST: something stands there; -EINVAL: it is the object; -EBADMSG: it was
 * the vault's own already, so it was tampered with here. */
int vault_give_back(struct vault *vault, const char *sha256_hex, int dir, const char *name);

/* Removes the temporaries that an interrupted writer has left. */
int vault_sweep(struct vault *vault);

/* Whether the object is there and whole; whether there is anything under its name. */
bool vault_has(struct vault *vault, const struct sha256 *sha256);
bool vault_names(const struct vault *vault, const char *sha256_hex);

/* An object opened for reading, its hash checked. -ENOENT, -EBADMSG. */
int vault_open_object(struct vault *vault, const char *sha256_hex, int *ret_fd);
int vault_read(struct vault *vault, const char *sha256_hex, size_t max, struct buf *ret);

/* Makes everything put so far durable: objects and directory. */
int vault_sync(struct vault *vault);

#endif
