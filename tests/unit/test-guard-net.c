/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard-stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/opt/root"

/* In the place of its first byte. */
static void put_nul(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "", 1), 1);
	close(fd);
}

/* A host with addresses, routes and a name server of its own. */
static bool stage_network(void)
{
	static bool done;
	if (!stage_namespaces() || !stage_ip())
		return false;
	if (done)
		return true;
	RUN(stage_ip(), "link", "set", "lo", "up");
	RUN(stage_ip(), "link", "add", "v0", "type", "veth", "peer", "name", "v1");
	RUN(stage_ip(), "addr", "add", "192.0.2.10/25", "brd", "+", "dev", "v0");
	RUN(stage_ip(), "-6", "addr", "add", "2001:db8:1::10/64", "nodad", "dev", "v0");
	RUN(stage_ip(), "link", "set", "v0", "up");
	RUN(stage_ip(), "link", "set", "v1", "up");
	RUN(stage_ip(), "route", "add", "default", "via", "192.0.2.1");
	RUN(stage_ip(), "-6", "route", "add", "default", "via", "2001:db8:1::1");
	RUN(stage_ip(), "route", "add", "203.0.113.128/25", "via", "192.0.2.2");
	RUN(stage_ip(), "addr", "add", "203.0.113.9/32", "dev", "lo");
	RUN(stage_ip(), "addr", "add", "203.0.113.10/32", "dev", "lo");
	stage_file(ROOT "/run/resolve/stub.conf",
	           "# comment 198.51.100.99\nnameserver 198.51.100.53\nnameserver 2001:db8:5::53%v0\n"
	           "nameserver not-an-address\nsearch 198.51.100.98\n nameserver\t198.51.100.54");
	stage_file(ROOT "/run/systemd/resolve/resolv.conf", "nameserver 198.51.100.55\n");
	stage_file(ROOT "/etc/systemd/timesyncd.conf", "[Time]\nNTP=198.51.100.123 time.example\n");
	stage_file(ROOT "/etc/chrony/chrony.conf", "? hides nothing behind it\nserver 198.51.100.124 iburst\nserverstats 198.51.100.97\n");
	put_nul(ROOT "/etc/chrony/chrony.conf");
	stage_file(ROOT "/run/systemd/netif/leases/3", "ADDRESS=192.0.2.10\nSERVER_ADDRESS=198.51.100.67\n");
	stage_file(ROOT "/var/lib/dhcp/dhclient.v0.leases",
	           "lease {\n  option subnet-mask 255.255.255.128;\n"
	           "  option dhcp-server-identifier 198.51.100.68;\n}\n");
	assert_int_equal(symlink("../run/resolve/stub.conf", ROOT "/etc/resolv.conf"), 0);
	assert_int_equal(mkdir(ROOT "/proc", 0755), 0);
	assert_int_equal(mount("/proc", ROOT "/proc", NULL, MS_BIND, NULL), 0);
	return done = true;
}

#define NETWORK(s) \
	do { \
		if (!stage_network()) \
			skip(); \
		stage_open(s, ROOT); \
	} while (0)

static void what_the_host_depends_on_is_never_blocked(void **state)
{
	(void)state;
	static const struct {
		const char *address, *rule;
	} cases[] = {
		{"127.0.0.1", "net.loopback"},
		{"127.255.1.2", "net.loopback"},
		{"::1", "net.loopback"},
		{"::ffff:127.0.0.1", "net.loopback"},
		{"0.0.0.0", "net.unspecified"},
		{"0.1.2.3", "net.unspecified"},
		{"::", "net.unspecified"},
		{"224.0.0.1", "net.multicast"},
		{"ff02::1", "net.multicast"},
		{"255.255.255.255", "net.broadcast"},
		{"192.0.2.127", "net.broadcast"},
		{"169.254.169.254", "net.link-local"},
		{"fe80::1", "net.link-local"},
		{"192.0.2.10", "net.own"},
		{"::ffff:192.0.2.10", "net.own"},
		{"2001:db8:1::10", "net.own"},
		{"192.0.2.1", "net.gateway"},
		{"::ffff:192.0.2.1", "net.gateway"},
		{"2001:db8:1::1", "net.gateway"},
		{"198.51.100.53", "net.resolver"},
		{"198.51.100.54", "net.resolver"},
		{"198.51.100.55", "net.resolver"},
		{"2001:db8:5::53", "net.resolver"},
		{"198.51.100.123", "net.time-server"},
		{"198.51.100.124", "net.time-server"},
		{"198.51.100.67", "net.dhcp-server"},
		{"198.51.100.68", "net.dhcp-server"},
		/* and whatever contains one of them */
		{"192.0.2.0/28", "net.own"},
		{"192.0.2.0/29", "net.gateway"},
		{"198.51.100.48/28", "net.resolver"},
		{"2001:db8:1::/64", "net.own"},
		{"fe80::/64", "net.link-local"},
		{"::/128", "net.unspecified"},
		{"::/120", "net.loopback"},
	};
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = ask_address(&s, cases[i].address);
		if (strcmp(s.rule, cases[i].rule) != 0)
			fail_msg("%s: %s, not %s", cases[i].address, s.rule, cases[i].rule);
		assert_refused(&s, r, cases[i].rule);
	}
	assert_int_equal(s.host.blind.n, 0);
}

