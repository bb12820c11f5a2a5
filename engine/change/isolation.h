/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How an isolated host looks in nf_tables: the table "inet respond-isolation", which is this
 * program's own and made and removed as a whole. It drops what comes in, goes out or passes
 * through, but
 *   - loopback, which is also how the host talks to its own addresses,
 *   - what comes from or goes to the management addresses (sets manage4 and manage6),
 *   - what a host needs to keep its addresses and to be found on its link: DHCP, DHCPv6,
 *     IPv6 neighbour and router discovery, and multicast listener reports, without which
 *     switches do not pass the former on; and the errors that path MTU discovery goes by.
 * It looks at addresses alone, before connection tracking: so established connections of
 * the management stay, and those of others have no say. An accept of this table ends no
 * other table's work, and what other tables drop stays dropped.
 *
 * The chains accept by policy and end in a rule that drops: somebody who flushes the rules
 * opens the host, and does not lock everybody out.
 */
#ifndef RESPOND_CHANGE_ISOLATION_H
#define RESPOND_CHANGE_ISOLATION_H

#include "base/addrs.h"
#include "base/nft.h"

extern const struct nft_table isolation_table;

enum isolation_state {
	ISOLATION_NONE,    /* there is no such table */
	ISOLATION_WHOLE,   /* it is there, for these management addresses */
	ISOLATION_BROKEN,  /* it was made for them, and is not as it was made */
	ISOLATION_OTHER,   /* it was made for other management addresses */
	ISOLATION_FOREIGN, /* this program did not make it */
};

/* MANAGEMENT is sorted, here and below. RET_WHY (may be NULL): what is broken, escaped.
 * 0 or -errno, as in base/nft.h. */
int isolation_read(const struct addrs *management, enum isolation_state *ret, struct buf *ret_why);

/* Makes the table, in one transaction. Where it is broken: makes it anew with REPAIR, otherwise
 * -ESTALE. -EEXIST: another is there. Otherwise -errno; why is in RET_WHY. */
int isolation_put(const struct addrs *management, bool repair, struct buf *ret_why);

/* Removes the table, if it was made for these addresses, whatever has become of it.
 * RET_FOUND: what was there. */
int isolation_take(const struct addrs *management, enum isolation_state *ret_found, struct buf *ret_why);

#endif
