/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shadow(5): the entry of one user, and the same entry with some fields altered. Every
 * other byte of the file stays. Pure: bytes in, bytes out.
 */
#ifndef RESPOND_CHANGE_SHADOW_EDIT_H
#define RESPOND_CHANGE_SHADOW_EDIT_H

#include "base/buf.h"

#define SHADOW_PASSWORD 1
#define SHADOW_CHANGED 2 /* when the password was last changed, in days since 1970 */
#define SHADOW_EXPIRE 7  /* when the account expires, in days since 1970; empty: never */

/* Where an entry stands in the file, without its newline. */
struct shadow_entry {
	size_t at, len;
};

/* The first entry of USER, which is the one that counts: as glibc reads the file, with
 * blanks before it, and up to a NUL. 1, or 0 when there is none. */
int shadow_find(const struct buf *file, const char *user, struct shadow_entry *ret);

/* How many entries of that name there are. */
size_t shadow_count(const struct buf *file, const char *user);

/* One field of an entry (its bytes, from 0); "" where the entry ends before. */
int shadow_field(const char *entry, size_t len, unsigned field, struct buf *ret);

/* What becomes of an entry. */
struct shadow_edit {
	bool lock;            /* "!" before the password, unless one is there */
	const char *expire;   /* NULL: as it is */
	const char *changed;  /* NULL: as it is */
	const char *password; /* a hash in place of the one there; NULL: as it is */
};

/* The entry with that done, fields that were left out at its end filled in. Doing it again
 * alters nothing. */
int shadow_edit_entry(const char *entry, size_t len, const struct shadow_edit *edit, struct buf *ret);

/* FILE with ENTRY's bytes replaced. */
int shadow_replace(const struct buf *file, const struct shadow_entry *entry, const struct buf *by, struct buf *ret);

enum secret {
	SECRET_NONE,   /* no password can match: "*", "x" */
	SECRET_EMPTY,  /* none is asked for */
	SECRET_SET,
	SECRET_LOCKED, /* "!" stands before it */
};

/* What the password field of an entry says. */
enum secret shadow_secret(const char *password);

#endif
