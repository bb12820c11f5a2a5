/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Peers on a socket: who may send, what they are told, and that none keeps the others out.
 */
#include "feed-stage.h"

#include "base/clock.h"
#include "hook/listen.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct source toy = {.name = "toy", .size_max = 100, .lines = true};
static const struct source whole = {.name = "whole", .size_max = 100};

static const struct source *find_toy(const char *name)
{
	return strcmp(name, "toy") == 0 ? &toy : strcmp(name, "whole") == 0 ? &whole : NULL;
}

static void note_message(void *ctx, const struct source *source, struct slice message)
{
	assert_ptr_equal(source, &toy);
	note(ctx, message);
}

static uint64_t too_long;

static void note_too_long(void *ctx, const struct source *source, uint64_t n)
{
	(void)ctx;
	assert_ptr_equal(source, &toy);
	too_long += n;
}

static struct listener listen_there(struct stage *s, size_t limit)
{
	struct listener l = {.limit = limit, .find = find_toy, .take = note_message, .too_long = note_too_long,
	                     .ctx = &s->taken};
	char path[96];
	int fd;
	snprintf(path, sizeof(path), "%s/socket", s->dir);
	assert_int_equal(listen_make(path, 0600, &fd), 0);
	assert_int_equal(listener_open(&l, fd), 0);
	return l;
}

static int connect_there(struct stage *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", s->dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void turn(struct listener *l, int64_t now)
{
	struct pollfd polled[1 + 8];
	size_t n;
	do {
		n = listener_polled(l, polled);
		int ready = poll(polled, n, 0);
		listener_turn(l, polled, n, now);
		if (!ready)
			return;
	} while (true);
}

static void assert_answer(int fd, const char *expected)
{
	char text[128] = "";
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) >= 0);
	assert_string_equal(text, expected);
	close(fd);
}

static void a_peer_names_its_source_and_is_told_what_was_taken(void **state)
{
	struct stage *s = *state;
	struct listener l = listen_there(s, 4);
	int a = connect_there(s), b = connect_there(s);
	say(a, "toy\none\ntw");
	say(b, "to");
	turn(&l, 0);
	assert_taken(&s->taken, "one|");
	say(b, "y\nfrom b\n");
	turn(&l, 0);
	say(a, "o\nthree");
	turn(&l, 0);
	assert_taken(&s->taken, "from b|two|");
	shutdown(a, SHUT_WR);
	turn(&l, 0);
	assert_taken(&s->taken, "three|");
	assert_answer(a, "taken 3\n");
	char long_line[300];
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line + sizeof(long_line) - 4, "\nok", 4);
	say(b, long_line);
	shutdown(b, SHUT_WR);
	turn(&l, 0);
	assert_taken(&s->taken, "ok|");
	assert_answer(b, "taken 2, too long 1\n");
	assert_int_equal(l.n, 0);
	assert_int_equal(l.accepted, 2);
	assert_int_equal(too_long, 1);
	listener_close(&l);
}

static void who_names_no_source_is_refused(void **state)
{
	struct stage *s = *state;
	struct listener l = listen_there(s, 4);
	static const char *const bad[] = {
		"other\nx\n", "whole\nx\n", " \nx\n",
		"0123456789012345678901234567890123456789012345678901234567890123456789\n",
		"0123456789012345678901234567890123456789012345678901234567890123456789",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int fd = connect_there(s);
		char text[128] = "";
		say(fd, bad[i]);
		turn(&l, 0);
		assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
		assert_memory_equal(text, "refused: ", 9);
		close(fd);
	}
	int fd = connect_there(s);
	assert_int_equal(send(fd, "to\0y\nx\n", 7, MSG_NOSIGNAL), 7);
	turn(&l, 0);
	close(fd);
	assert_int_equal(l.refused_source, 6);
	assert_taken(&s->taken, "");
	listener_close(&l);
}

