/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Real packets and connections for tests: three network namespaces of the test's own.
 */
#ifndef RESPOND_TESTS_NET_TRAFFIC_H
#define RESPOND_TESTS_NET_TRAFFIC_H

#include "net-stage.h"

#include <sys/socket.h>

/* The attacker 203.0.113.67 (PEER, PEER6) and an inner host 192.0.2.9 (2001:db8:c::9), with us
 * between them: 203.0.113.1 (2001:db8:a::1) and 192.0.2.1 (2001:db8:c::1). */
struct net {
	int attacker, us, inner;
};

void net_up(struct net *net); /* and enters ours */
void net_down(struct net *net);
void enter(int ns);

int listen_on(int ns, const char *address, uint16_t port);
int connect_from(int ns, const char *address, uint16_t port); /* -1: not within half a minute */

/* Silence for a moment is enough to call it blocked; what is open (EXPECTED) has time to answer. */
bool can_connect(int ns, const char *address, uint16_t port, bool expected);

/* The other end of CONNECTED; what else has come to LISTENER before is closed. */
int accept_of(int listener, int connected);

/* Whether a datagram to AT arrives at the socket TO, which is bound there. One that is EXPECTED is sent again
 * where it got lost. -1: it cannot even be sent, as one that is dropped on its way out. */
int datagram_comes(int from, const struct sockaddr *at, socklen_t len, int to, bool expected);

#endif
