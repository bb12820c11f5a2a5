/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/guard-rules.h"
#include "base/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

struct socket_facts {
	struct socket_fact *v; /* sorted by inode */
	size_t n, cap;
	uint8_t listening[65536 / 8]; /* TCP ports */
};

static int collect(void *ctx, const struct socket_info *info)
{
	struct socket_facts *f = ctx;
	bool listens = info->protocol == IPPROTO_TCP && info->state == TCP_LISTEN;
	if (listens)
		f->listening[info->local_port / 8] |= (uint8_t)(1u << info->local_port % 8);
	if (!info->inode || (!listens && !info->peer_port && info->protocol != IPPROTO_UDP))
		return 0;
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct socket_fact *v = reallocarray(f->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n++] = (struct socket_fact){
		.inode = info->inode,
		.listens = listens,
		.protocol = info->protocol,
		.local_port = info->local_port,
		.peer_port = info->peer_port,
		.peer = info->peer_port ? info->peer : (struct netaddr){0},
	};
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	uint32_t x = ((const struct socket_fact *)a)->inode, y = ((const struct socket_fact *)b)->inode;
	return (x > y) - (x < y);
}

int guard_sockets(struct guard *guard, const struct socket_facts **ret)
{
	if (!guard->sockets) {
		struct socket_facts *f = calloc(1, sizeof(*f));
		int r = f ? sockets_visit(collect, f) : -ENOMEM;
		if (r < 0) {
			socket_facts_free(&f);
			return r;
		}
		if (f->n)
			qsort(f->v, f->n, sizeof(*f->v), by_inode);
		guard->sockets = f;
	}
	*ret = guard->sockets;
	return 0;
}

const struct socket_fact *socket_by_inode(const struct socket_facts *facts, uint32_t inode)
{
	struct socket_fact key = {.inode = inode};
	return facts->n ? bsearch(&key, facts->v, facts->n, sizeof(key), by_inode) : NULL;
}

bool socket_port_listens(const struct socket_facts *facts, uint16_t port)
{
	return facts->listening[port / 8] >> port % 8 & 1;
}

void socket_facts_free(struct socket_facts **facts)
{
	if (!*facts)
		return;
	free((*facts)->v);
	free(*facts);
	*facts = NULL;
}
