/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * net.isolate, with real packets between namespaces of the test's own. The management is the
 * inner host; whoever is outside is not.
 */
#include "net-traffic.h"

#include "base/clock.h"
#include "change/nft-isolate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern const struct action net_isolate;

#define NFT "/usr/sbin/nft"
#define TABLE "respond-isolation"
#define INNER "192.0.2.9"
#define INNER6 "2001:db8:c::9"

static const char *const inner[] = {INNER, INNER6, NULL};

static int plan_for(const char *const *management, struct plan **ret)
{
	struct args *args = NULL;
	assert_int_equal(args_new(&args), 0);
	set_list(args, "management", TYPE_ADDRESS, management);
	assert_int_equal(plan_new(ret), 0);
	assert_int_equal(plan_begin_step(*ret, "isolate"), 0);
	int r = net_isolate.plan(&host, args, *ret);
	args_free(&args);
	return r;
}

static struct plan *isolation(const char *const *management)
{
	struct plan *plan = NULL;
	int r = plan_for(management, &plan);
	if (r)
		print_message("plan: %d %s\n", r, plan_failure(plan));
	assert_int_equal(r, 0);
	assert_int_equal(plan_count(plan), 1);
	assert_ptr_equal(plan_at(plan, 0)->kind, &nft_isolate_kind);
	return plan;
}

static struct plan *isolated(const char *const *management, struct fake *f)
{
	struct plan *plan = isolation(management);
	apply_all(plan, f);
	return plan;
}

static void cannot_be_planned(const char *const *management, int error, const char *words)
{
	struct plan *plan = NULL;
	assert_int_equal(plan_for(management, &plan), error);
	if (!strstr(plan_failure(plan), words))
		fail_msg("not said: %s: %s", words, plan_failure(plan));
	assert_int_equal(plan_count(plan), 0);
	plan_free(&plan);
}

/* ---- packets -------------------------------------------------------------------------- */

static const struct {
	const char *who;
	const char *address;
	bool stays;
} ways[] = {
	{"inner", "192.0.2.1", true},     {"inner", "2001:db8:c::1", true},    /* the management gets in */
	{"us", INNER, true},              {"us", INNER6, true},                /* and is reached */
	{"attacker", "203.0.113.1", false}, {"attacker", "2001:db8:a::1", false},
	{"us", PEER, false},              {"us", PEER6, false},
	{"attacker", INNER, false},       {"attacker", INNER6, false},         /* nothing passes through, */
	{"inner", PEER, false},           {"inner", PEER6, false},             /* whoever it is from */
	{"us", "127.0.0.1", true},        {"us", "::1", true},
	{"us", "203.0.113.1", true},      {"us", "2001:db8:a::1", true},       /* the host's own address */
};

static int ns_of(const struct net *net, const char *who)
{
	return strcmp(who, "us") == 0 ? net->us : strcmp(who, "inner") == 0 ? net->inner : net->attacker;
}

static void check_ways(const struct net *net, bool is_isolated)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		bool open = !is_isolated || ways[i].stays;
		if (can_connect(ns_of(net, ways[i].who), ways[i].address, 3333, open) != open)
			fail_msg("%s: %s to %s is %s", is_isolated ? "isolated" : "not isolated", ways[i].who, ways[i].address,
			         open ? "silent" : "open");
	}
	enter(net->us);
}

struct pair {
	int near, far;
};

/* A connection to us that is there already. */
static struct pair connected(const struct net *net, int ns, const char *address, int listener)
{
	struct pair p = {.far = connect_from(ns, address, 3333)};
	assert_true(p.far >= 0);
	p.near = accept_of(listener, p.far);
	enter(net->us);
	return p;
}

static bool passes(int from, int to, int ms)
{
	char c;
	struct pollfd p = {.fd = to, .events = POLLIN};
	assert_int_equal(send(from, "x", 1, MSG_NOSIGNAL), 1);
	return poll(&p, 1, ms) == 1 && recv(to, &c, 1, 0) == 1;
}

static void pair_close(struct pair *p)
{
	close(p->near);
	close(p->far);
}

static void others_tables(void)
{
	nft("table ip nat { chain post { type nat hook postrouting priority 100; }; }\n"
	    "table inet firewalld { set s { type ipv4_addr; elements = { 192.0.2.77 }; };\n"
	    " chain in { type filter hook input priority 10; policy accept; ip saddr @s drop; }; }\n"
	    "table inet f2b-table { set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.99 }; };\n"
	    " chain f2b-chain { type filter hook input priority -1; policy accept; ip saddr @addr-set-sshd reject; }; }\n"
	    "table ip filter { chain DOCKER { }; chain FORWARD { type filter hook forward priority 0; policy accept;\n"
	    " jump DOCKER; }; }\n");
}

