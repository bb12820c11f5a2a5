/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RESPOND_CORE_VAULT_EXPORT_H
#define RESPOND_CORE_VAULT_EXPORT_H

#include "core/vault.h"

/* Copies an object to the new file PATH (absolute, below ROOT), 0600 and the caller's,
 * durably: what is there then is the object, whole, or nothing. Links on the way are
 * followed only where root alone could have made them (-ELOOP). -EEXIST: something stands
 * there, if only a dangling link. -ENOENT: no such directory; -ENOKEY: no such object;
 * -EBADMSG: the object is damaged. */
int vault_export(struct vault *vault, const char *sha256_hex, int root, const char *path);

#endif
