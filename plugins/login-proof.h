/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The proof "login.last-way": a plan must not end the last way to log in over ssh.
 *
 * An account has a way in when sshd lets it in from somewhere (any Match block that it
 * can meet) with a key that stands in one of its files and is not revoked, or with a password; when its
 * shell exists and is a shell; when it has not expired, and is not contained at PAM. What cannot be told
 * (keys from a command, certificates, accounts without an entry in /etc/shadow)
 * counts as a way: the proof is there to catch the mistake, not to guess.
 */
#ifndef RESPOND_PLUGINS_LOGIN_PROOF_H
#define RESPOND_PLUGINS_LOGIN_PROOF_H

#include "core/guard.h"

extern const struct proof login_last_way;

#endif