/* What is there beside our table. */
static char *others(void)
{
	static const char *const tables[][2] = {
		{"inet", "fw"}, {"ip", "nat"}, {"inet", "firewalld"}, {"inet", "f2b-table"}, {"ip", "filter"},
	};
	struct buf out = {0};
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		assert_int_equal(run((const char *const[]){NFT, "-a", "list", "table", tables[i][0], tables[i][1], NULL}, &out), 0);
	return buf_steal(&out);
}

/* What has connected so far, and gone. */
static void take_all(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	while (poll(&p, 1, 0) == 1) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void only_the_management_gets_in(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	others_tables();
	int listeners[] = {
		listen_on(net.attacker, "::", 3333), listen_on(net.inner, "::", 3333), listen_on(net.us, "::", 3333),
	};
	check_ways(&net, false);
	take_all(listeners[2]);
	struct pair good = connected(&net, net.inner, "192.0.2.1", listeners[2]);
	struct pair good6 = connected(&net, net.inner, "2001:db8:c::1", listeners[2]);
	struct pair bad = connected(&net, net.attacker, "203.0.113.1", listeners[2]);
	char *before = ruleset(), *theirs = others();
	struct plan *plan = isolated(inner, &f);
	check_ways(&net, true);
	assert_true(passes(good.far, good.near, 30000));
	assert_true(passes(good.near, good.far, 30000));
	assert_true(passes(good6.far, good6.near, 30000));
	assert_false(passes(bad.far, bad.near, 300));
	assert_false(passes(bad.near, bad.far, 300));
	char *meanwhile = others();
	assert_string_equal(meanwhile, theirs);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_int_equal(state_of(plan_at(plan, 0)), CHANGE_BEFORE);
	char *after = ruleset();
	assert_string_equal(after, before);
	check_ways(&net, false);
	assert_true(passes(bad.far, bad.near, 120000)); /* nothing was ended for good; it is sent
	                                                    * again after as long as it was silent */
	for (size_t i = 0; i < 3; i++)
		close(listeners[i]);
	pair_close(&good);
	pair_close(&good6);
	pair_close(&bad);
	free(before);
	free(theirs);
	free(meanwhile);
	free(after);
	plan_free(&plan);
	net_down(&net);
	fake_free(&f);
}

static int udp(int ns, const char *address, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool v6 = strchr(address, ':');
	enter(ns);
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr), 1);
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr *at = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	assert_int_equal(bind(fd, at, v6 ? sizeof(in6) : sizeof(in)), 0);
	return fd;
}

/* Whether a datagram comes from one to the other. */
static bool arrives(int from, int to, bool expected)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	assert_int_equal(getsockname(to, (struct sockaddr *)&a, &len), 0);
	return datagram_comes(from, (struct sockaddr *)&a, len, to, expected) == 1;
}

static void check_udp(const struct net *net, const char *ours, uint16_t our_port, const char *theirs,
                      uint16_t their_port, bool expected)
{
	int us = udp(net->us, ours, our_port), them = udp(net->attacker, theirs, their_port);
	bool out = arrives(us, them, expected), in = arrives(them, us, expected);
	if (out != expected || in != expected)
		fail_msg("%s:%u with %s:%u: out %d, in %d", ours, our_port, theirs, their_port, out, in);
	close(us);
	close(them);
	enter(net->us);
}

static void addresses_are_kept(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	struct plan *plan = isolated(inner, &f);
	check_udp(&net, "203.0.113.1", 68, PEER, 67, true);
	check_udp(&net, "2001:db8:a::1", 546, PEER6, 547, true);
	check_udp(&net, "203.0.113.1", 67, PEER, 68, false); /* we serve nobody */
	check_udp(&net, "203.0.113.1", 68, PEER, 53, false);
	check_udp(&net, "203.0.113.1", 5353, PEER, 67, false);
	check_udp(&net, "2001:db8:a::1", 546, PEER6, 53, false);
	check_udp(&net, "203.0.113.1", 546, PEER, 547, false);
	plan_free(&plan);
	net_down(&net);
	fake_free(&f);
}

