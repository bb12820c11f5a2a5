/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addrs.h"
#include "base/route.h"
#include "base/sockets.h"
#include "base/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int run(const char *const argv[])
{
	int status = -1;
	int r = spawn_read(argv, 120000, NULL, NULL, &status);
	return r < 0 ? r : status;
}

#define IP(...) assert_int_equal(run((const char *const[]){"/sbin/ip", __VA_ARGS__, NULL}), 0)

static int new_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	return run((const char *const[]){"/sbin/ip", "link", "set", "lo", "up", NULL});
}

/* Two ends of a connection over loopback; the server listens on both families. */
struct pair {
	int listener, client, server;
};

static void connect_pair(int type, int family, const char *address, struct pair *ret)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	socklen_t len = sizeof(any);
	ret->listener = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(ret->listener, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(ret->listener, (struct sockaddr *)&any, &len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(ret->listener, 4), 0);
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = any.sin6_port};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = any.sin6_port};
	bool v4 = family == AF_INET;
	assert_int_equal(inet_pton(family, address, v4 ? (void *)&to4.sin_addr : (void *)&to6.sin6_addr), 1);
	ret->client = socket(family, type | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(ret->client, v4 ? (void *)&to4 : (void *)&to6, v4 ? sizeof(to4) : sizeof(to6)), 0);
	ret->server = type == SOCK_STREAM ? accept4(ret->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
}

static void close_pair(struct pair *p)
{
	close(p->listener);
	close(p->client);
	if (p->server >= 0)
		close(p->server);
}

struct wanted {
	uint32_t inode;
	size_t n;
	struct socket_info info;
};

static int look_for(void *ctx, const struct socket_info *info)
{
	struct wanted *w = ctx;
	if (info->inode == w->inode) {
		w->info = *info;
		w->n++;
	}
	return 0;
}

static struct socket_info find(int fd)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	struct wanted w = {.inode = (uint32_t)st.st_ino};
	assert_int_equal(sockets_visit(look_for, &w), 0);
	assert_int_equal(w.n, 1);
	return w.info;
}

static void check_address(const struct netaddr *a, const char *text)
{
	char got[NETADDR_TEXT_LEN];
	netaddr_format(a, got);
	assert_string_equal(got, text);
}

static void both_families_and_mapped(void **state)
{
	(void)state;
	struct pair four, six;
	connect_pair(SOCK_STREAM, AF_INET, "127.0.0.1", &four);
	connect_pair(SOCK_STREAM, AF_INET6, "::1", &six);
	struct socket_info s = find(four.server); /* an IPv6 socket with an IPv4 peer */
	check_address(&s.peer, "127.0.0.1");
	check_address(&s.local, "127.0.0.1");
	assert_int_equal(s.family, AF_INET6);
	assert_int_equal(s.state, TCP_ESTABLISHED);
	assert_int_equal(s.protocol, IPPROTO_TCP);
	struct socket_info c = find(four.client);
	assert_int_equal(c.local_port, s.peer_port);
	assert_int_equal(c.peer_port, s.local_port);
	assert_int_equal(c.family, AF_INET);
	s = find(six.client);
	check_address(&s.peer, "::1");
	s = find(six.listener);
	assert_int_equal(s.state, TCP_LISTEN);
	check_address(&s.local, "::");
	close_pair(&four);
	close_pair(&six);
}

static bool is_reset(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;
	return poll(&p, 1, 20000) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) < 0 &&
	       (errno == ECONNRESET || errno == ECONNABORTED);
}

static void a_connection_is_ended(void **state)
{
	(void)state;
	static const struct {
		int family;
		const char *address;
	} ends[] = {{AF_INET, "127.0.0.1"}, {AF_INET6, "::1"}};
	for (size_t i = 0; i < 2; i++) {
		struct pair ended, kept;
		connect_pair(SOCK_STREAM, ends[i].family, ends[i].address, &ended);
		connect_pair(SOCK_STREAM, ends[i].family, ends[i].address, &kept);
		struct socket_info s = find(ended.server);
		assert_int_equal(socket_destroy(&s), 0);
		assert_true(is_reset(ended.server));
		assert_true(is_reset(ended.client));
		assert_int_equal(socket_destroy(&s), 0); /* it has gone */
		assert_int_equal(send(kept.client, "x", 1, MSG_NOSIGNAL), 1);
		char c;
		assert_int_equal(recv(kept.server, &c, 1, 0), 1);
		assert_int_equal(find(ended.listener).state, TCP_LISTEN);
		close_pair(&ended);
		close_pair(&kept);
	}
}

static void connected_udp_is_ended(void **state)
{
	(void)state;
	struct pair p;
	connect_pair(SOCK_DGRAM, AF_INET, "127.0.0.1", &p);
	struct socket_info s = find(p.client);
	assert_int_equal(s.protocol, IPPROTO_UDP);
	assert_int_equal(s.state, TCP_ESTABLISHED);
	check_address(&s.peer, "127.0.0.1");
	assert_int_equal(find(p.listener).state, TCP_CLOSE);
	assert_int_equal(socket_destroy(&s), 0);
	assert_int_equal(send(p.client, "x", 1, MSG_NOSIGNAL), -1); /* connected no more */
	close_pair(&p);
}

static int stop_at_three(void *ctx, const struct socket_info *info)
{
	(void)info;
	return ++*(int *)ctx == 3 ? 42 : 0;
}