static void the_intruder_is_blocked(void **state)
{
	(void)state;
	static const char *const addresses[] = {
		"203.0.113.67", "203.0.113.64/26", "45.67.1.2", "2001:db8:ffff::1", "2001:db8:2::/48",
		"192.0.2.3", "198.51.100.99", "198.51.100.98", "198.51.100.97", "198.51.100.52",
		"126.255.255.255", "128.0.0.0", "1.0.0.0", "192.0.2.128", "255.255.255.128",
	};
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_allowed(&s, ask_address(&s, addresses[i]));
}

static void everybody_is_too_many(void **state)
{
	(void)state;
	static const struct {
		const char *address, *rule;
	} cases[] = {
		{"0.0.0.0/0", "net.too-wide"},     {"::/0", "net.too-wide"},
		{"203.0.0.0/16", "net.too-wide"},  {"203.0.112.0/23", "net.too-wide"},
		{"2001:db8::/47", "net.too-wide"}, {"::ffff:0.0.0.0/96", "net.too-wide"},
	};
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(&s, ask_address(&s, cases[i].address), cases[i].rule);
	/* Whoever lifts the floor still cannot block everybody. */
	for (const struct guard_rule *r = guard_rules; r->name; r++)
		strv_add(&s.allow, r->name);
	stage_again(&s);
	assert_refused(&s, ask_address(&s, "0.0.0.0/0"), "net.loopback");
	assert_refused(&s, ask_address(&s, "::/0"), "net.loopback");
	assert_allowed(&s, ask_address(&s, "203.0.0.0/16"));
}

static void a_rule_is_lifted_alone(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	strv_add(&s.allow, "net.gateway");
	strv_add(&s.allow, "net.loopback"); /* fixed: to no avail */
	stage_again(&s);
	assert_allowed(&s, ask_address(&s, "192.0.2.1"));
	assert_refused(&s, ask_address(&s, "127.0.0.1"), "net.loopback");
	assert_refused(&s, ask_address(&s, "192.0.2.10"), "net.own");
}

static void protect(struct stage *s, const char *net)
{
	s->config.addresses =
		reallocarray(s->config.addresses, s->config.n_addresses + 1, sizeof(*s->config.addresses));
	assert_int_equal(netaddr_parse(net, &s->config.addresses[s->config.n_addresses++]), 0);
	stage_again(s);
}

static void the_configuration_protects_more(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	assert_allowed(&s, ask_address(&s, "203.0.113.200"));
	protect(&s, "203.0.113.192/26");
	protect(&s, "203.0.113.200/29");
	protect(&s, "2001:db8:9::/48");
	static const char *const refused[] = {
		"203.0.113.200", "203.0.113.192", "203.0.113.255", "203.0.113.128/25", "203.0.113.192/26",
		"203.0.113.224/27", "2001:db8:9:1::1", "2001:db8:9::/64", "2001:db8:9::/48",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(&s, ask_address(&s, refused[i]), "net.protected");
	assert_allowed(&s, ask_address(&s, "203.0.113.191"));
	assert_allowed(&s, ask_address(&s, "203.0.113.128/26"));
	assert_allowed(&s, ask_address(&s, "2001:db8:8:ffff::1"));
	assert_allowed(&s, ask_address(&s, "2001:db8:a::"));
}

/* Connects from FROM to a listener of its own; both ends stay open in this process. */
static void connect_from(const char *from, int fds[3])
{
	struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
	socklen_t len = sizeof(here);
	inet_pton(AF_INET, "127.0.0.1", &here.sin_addr);
	inet_pton(AF_INET, from, &there.sin_addr);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(fds[0], 1), 0);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&here, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[1], (struct sockaddr *)&there, sizeof(there)), 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&here, sizeof(here)), 0);
	fds[2] = accept4(fds[0], NULL, NULL, SOCK_CLOEXEC);
	assert_true(fds[2] >= 0);
}