/* An answer comes when it comes. */
static void assert_neighbour(int ns, const char *address, const char *lladdr)
{
	bool known = false;
	enter(ns);
	for (int i = 0; i < 300 && !known; i++) {
		_cleanup_buf_ struct buf shown = {0};
		if (i)
			sleep_ms(100);
		assert_int_equal(run((const char *const[]){"/sbin/ip", "-6", "neigh", "show", address, NULL}, &shown), 0);
		known = strstr(buf_text(&shown), lladdr);
	}
	assert_true(known);
}

/* Who asks is a neighbour that is not among the management, and gets no further. */
static void neighbours_are_found(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	struct plan *plan = isolated(inner, &f);
	enter(net.attacker);
	IP("-6", "neigh", "del", "2001:db8:a::1", "lladdr", "02:00:00:00:00:01", "dev", "eth");
	enter(net.us);
	IP("-6", "neigh", "del", PEER6, "lladdr", "02:00:00:00:00:02", "dev", "out");
	assert_false(can_connect(net.attacker, "2001:db8:a::1", 3333, false));
	assert_neighbour(net.attacker, "2001:db8:a::1", "lladdr 02:00:00:00:00:01");
	assert_neighbour(net.us, PEER6, "lladdr 02:00:00:00:00:02");
	plan_free(&plan);
	net_down(&net);
	fake_free(&f);
}

/* ---- the table -------------------------------------------------------------------------- */

static void the_table_is_readable(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"comment \"made by respond(8), management ",
		"type filter hook input priority raw - 10; policy accept;",
		"type filter hook output priority raw - 10; policy accept;",
		"type filter hook forward priority raw - 10; policy accept;",
		"iif \"lo\" accept comment \"loopback\"",
		"oif \"lo\" accept comment \"loopback\"",
		"ip saddr @manage4 accept comment \"from management\"",
		"ip6 saddr @manage6 accept comment \"from management\"",
		"ip daddr @manage4 accept comment \"to management\"",
		"ip6 daddr @manage6 accept comment \"to management\"",
		"udp sport 67 udp dport 68 accept comment \"DHCP\"",
		"udp sport 68 udp dport 67 accept comment \"DHCP\"",
		"udp sport 547 udp dport 546 accept comment \"DHCPv6\"",
		"udp sport 546 udp dport 547 accept comment \"DHCPv6\"",
		"icmpv6 type nd-router-advert ip6 hoplimit 255 accept comment \"router advertisement\"",
		"icmpv6 type nd-router-solicit ip6 hoplimit 255 accept comment \"router solicitation\"",
		"icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept comment \"neighbour solicitation\"",
		"icmpv6 type nd-neighbor-advert ip6 hoplimit 255 accept comment \"neighbour advertisement\"",
		"icmpv6 type mld-listener-query accept comment \"multicast listener query\"",
		"icmpv6 type mld2-listener-report accept comment \"multicast listener report\"",
		"icmp type destination-unreachable icmp code frag-needed accept comment \"path MTU\"",
		"icmpv6 type packet-too-big accept comment \"path MTU\"",
		"drop comment \"everything else\"",
		"elements = { 192.0.2.9, 198.51.100.0/24 }",
		"elements = { 2001:db8:c::9,\n\t\t\t     ffff::/16 }",
	};
	static const char *const nets[] = {
		INNER, INNER6, "198.51.100.0/24", "198.51.100.128/25", "ffff::/16", NULL,
	};
	struct fake f;
	fake_init(&f, "run-a");
	struct plan *plan = isolated(nets, &f);
	char *text = table(TABLE);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("not there: %s\n%s", lines[i], text);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	free(text);
	plan_free(&plan);
	fake_free(&f);
}

