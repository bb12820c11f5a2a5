/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/socket-destroy.h"

#include "base/escape.h"
#include "base/proc.h"
#include "base/sockets.h"

#include <errno.h>
#include <libaudit.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define RECORDED 256 /* connections that are written down; all are ended */

struct connection {
	struct socket_info info;
	pid_t pid; /* 0: not known */
	char comm[64];
};

struct connections {
	const struct block *block;
	struct connection *v;
	size_t n, cap;
};

static void connections_free(struct connections *c)
{
	free(c->v);
}

/* Whether bytes can still pass: both ends were there once, and not both have gone. A UDP
 * socket is "established" when it is connected. */
static bool is_live(const struct socket_info *s)
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

/* A socket does not say who called whom, and without a port it does not matter: packets
 * of both directions belong to every connection. */
static bool concerns(const struct block_group *group, const struct socket_info *s)
{
	if (!(group->directions & (DIRECTION_IN | DIRECTION_OUT)))
		return false;
	return !group->port || (group->directions & DIRECTION_IN && s->local_port == group->port) ||
	       (group->directions & DIRECTION_OUT && s->peer_port == group->port);
}

static int take(void *ctx, const struct socket_info *s)
{
	struct connections *c = ctx;
	if (!is_live(s) || !concerns(&c->block->group, s) || !addrs_find(&c->block->addrs, &s->peer))
		return 0;
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct connection *v = reallocarray(c->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = (struct connection){.info = *s};
	return 0;
}

static int find(const struct block *block, struct connections *ret)
{
	ret->block = block;
	return sockets_visit(take, ret);
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

/* Who has the sockets open, as far as can be seen: for people and the record only. */
static void find_owners(const struct host *host, struct connections *c)
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

static json_t *encode_connection(const struct connection *c)
{
	char local[NETADDR_TEXT_LEN], peer[NETADDR_TEXT_LEN];
	netaddr_format(&c->info.local, local);
	netaddr_format(&c->info.peer, peer);
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:i, s:i}", "protocol", c->info.protocol == IPPROTO_TCP ? "tcp" : "udp",
	                      "local", local, "local-port", c->info.local_port, "peer", peer, "peer-port", c->info.peer_port,
	                      "uid", (int)c->info.uid);
	if (o && c->pid &&
	    (json_object_set_new(o, "pid", json_integer(c->pid)) | json_object_set_new(o, "comm", json_text(c->comm)))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *encode_connections(const struct connections *c)
{
	json_t *list = json_array();
	int bad = list == NULL;
	for (size_t i = 0; !bad && i < c->n && i < RECORDED; i++)
		bad = json_array_append_new(list, encode_connection(&c->v[i]));
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

/* The block's addresses that there are connections with: no more than that is touched. */
static int narrow(const struct block *block, const struct connections *c, struct block *ret)
{
	ret->group = block->group;
	for (size_t i = 0; i < c->n; i++)
		if (addrs_add(&ret->addrs, addrs_find(&block->addrs, &c->v[i].info.peer)) < 0)
			return -ENOMEM;
	addrs_sort(&ret->addrs);
	return 0;
}

int socket_destroy_plan(struct host *host, struct plan *plan, const struct block *block)
{
	_cleanup_(connections_free) struct connections c = {0};
	_cleanup_block_ struct block touched = {0};
	struct change *change = NULL;
	int r = find(block, &c);
	if (r < 0 && r != -ENOMEM)
		return host_blind(host, "cannot list sockets (%s): live connections are not known", strerror(-r));
	if (r < 0 || !c.n)
		return r;
	find_owners(host, &c);
	r = narrow(block, &c, &touched);
	if (r == 0)
		r = block_plan(plan, &socket_destroy_kind, &touched, &change);
	if (r == 0 && (json_object_set_new(change->data, "connections", encode_connections(&c)) |
	               json_object_set_new(change->data, "total", json_integer((json_int_t)c.n))))
		r = -ENOMEM;
	return r;
}

static int read_and_find(struct host *host, const struct change *change, struct block *block, struct connections *ret)
{
	int r = block_read(host, change, block);
	return r < 0 ? r : find(block, ret);
}

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_(connections_free) struct connections c = {0};
	_cleanup_block_ struct block block = {0};
	int r = read_and_find(host, change, &block, &c);
	if (r == 0)
		*ret = c.n ? CHANGE_BEFORE : CHANGE_AFTER;
	return r;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_(connections_free) struct connections c = {0};
	_cleanup_block_ struct block block = {0};
	int r = read_and_find(host, change, &block, &c), failed = 0;
	size_t left = 0;
	for (size_t i = 0; r == 0 && i < c.n; i++) {
		int e = socket_destroy(&c.v[i].info);
		failed = e < 0 ? e : failed;
		left += e < 0;
	}
	if (r < 0)
		return r;
	if (left)
		buf_printf(&effect->note, "%zu of %zu connections cannot be ended: %s", left, c.n, strerror(-failed));
	else if (!c.n)
		buf_puts(&effect->note, "they had ended by themselves");
	return left == 0 ? 0 : left < c.n ? -EINPROGRESS : failed;
}

static int describe(const struct change *change, struct buf *ret)
{
	long long n = json_integer_value(json_object_get(change->data, "total"));
	_cleanup_buf_ struct buf verb = {0};
	buf_printf(&verb, n == 1 ? "end 1 connection with" : "end %lld connections with", n);
	return buf_error(&verb) ? buf_error(&verb) : block_describe(change, verb.data, ret);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));
	return text ? text : "";
}

static void put_endpoint(const json_t *o, const char *address, const char *port, struct buf *ret)
{
	const char *text = text_of(o, address);
	buf_printf(ret, strchr(text, ':') ? "[%s]:%lld" : "%s:%lld", text,
	           (long long)json_integer_value(json_object_get(o, port)));
}

/* "tcp 192.0.2.1:40000 - 203.0.113.67:3333, 412 (xmrig)". What is in a JSON string is
 * escaped already. */
static int detail(const struct change *change, struct buf *ret)
{
	const json_t *list = json_object_get(change->data, "connections"), *o;
	size_t i;
	json_array_foreach((json_t *)list, i, o) {
		buf_printf(ret, "%s ", text_of(o, "protocol"));
		put_endpoint(o, "local", "local-port", ret);
		buf_puts(ret, " - ");
		put_endpoint(o, "peer", "peer-port", ret);
		if (json_object_get(o, "pid"))
			buf_printf(ret, ", process %lld (%s)", (long long)json_integer_value(json_object_get(o, "pid")),
			           text_of(o, "comm"));
		buf_putc(ret, '\n');
	}
	long long more = json_integer_value(json_object_get(change->data, "total")) - (long long)json_array_size(list);
	return more > 0 ? buf_printf(ret, "and %lld more\n", more) : buf_error(ret);
}

/* There is nothing to settle: each connection is ended by one request to the kernel, which
 * leaves nothing in between, and what lives yet is what probe finds. */
const struct change_kind socket_destroy_kind = {
	.name = "socket.destroy",
	.mark = '!',
	.flags = CHANGE_IRREVERSIBLE,
	.audit_type = AUDIT_RESP_TERM_ACCESS,
	.probe = probe,
	.apply = apply,
	.describe = describe,
	.detail = detail,
	.subjects = block_subjects,
};
