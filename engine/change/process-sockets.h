/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which process talks to whom: the sockets of this network namespace by inode.
 */
#ifndef RESPOND_CHANGE_PROCESS_SOCKETS_H
#define RESPOND_CHANGE_PROCESS_SOCKETS_H

#include "base/sockets.h"
#include "core/host.h"

struct socket_table {
	struct socket_info *v; /* sorted by inode */
	size_t n;
	size_t cap;
};

int socket_table_load(struct socket_table *ret);
void socket_table_free(struct socket_table *table);

/* Whether it leads to somebody: connected or being connected, no listener. */
bool socket_has_peer(const struct socket_info *info);

/* Visits the sockets of TABLE that the process has open; a nonzero answer ends the
 * visit and is returned. */
int process_sockets(struct host *host, pid_t pid, const struct socket_table *table,
                    int (*visit)(void *ctx, const struct socket_info *info), void *ctx);

/* Adds the addresses that the process has an established connection with, loopback
 * left out, to RET; each once. */
int process_peers(struct host *host, pid_t pid, const struct socket_table *table, struct strv *ret);

/* "tcp 192.0.2.1:33012 -> 203.0.113.67:3333 established" */
int socket_format(const struct socket_info *info, struct buf *ret);

#endif
