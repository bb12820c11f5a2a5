/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/socket-destroy.h"

#include "change/connections.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>

#define RECORDED 256 /* connections that are written down; all are ended */

struct concerned {
	const struct block *block;
	struct connections found;
};

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
	struct concerned *c = ctx;
	if (!connection_is_live(s) || !concerns(&c->block->group, s) || !addrs_find(&c->block->addrs, &s->peer))
		return 0;
	return connections_add(&c->found, s);
}

static int find(const struct block *block, struct connections *ret)
{
	struct concerned c = {.block = block};
	int r = sockets_visit(take, &c);
	*ret = c.found;
	return r;
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
	_cleanup_connections_ struct connections c = {0};
	_cleanup_block_ struct block touched = {0};
	struct change *change = NULL;
	int r = find(block, &c);
	if (r < 0 && r != -ENOMEM)
		return host_blind(host, "cannot list sockets (%s): live connections are not known", strerror(-r));
	if (r < 0 || !c.n)
		return r;
	connections_find_owners(host, &c);
	r = narrow(block, &c, &touched);
	if (r == 0)
		r = block_plan(plan, &socket_destroy_kind, &touched, &change);
	if (r == 0 && (json_object_set_new(change->data, "connections", connections_encode(&c, RECORDED)) |
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
	_cleanup_connections_ struct connections c = {0};
	_cleanup_block_ struct block block = {0};
	int r = read_and_find(host, change, &block, &c);
	if (r == 0)
		*ret = c.n ? CHANGE_BEFORE : CHANGE_AFTER;
	return r;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_connections_ struct connections c = {0};
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

static int detail(const struct change *change, struct buf *ret)
{
	const json_t *list = json_object_get(change->data, "connections");
	return connections_text(list, (size_t)json_integer_value(json_object_get(change->data, "total")), "", ret);
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
