/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Closed ports: the table, real packets between namespaces of the test's own, and the way back.
 */
#include "net-traffic.h"

#include "change/nft-ports.h"
#include "change/nft-times.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int try_plan(uint8_t protocol, const uint16_t *ports, size_t n, int64_t ttl_ms, struct plan **ret)
{
	assert_int_equal(plan_new(ret), 0);
	assert_int_equal(plan_begin_step(*ret, "close"), 0);
	return nft_ports_plan(&host, *ret, protocol, ports, n, ttl_ms);
}

static struct plan *closing(uint8_t protocol, const uint16_t *ports, size_t n, int64_t ttl_ms)
{
	struct plan *plan = NULL;
	int r = try_plan(protocol, ports, n, ttl_ms, &plan);
	if (r)
		print_message("plan: %d %s\n", r, plan_failure(plan));
	assert_int_equal(r, 0);
	return plan;
}

static struct plan *closed(uint8_t protocol, const uint16_t *ports, size_t n, int64_t ttl_ms, struct fake *f)
{
	struct plan *plan = closing(protocol, ports, n, ttl_ms);
	apply_all(plan, f);
	return plan;
}

#define TCP(...) IPPROTO_TCP, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t)
#define UDP(...) IPPROTO_UDP, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t)

static void assert_describes(const struct change *c, const char *text)
{
	_cleanup_buf_ struct buf shown = {0};
	assert_int_equal(c->kind->describe(c, &shown), 0);
	assert_string_equal(buf_text(&shown), text);
}

/* ---- the table --------------------------------------------------------------------------- */

static void ruleset_is_as_before(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	nft("table inet fw { chain input { type filter hook input priority 0; tcp dport 6379 accept; }; }\n");
	_cleanup_free_ char *before = ruleset(), *foreign = table("fw");
	struct plan *plan = closing(TCP(6379, 4444, 6379), 24 * 3600 * 1000);
	_cleanup_free_ char *planned_only = ruleset();
	assert_string_equal(planned_only, before);
	assert_int_equal(plan_count(plan), 1);
	assert_describes(plan_at(plan, 0), "close tcp ports 4444, 6379 to everybody outside for 24h");
	apply_all(plan, &f);
	_cleanup_free_ char *foreign_after = table("fw"), *ours = table("respond");
	assert_string_equal(foreign_after, foreign);
	assert_non_null(strstr(ours, "comment \"made by respond(8)\""));
	assert_non_null(strstr(ours, "type filter hook input priority raw - 10; policy accept;"));
	assert_non_null(strstr(ours, "iif \"lo\" accept"));
	assert_non_null(strstr(ours, "tcp dport @closed-tcp counter packets 0 bytes 0 drop"));
	assert_true(strstr(ours, "4444 timeout 1d expires 23h59m") || strstr(ours, "4444 timeout 1d expires 1d"));
	assert_non_null(strstr(ours, "comment \"run run-a\""));
	struct plan *again = closing(TCP(4444, 6379), 24 * 3600 * 1000);
	assert_int_equal(plan_count(again), 1);
	assert_int_equal(pending(again), 0);
	/* What is held in part is two changes. */
	struct plan *more = closing(TCP(4444, 8080), 0);
	assert_int_equal(plan_count(more), 1); /* for ever is longer than a day */
	struct plan *part = closing(TCP(4444, 8080), 3600 * 1000);
	assert_int_equal(plan_count(part), 2);
	assert_int_equal(pending(part), 1);
	assert_describes(plan_at(part, 1), "close tcp port 8080 to everybody outside for 1h");
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_int_equal(state_of(plan_at(plan, 0)), CHANGE_BEFORE);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&plan);
	plan_free(&again);
	plan_free(&more);
	plan_free(&part);
	fake_free(&f);
}

