/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-sockets.h"

#include "base/proc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

static int add(void *ctx, const struct socket_info *info)
{
	struct socket_table *t = ctx;
	if (info->inode == 0)
		return 0;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		struct socket_info *v = reallocarray(t->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *info;
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	uint32_t x = ((const struct socket_info *)a)->inode, y = ((const struct socket_info *)b)->inode;
	return x < y ? -1 : x > y;
}

int socket_table_load(struct socket_table *ret)
{
	_cleanup_(socket_table_free) struct socket_table t = {0};
	int r = sockets_visit(add, &t);
	if (r < 0)
		return r;
	if (t.n)
		qsort(t.v, t.n, sizeof(*t.v), by_inode);
	*ret = t;
	t = (struct socket_table){0};
	return 0;
}

void socket_table_free(struct socket_table *table)
{
	free(table->v);
	*table = (struct socket_table){0};
}

static const struct socket_info *socket_table_find(const struct socket_table *table, uint32_t inode)
{
	struct socket_info key = {.inode = inode};
	return table->n ? bsearch(&key, table->v, table->n, sizeof(*table->v), by_inode) : NULL;
}

bool socket_has_peer(const struct socket_info *info)
{
	return info->peer_port && info->state != TCP_LISTEN && info->state != TCP_CLOSE;
}

struct visit {
	const struct socket_table *table;
	int (*visit)(void *ctx, const struct socket_info *info);
	void *ctx;
};

static int visit_inode(void *ctx, uint32_t inode)
{
	struct visit *v = ctx;
	const struct socket_info *info = socket_table_find(v->table, inode);
	return info ? v->visit(v->ctx, info) : 0;
}

int process_sockets(struct host *host, pid_t pid, const struct socket_table *table,
                    int (*visit)(void *ctx, const struct socket_info *info), void *ctx)
{
	struct visit v = {.table = table, .visit = visit, .ctx = ctx};
	return table->n ? proc_sockets(host->proc, pid, visit_inode, &v) : 0;
}

static bool is_loopback(const struct netaddr *a)
{
	static const struct netaddr nets[] = {
		{.family = AF_INET, .prefix = 8, .bytes = {127}},
		{.family = AF_INET6, .prefix = 128, .bytes = {[15] = 1}},
	};
	return netaddr_contains(&nets[0], a) || netaddr_contains(&nets[1], a);
}

static int add_peer(void *ctx, const struct socket_info *info)
{
	if (!socket_has_peer(info) || info->state != TCP_ESTABLISHED || is_loopback(&info->peer))
		return 0;
	char text[NETADDR_TEXT_LEN];
	netaddr_format(&info->peer, text);
	return strv_add_new(ctx, text);
}

int process_peers(struct host *host, pid_t pid, const struct socket_table *table, struct strv *ret)
{
	return process_sockets(host, pid, table, add_peer, ret);
}

static const char *state_name(int state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "established", [TCP_SYN_SENT] = "connecting", [TCP_SYN_RECV] = "accepting",
		[TCP_FIN_WAIT1] = "closing",       [TCP_FIN_WAIT2] = "closing",   [TCP_TIME_WAIT] = "closing",
		[TCP_CLOSE] = "unconnected",       [TCP_CLOSE_WAIT] = "closing",  [TCP_LAST_ACK] = "closing",
		[TCP_LISTEN] = "listening",        [TCP_CLOSING] = "closing",
	};
	return state > 0 && (size_t)state < sizeof(names) / sizeof(*names) ? names[state] : "unknown";
}

static void put_end(struct buf *ret, const struct netaddr *a, uint16_t port)
{
	char text[NETADDR_TEXT_LEN];
	netaddr_format(a, text);
	buf_printf(ret, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

int socket_format(const struct socket_info *info, struct buf *ret)
{
	buf_puts(ret, info->protocol == IPPROTO_UDP ? "udp " : "tcp ");
	put_end(ret, &info->local, info->local_port);
	if (info->peer_port) {
		buf_puts(ret, " -> ");
		put_end(ret, &info->peer, info->peer_port);
	}
	return buf_printf(ret, " %s", state_name(info->state));
}