static void what_somebody_does_to_it_is_seen(void **state)
{
	(void)state;
	static const struct {
		const char *commands;
		const char *words; /* of what is told; NULL: it is gone altogether */
	} cases[] = {
		{"flush ruleset", NULL},
		{"delete table inet " TABLE, NULL},
		{"flush table inet " TABLE, "the rule \"loopback\" of chain input is not where it was"},
		{"flush chain inet " TABLE " forward", "the rule \"everything else\" of chain forward"},
		{"insert rule inet " TABLE " input accept", "the rule \"loopback\" of chain input"},
		{"add rule inet " TABLE " output accept", "somebody has added rules"},
		{"add element inet " TABLE " manage4 { 203.0.113.67 }", "its set manage4 holds other addresses"},
		{"flush set inet " TABLE " manage6", "its set manage6 holds other addresses"},
		{"flush chain inet " TABLE " forward\ndelete chain inet " TABLE " forward", "its chain forward is gone"},
	};
	struct fake f;
	fake_init(&f, "run-a");
	struct plan *plan = isolated(inner, &f);
	struct change *c = plan_at(plan, 0);
	char *whole = table(TABLE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf why = {0};
		nft(cases[i].commands);
		assert_int_equal(state_of(c), cases[i].words ? CHANGE_DRIFTED : CHANGE_BEFORE);
		if (cases[i].words) {
			assert_int_equal(c->kind->drift(&host, c, &why), 0);
			if (!strstr(buf_text(&why), cases[i].words))
				fail_msg("%s: not said: %s: %s", cases[i].commands, cases[i].words, buf_text(&why));
			assert_int_equal(c->kind->apply(&host, c, &f.effect), -ESTALE);
			cannot_be_planned(inner, -ESTALE, "--reapply");
		}
		assert_int_equal(c->kind->reapply(&host, c, &f.effect), 0);
		assert_int_equal(state_of(c), CHANGE_AFTER);
		char *again = table(TABLE);
		assert_string_equal(again, whole);
		free(again);
	}
	assert_int_equal(c->kind->reapply(&host, c, &f.effect), 0); /* nothing to do */
	nft("insert rule inet " TABLE " input accept");
	assert_int_equal(revert(c, &f), 0);
	assert_int_equal(state_of(c), CHANGE_BEFORE);
	assert_int_equal(revert(c, &f), 0);
	assert_non_null(strstr(f.effect.note.data, "no longer in force"));
	free(whole);
	plan_free(&plan);
	fake_free(&f);
}

static void runs_share_it(void **state)
{
	(void)state;
	struct fake a, b;
	fake_init(&a, "run-a");
	fake_init(&b, "run-b");
	struct plan *first = isolated(inner, &a);
	struct plan *second = isolation((const char *const[]){INNER6, INNER, INNER, NULL}); /* the same, said otherwise */
	assert_true(plan_at(second, 0)->held);
	hold(&a, "run-b", plan_at(second, 0));
	assert_int_equal(revert(plan_at(first, 0), &a), -EBUSY);
	assert_non_null(strstr(a.effect.note.data, "run-b holds it too"));
	assert_int_equal(state_of(plan_at(first, 0)), CHANGE_AFTER);
	assert_int_equal(revert(plan_at(second, 0), &b), 0);
	assert_int_equal(state_of(plan_at(first, 0)), CHANGE_BEFORE);
	plan_free(&first);
	plan_free(&second);
	fake_free(&a);
	fake_free(&b);
}

static void what_is_not_ours_stays(void **state)
{
	(void)state;
	struct fake a, b;
	fake_init(&a, "run-a");
	fake_init(&b, "run-b");
	struct plan *mine = isolated(inner, &a);
	/* Somebody took it away, and it was made for others meanwhile. */
	cannot_be_planned((const char *const[]){PEER, NULL}, -EEXIST, "for other management addresses");
	nft("delete table inet " TABLE);
	struct plan *other = isolated((const char *const[]){PEER, NULL}, &b);
	assert_int_equal(state_of(plan_at(mine, 0)), CHANGE_BEFORE);
	assert_int_equal(plan_at(mine, 0)->kind->apply(&host, plan_at(mine, 0), &a.effect), -EEXIST);
	assert_int_equal(revert(plan_at(mine, 0), &a), 0);
	assert_int_equal(state_of(plan_at(other, 0)), CHANGE_AFTER);
	assert_int_equal(revert(plan_at(other, 0), &b), 0);
	/* A table of that name that is no work of ours. */
	nft("table inet " TABLE " { chain keep { accept; }; }");
	char *before = ruleset();
	cannot_be_planned(inner, -EEXIST, "did not make");
	assert_int_equal(state_of(plan_at(mine, 0)), CHANGE_BEFORE);
	buf_reset(&a.effect.note);
	assert_int_equal(plan_at(mine, 0)->kind->apply(&host, plan_at(mine, 0), &a.effect), -EEXIST);
	assert_non_null(strstr(a.effect.note.data, "did not make"));
	assert_int_equal(revert(plan_at(mine, 0), &a), 0);
	char *after = ruleset();
	assert_string_equal(after, before);
	free(before);
	free(after);
	plan_free(&mine);
	plan_free(&other);
	fake_free(&a);
	fake_free(&b);
}

/* ---- the plan ---------------------------------------------------------------------------- */

