/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sockets.h"

#include "base/buf.h"
#include "base/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct found {
	int protocol;
	struct socket_info *v;
	size_t n, cap;
	size_t first; /* where the dump that is running began */
};

static void found_free(struct found *f)
{
	free(f->v);
}

static void restart(void *ctx)
{
	struct found *f = ctx;
	f->n = f->first;
}

static struct socket_info *grow(struct found *f)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 256;
		struct socket_info *v = reallocarray(f->v, cap, sizeof(*v));
		if (!v)
			return NULL;
		f->v = v;
		f->cap = cap;
	}
	return &f->v[f->n];
}

static int take_socket(const struct nlmsghdr *nlh, void *ctx)
{
	struct found *f = ctx;
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) ||
	    (m->idiag_family != AF_INET && m->idiag_family != AF_INET6))
		return MNL_CB_OK;
	struct socket_info *s = grow(f);
	if (!s) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*s = (struct socket_info){
		.protocol = f->protocol,
		.state = m->idiag_state,
		.local_port = ntohs(m->id.idiag_sport),
		.peer_port = ntohs(m->id.idiag_dport),
		.inode = m->idiag_inode,
		.uid = m->idiag_uid,
		.family = m->idiag_family,
	};
	netaddr_from_bytes(m->idiag_family, m->id.idiag_src, &s->local);
	netaddr_from_bytes(m->idiag_family, m->id.idiag_dst, &s->peer);
	_Static_assert(sizeof(m->id) <= sizeof(s->id), "the kernel's socket id fits");
	memcpy(s->id, &m->id, sizeof(m->id));
	f->n++;
	return MNL_CB_OK;
}

static struct nlmsghdr *put_request(char *buffer, uint16_t type, uint16_t flags, int family, int protocol)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = (uint8_t)family;
	req->sdiag_protocol = (uint8_t)protocol;
	req->idiag_states = ~0u;
	return nlh;
}

static int ask(struct found *f, struct nlmsghdr *request)
{
	struct netlink_question q = {
		.bus = NETLINK_SOCK_DIAG,
		.request = request,
		.answer = take_socket,
		.restart = restart,
		.ctx = f,
	};
	f->first = f->n;
	return netlink_ask(&q);
}

/* The kernel goes through all of its table for each dump, and only the older form of request
 * gives both families at once. */
static int dump_tcp(struct found *f)
{
	char buffer[128] = "";
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = TCPDIAG_GETSOCK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	struct inet_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->idiag_family = AF_INET;
	req->idiag_states = ~0u;
	f->protocol = IPPROTO_TCP;
	int r = ask(f, nlh);
	return r == -ENOENT || r == -EOPNOTSUPP ? -EPROTONOSUPPORT : r;
}

static int dump_udp(int family, struct found *f)
{
	char buffer[128] = "";
	f->protocol = IPPROTO_UDP;
	int r = ask(f, put_request(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, IPPROTO_UDP));
	/* "No such entry" means a kernel without this part of inet_diag. Without IPv6 there are no sockets of it. */
	if (r == -ENOENT)
		return family == AF_INET6 ? 0 : -EPROTONOSUPPORT;
	return r;
}

int sockets_visit(int (*visit)(void *ctx, const struct socket_info *info), void *ctx)
{
	_cleanup_(found_free) struct found found = {0};
	int r = dump_tcp(&found);
	if (r == 0)
		r = dump_udp(AF_INET, &found);
	if (r == 0)
		r = dump_udp(AF_INET6, &found);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = visit(ctx, &found.v[i]);
	return r;
}

static int ignore(const struct nlmsghdr *nlh, void *ctx)
{
	(void)nlh, (void)ctx;
	return MNL_CB_OK;
}

int socket_destroy(const struct socket_info *info)
{
	char buffer[128] = "";
	struct nlmsghdr *nlh = put_request(buffer, SOCK_DESTROY, NLM_F_ACK, info->family, info->protocol);
	struct inet_diag_req_v2 *req = mnl_nlmsg_get_payload(nlh);
	memcpy(&req->id, info->id, sizeof(req->id));
	struct netlink_question q = {.bus = NETLINK_SOCK_DIAG, .request = nlh, .answer = ignore};
	int r = netlink_ask(&q);
	/* The id has the kernel's cookie in it: ESTALE is another socket with the same ports. */
	return r == -ENOENT || r == -ESTALE ? 0 : r;
}
