/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sockets that a change is about, with the processes that have them open, and how the change
 * keeps them: [{"protocol": "tcp", "local": "192.0.2.1", "local-port": 40000,
 *               "peer": "203.0.113.67", "peer-port": 3333, "uid": 0,
 *               "pid": 412, "comm": "xmrig"}, ...]
 * of which peer and its port are missing where there is none, pid and comm where no
 * process was found. It is for people and the record: nothing is decided by it.
 */
#ifndef RESPOND_CHANGE_CONNECTIONS_H
#define RESPOND_CHANGE_CONNECTIONS_H

#include "base/buf.h"
#include "base/sockets.h"
#include "core/host.h"

#include <jansson.h>
#include <stdbool.h>

struct connection {
	struct socket_info info;
	pid_t pid; /* 0: not known */
	char comm[64];
};

struct connections {
	struct connection *v;
	size_t n, cap;
};

/* Whether bytes can still pass: both ends were there once, and not both have gone. */
bool connection_is_live(const struct socket_info *s);

int connections_add(struct connections *c, const struct socket_info *info);
void connections_free(struct connections *c);
#define _cleanup_connections_ _cleanup_(connections_free)

/* Who has the sockets open, as far as can be seen. */
void connections_find_owners(const struct host *host, struct connections *c);

/* The first MAX of them. NULL: no memory. */
json_t *connections_encode(const struct connections *c, size_t max);

/* A line each, "tcp 192.0.2.1:40000 - 203.0.113.67:3333, process 412 (xmrig)", behind INDENT;
 * and how many more there are than the LIST has, of TOTAL. */
int connections_text(const json_t *list, size_t total, const char *indent, struct buf *ret);

#endif
