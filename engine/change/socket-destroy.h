/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind "socket.destroy": live connections with blocked addresses ended. Data as
 * in change/block.h, the addresses being those that connections were seen with, and
 *     "connections": [{"protocol": "tcp", "local": "192.0.2.1", "local-port": 40000,
 *                      "peer": "203.0.113.67", "peer-port": 3333, "uid": 0,
 *                      "pid": 412, "comm": "xmrig"}, ...]
 * of which pid and comm are missing where no process was found. It cannot be undone.
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
