/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An entry of passwd(5) made one that nobody can log in with: for an account that has no
 * entry in shadow(5). Pure: bytes in, bytes out.
 */
#ifndef RESPOND_PLUGINS_PASSWD_EDIT_H
#define RESPOND_PLUGINS_PASSWD_EDIT_H

#include "base/buf.h"

#define NO_LOGIN_SHELL "/usr/sbin/nologin"

/* FILE with "!" before the password that the first entry of USER holds itself, and the shell
 * replaced. A field that says "see shadow(5)" stays. -ENOENT: no such entry. */
int passwd_lock_entry(const struct buf *file, const char *user, struct buf *ret);

/* The password field of the first entry of USER. -ENOENT. */
int passwd_password(const struct buf *file, const char *user, struct buf *ret);

#endif
