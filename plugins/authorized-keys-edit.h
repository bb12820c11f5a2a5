/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * authorized_keys files, sshd(8) AUTHORIZED_KEYS FILE FORMAT, read the way sshd reads
 * them: what sshd takes for a key is found whatever the spelling around it, what sshd
 * takes for a comment or for text inside an option is not. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_AUTHORIZED_KEYS_EDIT_H
#define RESPOND_PLUGINS_AUTHORIZED_KEYS_EDIT_H

#include "ssh-key.h"

struct authorized_key {
	size_t line;         /* from 1 */
	struct ssh_key key;  /* for certificate authorities, theirs */
	const char *comment; /* into the file; blanks and line end around it cut off */
	size_t comment_len;
};

typedef int (*authorized_key_fn)(void *ctx, const struct authorized_key *key);

/* Visits every line that holds a key, in order. A nonzero answer ends the visit and
 * is returned. 0 or -errno. */
int authorized_keys_visit(const struct buf *file, authorized_key_fn visit, void *ctx);

/* Copies FILE without the lines whose key DOOMED answers 1 for (0: stays; -errno ends
 * it): every other byte stays as it is. */
int authorized_keys_remove(const struct buf *file, authorized_key_fn doomed, void *ctx, struct buf *ret);

#endif
