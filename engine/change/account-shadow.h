/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind account.shadow: the one entry of a user in /etc/shadow, its password
 * locked or replaced, its expiry or the date of its password altered.
 *
 * It works under the lock of passwd(1), and replaces the file as file.edit does. Undo puts
 * back the very entry that was there, and keeps what others did to other entries since; an
 * entry that somebody has altered since is drift. The entry before, with the password's
 * hash, is in the vault alone; the journal has no more than the SHA-256 of the entries. A new
 * password itself is in no more than the file that it is handed over in.
 */
#ifndef RESPOND_CHANGE_ACCOUNT_SHADOW_H
#define RESPOND_CHANGE_ACCOUNT_SHADOW_H

#include "change/shadow-edit.h"
#include "core/change.h"
#include "core/plan.h"

#define SHADOW_FILE "/etc/shadow"

extern const struct change_kind account_shadow_kind;

/* /etc/shadow as earlier steps of the plan (NULL: none) leave it. -ENOENT, -EACCES, ... */
int account_shadow_read(struct host *host, const struct plan *plan, struct buf *ret);

/* Plans EDIT for the entry of USER; nothing where all is so already. -ENODATA: there is no
 * entry. -EACCES and others as for file_edit_read(). */
int account_shadow_plan(struct host *host, struct plan *plan, const char *user, const struct shadow_edit *edit);

/* The same, with a new password among EDIT: BYTES are written to the file PATH, where nothing
 * stands, before the password is in force. */
int account_password_plan(struct host *host, struct plan *plan, const char *user, const struct shadow_edit *edit,
                          const char *path, const struct buf *bytes);

#endif
