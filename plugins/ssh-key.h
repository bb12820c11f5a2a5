/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * OpenSSH public keys: sshd(8), RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709, and
 * OpenSSH's PROTOCOL.u2f and PROTOCOL.certkeys. A key is its decoded blob in the one spelling that sshd itself
 * would write: sshd takes "ED25519" for "ssh-ed25519" inside a blob, numbers with
 * leading zeros and white space inside base64, and a certificate carries a plain key.
 * All of them are the same key here, as they are to `ssh-keygen -l`. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_SSH_KEY_H
#define RESPOND_PLUGINS_SSH_KEY_H

#include "base/buf.h"

#define SSH_FINGERPRINT_LEN 50 /* "SHA256:" and 43 digits */

struct ssh_key {
	struct buf blob; /* plain key, canonical */
	char fingerprint[SSH_FINGERPRINT_LEN + 1];
};

void ssh_key_free(struct ssh_key *key);
bool ssh_key_equal(const struct ssh_key *a, const struct ssh_key *b);

/* Reads "TYPE BASE64" from the start of TEXT as sshd does; what follows (a comment)
 * starts at *RET_USED. -EINVAL: there is no key here. */
int ssh_key_read(const char *text, size_t len, struct ssh_key *ret, size_t *ret_used);

/* Reads "TYPE BASE64 [COMMENT]" or "BASE64 [COMMENT]", as people write it. */
int ssh_key_parse(const char *text, struct ssh_key *ret);

#endif
