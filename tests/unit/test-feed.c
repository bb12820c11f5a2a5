/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/fd.h"
#include "hook/feed.h"
#include "hook/follow.h"
#include "hook/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what was taken, as "a|b|c|" ------------------------------------------------------- */

static void note(void *ctx, struct slice line)
{
	struct buf *taken = ctx;
	buf_add(taken, line.p, line.len);
	buf_putc(taken, '|');
}

static void assert_taken(struct buf *taken, const char *expected)
{
	assert_int_equal(buf_error(taken), 0);
	assert_string_equal(buf_text(taken), expected);
	buf_reset(taken);
}

static void put(struct feed *feed, const char *text, struct buf *taken)
{
	struct slice line;
	assert_int_equal(feed_put(feed, (struct slice){text, strlen(text)}), 0);
	while (feed_line(feed, &line))
		note(taken, line);
}

/* ---- lines ------------------------------------------------------------------------------ */

static void lines_come_whole_however_they_were_cut(void **state)
{
	(void)state;
	static const char text[] = "one\n\ntwo\nthree and more\n\n\nfour\n";
	for (size_t cut = 1; cut < sizeof(text); cut++) {
		struct feed feed;
		struct slice rest;
		_cleanup_buf_ struct buf taken = {0};
		feed_init(&feed, 100);
		for (size_t at = 0; at < sizeof(text) - 1; at += cut) {
			char piece[sizeof(text)] = "";
			memcpy(piece, text + at, at + cut < sizeof(text) ? cut : sizeof(text) - 1 - at);
			put(&feed, piece, &taken);
		}
		assert_taken(&taken, "one|two|three and more|four|");
		assert_false(feed_rest(&feed, &rest));
		assert_int_equal(feed.too_long, 0);
		feed_free(&feed);
	}
}

static void a_line_that_is_too_long_is_passed_over_and_counted_once(void **state)
{
	(void)state;
	struct feed feed;
	_cleanup_buf_ struct buf taken = {0};
	feed_init(&feed, 5);
	put(&feed, "12345\n123456\nab\n", &taken);
	assert_taken(&taken, "12345|ab|");
	assert_int_equal(feed.too_long, 1);
	put(&feed, "12345", &taken);
	put(&feed, "\n1234567", &taken);
	put(&feed, "89", &taken);
	put(&feed, "0\nnext\n", &taken);
	assert_taken(&taken, "12345|next|");
	assert_int_equal(feed.too_long, 2);
	feed_free(&feed);
}

static void the_rest_of_a_stream_is_a_line_unless_it_is_too_long(void **state)
{
	(void)state;
	struct feed feed;
	struct slice rest;
	_cleanup_buf_ struct buf taken = {0};
	feed_init(&feed, 5);
	put(&feed, "a\nbc", &taken);
	assert_true(feed_rest(&feed, &rest));
	assert_int_equal(rest.len, 2);
	assert_memory_equal(rest.p, "bc", 2);
	assert_false(feed_rest(&feed, &rest));
	put(&feed, "1234567", &taken);
	assert_false(feed_rest(&feed, &rest));
	assert_int_equal(feed.too_long, 1);
	feed_join(&feed);
	put(&feed, "midst\nwhole\n", &taken);
	assert_taken(&taken, "a|whole|");
	assert_int_equal(feed.too_long, 1);
	feed_free(&feed);
}

/* A stranger who never ends a line costs no more than one who does. */
static void an_endless_line_takes_no_memory(void **state)
{
	(void)state;
	static char block[FEED_READ_MAX];
	struct feed feed;
	struct slice line;
	feed_init(&feed, 1000000);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(feed_put(&feed, (struct slice){block, sizeof(block)}), 0);
		assert_false(feed_line(&feed, &line));
		assert_true(feed.cap <= 1000000 + 4 * FEED_READ_MAX);
	}
	assert_int_equal(feed.too_long, 1);
	assert_true(feed.cap <= 4 * FEED_READ_MAX); /* given back when it had gone by */
	feed_free(&feed);
}

