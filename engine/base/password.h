/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Passwords: made at random, hashed as this host's crypt(3) does it by default, compared
 * with a hash. The library of crypt(3) is loaded when it is needed: most runs do not.
 */
#ifndef RESPOND_BASE_PASSWORD_H
#define RESPOND_BASE_PASSWORD_H

#include "base/buf.h"

/* 26 characters of an alphabet of 32, without those that people mistake for each other:
 * 130 bits. 0 or -errno. */
int password_make(struct buf *ret);

/* Its hash, with a salt of its own, as /etc/shadow has it. -ENOPKG: there is no crypt(3). */
int password_hash(const char *password, struct buf *ret);

/* Whether HASH is one of PASSWORD: 1, 0, or -errno. */
int password_matches(const char *password, const char *hash);

/* buf_free(), the bytes overwritten first. */
void buf_wipe(struct buf *b);

#define _cleanup_wipe_ _cleanup_(buf_wipe)

#endif
