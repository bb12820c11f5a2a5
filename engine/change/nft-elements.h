/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind "nft.elements": addresses blocked in the nftables table "inet respond".
 * Its data is described in change/block.h, the table in change/nft-layout.h.
 */
#ifndef RESPOND_CHANGE_NFT_ELEMENTS_H
#define RESPOND_CHANGE_NFT_ELEMENTS_H

#include "change/block.h"

extern const struct change_kind nft_elements_kind;

/* Divides the block's addresses into those that are in force already for long enough, and
 * those that are not; only reads. What cannot be looked at is noted in host->blind, and
 * nothing counts as in force. -EEXIST: the table is somebody else's. */
int nft_elements_look(struct host *host, const struct block *block, struct addrs *ret_held, struct addrs *ret_missing);

#endif