/* ---- a followed file ---------------------------------------------------------------------- */

struct stage {
	char dir[64];
	int root;
	struct follow follow;
	struct buf taken;
	int64_t now;
};

static int stage_make(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/dev/shm/test-feed-XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	s->root = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->now = 1000;
	*state = s;
	return s->root < 0 || mkdirat(s->root, "log", 0755) < 0 ? -1 : 0;
}

static int stage_remove(void **state)
{
	struct stage *s = *state;
	static const char *const files[] = {"log/f", "log/f.1", "log/f.2", "old/f", "socket"};
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(s->root, files[i], 0);
	unlinkat(s->root, "log", AT_REMOVEDIR);
	unlinkat(s->root, "old", AT_REMOVEDIR);
	buf_free(&s->taken);
	close(s->root);
	rmdir(s->dir);
	free(s);
	return 0;
}

static void append(struct stage *s, const char *file, const char *text)
{
	_cleanup_close_ int fd = openat(s->root, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, text, strlen(text)), 0);
}

static void move(struct stage *s, const char *from, const char *to)
{
	assert_int_equal(renameat(s->root, from, s->root, to), 0);
}

static void follow_it(struct stage *s)
{
	assert_int_equal(follow_open(s->root, "/log/f", 100, &s->follow), 0);
}

static bool told(struct stage *s)
{
	struct pollfd p = {.fd = s->follow.notify, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

/* What comes without the time going on: inotify must have told of it. */
static void assert_comes(struct stage *s, const char *lines)
{
	const struct feed_taker taker = {.take = note, .ctx = &s->taken};
	assert_true(told(s));
	while (follow_turn(&s->follow, s->now, &taker) > 0)
		;
	assert_false(told(s)); /* nothing that would wake us for ever */
	assert_taken(&s->taken, lines);
}

static void later(struct stage *s, int64_t ms, const char *lines)
{
	const struct feed_taker taker = {.take = note, .ctx = &s->taken};
	s->now += ms;
	while (follow_turn(&s->follow, s->now, &taker) > 0)
		;
	assert_taken(&s->taken, lines);
}

static void a_file_is_followed_from_its_end(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "old\nhalf");
	follow_it(s);
	later(s, 1, "");
	append(s, "log/f", " a line\nnew\n");
	assert_comes(s, "new|");
	append(s, "log/f", "in ");
	assert_comes(s, "");
	append(s, "log/f", "pieces\nand more\n");
	assert_comes(s, "in pieces|and more|");
	follow_close(&s->follow);
}

static void a_file_that_comes_later_is_read_whole(void **state)
{
	struct stage *s = *state;
	follow_it(s);
	assert_int_equal(s->follow.trouble, -ENOENT);
	later(s, 1, "");
	append(s, "log/f", "first\n");
	assert_comes(s, "first|");
	assert_int_equal(s->follow.trouble, 0);
	assert_int_equal(s->follow.rotations, 0);
	follow_close(&s->follow);
}

static void rotation_by_renaming_loses_nothing(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	append(s, "log/f", "1\n");
	move(s, "log/f", "log/f.1");
	append(s, "log/f.1", "2\n"); /* its writer does not know yet */
	assert_comes(s, "1|2|");
	append(s, "log/f", "4\n");
	append(s, "log/f.1", "3\n");
	assert_comes(s, "3|4|");
	assert_int_equal(s->follow.rotations, 1);
	append(s, "log/f.1", "late\n");
	assert_comes(s, "late|");
	append(s, "log/f.1", "last");
	later(s, FOLLOW_LAST_MS, "last|");
	append(s, "log/f.1", "too late\n");
	later(s, 1, "");
	append(s, "log/f", "5\n");
	assert_comes(s, "5|");
	/* twice at once */
	move(s, "log/f.1", "log/f.2");
	move(s, "log/f", "log/f.1");
	append(s, "log/f", "6\n");
	assert_comes(s, "6|");
	assert_int_equal(s->follow.rotations, 2);
	follow_close(&s->follow);
}

static void rotation_by_copying_and_emptying_is_seen(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	append(s, "log/f", "a long line of before\nhalf");
	assert_comes(s, "a long line of before|");
	_cleanup_close_ int fd = openat(s->root, "log/f", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 0), 0);
	append(s, "log/f", "new\n");
	assert_comes(s, "new|");
	assert_int_equal(s->follow.truncations, 1);
	assert_int_equal(s->follow.rotations, 0);
	follow_close(&s->follow);
}

