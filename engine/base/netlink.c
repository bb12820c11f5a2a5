/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/netlink.h"

#include "base/buf.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>

#define TRIES 8
#define ANSWER_MAX 65536 /* the kernel's dumps use at most half of it for one read */

int netlink_open(int bus, struct mnl_socket **ret)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!s)
		return -errno;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;
		mnl_socket_close(s);
		return r;
	}
	int on = 1; /* best effort: they add words to a refusal, and take its copy of the request away */
	mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &on, sizeof(on));
	*ret = s;
	return 0;
}

void netlink_close(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
	*socket = NULL;
}

static int ask_once(const struct netlink_question *q, char *answer)
{
	_cleanup_netlink_ struct mnl_socket *s = NULL;
	int r = netlink_open(q->bus, &s);
	if (r < 0)
		return r;
	if (mnl_socket_sendto(s, q->request, q->request->nlmsg_len) < 0)
		return -errno;
	unsigned port = mnl_socket_get_portid(s);
	for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
		ssize_t n = mnl_socket_recvfrom(s, answer, ANSWER_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		more = mnl_cb_run(answer, (size_t)n, q->request->nlmsg_seq, port, q->answer, q->ctx);
		if (more < 0)
			return -errno;
	}
	return 0;
}

int netlink_ask(const struct netlink_question *q)
{
	_cleanup_free_ char *answer = malloc(ANSWER_MAX);
	if (!answer)
		return -ENOMEM;
	int r = -EINTR;
	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		if (q->restart)
			q->restart(q->ctx);
		r = ask_once(q, answer);
	}
	return r;
}
