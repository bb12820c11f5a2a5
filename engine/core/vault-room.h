/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the changes of a round will want of the vault's quota, added up before the first
 * of them is made: an object counts once, and one that the vault has does not count.
 */
#ifndef RESPOND_CORE_VAULT_ROOM_H
#define RESPOND_CORE_VAULT_ROOM_H

#include "base/strset.h"
#include "core/change.h"
#include "core/vault.h"

struct vault_room {
	struct strset seen;
	uint64_t bytes;
};

/* VAULT may be NULL: none yet. */
int vault_room_add(struct vault_room *room, const struct vault *vault, const struct change *change);
void vault_room_free(struct vault_room *room);

extern const char vault_room_lacking[]; /* the sentence for people */

#endif
