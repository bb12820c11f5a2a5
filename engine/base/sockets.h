/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The TCP and UDP sockets of this network namespace, by sock_diag(7).
 */
#ifndef RESPOND_BASE_SOCKETS_H
#define RESPOND_BASE_SOCKETS_H

#include "base/netaddr.h"

#include <stdint.h>
#include <sys/types.h>

struct socket_info {
	int protocol;         /* IPPROTO_TCP or IPPROTO_UDP */
	int state;            /* TCP_ESTABLISHED, TCP_LISTEN, ... (netinet/tcp.h) */
	struct netaddr local; /* IPv4-mapped addresses normalised */
	struct netaddr peer;
	uint16_t local_port; /* host order */
	uint16_t peer_port;
	uint32_t inode; /* as in /proc/PID/fd: "socket:[12345]"; 0 for one without an owner */
	uid_t uid;
	/* For sockets_destroy(). */
	int family; /* of the socket itself: AF_INET6 for a mapped peer on a dual-stack socket */
	uint8_t id[64];
};

/* Visits every socket; a nonzero answer ends the visit and is returned. 0 or -errno:
 * -EPROTONOSUPPORT where the kernel has no inet_diag. */
int sockets_visit(int (*visit)(void *ctx, const struct socket_info *info), void *ctx);

/* Ends a connection (SOCK_DESTROY; CAP_NET_ADMIN). 0 also when it has gone.
 * -EOPNOTSUPP: a kernel without CONFIG_INET_DIAG_DESTROY. */
int socket_destroy(const struct socket_info *info);

#endif
