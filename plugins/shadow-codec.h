/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of shadow(5). What a password's hash is never leaves this file: it is enough to know
 * whether there is one. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_SHADOW_CODEC_H
#define RESPOND_PLUGINS_SHADOW_CODEC_H

#include <stdbool.h>
#include <stddef.h>

struct shadow_entry {
	const char *name; /* into the line, not NUL-terminated */
	size_t name_len;
	const char *password; /* a word: "set", "locked" (a hash behind a "!"), "none" (no login by password), "empty" */
	long changed;  /* in days since 1970; -1: not given */
	long expires;  /* the same */
};

/* One line without its newline. -EBADMSG: no entry. */
int shadow_decode(const char *line, size_t len, struct shadow_entry *ret);

#endif
