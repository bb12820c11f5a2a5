/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How closed ports look in the table "inet respond": the sets "closed-tcp" and "closed-udp" of
 * ports of this host, and the base chain "closed" at the input hook, which
 *   - accepts what comes by loopback, which is also how the host talks to its own addresses,
 *   - accepts what belongs to a TCP connection that is there already, told by its flags alone:
 *     whoever works through one is not cut off, and the answers to the host's own
 *     connections are no concern of ours; a segment whose flags are in another fragment than
 *     its ports does not pass here,
 *   - drops what goes to a port in one of the sets, from everybody, in both families.
 * An accept ends this chain only: addresses are blocked in chain "input" all the same.
 *
 * What is passed on is not looked at: a port that nat hands over to a container or to another
 * host is not closed by this.
 */
#ifndef RESPOND_CHANGE_CLOSED_PORTS_H
#define RESPOND_CHANGE_CLOSED_PORTS_H

#include "base/buf.h"
#include "change/nft-layout.h"

#define CLOSED_MAX 256 /* ports of one change */

enum closed_state {
	CLOSED_NOT,     /* the port is not in the set */
	CLOSED_SHORTER, /* it is, and ends too early */
	CLOSED_FULL,    /* for long enough */
};

struct closed_port {
	uint16_t port;
	enum closed_state state;
	int64_t left_ms; /* how long what is there lasts yet */
	bool kept;       /* not to be taken out, */
	int64_t keep_ms; /* and to last no longer than this */
};

struct closed_ports {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	struct closed_port v[CLOSED_MAX];
	size_t n;
	struct layout layout;
	bool complete; /* the chain that makes the sets count is there */
};

void closed_free(struct closed_ports *ports);
#define _cleanup_closed_ _cleanup_(closed_free)

/* Looks at everything. PROTOCOL and V[].PORT are the caller's. -EEXIST: the table is somebody
 * else's. -EPERM, -EOPNOTSUPP: cannot look. */
int closed_read(struct closed_ports *ports, int64_t enough_ms);

/* Closes all of them for TTL_MS (0: for ever), in one transaction; COMMENT goes with each that is
 * put in. What is closed for long enough is left as it is. */
int closed_put(struct closed_ports *ports, int64_t ttl_ms, const char *comment, struct buf *ret_why);

/* Opens those that are not marked as kept, and shortens what is kept and lasts too long (with
 * COMMENT), in one transaction. The state is that which was found. */
int closed_take(struct closed_ports *ports, const char *comment, struct buf *ret_why);

/* Removes what closed ports needed when none is closed any more, by anybody. */
int closed_clean(struct buf *ret_why);

#endif