/* Blocks of addresses are in the same table: neither takes the other's away, whoever goes first. */
static void blocks_stand_beside(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct fake f;
		fake_init(&f, "run-a");
		_cleanup_free_ char *before = ruleset();
		struct plan *ports = first ? NULL : closed(TCP(4444), 0, &f);
		struct plan *block = blocked(&(struct wish){.address = {PEER, "198.51.100.0/24"}}, &f);
		if (!ports)
			ports = closed(TCP(4444), 0, &f);
		assert_int_equal(state_of(plan_at(ports, 0)), CHANGE_AFTER);
		assert_int_equal(state_of(plan_at(block, 0)), CHANGE_AFTER);
		struct change *one = plan_at(first ? ports : block, 0), *other = plan_at(first ? block : ports, 0);
		assert_int_equal(revert(one, &f), 0);
		assert_int_equal(state_of(one), CHANGE_BEFORE);
		assert_int_equal(state_of(other), CHANGE_AFTER);
		assert_int_equal(revert(other, &f), 0);
		_cleanup_free_ char *after = ruleset();
		assert_string_equal(after, before);
		plan_free(&ports);
		plan_free(&block);
		fake_free(&f);
	}
}

/* An undo that ended between its two transactions has left all but the elements. */
static void an_empty_skeleton_goes(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	struct plan *plan = closed(TCP(4444), 0, &f), *udp = closed(UDP(53), 0, &f);
	struct change *c = plan_at(plan, 0);
	assert_int_equal(c->kind->settle(&host, c, &f.effect), 0); /* in force: it stays */
	assert_int_equal(state_of(c), CHANGE_AFTER);
	nft("delete element inet respond closed-tcp { 4444 }\n");
	assert_int_equal(state_of(c), CHANGE_BEFORE);
	assert_int_equal(c->kind->settle(&host, c, &f.effect), 0); /* the other protocol needs it yet */
	assert_int_equal(state_of(plan_at(udp, 0)), CHANGE_AFTER);
	nft("delete element inet respond closed-udp { 53 }\n");
	for (int again = 0; again < 2; again++) {
		assert_int_equal(c->kind->settle(&host, c, &f.effect), 0);
		_cleanup_free_ char *after = ruleset();
		assert_string_equal(after, before);
	}
	plan_free(&plan);
	plan_free(&udp);
	fake_free(&f);
}

static void two_runs_hold_one_port(void **state)
{
	(void)state;
	struct fake a, b;
	fake_init(&a, "run-a");
	fake_init(&b, "run-b");
	_cleanup_free_ char *before = ruleset();
	struct plan *pa = closed(TCP(4444, 6379), 0, &a), *pb = closed(TCP(4444, 8080), 3600 * 1000, &b);
	assert_int_equal(plan_count(pb), 2);
	assert_true(plan_at(pb, 0)->held);
	hold(&a, "run-b", plan_at(pb, 0));
	/* What is kept for the other run ends when that one wanted it to end. */
	assert_int_equal(revert(plan_at(pa, 0), &a), 0);
	assert_string_equal(buf_text(&a.effect.note),
	                    "1 of 2 kept: run run-b holds them too; 1 of 2 shortened to what is left of the time there");
	_cleanup_free_ char *kept = table("respond");
	assert_non_null(strstr(kept, "4444 timeout "));
	assert_non_null(strstr(kept, "comment \"run run-b\""));
	assert_null(strstr(kept, "6379"));
	assert_int_equal(state_of(plan_at(pb, 0)), CHANGE_AFTER);
	hold(&b, "run-c", plan_at(pb, 1));
	assert_int_equal(revert(plan_at(pb, 1), &b), -EBUSY);
	assert_string_equal(buf_text(&b.effect.note), "kept: run run-c holds it too");
	strv_free(&b.held);
	assert_int_equal(revert(plan_at(pb, 1), &b), 0);
	assert_int_equal(revert(plan_at(pb, 0), &b), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&pa);
	plan_free(&pb);
	fake_free(&a);
	fake_free(&b);
}

