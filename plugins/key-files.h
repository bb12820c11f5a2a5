/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which files sshd reads an account's authorized keys from.
 */
#ifndef RESPOND_PLUGINS_KEY_FILES_H
#define RESPOND_PLUGINS_KEY_FILES_H

#include "base/strset.h"
#include "sshd-asker.h"

/* The paths, as AuthorizedKeysFile gives them for every connection that USER may make:
 * %h %u %U %% filled in, relative ones below the home directory. They may not exist. */
int key_files_of(struct sshd_asker *asker, const struct user *user, struct strv *ret);

/* The same for one connection, from what sshd says of it. */
int key_files_in(const struct sshd_asker *asker, const struct user *user, const struct buf *dump, struct strv *ret);

/* Where sshd looks on a host whose configuration cannot be read. */
int key_files_usual(const struct user *user, struct strv *ret);

/* Where StrictModes is on: whether sshd takes keys of USER from the file TARGET (resolved): it
 * and what is above it, up to the home, are the user's or root's alone to write. If not, RET_WHY
 * (may be NULL) says what keeps it from that. */
bool key_file_is_strict(struct host *host, const struct users *users, const struct user *user, const char *target,
                        struct buf *ret_why);

/* What RevokedKeys refuses. */
struct revocation {
	struct buf file;     /* its path; empty: none */
	int error;           /* why it cannot be read: then sshd refuses every key. 0: it can be */
	struct strset fingerprints; /* of the keys that it lists. What a binary list (a KRL) has is not known */
};

/* As PLAN (may be NULL) leaves the file, for one connection, from what sshd says of it. */
int revocation_read(struct host *host, const struct plan *plan, const struct buf *dump, struct revocation *ret);
void revocation_free(struct revocation *revocation);

#endif