/* What a child of this process, which does not hold our sockets itself, is told. */
static void ask_as_child(const char *address, const int fds[3], char *ret, size_t size)
{
	int tell[2];
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		struct stage s;
		for (int i = 0; fds && i < 3; i++)
			close(fds[i]);
		stage_open(&s, ROOT);
		strv_add(&s.allow, "net.own"); /* the other end is here as well */
		int r = ask_address(&s, address);
		dprintf(tell[1], "%d %s", r, s.rule);
		_exit(0);
	}
	close(tell[1]);
	ssize_t n = read(tell[0], ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	close(tell[0]);
	waitpid(child, NULL, 0);
}

static void the_operator_is_not_locked_out(void **state)
{
	(void)state;
	char answer[128];
	int fds[3];
	if (!stage_network())
		skip();
	ask_as_child("203.0.113.9", NULL, answer, sizeof(answer));
	assert_string_equal(answer, "0 ");
	connect_from("203.0.113.9", fds);
	ask_as_child("203.0.113.9", fds, answer, sizeof(answer));
	assert_string_equal(answer, "-1 net.operator");
	ask_as_child("203.0.113.8/29", fds, answer, sizeof(answer));
	assert_string_equal(answer, "-1 net.operator");
	ask_as_child("203.0.113.10", fds, answer, sizeof(answer));
	assert_string_equal(answer, "0 ");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void the_environment_only_adds(void **state)
{
	(void)state;
	char answer[128];
	int fds[3];
	if (!stage_network())
		skip();
	setenv("SSH_CONNECTION", "203.0.113.77 50000 192.0.2.10 22", 1);
	ask_as_child("203.0.113.77", NULL, answer, sizeof(answer));
	assert_string_equal(answer, "-1 net.operator");
	/* it takes nothing away, and it is not believed when it is nonsense */
	connect_from("203.0.113.9", fds);
	ask_as_child("203.0.113.9", fds, answer, sizeof(answer));
	assert_string_equal(answer, "-1 net.operator");
	static const char *const nonsense[] = {
		"", " ", "0.0.0.0/0 1 2 3", "203.0.113.0/24 x", "\033[2J", "evil; flush ruleset", "010.1.2.3 1 2 3",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		setenv("SSH_CONNECTION", nonsense[i], 1);
		ask_as_child("203.0.113.77", NULL, answer, sizeof(answer));
		assert_string_equal(answer, "0 ");
	}
	unsetenv("SSH_CONNECTION");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static int ask_all_but(struct stage *s, const char *first, const char *second)
{
	_cleanup_addrs_ struct addrs kept = {0};
	struct netaddr a;
	const struct subject subject = {.type = SUBJECT_ALL_BUT, .kept = &kept};
	assert_int_equal(netaddr_parse(first, &a), 0);
	addrs_add(&kept, &a);
	assert_int_equal(second ? netaddr_parse(second, &a) : 0, 0);
	addrs_add(&kept, &a);
	addrs_sort(&kept);
	return stage_ask(s, &subject);
}

static void isolation_keeps_the_operator(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	assert_allowed(&s, ask_all_but(&s, "198.51.100.1", NULL)); /* nobody is here over a network */
	setenv("SSH_CONNECTION", "203.0.113.77 50000 192.0.2.10 22", 1);
	stage_again(&s);
	assert_refused(&s, ask_all_but(&s, "198.51.100.1", "2001:db8::/32"), "net.operator");
	assert_non_null(strstr(buf_text(&s.why), "203.0.113.77"));
	assert_refused(&s, ask_all_but(&s, "203.0.113.76", "203.0.113.78"), "net.operator");
	assert_allowed(&s, ask_all_but(&s, "203.0.113.77", NULL));
	assert_allowed(&s, ask_all_but(&s, "203.0.113.64/27", "203.0.113.64/30"));
	setenv("SSH_CONNECTION", "2001:db8:7::1 50000 2001:db8:1::10 22", 1);
	stage_again(&s);
	assert_refused(&s, ask_all_but(&s, "203.0.113.77", NULL), "net.operator");
	assert_allowed(&s, ask_all_but(&s, "203.0.113.77", "2001:db8:7::/64"));
	/* the host itself is never cut off */
	static const char *const own[] = {"127.0.0.1 1 127.0.0.1 22", "::1 1 ::1 22", "192.0.2.10 1 192.0.2.10 22"};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		setenv("SSH_CONNECTION", own[i], 1);
		stage_again(&s);
		assert_allowed(&s, ask_all_but(&s, "198.51.100.1", NULL));
	}
	/* nor is the gateway, for being one, but who comes through it */
	setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.10 22", 1);
	stage_again(&s);
	assert_refused(&s, ask_all_but(&s, "198.51.100.1", NULL), "net.operator");
	strv_add(&s.allow, "net.operator");
	stage_again(&s);
	assert_allowed(&s, ask_all_but(&s, "198.51.100.1", NULL));
	unsetenv("SSH_CONNECTION");
}

static void isolation_keeps_what_is_protected(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	protect(&s, "203.0.113.192/26");
	assert_refused(&s, ask_all_but(&s, "198.51.100.1", NULL), "net.protected");
	assert_refused(&s, ask_all_but(&s, "203.0.113.192/27", "203.0.113.224/27"), "net.protected");
	assert_allowed(&s, ask_all_but(&s, "203.0.113.128/25", NULL));
	protect(&s, "127.0.0.0/8"); /* that is kept anyway */
	assert_allowed(&s, ask_all_but(&s, "203.0.113.128/25", NULL));
}

/* sshd holds a connection from 203.0.113.10, and PROGRAM is below it in the way of MODE. */
static void ask_about_login(const char *mode, const char *program, char *ret, size_t size)
{
	char arg[128];
	snprintf(arg, sizeof(arg), "203.0.113.10 %s", program);
	pid_t sshd = stage_start("/opt/ssh/sshd", mode, arg);
	ask_as_child("203.0.113.10", NULL, ret, size);
	stage_kill(sshd);
}

static void who_is_logged_in_is_not_locked_out(void **state)
{
	(void)state;
	char answer[128];
	if (!stage_network())
		skip();
	stage_copy("/opt/ssh/shell");
	stage_copy("/opt/ssh/sshd-auth");
	ask_about_login("serve", "/opt/ssh/shell", answer, sizeof(answer));
	assert_string_equal(answer, "-1 net.ssh-peer");
	/* but somebody who only tries to get in gets no protection from it */
	ask_about_login("serve", "", answer, sizeof(answer));
	assert_string_equal(answer, "0 ");
	ask_about_login("serve", "/opt/ssh/sshd-auth", answer, sizeof(answer));
	assert_string_equal(answer, "0 ");
	/* nor from what sshd asks about him, */
	ask_about_login("consult", "/opt/ssh/shell", answer, sizeof(answer));
	assert_string_equal(answer, "0 ");
	/* nor while a process of his ends */
	ask_about_login("lose", "/opt/ssh/shell", answer, sizeof(answer));
	assert_string_equal(answer, "0 ");
}

static void a_million_is_no_burden(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	NETWORK(&s);
	for (unsigned i = 0; i < 256; i++) {
		char net[32];
		snprintf(net, sizeof(net), "100.64.%u.0/%u", i, 24 + i % 9);
		protect(&s, net);
	}
	struct timespec from, to;
	struct subject subject = {.type = SUBJECT_ADDRESS, .address = {.family = AF_INET, .prefix = 32}};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from); /* others may want the processor, too */
	for (uint32_t i = 0; i < 1000000; i++) {
		uint32_t address = htonl(0x0b000000 + i * 7);
		memcpy(subject.address.bytes, &address, 4);
		assert_int_equal(stage_ask(&s, &subject), 0);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("# a million addresses judged in %.2f s\n", seconds);
	assert_true(seconds < 20);
}

int main(int argc, char **argv)
{
	stage_main(argc, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_host_depends_on_is_never_blocked),
		cmocka_unit_test(the_intruder_is_blocked),
		cmocka_unit_test(everybody_is_too_many),
		cmocka_unit_test(a_rule_is_lifted_alone),
		cmocka_unit_test(the_configuration_protects_more),
		cmocka_unit_test(the_operator_is_not_locked_out),
		cmocka_unit_test(the_environment_only_adds),
		cmocka_unit_test(isolation_keeps_the_operator),
		cmocka_unit_test(isolation_keeps_what_is_protected),
		cmocka_unit_test(who_is_logged_in_is_not_locked_out),
		cmocka_unit_test(a_million_is_no_burden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
