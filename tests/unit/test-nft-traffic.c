/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Packets and connections under net.block, between namespaces of the test's own.
 */
#include "net-traffic.h"

#include "change/socket-destroy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *direction, *peer, *v4, *v6; /* peer: who connects, to whom */
} ways[] = {
	{"in", "attacker", "203.0.113.1", "2001:db8:a::1"},
	{"out", "us", PEER, PEER6},
	{"forward", "attacker", "192.0.2.9", "2001:db8:c::9"},
	{"forward", "inner", PEER, PEER6},
};

static int ns_of(const struct net *net, const char *who)
{
	return strcmp(who, "us") == 0 ? net->us : strcmp(who, "inner") == 0 ? net->inner : net->attacker;
}

static void check_ways(const struct net *net, const char *blocked_direction, uint16_t port)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		/* A block of what comes in also ends the answers to what goes out, and the reverse. */
		bool forward = strcmp(ways[i].direction, "forward") == 0;
		bool is_blocked = blocked_direction && (strcmp(blocked_direction, "all") == 0 ||
		                                     forward == (strcmp(blocked_direction, "forward") == 0));
		int ns = ns_of(net, ways[i].peer);
		bool v4 = can_connect(ns, ways[i].v4, port, !is_blocked), v6 = can_connect(ns, ways[i].v6, port, !is_blocked);
		if (v4 == is_blocked || v6 == is_blocked)
			print_message("%s blocked: %s to %s: %d, to %s: %d\n", blocked_direction ? blocked_direction : "nothing",
			              ways[i].peer, ways[i].v4, v4, ways[i].v6, v6);
		assert_int_equal(v4, !is_blocked);
		assert_int_equal(v6, !is_blocked);
	}
}

static void packets_are_dropped(void **state)
{
	(void)state;
	static const char *const directions[] = {"in", "out", "forward", "all"};
	static const char *const targets[][2] = {{PEER, PEER6}, {"203.0.113.64/26", "2001:db8:a::40/122"}};
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int a = listen_on(net.attacker, "::", 3333), b = listen_on(net.us, "::", 3333), c = listen_on(net.inner, "::", 3333);
	check_ways(&net, NULL, 3333);
	for (size_t d = 0; d < 4; d++)
		for (size_t t = 0; t < 2; t++) {
			struct wish w = {.address = {targets[t][0], targets[t][1]}};
			if (d < 3)
				w.direction[0] = directions[d];
			enter(net.us);
			struct plan *plan = blocked(&w, &f);
			check_ways(&net, directions[d], 3333);
			enter(net.us);
			assert_int_equal(revert(plan_at(plan, 0), &f), 0);
			plan_free(&plan);
		}
	check_ways(&net, NULL, 3333);
	close(a);
	close(b);
	close(c);
	net_down(&net);
	fake_free(&f);
}

static void one_port_is_dropped(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int fds[] = {listen_on(net.us, "::", 22), listen_on(net.us, "::", 80), listen_on(net.attacker, "::", 22),
	             listen_on(net.attacker, "::", 80), listen_on(net.inner, "::", 22)};
	enter(net.us);
	struct plan *plan = blocked(&(struct wish){.address = {PEER, PEER6}, .direction = {"in", "forward"}, .port = {"22"}}, &f);
	assert_false(can_connect(net.attacker, "203.0.113.1", 22, false));
	assert_false(can_connect(net.attacker, "2001:db8:a::1", 22, false));
	assert_false(can_connect(net.attacker, "192.0.2.9", 22, false));
	assert_false(can_connect(net.inner, PEER6, 22, false));
	assert_true(can_connect(net.attacker, "203.0.113.1", 80, true));
	assert_true(can_connect(net.us, PEER, 22, true)); /* out is not in the block */
	assert_true(can_connect(net.inner, PEER, 80, true));
	enter(net.us);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_true(can_connect(net.attacker, "203.0.113.1", 22, true));
	for (size_t i = 0; i < 5; i++)
		close(fds[i]);
	plan_free(&plan);
	net_down(&net);
	fake_free(&f);
}

/* What the owner of an ended connection gets. */
static bool is_aborted(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;
	return poll(&p, 1, 20000) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) < 0 &&
	       (errno == ECONNABORTED || errno == ECONNRESET);
}

static void connections_are_ended(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int theirs = listen_on(net.attacker, "::", 3333), ours = listen_on(net.us, "::", 3333);
	int honest = listen_on(net.inner, "::", 3333);
	int out4 = connect_from(net.us, PEER, 3333), out6 = connect_from(net.us, PEER6, 3333);
	int kept = connect_from(net.us, "192.0.2.9", 3333);
	int mapped_client = connect_from(net.attacker, "203.0.113.1", 3333);
	assert_true(out4 >= 0);
	assert_true(out6 >= 0);
	assert_true(kept >= 0);
	assert_true(mapped_client >= 0);
	int mapped = accept_of(ours, mapped_client); /* its peer is ::ffff:203.0.113.67 */
	enter(net.us);
	struct plan *before = planned(&(struct wish){.address = {PEER, PEER6}, .lasting = true});
	assert_int_equal(plan_count(before), 1);
	const struct wish w = {.address = {"203.0.113.0/25", PEER6}};
	struct plan *plan = planned(&w);
	assert_int_equal(plan_count(plan), 2);
	struct change *end = plan_at(plan, 1);
	assert_ptr_equal(end->kind, &socket_destroy_kind);
	_cleanup_buf_ struct buf text = {0}, detail = {0};
	end->kind->describe(end, &text);
	assert_string_equal(text.data, "end 3 connections with 2 addresses: 203.0.113.0/25, " PEER6);
	end->kind->detail(end, &detail);
	char line[64];
	snprintf(line, sizeof(line), " - " PEER ":3333, process %d (test-nft", getpid());
	assert_non_null(strstr(detail.data, line));
	apply_all(plan, &f);
	assert_true(is_aborted(out4));
	assert_true(is_aborted(out6));
	assert_true(is_aborted(mapped));
	assert_false(can_connect(net.us, PEER, 3333, false));
	assert_int_equal(send(kept, "x", 1, MSG_NOSIGNAL), 1);
	struct pollfd p = {.fd = kept, .events = POLLIN | POLLRDHUP};
	assert_int_equal(poll(&p, 1, 100), 0);
	enter(net.us);
	struct plan *again = planned(&w);
	assert_int_equal(pending(again), 0);
	const int fds[] = {theirs, ours, honest, out4, out6, kept, mapped_client, mapped};
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
	plan_free(&before);
	plan_free(&plan);
	plan_free(&again);
	net_down(&net);
	fake_free(&f);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	alarm(600); /* whatever goes wrong, it ends */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_dropped),
		cmocka_unit_test(one_port_is_dropped),
		cmocka_unit_test(connections_are_ended),
	};
	return cmocka_run_group_tests_name("nft-traffic", tests, stage_up, stage_down);
}
