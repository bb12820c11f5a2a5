/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/isolation-stops.h"

#include "base/route.h"
#include "change/connections.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define RECORDED 64 /* of each kind that are written down */
#define DHCP_CLIENT 68
#define DHCP6_CLIENT 546

struct look {
	const struct addrs *management;
	struct addrs own; /* this host's own addresses: reached over loopback */
	struct connections listening, connections;
};

static void look_end(struct look *look)
{
	addrs_free(&look->own);
	connections_free(&look->listening);
	connections_free(&look->connections);
}

static int add_own(void *ctx, const struct netaddr *address)
{
	return addrs_add(ctx, address);
}

static bool is_loopback(const struct netaddr *a)
{
	static const struct netaddr v4 = {.family = AF_INET, .prefix = 8, .bytes = {127}};
	static const struct netaddr v6 = {.family = AF_INET6, .prefix = 128, .bytes = {[15] = 1}};
	return netaddr_contains(&v4, a) || netaddr_contains(&v6, a);
}

/* A UDP socket without a peer may be a service or a question that waits for its answer. */
static bool listens(const struct socket_info *s)
{
	bool dhcp = s->protocol == IPPROTO_UDP && (s->local_port == DHCP_CLIENT || s->local_port == DHCP6_CLIENT);
	if (s->peer_port || !s->local_port || dhcp || is_loopback(&s->local))
		return false;
	return s->protocol == IPPROTO_UDP || s->state == TCP_LISTEN;
}

static bool goes_silent(const struct look *look, const struct socket_info *s)
{
	return s->peer_port && connection_is_live(s) && !is_loopback(&s->peer) && !addrs_find(&look->own, &s->peer) &&
	       !addrs_find(look->management, &s->peer);
}

static int take(void *ctx, const struct socket_info *s)
{
	struct look *look = ctx;
	if (listens(s))
		return connections_add(&look->listening, s);
	return goes_silent(look, s) ? connections_add(&look->connections, s) : 0;
}

/* By peer first: what belongs together stands together. */
static int by_peer(const void *a, const void *b)
{
	const struct socket_info *x = &((const struct connection *)a)->info, *y = &((const struct connection *)b)->info;
	int r = x->peer_port && y->peer_port ? netaddr_cmp(&x->peer, &y->peer) : 0;
	r = r ? r : x->protocol - y->protocol;
	r = r ? r : x->local_port - y->local_port;
	r = r ? r : netaddr_cmp(&x->local, &y->local);
	return r ? r : x->peer_port - y->peer_port;
}

static int put(const struct host *host, struct connections *c, const char *name, const char *total, json_t *data)
{
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_peer);
	connections_find_owners(host, c);
	return json_object_set_new(data, name, connections_encode(c, RECORDED)) |
	                       json_object_set_new(data, total, json_integer((json_int_t)c->n))
	               ? -ENOMEM : 0;
}

int isolation_stops_find(struct host *host, const struct addrs *management, json_t *data)
{
	_cleanup_(look_end) struct look look = {.management = management};
	int r = route_own_addresses(add_own, &look.own);
	addrs_sort(&look.own);
	if (r == 0)
		r = sockets_visit(take, &look);
	if (r < 0 && r != -ENOMEM)
		return host_blind(host, "cannot list sockets (%s): what stops working is not known", strerror(-r));
	if (r == 0)
		r = put(host, &look.listening, "listening", "listening-total", data);
	return r < 0 ? r : put(host, &look.connections, "connections", "connections-total", data);
}

static int put_list(const json_t *data, const char *name, const char *total, const char *one, const char *many,
                    struct buf *ret)
{
	size_t n = (size_t)json_integer_value(json_object_get(data, total));
	if (!n)
		return 0;
	buf_printf(ret, "%zu %s:\n", n, n == 1 ? one : many);
	return connections_text(json_object_get(data, name), n, "  ", ret);
}

int isolation_stops_text(const json_t *data, struct buf *ret)
{
	int r = put_list(data, "listening", "listening-total", "service is reached by the management alone",
	                 "services are reached by the management alone", ret);
	return r < 0 ? r : put_list(data, "connections", "connections-total", "connection goes silent",
	                            "connections go silent", ret);
}