static void everybody_is_not_management(void **state)
{
	(void)state;
	cannot_be_planned((const char *const[]){INNER, "0.0.0.0/0", NULL}, -EINVAL, "everybody");
	cannot_be_planned((const char *const[]){"::/0", NULL}, -EINVAL, "everybody");
	char path[64], file[80];
	snprintf(path, sizeof(path), "%s/addresses", stage_dir);
	snprintf(file, sizeof(file), "file:%s", path);
	FILE *to = fopen(path, "w");
	fprintf(to, "# nobody\n");
	fclose(to);
	cannot_be_planned((const char *const[]){file, NULL}, -EINVAL, "nobody would get in");
	to = fopen(path, "w");
	for (unsigned i = 0; i <= ISOLATE_MAX; i++)
		fprintf(to, "10.1.%u.%u\n", i / 256, i % 256);
	fclose(to);
	cannot_be_planned((const char *const[]){file, NULL}, -E2BIG, "257 management addresses");
	unlink(path);
}

static void what_stops_is_told(void **state)
{
	(void)state;
	struct net net;
	net_up(&net);
	int service = listen_on(net.us, "::", 3333), local = listen_on(net.us, "127.0.0.1", 4444);
	int dhcp = udp(net.us, "203.0.113.1", 68), question = udp(net.us, "203.0.113.1", 5353);
	struct pair good = connected(&net, net.inner, "192.0.2.1", service);
	struct pair bad = connected(&net, net.attacker, "203.0.113.1", service);
	int lo = connect_from(net.us, "127.0.0.1", 4444), own = connect_from(net.us, "203.0.113.1", 3333);
	struct plan *plan = isolation(inner);
	const struct change *c = plan_at(plan, 0);
	_cleanup_buf_ struct buf line = {0}, text = {0}, expected = {0};
	c->kind->describe(c, &line);
	c->kind->detail(c, &text);
	assert_string_equal(line.data, "isolate this host from all but " INNER ", " INNER6);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	assert_int_equal(getsockname(bad.far, (struct sockaddr *)&peer, &len), 0);
	buf_printf(&expected,
	           "2 services are reached by the management alone:\n"
	           "  tcp [::]:3333, process %d (test-isolate)\n"
	           "  udp 203.0.113.1:5353, process %d (test-isolate)\n"
	           "1 connection goes silent:\n"
	           "  tcp 203.0.113.1:3333 - " PEER ":%u, process %d (test-isolate)\n",
	           getpid(), getpid(), ntohs(peer.sin_port), getpid());
	assert_string_equal(text.data, expected.data);
	const int fds[] = {service, local, dhcp, question, lo, own};
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
	pair_close(&good);
	pair_close(&bad);
	plan_free(&plan);
	net_down(&net);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	static const char *const datas[] = {
		"{}", "{\"management\": []}", "{\"management\": [7]}", "{\"management\": [\"everybody\"]}", "{\"management\": 3}",
	};
	for (size_t i = 0; i < sizeof(datas) / sizeof(*datas); i++) {
		struct fake f;
		struct change *c = NULL;
		_cleanup_buf_ struct buf line = {0}, text = {0};
		enum change_state s;
		fake_init(&f, "run-a");
		assert_int_equal(change_new(&nft_isolate_kind, "s", "this host", json_loads(datas[i], 0, NULL), &c), 0);
		assert_int_equal(c->kind->probe(&host, c, &s), -EINVAL);
		assert_int_equal(c->kind->apply(&host, c, &f.effect), -EINVAL);
		assert_int_equal(c->kind->revert(&host, c, &f.effect), -EINVAL);
		assert_int_equal(c->kind->describe(c, &line), 0);
		assert_int_equal(c->kind->detail(c, &text), 0);
		change_free(&c);
		fake_free(&f);
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
		cmocka_unit_test_setup(only_the_management_gets_in, new_namespace),
		cmocka_unit_test_setup(addresses_are_kept, new_namespace),
		cmocka_unit_test_setup(neighbours_are_found, new_namespace),
		cmocka_unit_test_setup(the_table_is_readable, new_namespace),
		cmocka_unit_test_setup(what_somebody_does_to_it_is_seen, new_namespace),
		cmocka_unit_test_setup(runs_share_it, new_namespace),
		cmocka_unit_test_setup(what_is_not_ours_stays, new_namespace),
		cmocka_unit_test_setup(everybody_is_not_management, new_namespace),
		cmocka_unit_test_setup(what_stops_is_told, new_namespace),
		cmocka_unit_test_setup(nonsense_is_refused, new_namespace),
	};
	return cmocka_run_group_tests_name("isolate", tests, stage_up, stage_down);
}
