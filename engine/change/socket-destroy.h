/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind "socket.destroy": live connections with blocked addresses ended. Data as
 * in change/block.h, the addresses being those that connections were seen with, and
 *     "connections": [...]   as in change/connections.h
 *     "total": 3             how many there were
 * It cannot be undone.
 * Listening sockets are never touched, nor is what only tries to connect: the block is
 * what stops that.
 */
#ifndef RESPOND_CHANGE_SOCKET_DESTROY_H
#define RESPOND_CHANGE_SOCKET_DESTROY_H

#include "change/block.h"

extern const struct change_kind socket_destroy_kind;

/* Plans the end of the connections that the block concerns, if there are any. What
 * cannot be looked at is noted in host->blind. */
int socket_destroy_plan(struct host *host, struct plan *plan, const struct block *block);

#endif
