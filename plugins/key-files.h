/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which files sshd reads an account's authorized keys from.
 */
#ifndef RESPOND_PLUGINS_KEY_FILES_H
#define RESPOND_PLUGINS_KEY_FILES_H

#include "sshd-asker.h"

/* The paths, as AuthorizedKeysFile gives them for every connection that USER may make:
 * %h %u %U %% filled in, relative ones below the home directory. They may not exist. */
int key_files_of(struct sshd_asker *asker, const struct user *user, struct strv *ret);

/* The same for one connection, from what sshd says of it. */
int key_files_in(const struct sshd_asker *asker, const struct user *user, const struct buf *dump, struct strv *ret);

/* Where sshd looks on a host whose configuration cannot be read. */
int key_files_usual(const struct user *user, struct strv *ret);

#endif