static void a_visit_can_be_ended(void **state)
{
	(void)state;
	struct pair p, q;
	int n = 0;
	connect_pair(SOCK_STREAM, AF_INET, "127.0.0.1", &p);
	connect_pair(SOCK_STREAM, AF_INET, "127.0.0.1", &q);
	assert_int_equal(sockets_visit(stop_at_three, &n), 42);
	assert_int_equal(n, 3);
	close_pair(&p);
	close_pair(&q);
}

static void many_sockets_are_all_seen(void **state)
{
	(void)state;
	struct pair p[300];
	for (size_t i = 0; i < 300; i++)
		connect_pair(SOCK_STREAM, i % 2 ? AF_INET : AF_INET6, i % 2 ? "127.0.0.1" : "::1", &p[i]);
	for (size_t i = 0; i < 300; i += 37)
		assert_int_equal(find(p[i].server).state, TCP_ESTABLISHED);
	assert_int_equal(find(p[299].client).state, TCP_ESTABLISHED);
	for (size_t i = 0; i < 300; i++)
		close_pair(&p[i]);
}

static int add_text(void *ctx, const struct netaddr *a)
{
	char text[NETADDR_TEXT_LEN];
	netaddr_format(a, text);
	return strv_add(ctx, text);
}

static void addresses_and_gateways(void **state)
{
	(void)state;
	_cleanup_strv_ struct strv none = {0}, own = {0}, gateways = {0};
	assert_int_equal(route_gateways(add_text, &none), 0);
	assert_int_equal(none.n, 0);
	IP("link", "add", "v0", "type", "veth", "peer", "name", "v1");
	IP("link", "set", "v0", "up");
	IP("link", "set", "v1", "up");
	IP("addr", "add", "192.0.2.1/24", "dev", "v0");
	IP("addr", "add", "198.51.100.1", "peer", "198.51.100.2", "dev", "v0");
	IP("-6", "addr", "add", "2001:db8::1/64", "dev", "v0", "nodad");
	IP("route", "add", "default", "via", "192.0.2.254");
	IP("route", "add", "default", "metric", "50", "nexthop", "via", "192.0.2.252", "nexthop", "via", "192.0.2.253");
	IP("route", "add", "default", "table", "77", "via", "192.0.2.251");
	IP("route", "add", "203.0.113.0/24", "via", "192.0.2.250");
	IP("route", "add", "default", "metric", "60", "via", "inet6", "2001:db8::fd", "dev", "v0");
	IP("-6", "route", "add", "default", "via", "2001:db8::fe");
	assert_int_equal(route_own_addresses(add_text, &own), 0);
	static const char *const ours[] = {"127.0.0.1", "::1", "192.0.2.1", "198.51.100.1", "2001:db8::1"};
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		assert_true(strv_has(&own, ours[i]));
	assert_false(strv_has(&own, "198.51.100.2"));
	assert_int_equal(route_gateways(add_text, &gateways), 0);
	static const char *const ways[] = {"192.0.2.251", "192.0.2.252", "192.0.2.253", "192.0.2.254", "2001:db8::fd",
	                                   "2001:db8::fe"};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		assert_true(strv_has(&gateways, ways[i]));
	assert_false(strv_has(&gateways, "192.0.2.250"));
}

static int count_bad(void *ctx, size_t line, const char *text, size_t len, int error)
{
	(void)text, (void)len, (void)error;
	*(size_t *)ctx = *(size_t *)ctx * 10 + line;
	return 0;
}

static void lists_of_addresses(void **state)
{
	(void)state;
	static const char text[] = "203.0.113.7\n# all\n\n  2001:db8::/32 # net\r\nlocalhost\n010.1.2.3\n203.0.113.7\n"
	                           "1.2.3.4\0evil\n10.0.0.0/8\n10.1.0.0/16";
	_cleanup_addrs_ struct addrs a = {0};
	size_t bad = 0;
	assert_int_equal(addrs_read(text, sizeof(text) - 1, &a, count_bad, &bad), 0);
	assert_int_equal(bad, 568);
	addrs_sort(&a);
	assert_int_equal(a.n, 4);
	_cleanup_buf_ struct buf out = {0};
	assert_int_equal(addrs_write(&a, &out), 0);
	assert_string_equal(out.data, "10.0.0.0/8\n10.1.0.0/16\n203.0.113.7\n2001:db8::/32\n");
	static const struct {
		const char *address, *in;
	} finds[] = {{"10.1.2.3", "10.1.0.0/16"},   {"10.2.0.0/24", "10.0.0.0/8"}, {"11.0.0.0", NULL},
	             {"2001:db8:ff::1", "2001:db8::/32"}, {"10.0.0.0/7", NULL}, {"203.0.113.7", "203.0.113.7"}};
	for (size_t i = 0; i < sizeof(finds) / sizeof(*finds); i++) {
		struct netaddr x;
		assert_int_equal(netaddr_parse(finds[i].address, &x), 0);
		const struct netaddr *found = addrs_find(&a, &x);
		assert_int_equal(found != NULL, finds[i].in != NULL);
		if (found)
			check_address(found, finds[i].in);
	}
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	alarm(600); /* whatever goes wrong, it ends */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_addresses),
		cmocka_unit_test_setup(both_families_and_mapped, new_namespace),
		cmocka_unit_test_setup(a_connection_is_ended, new_namespace),
		cmocka_unit_test_setup(connected_udp_is_ended, new_namespace),
		cmocka_unit_test_setup(a_visit_can_be_ended, new_namespace),
		cmocka_unit_test_setup(many_sockets_are_all_seen, new_namespace),
		cmocka_unit_test_setup(addresses_and_gateways, new_namespace),
	};
	return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