static void what_is_removed_may_come_back(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	append(s, "log/f", "1\n");
	assert_int_equal(unlinkat(s->root, "log/f", 0), 0);
	assert_comes(s, "1|");
	assert_int_equal(s->follow.trouble, -ENOENT);
	append(s, "log/f", "2\n");
	assert_comes(s, "2|");
	follow_close(&s->follow);
}

static void a_directory_that_is_replaced_is_found_again(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	move(s, "log", "old");
	assert_int_equal(mkdirat(s->root, "log", 0755), 0);
	append(s, "log/f", "1\n");
	later(s, FOLLOW_LOOK_MS, "1|");
	append(s, "log/f", "2\n");
	assert_comes(s, "2|");
	follow_close(&s->follow);
}

/* What stands at the place may be anybody's work. */
static void only_a_regular_file_is_followed(void **state)
{
	struct stage *s = *state;
	append(s, "log/f.1", "not ours\n");
	assert_int_equal(symlinkat("f.1", s->root, "log/f"), 0);
	if (geteuid() == 0)
		assert_int_equal(fchownat(s->root, "log/f", 65534, 65534, AT_SYMLINK_NOFOLLOW), 0);
	follow_it(s);
	assert_int_equal(s->follow.trouble, geteuid() == 0 ? -ELOOP : s->follow.trouble);
	append(s, "log/f.1", "nor this\n");
	later(s, FOLLOW_LOOK_MS, "");
	unlinkat(s->root, "log/f", 0);
	assert_int_equal(mkfifoat(s->root, "log/f", 0666), 0);
	later(s, FOLLOW_LOOK_MS, ""); /* and does not hang */
	assert_int_equal(s->follow.trouble, -EINVAL);
	unlinkat(s->root, "log/f", 0);
	append(s, "log/f", "at last\n");
	later(s, FOLLOW_LOOK_MS, "at last|");
	follow_close(&s->follow);
}

/* ---- peers on a socket --------------------------------------------------------------------- */

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
#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_however_they_were_cut),
		cmocka_unit_test(a_line_that_is_too_long_is_passed_over_and_counted_once),
		cmocka_unit_test(the_rest_of_a_stream_is_a_line_unless_it_is_too_long),
		cmocka_unit_test(an_endless_line_takes_no_memory),
		WITH_STAGE(a_file_is_followed_from_its_end),
		WITH_STAGE(a_file_that_comes_later_is_read_whole),
		WITH_STAGE(rotation_by_renaming_loses_nothing),
		WITH_STAGE(rotation_by_copying_and_emptying_is_seen),
		WITH_STAGE(what_is_removed_may_come_back),
		WITH_STAGE(a_directory_that_is_replaced_is_found_again),
		WITH_STAGE(only_a_regular_file_is_followed),
		WITH_STAGE(a_peer_names_its_source_and_is_told_what_was_taken),
		WITH_STAGE(who_names_no_source_is_refused),
		WITH_STAGE(nobody_waits_for_a_peer_that_is_silent),
		WITH_STAGE(who_has_many_places_leaves_one),
		WITH_STAGE(lines_without_end_are_bounded_for_all_together),
		WITH_STAGE(without_descriptors_nobody_is_let_in_for_a_while),
		WITH_STAGE(only_root_and_who_is_listed_may_send),
		WITH_STAGE(a_socket_is_made_where_nobody_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
