/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-traffic.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 30000 /* for what is to come; a lost first packet is sent again after a second */
#define US_MAC "02:00:00:00:00:01"
#define THEIR_MAC "02:00:00:00:00:02"

void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static void set_sysctl(const char *path, const char *value)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, value, strlen(value)), 0);
}

static int ns_new(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	IP("link", "set", "lo", "up");
	set_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "0"); /* addresses count at once */
	set_sysctl("/proc/sys/net/ipv6/conf/default/dad_transmits", "0");
	return fd;
}

static void link_up(int us, int other, const char *name, const char *v4, const char *v6, const char *other4,
                    const char *other6)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), other);
	enter(us);
	IP("link", "add", name, "address", US_MAC, "type", "veth", "peer", "name", "eth", "address", THEIR_MAC, "netns",
	   path);
	IP("addr", "add", v4, "dev", name);
	IP("-6", "addr", "add", v6, "dev", name, "nodad");
	IP("link", "set", name, "up");
	enter(other);
	IP("addr", "add", other4, "dev", "eth");
	IP("-6", "addr", "add", other6, "dev", "eth", "nodad");
	IP("link", "set", "eth", "up");
}

static void route_via(int ns, const char *v4, const char *v6)
{
	enter(ns);
	IP("route", "add", "default", "via", v4);
	IP("-6", "route", "add", "default", "via", v6);
}

void net_up(struct net *net)
{
	net->attacker = ns_new();
	net->inner = ns_new();
	net->us = ns_new();
	link_up(net->us, net->attacker, "out", "203.0.113.1/24", "2001:db8:a::1/64", PEER "/24", PEER6 "/64");
	link_up(net->us, net->inner, "in", "192.0.2.1/24", "2001:db8:c::1/64", "192.0.2.9/24", "2001:db8:c::9/64");
	route_via(net->attacker, "203.0.113.1", "2001:db8:a::1");
	route_via(net->inner, "192.0.2.1", "2001:db8:c::1");
	/* A neighbour that is blocked is not told our address by neighbour discovery either: here that is known. */
	enter(net->attacker);
	IP("-6", "neigh", "add", "2001:db8:a::1", "lladdr", US_MAC, "dev", "eth", "nud", "permanent");
	enter(net->us);
	IP("-6", "neigh", "add", PEER6, "lladdr", THEIR_MAC, "dev", "out", "nud", "permanent");
	set_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	set_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	nft("table inet fw { chain input { type filter hook input priority 0; policy accept; ct state established accept; };\n"
	    " chain forward { type filter hook forward priority 0; policy accept; ct state established accept; }; }\n");
}

void net_down(struct net *net)
{
	close(net->attacker);
	close(net->us);
	close(net->inner);
}

static socklen_t fill(const char *address, uint16_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){0};
	if (strchr(address, ':')) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		return sizeof(*in6);
	}
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
	return sizeof(*in);
}

int listen_on(int ns, const char *address, uint16_t port)
{
	struct sockaddr_storage a;
	enter(ns);
	socklen_t len = fill(address, port, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

static int connect_within(int ns, const char *address, uint16_t port, int ms)
{
	struct sockaddr_storage a;
	enter(ns);
	socklen_t len = fill(address, port, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
	socklen_t error_len = sizeof(error);
	connect(fd, (struct sockaddr *)&a, len);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	bool done = poll(&p, 1, ms) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 && !error;
	if (done)
		return fd;
	close(fd);
	return -1;
}

int connect_from(int ns, const char *address, uint16_t port)
{
	return connect_within(ns, address, port, PATIENCE_MS);
}

bool can_connect(int ns, const char *address, uint16_t port, bool expected)
{
	int fd = connect_within(ns, address, port, expected ? PATIENCE_MS : 150);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int accept_of(int listener, int connected)
{
	struct sockaddr_in6 here, peer; /* the port is at one place in both families */
	socklen_t len = sizeof(here);
	assert_int_equal(getsockname(connected, (struct sockaddr *)&here, &len), 0);
	for (;;) {
		len = sizeof(peer);
		int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
		assert_true(fd >= 0);
		if (peer.sin6_port == here.sin6_port)
			return fd;
		close(fd);
	}
}

/* Whether that byte came, until MS have passed; others are thrown away. */
static bool comes(int to, unsigned char byte, int ms)
{
	struct pollfd p = {.fd = to, .events = POLLIN};
	unsigned char c;
	while (poll(&p, 1, ms) == 1)
		if (recv(to, &c, 1, MSG_DONTWAIT) == 1 && c == byte)
			return true;
	return false;
}

int datagram_comes(int from, const struct sockaddr *at, socklen_t len, int to, bool expected)
{
	static unsigned char number;
	number++;
	for (int i = 0; i < (expected ? PATIENCE_MS / 500 : 1); i++) { /* nobody but us sends it again */
		bool sent = sendto(from, &number, 1, 0, at, len) == 1;
		if (!sent && !expected)
			return -1;
		if (comes(to, number, expected ? 500 : 300))
			return 1;
	}
	return 0;
}
