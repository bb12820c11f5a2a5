/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which ports are not closed: the ways in of operators.
 */
#include "guard-stage.h"

#include "base/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int ask_port(struct stage *s, uint8_t protocol, unsigned port)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_PORT, .protocol = protocol, .port = (uint16_t)port});
}

#define STAGED(s) \
	do { \
		if (!stage_namespaces() || !stage_ip()) \
			skip(); \
		RUN(stage_ip(), "link", "set", "lo", "up"); \
		stage_open(s, "/"); \
	} while (0)

static void what_sshd_listens_on_stays_open(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	STAGED(&s);
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 2222));
	pid_t sshd = stage_start("/opt/ssh/sshd", "listen", "2222"), other = stage_start("/opt/evil/door", "listen", "4444");
	stage_again(&s);
	assert_refused(&s, ask_port(&s, IPPROTO_TCP, 2222), "net.port-ssh");
	assert_non_null(strstr(buf_text(&s.why), "port 2222 is what sshd listens on"));
	assert_allowed(&s, ask_port(&s, IPPROTO_UDP, 2222));
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 4444));
	strv_add(&s.allow, "net.port-ssh");
	stage_again(&s);
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 2222));
	stage_kill(sshd);
	stage_kill(other);
}

/* A name protects nobody: the file is not one that only root could have put there. */
static void a_false_sshd_has_no_protection(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	STAGED(&s);
	stage_copy("/opt/evil/sshd");
	RUN("/bin/chmod", "0777", "/opt/evil/sshd");
	pid_t evil = stage_exec("/opt/evil/sshd", "listen", "4422");
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 4422));
	stage_kill(evil);
}

static int take_port(void *ctx, const struct socket_info *info)
{
	if (info->protocol == IPPROTO_TCP && info->state == TCP_ESTABLISHED && info->peer.family == AF_INET &&
	    info->peer.bytes[3] == 10)
		*(uint16_t *)ctx = info->local_port;
	return 0;
}

/* The port that an sshd serves a connection from 127.0.0.10 on. */
static uint16_t served(const char *program, pid_t *ret)
{
	char arg[128];
	uint16_t port = 0;
	snprintf(arg, sizeof(arg), "127.0.0.10 %s", program);
	*ret = stage_start("/opt/ssh/sshd", "serve", arg);
	assert_int_equal(sockets_visit(take_port, &port), 0);
	assert_int_not_equal(port, 0);
	return port;
}

/* As behind ssh.socket: nobody but systemd listens. */
static void what_somebody_came_by_stays_open(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	STAGED(&s);
	pid_t sshd;
	stage_copy("/opt/ssh/shell");
	uint16_t port = served("/opt/ssh/shell", &sshd);
	assert_refused(&s, ask_port(&s, IPPROTO_TCP, port), "net.port-ssh");
	assert_non_null(strstr(buf_text(&s.why), "logged in"));
	stage_kill(sshd);
	/* Who only guesses passwords is no reason. */
	port = served("", &sshd);
	stage_again(&s);
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, port));
	stage_kill(sshd);
}

static void ask_as_child(uint8_t protocol, uint16_t port, const int *close_these, char ret[128])
{
	int tell[2];
	assert_int_equal(pipe(tell), 0);
	pid_t child = fork();
	if (child == 0) {
		struct stage s;
		for (; *close_these >= 0; close_these++)
			close(*close_these);
		stage_open(&s, "/");
		int r = ask_port(&s, protocol, port);
		dprintf(tell[1], "%d %s", r, s.rule);
		_exit(0);
	}
	close(tell[1]);
	ssize_t n = read(tell[0], ret, 127);
	ret[n > 0 ? n : 0] = '\0';
	close(tell[0]);
	waitpid(child, NULL, 0);
}

/* What started this program holds the socket: this test stands for the shell's sshd, or for mosh. */
static void what_the_operator_came_by_stays_open(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	char answer[128];
	STAGED(&s);
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(at);
		int fd = socket(AF_INET, types[i], 0), fds[] = {fd, -1};
		assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
		if (types[i] == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
		uint8_t own = types[i] == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
		ask_as_child(own, ntohs(at.sin_port), fds, answer);
		assert_string_equal(answer, "-1 net.port-operator");
		ask_as_child(own == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP, ntohs(at.sin_port), fds, answer);
		assert_string_equal(answer, "0 ");
		close(fd);
	}
}

static void the_environment_only_adds(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	STAGED(&s);
	setenv("SSH_CONNECTION", "203.0.113.77 50000 192.0.2.10 2022", 1);
	assert_refused(&s, ask_port(&s, IPPROTO_TCP, 2022), "net.port-operator");
	assert_allowed(&s, ask_port(&s, IPPROTO_UDP, 2022));
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 50000));
	strv_add(&s.allow, "net.port-operator");
	stage_again(&s);
	assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 2022));
	strv_free(&s.allow);
	static const char *const nonsense[] = {"", " ", "x", "1 2 3 2022x", "1 2 3 ", "1 2 3 67558"};
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
		setenv("SSH_CONNECTION", nonsense[i], 1);
		assert_allowed(&s, ask_port(&s, IPPROTO_TCP, 2022));
	}
	unsetenv("SSH_CONNECTION");
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	stage_open(&s, "/");
	assert_int_equal(ask_port(&s, IPPROTO_TCP, 0), -EINVAL);
	assert_int_equal(ask_port(&s, IPPROTO_ICMP, 22), -EINVAL);
}

int main(int argc, char **argv)
{
	stage_main(argc, argv);
	unsetenv("SSH_CONNECTION");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sshd_listens_on_stays_open),
		cmocka_unit_test(a_false_sshd_has_no_protection),
		cmocka_unit_test(what_somebody_came_by_stays_open),
		cmocka_unit_test(what_the_operator_came_by_stays_open),
		cmocka_unit_test(the_environment_only_adds),
		cmocka_unit_test(nonsense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
