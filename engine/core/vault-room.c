/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vault-room.h"

const char vault_room_lacking[] = "what has to be kept for the undo would exceed the vault's quota: make room "
                                  "(respond --vault purge AGE) or raise the quota (respond.conf)";

static int add(struct vault_room *room, const struct vault *vault, const char *sha256_hex, uint64_t bytes)
{
	int fresh = strset_add(&room->seen, sha256_hex);
	if (fresh > 0 && !(vault && vault_names(vault, sha256_hex)))
		room->bytes += bytes;
	return fresh < 0 ? fresh : 0;
}

int vault_room_add(struct vault_room *room, const struct vault *vault, const struct change *c)
{
	int r = c->takes_bytes ? add(room, vault, c->takes.hex, c->takes_bytes) : 0;
	for (size_t i = 0; r == 0 && i < c->n_blobs; i++)
		r = add(room, vault, c->blobs[i].sha256.hex, vault_occupied(c->blobs[i].bytes.len));
	return r;
}

void vault_room_free(struct vault_room *room)
{
	strset_free(&room->seen);
}