static void nobody_waits_for_a_peer_that_is_silent(void **state)
{
	struct stage *s = *state;
	struct listener l = listen_there(s, 2);
	int silent = connect_there(s), idle = connect_there(s);
	say(idle, "toy\n");
	turn(&l, 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(listener_due(&l), LISTEN_GREETING_MS);
	int third = connect_there(s);
	turn(&l, 1);
	assert_answer(third, "refused: too many connections\n");
	say(silent, "t"); /* a byte now and then is no greeting */
	turn(&l, LISTEN_GREETING_MS - 1);
	assert_int_equal(l.n, 2);
	turn(&l, LISTEN_GREETING_MS);
	assert_int_equal(l.n, 1);
	assert_answer(silent, "refused: no source was named in time\n");
	int fourth = connect_there(s);
	say(fourth, "toy\nx\n");
	turn(&l, LISTEN_IDLE_MS - 1);
	int fifth = connect_there(s);
	turn(&l, LISTEN_IDLE_MS);
	assert_answer(idle, "refused: silent for too long\n");
	assert_int_equal(l.n, 2);
	assert_int_equal(l.too_slow, 2);
	assert_int_equal(l.refused_full, 1);
	assert_taken(&s->taken, "x|");
	close(fourth);
	close(fifth);
	listener_close(&l);
}

static void who_has_many_places_leaves_one(void **state)
{
	struct stage *s = *state;
	struct listener l = listen_there(s, 2);
	int first = connect_there(s), second = connect_there(s);
	say(first, "toy\n");
	say(second, "toy\n");
	turn(&l, 0);
	l.clients[0].uid = l.clients[1].uid = getuid() + 1;
	l.clients[0].heard = 2;
	int third = connect_there(s), fourth = connect_there(s);
	turn(&l, 3);
	assert_answer(second, "refused: another user wants one of your many places\n");
	assert_answer(fourth, "refused: too many connections\n");
	assert_int_equal(l.n, 2);
	say(third, "toy\nx\n");
	turn(&l, 3);
	assert_taken(&s->taken, "x|");
	close(first);
	close(third);
	listener_close(&l);
}

static void lines_without_end_are_bounded_for_all_together(void **state)
{
	struct stage *s = *state;
	static char block[FEED_READ_MAX];
	struct listener l = listen_there(s, 2);
	l.bytes_max = 4 * 1024 * 1024;
	int a = connect_there(s), b = connect_there(s);
	say(a, "toy\nx\n");
	say(b, "toy\n");
	turn(&l, 0);
	assert_taken(&s->taken, "x|");
	for (size_t i = 0; i < l.n; i++)
		l.clients[i].feed.max = 1 << 30;
	memset(block, 'x', sizeof(block));
	size_t sent = 0;
	for (; l.n == 2 && sent < 100; sent++) {
		assert_true(send(b, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
		turn(&l, 0);
	}
	assert_in_range(sent, 20, 64);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.refused_full, 1);
	close(b);
	b = connect_there(s);
	say(b, "toy\n");
	turn(&l, 0);
	l.clients[1].feed.max = 1 << 30;
	for (size_t i = 0; i + 1 < sent; i++) {
		assert_true(send(b, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
		turn(&l, 0);
	}
	assert_int_equal(l.n, 2);
	l.bytes_max /= 2; /* who says something now is not who holds most */
	say(a, "z\n");
	turn(&l, 0);
	assert_int_equal(l.n, 1);
	assert_taken(&s->taken, "z|");
	say(a, "y\n");
	turn(&l, 0);
	assert_taken(&s->taken, "y|");
	close(a);
	close(b);
	listener_close(&l);
}

/* Whoever waits outside must not keep us busy. */
static void without_descriptors_nobody_is_let_in_for_a_while(void **state)
{
	struct stage *s = *state;
	struct listener l = listen_there(s, 4);
	struct rlimit before, none;
	struct pollfd polled[5];
	int fd = connect_there(s);
	say(fd, "toy\nx\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn(&l, 10);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(listener_due(&l), 10 + LISTEN_PAUSE_MS);
	assert_int_equal(poll(polled, listener_polled(&l, polled), 0), 0);
	turn(&l, 10 + LISTEN_PAUSE_MS); /* the pause ends */
	turn(&l, 10 + LISTEN_PAUSE_MS);
	assert_taken(&s->taken, "x|");
	close(fd);
	listener_close(&l);
}

/* As another user: 0 as that one was answered EXPECTED. */
static int answered_to(struct stage *s, uid_t uid, const char *expected, struct listener *l)
{
	pid_t child = fork();
	if (child == 0) {
		char text[128] = "";
		size_t len = 0;
		if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
			_exit(9);
		int fd = connect_there(s);
		(void)!send(fd, "toy\nhello\n", 10, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		for (ssize_t n; (n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0;)
			len += (size_t)n;
		_exit(strcmp(text, expected) == 0 ? 0 : 1);
	}
	int status;
	while (waitpid(child, &status, WNOHANG) == 0) {
		turn(l, 0);
		sleep_ms(1);
	}
	return status;
}

static void only_root_and_who_is_listed_may_send(void **state)
{
	struct stage *s = *state;
	if (geteuid() != 0)
		skip();
	static const uid_t uids[] = {1234, 65533};
	struct listener l = listen_there(s, 2);
	char path[96];
	snprintf(path, sizeof(path), "%s/socket", s->dir);
	l.uids = uids;
	l.n_uids = 2;
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(s->dir, 0755), 0);
	assert_int_equal(answered_to(s, 65534, "refused: this user may not send\n", &l), 0);
	assert_taken(&s->taken, "");
	assert_int_equal(answered_to(s, 65533, "taken 1\n", &l), 0);
	assert_taken(&s->taken, "hello|");
	assert_int_equal(l.refused_uid, 1);
	listener_close(&l);
}

static void a_socket_is_made_where_nobody_listens(void **state)
{
	struct stage *s = *state;
	struct listener l = listen_there(s, 2);
	struct stat st;
	char path[96];
	int fd = -1;
	snprintf(path, sizeof(path), "%s/socket", s->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(listen_is(l.fd));
	assert_int_equal(listen_make(path, 0600, &fd), -EADDRINUSE);
	listener_close(&l);
	assert_int_equal(listen_make(path, 0600, &fd), 0); /* it was left behind */
	close(fd);
	unlink(path);
	append(s, "socket", "a file");
	assert_int_equal(listen_make(path, 0600, &fd), -EEXIST);
	assert_int_equal(chmod(s->dir, 0777), 0);
	assert_int_equal(listen_make(path, 0600, &fd), -EPERM);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_false(listen_is(fd));
	assert_false(listen_is(STDERR_FILENO));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STAGE(a_peer_names_its_source_and_is_told_what_was_taken),
		WITH_STAGE(who_names_no_source_is_refused),
		WITH_STAGE(nobody_waits_for_a_peer_that_is_silent),
		WITH_STAGE(who_has_many_places_leaves_one),
		WITH_STAGE(lines_without_end_are_bounded_for_all_together),
		WITH_STAGE(without_descriptors_nobody_is_let_in_for_a_while),
		WITH_STAGE(only_root_and_who_is_listed_may_send),
		WITH_STAGE(a_socket_is_made_where_nobody_listens),
	};
	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
