/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One question to the kernel over netlink(7), and all of its answer.
 */
#ifndef RESPOND_BASE_NETLINK_H
#define RESPOND_BASE_NETLINK_H

#include <libmnl/libmnl.h>

/* Opens a bound socket of BUS (NETLINK_ROUTE, ...) with extended acknowledgements. */
int netlink_open(int bus, struct mnl_socket **ret);
void netlink_close(struct mnl_socket **socket);
#define _cleanup_netlink_ _cleanup_(netlink_close)

struct netlink_question {
	int bus;
	const struct nlmsghdr *request;
	mnl_cb_t answer;             /* one message: MNL_CB_OK, or MNL_CB_ERROR with errno set */
	void (*restart)(void *ctx);  /* forget what was answered so far; NULL for what is no dump */
	void *ctx;
};

/* Asks, and reads until the answer is complete. A dump during which the kernel's data
 * changed (NLM_F_DUMP_INTR) is asked for again, from the start, a few times; -EINTR when
 * the data never held still. 0 or -errno: the kernel's own refusal, or answer's. */
int netlink_ask(const struct netlink_question *question);

#endif
