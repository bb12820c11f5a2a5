/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind "nft.isolate": the host reachable from management addresses only. Data: {
 *     "management": ["203.0.113.5", "2001:db8:1::/64", ...],  sorted
 *     and, for people, what change/isolation-stops.h adds
 * }
 * The table is described in change/isolation.h.
 */
#ifndef RESPOND_CHANGE_NFT_ISOLATE_H
#define RESPOND_CHANGE_NFT_ISOLATE_H

#include "base/addrs.h"
#include "core/plan.h"

#define ISOLATE_MAX 256 /* management addresses and prefixes */

extern const struct change_kind nft_isolate_kind;

/* Plans the isolation, or that it is held by this run too where it is in force already. Only
 * reads. MANAGEMENT is sorted, and at most ISOLATE_MAX long. What cannot be looked at is noted
 * in host->blind. */
int nft_isolate_plan(struct host *host, struct plan *plan, const struct addrs *management);

#endif
