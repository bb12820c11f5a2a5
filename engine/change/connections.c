/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/connections.h"

#include "base/escape.h"
#include "base/proc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

/* A UDP socket is "established" when it is connected. */
bool connection_is_live(const struct socket_info *s)
{
	switch (s->state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT: return true;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
	case TCP_CLOSING: return s->protocol == IPPROTO_TCP;
	/* Without an owner it is a mere timer, which not every kernel ends. */
	case TCP_FIN_WAIT2: return s->protocol == IPPROTO_TCP && s->inode != 0;
	default: return false;
	}
}

int connections_add(struct connections *c, const struct socket_info *info)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct connection *v = reallocarray(c->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = (struct connection){.info = *info};
	return 0;
}

void connections_free(struct connections *c)
{
	free(c->v);
	*c = (struct connections){0};
}

struct owner {
	struct connections *connections;
	int proc;
	pid_t pid;
	size_t unknown; /* connections without an owner yet */
};

static int take_owner(void *ctx, uint32_t inode)
{
	struct owner *o = ctx;
	for (size_t i = 0; i < o->connections->n; i++) {
		struct connection *c = &o->connections->v[i];
		if (c->pid || !inode || c->info.inode != inode)
			continue;
		c->pid = o->pid;
		proc_comm(o->proc, o->pid, c->comm);
		o->unknown--;
	}
	return o->unknown == 0;
}

void connections_find_owners(const struct host *host, struct connections *c)
{
	_cleanup_pids_ struct pids pids = {0};
	struct owner o = {.connections = c, .proc = host->proc, .unknown = c->n};
	if (proc_pids(host->proc, &pids) < 0)
		return;
	for (size_t i = 0; i < pids.n && o.unknown; i++) {
		o.pid = pids.v[i];
		proc_sockets(host->proc, o.pid, take_owner, &o);
	}
}

static json_t *encode(const struct connection *c)
{
	char local[NETADDR_TEXT_LEN], peer[NETADDR_TEXT_LEN];
	netaddr_format(&c->info.local, local);
	json_t *o = json_pack("{s:s, s:s, s:i, s:i}", "protocol", c->info.protocol == IPPROTO_TCP ? "tcp" : "udp", "local",
	                      local, "local-port", c->info.local_port, "uid", (int)c->info.uid);
	int bad = o == NULL;
	if (!bad && c->info.peer_port) {
		netaddr_format(&c->info.peer, peer);
		bad |= json_object_set_new(o, "peer", json_string(peer)) |
		       json_object_set_new(o, "peer-port", json_integer(c->info.peer_port));
	}
	if (!bad && c->pid)
		bad |= json_object_set_new(o, "pid", json_integer(c->pid)) |
		       json_object_set_new(o, "comm", json_text(c->comm));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

json_t *connections_encode(const struct connections *c, size_t max)
{
	json_t *list = json_array();
	int bad = list == NULL;
	for (size_t i = 0; !bad && i < c->n && i < max; i++)
		bad = json_array_append_new(list, encode(&c->v[i]));
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

static void put_endpoint(const json_t *o, const char *address, const char *port, struct buf *ret)
{
	const char *text = json_string_value(json_object_get(o, address));
	buf_printf(ret, text && strchr(text, ':') ? "[%s]:%lld" : "%s:%lld", text ? text : "",
	           (long long)json_integer_value(json_object_get(o, port)));
}

/* What is in a JSON string is escaped already. */
int connections_text(const json_t *list, size_t total, const char *indent, struct buf *ret)
{
	const json_t *o;
	size_t i;
	json_array_foreach((json_t *)list, i, o) {
		const char *protocol = json_string_value(json_object_get(o, "protocol"));
		const char *comm = json_string_value(json_object_get(o, "comm"));
		buf_printf(ret, "%s%s ", indent, protocol ? protocol : "");
		put_endpoint(o, "local", "local-port", ret);
		if (json_object_get(o, "peer")) {
			buf_puts(ret, " - ");
			put_endpoint(o, "peer", "peer-port", ret);
		}
		if (json_object_get(o, "pid"))
			buf_printf(ret, ", process %lld (%s)", (long long)json_integer_value(json_object_get(o, "pid")),
			           comm ? comm : "");
		buf_putc(ret, '\n');
	}
	size_t n = json_array_size(list);
	return total > n ? buf_printf(ret, "%sand %zu more\n", indent, total - n) : buf_error(ret);
}
