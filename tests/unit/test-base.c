/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/netaddr.h"
#include "base/password.h"
#include "base/spawn.h"
#include "base/strset.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void escape_is_reversible(void **state)
{
	(void)state;
	char all[3 * 256];
	for (int i = 0; i < 256; i++) {
		all[i] = (char)i;
		all[256 + i] = (char)(255 - i);
		all[512 + i] = (char)(i * 7);
	}
	_cleanup_buf_ struct buf text = {0}, back = {0};
	assert_int_equal(escape_text(&text, all, sizeof(all)), 0);
	assert_true(utf8_valid(text.data, text.len));
	for (size_t i = 0; i < text.len; i++)
		assert_true((unsigned char)text.data[i] >= 0x20);
	assert_int_equal(unescape_text(&back, text.data, text.len), 0);
	assert_int_equal(back.len, sizeof(all));
	assert_memory_equal(back.data, all, sizeof(all));
}

static void escape_shows_what_hides(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf b = {0};
	escape_str(&b, "a\033[2Jb\nc\\d\xe2\x80\xae" "e\xc2\x9b" "é");
	assert_string_equal(buf_text(&b), "a\\x1b[2Jb\\nc\\\\d\\xe2\\x80\\xaee\\xc2\\x9bé");
}

static void unescape_refuses_what_escape_never_writes(void **state)
{
	(void)state;
	const char *bad[] = {"\\", "\\q", "\\x", "\\x1", "\\xzz", "\\X41"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_buf_ struct buf b = {0};
		assert_int_equal(unescape_text(&b, bad[i], strlen(bad[i])), -EINVAL);
	}
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} good[] = {
		{"203.0.113.67", "203.0.113.67"},    {"203.0.113.0/24", "203.0.113.0/24"},
		{"::ffff:192.0.2.1", "192.0.2.1"},   {"::ffff:c000:201", "192.0.2.1"},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8"}, {"2001:DB8::1", "2001:db8::1"},
		{"0.0.0.0/0", "0.0.0.0/0"},          {"10.0.0.1/32", "10.0.0.1"},
	};
	static const char *const bad[] = {"", "010.1.2.3", "1.2.3", "0x0a.1.1.1", "localhost", "1.2.3.4; flush ruleset",
	                                  "1.2.3.4/33", "1.2.3.4/ 8", "1.2.3.4/08", "1.2.3.4/-1", " 1.2.3.4", "fe80::1%eth0"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct netaddr a;
		char text[NETADDR_TEXT_LEN];
		assert_int_equal(netaddr_parse(good[i].in, &a), 0);
		netaddr_format(&a, text);
		assert_string_equal(text, good[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct netaddr a;
		assert_int_equal(netaddr_parse(bad[i], &a), -EINVAL);
	}
	struct netaddr a;
	assert_int_equal(netaddr_parse("10.0.0.1/8", &a), -EDOM);
}

static void containment(void **state)
{
	(void)state;
	struct netaddr net, in, out, v6;
	netaddr_parse("10.128.0.0/9", &net);
	netaddr_parse("10.200.1.0/24", &in);
	netaddr_parse("10.127.255.255", &out);
	netaddr_parse("::/0", &v6);
	assert_true(netaddr_contains(&net, &in));
	assert_false(netaddr_contains(&in, &net));
	assert_true(netaddr_overlaps(&in, &net));
	assert_false(netaddr_overlaps(&net, &out));
	assert_false(netaddr_overlaps(&net, &v6));
}

static void set_of_strings_keeps_order_and_takes_each_once(void **state)
{
	(void)state;
	_cleanup_(strset_free) struct strset set = {0};
	char text[16];
	assert_false(strset_has(&set, ""));
	assert_int_equal(strset_add(&set, ""), 1);
	for (int twice = 0; twice < 2; twice++)
		for (int i = 1; i < 10000; i++) {
			snprintf(text, sizeof(text), "%d", i * 7919);
			assert_int_equal(strset_has(&set, text), twice);
			assert_int_equal(strset_add(&set, text), !twice);
		}
	assert_int_equal(strset_add(&set, ""), 0);
	assert_int_equal(set.list.n, 10000);
	assert_string_equal(set.list.v[0], "");
	assert_string_equal(set.list.v[9999], text);
	assert_false(strset_has(&set, "7"));
	strset_free(&set);
	assert_false(strset_has(&set, text));
}

static void hash_known_answer(void **state)
{
	(void)state;
	struct sha256 h;
	sha256_bytes("abc", 3, &h);
	assert_string_equal(h.hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

struct tree {
	char dir[64];
	int root;
};

static int tree_make(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	strcpy(t->dir, "/tmp/test-base-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	t->root = open(t->dir, O_PATH | O_DIRECTORY);
	*state = t;
	return 0;
}

static int tree_drop(void **state)
{
	struct tree *t = *state;
	close(t->root);
	const char *argv[] = {"/bin/rm", "-rf", t->dir, NULL};
	int r = spawn_read(argv, 60000, NULL, NULL, NULL);
	free(t);
	return r;
}

static void passwords_are_random_and_hashed_as_login_does(void **state)
{
	static const char *const none[] = {"", "*", "!", "x", "$no$such"};
	static const char known[] = "$6$saltsalt$mjncFa5nDOomK5q9ItAipiGjTREsAEWT0cjE7P2/"
	                            "cWoonypca0rrzWUZtCz52Ze.Xktl4iqLOLiXNTIE9.2ng/";
	_cleanup_wipe_ struct buf a = {0}, b = {0};
	_cleanup_buf_ struct buf hash = {0}, again = {0};
	(void)state;
	assert_int_equal(password_make(&a), 0);
	assert_int_equal(password_make(&b), 0);
	assert_int_equal(a.len, 26); /* of 32 characters: 130 bits */
	assert_int_equal(strspn(a.data, "abcdefghijkmnpqrstuvwxyz23456789"), 26);
	assert_false(buf_equal(&a, &b));
	assert_int_equal(password_hash(a.data, &hash), 0);
	assert_int_equal(password_hash(a.data, &again), 0);
	assert_false(buf_equal(&hash, &again)); /* the salt */
	assert_int_equal(hash.data[0], '$');
	assert_null(strpbrk(hash.data, ":\n"));
	assert_int_equal(password_matches(a.data, hash.data), 1);
	assert_int_equal(password_matches(b.data, hash.data), 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_int_equal(password_matches(a.data, none[i]), 0);
	/* From "openssl passwd -6 -salt saltsalt known". */
	assert_int_equal(password_matches("known", known), 1);
}

static void paths_do_not_follow_links(void **state)
{
	struct tree *t = *state;
	assert_int_equal(mkdirat(t->root, "real", 0755), 0);
	close(openat(t->root, "real/file", O_CREAT | O_WRONLY, 0644));
	assert_int_equal(symlinkat("real", t->root, "link"), 0);
	assert_int_equal(symlinkat("/real/file", t->root, "filelink"), 0);
	int fd;
	assert_int_equal(path_open(t->root, "/real/file", O_RDONLY, &fd), 0);
	close(fd);
	assert_int_equal(path_open(t->root, "/link/file", O_RDONLY, &fd), -ELOOP);
	assert_int_equal(path_open(t->root, "/filelink", O_RDONLY, &fd), -ELOOP);
	assert_int_equal(path_open(t->root, "/../etc/passwd", O_RDONLY, &fd), -EXDEV);
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(path_resolve(t->root, "/link/file", &b), geteuid() == 0 ? 0 : -ELOOP);
	if (geteuid() == 0)
		assert_string_equal(buf_text(&b), "/real/file");
}

static void long_paths_are_walked(void **state)
{
	struct tree *t = *state;
	_cleanup_buf_ struct buf path = {0};
	char name[201];
	memset(name, 'n', 200);
	name[200] = '\0';
	int dir = dup(t->root);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(mkdirat(dir, name, 0755), 0);
		int next = openat(dir, name, O_PATH | O_DIRECTORY);
		close(dir);
		dir = next;
		buf_printf(&path, "/%s", name);
	}
	close(openat(dir, "leaf", O_CREAT | O_WRONLY, 0644));
	close(dir);
	buf_puts(&path, "/leaf");
	int fd;
	assert_int_equal(path_open(t->root, path.data, O_RDONLY, &fd), 0);
	close(fd);
	const char *last;
	assert_int_equal(path_open_parent(t->root, path.data, &fd, &last), 0);
	assert_string_equal(last, "leaf");
	close(fd);
}

static void trust_names_the_culprit(void **state)
{
	struct tree *t = *state;
	assert_int_equal(mkdirat(t->root, "open", 0755), 0);
	close(openat(t->root, "open/file", O_CREAT | O_WRONLY, 0644));
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(path_trusted(t->root, "/open/file", &why), 0);
	assert_int_equal(fchmodat(t->root, "open", 0775, 0), 0);
	assert_int_equal(path_trusted(t->root, "/open/file", &why), -EPERM);
	assert_string_equal(buf_text(&why), "/open can be written by its group (mode 0775)");
}

static void fifo_does_not_block(void **state)
{
	struct tree *t = *state;
	assert_int_equal(mkfifoat(t->root, "fifo", 0644), 0);
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(path_read(t->root, "/fifo", 100, &b, NULL), -EINVAL);
}

/* What is left running holds up neither the answer nor, by its open files, its reader. */
static void spawn_waits_for_the_program_alone(void **state)
{
	struct tree *t = *state;
	_cleanup_buf_ struct buf script = {0}, left = {0};
	assert_int_equal(buf_printf(&script, "sleep 300 & echo $! >%s/left; exit 7", t->dir), 0);
	const char *const leaves_one[] = {"/bin/sh", "-c", buf_text(&script), NULL};
	const char *const slow[] = {"/bin/sleep", "300", NULL};
	const char *const none[] = {"/no/such/program", NULL};
	int status = -1;
	assert_int_equal(spawn_wait(leaves_one, 60000, &status), 0);
	assert_int_equal(status, 7);
	assert_int_equal(path_read(t->root, "/left", 100, &left, NULL), 0);
	pid_t pid = (pid_t)strtol(buf_text(&left), NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), 0); /* it goes on */
	kill(pid, SIGKILL);
	assert_int_equal(spawn_wait(slow, 100, &status), -ETIMEDOUT);
	assert_int_equal(spawn_wait(none, 10000, &status), -ENOENT);
}

static bool locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	assert_return_code(fcntl(fd, F_GETLK, &lock), errno);
	return lock.l_type != F_UNLCK;
}

static bool await_unlocked(int fd, int64_t timeout_ms)
{
	for (int64_t until = monotonic_ms() + timeout_ms; locked(fd) && monotonic_ms() < until;)
		sleep_ms(10);
	return !locked(fd);
}

/* For a shell: waits for the file DIR/go, and a minute for sure. */
static int wait_for_go(const struct tree *t, struct buf *ret)
{
	return buf_printf(ret, "n=0; while [ ! -e %s/go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done", t->dir);
}

static void go(const struct tree *t)
{
	close(openat(t->root, "go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* The lock is the program's: what it leaves running does not hold it. */
static void spawn_goes_through(void **state)
{
	struct tree *t = *state;
	int fd = openat(t->root, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600), status = -1;
	assert_return_code(fd, errno);
	_cleanup_buf_ struct buf script = {0};
	assert_int_equal(wait_for_go(t, &script), 0);
	const char *const leaves_one[] = {"/bin/sh", "-c", "sleep 2 & exit 7", NULL};
	const char *const slow[] = {"/bin/sh", "-c", buf_text(&script), NULL};
	const char *const none[] = {"/no/such/program", NULL};
	assert_int_equal(spawn_through(none, fd, 10000, &status), -ENOENT);
	assert_int_equal(spawn_through(leaves_one, fd, 60000, &status), 0);
	assert_int_equal(status, 7);
	assert_false(locked(fd));
	assert_int_equal(spawn_through(slow, fd, 100, &status), -ETIMEDOUT);
	assert_true(locked(fd)); /* it goes on */
	assert_int_equal(spawn_through(slow, fd, 100, &status), -EAGAIN);
	go(t);
	assert_true(await_unlocked(fd, 60000));
	close(fd);
}

static void spawn_outlives_its_parent(void **state)
{
	struct tree *t = *state;
	int fd = openat(t->root, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	int file = openat(t->root, "done", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_return_code(fd < file ? fd : file, errno);
	_cleanup_buf_ struct buf script = {0};
	assert_int_equal(buf_printf(&script, "echo >%s/begun; ", t->dir), 0);
	assert_int_equal(wait_for_go(t, &script), 0);
	assert_int_equal(buf_printf(&script, "; echo >/proc/%d/fd/%d", (int)getpid(), file), 0);
	const char *const argv[] = {"/bin/sh", "-c", buf_text(&script), NULL};
	struct stat st;
	pid_t parent = fork();
	if (parent == 0)
		_exit(spawn_through(argv, fd, 60000, NULL) < 0);
	/* Once the shell runs it has detached itself. */
	for (int64_t until = monotonic_ms() + 60000; faccessat(t->root, "begun", F_OK, 0) && monotonic_ms() < until;)
		sleep_ms(1);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_true(locked(fd));
	go(t);
	assert_true(await_unlocked(fd, 60000));
	assert_return_code(fstat(file, &st), errno);
	assert_int_equal(st.st_size, 1);
	close(file);
	close(fd);
}

static void spawn_gives_output_and_status(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf out = {0}, err = {0};
	int status = -1;
	const char *argv[] = {"/bin/sh", "-c", "echo $PATH; echo oops >&2; exit 7", NULL};
	assert_int_equal(spawn_read(argv, 60000, &out, &err, &status), 0);
	assert_int_equal(status, 7);
	assert_string_equal(buf_text(&out), "/usr/sbin:/usr/bin:/sbin:/bin\n");
	assert_string_equal(buf_text(&err), "oops\n");
	const char *none[] = {"/no/such/program", NULL};
	assert_int_equal(spawn_read(none, 10000, NULL, NULL, &status), -ENOENT);
	const char *slow[] = {"/bin/sleep", "300", NULL};
	assert_int_equal(spawn_read(slow, 100, NULL, NULL, &status), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_is_reversible),
		cmocka_unit_test(escape_shows_what_hides),
		cmocka_unit_test(unescape_refuses_what_escape_never_writes),
		cmocka_unit_test(addresses),
		cmocka_unit_test(containment),
		cmocka_unit_test(set_of_strings_keeps_order_and_takes_each_once),
		cmocka_unit_test(hash_known_answer),
		cmocka_unit_test(passwords_are_random_and_hashed_as_login_does),
		cmocka_unit_test_setup_teardown(paths_do_not_follow_links, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(long_paths_are_walked, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(trust_names_the_culprit, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(fifo_does_not_block, tree_make, tree_drop),
		cmocka_unit_test(spawn_gives_output_and_status),
		cmocka_unit_test_setup_teardown(spawn_waits_for_the_program_alone, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(spawn_goes_through, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(spawn_outlives_its_parent, tree_make, tree_drop),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
