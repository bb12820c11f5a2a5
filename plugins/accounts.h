/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The accounts that sshd would let somebody log in to: /etc/passwd, and what the name
 * service (LDAP, SSSD, ...) lists besides when the host is the one we run on.
 */
#ifndef RESPOND_PLUGINS_ACCOUNTS_H
#define RESPOND_PLUGINS_ACCOUNTS_H

#include "base/users.h"
#include "core/host.h"

int accounts_load(struct host *host, struct users *ret);

/* The names of all groups of the user; none for an unknown user. */
int account_groups(const char *user, struct strv *ret);

#endif
