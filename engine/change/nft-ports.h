/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind "nft.ports": ports of this host closed to everybody in the nftables table
 * "inet respond". Data: {
 *     "protocol": "tcp",           or "udp"
 *     "ports": [4444, 6379],       sorted
 *     "ttl": 86400000,             in milliseconds, only when it ends by itself
 *     "until": 1700086400          in seconds since 1970, rounded up to a minute; with ttl
 * }
 * The table is described in change/nft-layout.h and change/closed-ports.h.
 */
#ifndef RESPOND_CHANGE_NFT_PORTS_H
#define RESPOND_CHANGE_NFT_PORTS_H

#include "change/closed-ports.h"
#include "core/plan.h"

extern const struct change_kind nft_ports_kind;

/* Plans that the ports are closed, or that this run holds it, too, where they are for long
 * enough already. Only reads. PROTOCOL: IPPROTO_TCP, IPPROTO_UDP. PORTS: N in any order, at most
 * CLOSED_MAX. What cannot be looked at is noted in host->blind. */
int nft_ports_plan(struct host *host, struct plan *plan, uint8_t protocol, const uint16_t *ports, size_t n,
                   int64_t ttl_ms);

#endif