static void time_is_renewed_and_runs_out(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	struct plan *brief = closed(UDP(53), 3600 * 1000, &f), *longer = closing(UDP(53), 24 * 3600 * 1000);
	assert_int_equal(pending(longer), 1);
	struct change *c = plan_at(longer, 0);
	assert_int_equal(c->kind->apply(&host, c, &f.effect), 0);
	assert_string_equal(buf_text(&f.effect.note), "1 of 1 renewed");
	assert_int_equal(state_of(c), CHANGE_AFTER);
	_cleanup_free_ char *now = table("respond");
	assert_non_null(strstr(now, "53 timeout 1d"));
	assert_int_equal(c->kind->until(c) % 60, 0);
	/* Whose time has run out by the clock holds nothing. */
	assert_int_equal(json_object_set_new(plan_at(brief, 0)->data, "until", json_integer(1000000000)), 0);
	hold(&f, "run-b", plan_at(brief, 0));
	assert_int_equal(f.held.n, 0);
	assert_int_equal(revert(c, &f), 0);
	struct plan *moment = closed(UDP(53), 600 * 1000, &f);
	time_runs_out("closed-udp", "53", "10m");
	assert_int_equal(state_of(plan_at(moment, 0)), CHANGE_BEFORE);
	assert_int_equal(revert(plan_at(moment, 0), &f), 0);
	assert_string_equal(buf_text(&f.effect.note), "1 of 1 no longer closed");
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&brief);
	plan_free(&longer);
	plan_free(&moment);
	fake_free(&f);
}

static char *rule_order(void)
{
	_cleanup_free_ char *all = table("respond");
	struct buf order = {0};
	for (char *p = strstr(all, "chain closed"); p && (p = strstr(p, "comment \"")); p += 9)
		buf_printf(&order, "%.8s|", p + 9);
	return buf_steal(&order);
}

/* A chain that is not as it was made does not count, and is put in order. */
static void others_interfere(void **state)
{
	(void)state;
	static const char *const meddling[] = {
		"flush chain inet respond closed\n",
		"flush table inet respond\n",
		"insert rule inet respond closed tcp dport 4444 accept\n",
		"add rule inet respond closed counter comment \"to closed-tcp\"\n",
		"flush chain inet respond closed; add rule inet respond closed tcp dport @closed-tcp drop comment \"to closed-tcp\"\n",
	};
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	struct plan *plan = closed(TCP(4444), 0, &f);
	struct change *c = plan_at(plan, 0);
	_cleanup_free_ char *order = rule_order();
	for (size_t i = 0; i < sizeof(meddling) / sizeof(*meddling); i++) {
		nft(meddling[i]);
		assert_int_equal(state_of(c), CHANGE_DRIFTED);
		struct plan *again = closing(TCP(4444), 0);
		assert_int_equal(pending(again), 1);
		assert_int_equal(c->kind->apply(&host, c, &f.effect), 0);
		assert_int_equal(state_of(c), CHANGE_AFTER);
		_cleanup_free_ char *now = rule_order();
		assert_string_equal(now, order);
		plan_free(&again);
	}
	nft("flush ruleset\n");
	assert_int_equal(state_of(c), CHANGE_BEFORE);
	assert_int_equal(revert(c, &f), 0);
	assert_string_equal(buf_text(&f.effect.note), "1 of 1 no longer closed");
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&plan);
	fake_free(&f);
}

static void a_foreign_table_is_left_alone(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	struct plan *mine = closing(TCP(4444), 0), *refused = NULL;
	nft("table inet respond { set closed-tcp { type inet_service; elements = { 4444 }; }; }\n");
	_cleanup_free_ char *before = ruleset();
	assert_int_equal(try_plan(TCP(4444), 0, &refused), -EEXIST);
	assert_non_null(strstr(plan_failure(refused), "did not make"));
	struct change *c = plan_at(mine, 0);
	assert_int_equal(c->kind->apply(&host, c, &f.effect), -EEXIST);
	assert_int_equal(state_of(c), CHANGE_BEFORE);
	assert_int_equal(revert(c, &f), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&mine);
	plan_free(&refused);
	fake_free(&f);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	static const char *const datas[] = {
		"{}", "{\"protocol\": \"tcp\"}", "{\"protocol\": \"tcp\", \"ports\": []}", "{\"protocol\": \"sctp\", \"ports\": [1]}",
		"{\"protocol\": \"tcp\", \"ports\": [0]}", "{\"protocol\": \"tcp\", \"ports\": [65536]}",
		"{\"protocol\": \"tcp\", \"ports\": [\"22\"]}", "{\"protocol\": 6, \"ports\": [22]}",
		"{\"protocol\": \"tcp\", \"ports\": [22], \"ttl\": -1}",
	};
	struct fake f;
	fake_init(&f, "run-a");
	for (size_t i = 0; i < sizeof(datas) / sizeof(*datas); i++) {
		struct change *c = NULL;
		enum change_state at;
		assert_int_equal(change_new(&nft_ports_kind, "s", "x", json_loads(datas[i], 0, NULL), &c), 0);
		assert_int_equal(c->kind->probe(&host, c, &at), -EINVAL);
		assert_int_equal(c->kind->apply(&host, c, &f.effect), -EINVAL);
		assert_int_equal(c->kind->revert(&host, c, &f.effect), -EINVAL);
		change_free(&c);
	}
	uint16_t many[CLOSED_MAX + 1];
	for (size_t i = 0; i < CLOSED_MAX + 1; i++)
		many[i] = (uint16_t)(1000 + i);
	struct plan *plan = NULL;
	assert_int_equal(try_plan(IPPROTO_TCP, many, CLOSED_MAX + 1, 0, &plan), -E2BIG);
	plan_free(&plan);
	plan = closed(IPPROTO_TCP, many, CLOSED_MAX, 0, &f);
	assert_int_equal(count_elements("closed-tcp"), CLOSED_MAX);
	assert_describes(plan_at(plan, 0), "close tcp ports 1000, 1001, 1002, 1003, 1004, 1005 and 250 more to everybody outside");
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	plan_free(&plan);
	fake_free(&f);
}

/* ---- packets ---------------------------------------------------------------------------- */

static bool still_talks(int accepted, int connected, bool expected)
{
	char c;
	int ms = expected ? 30000 : 2000;
	struct pollfd p = {.fd = accepted, .events = POLLIN};
	return send(connected, "x", 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, ms) == 1 && recv(accepted, &c, 1, 0) == 1 &&
	       send(accepted, "y", 1, MSG_NOSIGNAL) == 1 && (p.fd = connected, poll(&p, 1, ms) == 1) &&
	       recv(connected, &c, 1, 0) == 1;
}

static void new_connections_are_dropped(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int door = listen_on(net.us, "::", 4444), open = listen_on(net.us, "::", 80), theirs = listen_on(net.attacker, "::", 4444);
	int connected[] = {connect_from(net.attacker, "203.0.113.1", 4444), connect_from(net.attacker, "2001:db8:a::1", 4444)};
	assert_true(connected[0] >= 0 && connected[1] >= 0);
	int accepted[] = {accept_of(door, connected[0]), accept_of(door, connected[1])};
	enter(net.us);
	struct plan *plan = closed(TCP(4444), 0, &f);
	for (int i = 0; i < 2; i++) /* who is connected stays: that may be an operator */
		assert_true(still_talks(accepted[i], connected[i], true));
	static const char *const ours[] = {"203.0.113.1", "2001:db8:a::1", "192.0.2.1", "2001:db8:c::1"};
	for (size_t i = 0; i < 4; i++) {
		assert_false(can_connect(net.attacker, ours[i], 4444, false));
		assert_false(can_connect(net.inner, ours[i], 4444, false));
		assert_true(can_connect(net.attacker, ours[i], 80, true));
		assert_true(can_connect(net.us, ours[i], 4444, true)); /* by loopback */
	}
	assert_true(can_connect(net.us, "127.0.0.1", 4444, true));
	assert_true(can_connect(net.us, "::1", 4444, true));
	assert_true(can_connect(net.us, PEER, 4444, true));  /* it is ours that is closed */
	assert_true(can_connect(net.inner, PEER6, 4444, true)); /* and what is passed on is not looked at */
	/* A blocked address is blocked for connections that are there, too. */
	enter(net.us);
	struct plan *block = blocked(&(struct wish){.address = {PEER}, .lasting = true}, &f);
	assert_false(still_talks(accepted[0], connected[0], false));
	enter(net.us);
	assert_int_equal(revert(plan_at(block, 0), &f), 0);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_true(can_connect(net.attacker, "203.0.113.1", 4444, true));
	assert_true(can_connect(net.attacker, "2001:db8:a::1", 4444, true));
	for (int i = 0; i < 2; i++) {
		close(connected[i]);
		close(accepted[i]);
	}
	close(door);
	close(open);
	close(theirs);
	plan_free(&plan);
	plan_free(&block);
	net_down(&net);
	fake_free(&f);
}

static int bind_udp(int ns, uint16_t port)
{
	const struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	enter(ns);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Whether a datagram to ADDRESS, "::ffff:203.0.113.1" for IPv4, arrives at FD. */
static bool arrives(int from, const char *address, uint16_t port, int fd, bool expected)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET6, address, &at.sin6_addr), 1);
	int sender = bind_udp(from, 0);
	int there = datagram_comes(sender, (struct sockaddr *)&at, sizeof(at), fd, expected);
	assert_true(there >= 0);
	close(sender);
	return there;
}

static void datagrams_are_dropped(void **state)
{
	(void)state;
	static const char *const ours[] = {"::ffff:203.0.113.1", "2001:db8:a::1"};
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int door = bind_udp(net.us, 5353), other = bind_udp(net.us, 5354), tcp = listen_on(net.us, "::", 5353);
	for (size_t i = 0; i < 2; i++)
		assert_true(arrives(net.attacker, ours[i], 5353, door, true));
	enter(net.us);
	struct plan *plan = closed(UDP(5353), 0, &f);
	for (size_t i = 0; i < 2; i++) {
		assert_false(arrives(net.attacker, ours[i], 5353, door, false));
		assert_true(arrives(net.attacker, ours[i], 5354, other, true));
		assert_true(arrives(net.us, ours[i], 5353, door, true));
	}
	assert_true(can_connect(net.attacker, "203.0.113.1", 5353, true)); /* TCP is another matter */
	enter(net.us);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	for (size_t i = 0; i < 2; i++)
		assert_true(arrives(net.attacker, ours[i], 5353, door, true));
	close(door);
	close(other);
	close(tcp);
	plan_free(&plan);
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
		cmocka_unit_test_setup(ruleset_is_as_before, new_namespace),
		cmocka_unit_test_setup(blocks_stand_beside, new_namespace),
		cmocka_unit_test_setup(an_empty_skeleton_goes, new_namespace),
		cmocka_unit_test_setup(two_runs_hold_one_port, new_namespace),
		cmocka_unit_test_setup(time_is_renewed_and_runs_out, new_namespace),
		cmocka_unit_test_setup(others_interfere, new_namespace),
		cmocka_unit_test_setup(a_foreign_table_is_left_alone, new_namespace),
		cmocka_unit_test_setup(nonsense_is_refused, new_namespace),
		cmocka_unit_test_setup(new_connections_are_dropped, new_namespace),
		cmocka_unit_test_setup(datagrams_are_dropped, new_namespace),
	};
	return cmocka_run_group_tests_name("ports", tests, stage_up, stage_down);
}
