/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who logged in, and who tried: lines of sshd's log and records of utmp(5), counted; honest,
 * cut, hostile, and junk.
 */
#include "log-tail.h"
#include "login-tally.h"
#include "utmp-codec.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1764036900 /* 2025-11-25 02:15:00 UTC */
#define HEAD "Nov 25 02:14:15 host sshd[812]: "
#define KEY "ED25519 SHA256:30syn9rXgEt9+kby1lottKnn0sFL0upyFurjqQ4gw2w"

static int parse(const char *line, struct login *ret)
{
	memset(ret, 0x55, sizeof(*ret));
	return sshd_log_parse(line, strlen(line), NOW, ret);
}

static void assert_login(const char *line, bool accepted, const char *user, const char *address)
{
	struct login l;
	char text[NETADDR_TEXT_LEN] = "";
	assert_int_equal(parse(line, &l), 1);
	if (l.has_address)
		netaddr_format(&l.address, text);
	assert_int_equal(l.accepted, accepted);
	assert_string_equal(l.user, user);
	assert_string_equal(text, address);
}

static void what_sshd_says_is_read(void **state)
{
	struct login l;
	(void)state;
	assert_login(HEAD "Failed password for root from 203.0.113.5 port 50522 ssh2", false, "root", "203.0.113.5");
	assert_login(HEAD "Accepted password for operator from 2001:db8::7 port 22 ssh2", true, "operator", "2001:db8::7");
	assert_login(HEAD "Failed password for invalid user admin from 203.0.113.5 port 22 ssh2", false, "admin",
	             "203.0.113.5");
	assert_login(HEAD "Failed keyboard-interactive/pam for root from ::ffff:203.0.113.5 port 22 ssh2", false, "root",
	             "203.0.113.5");
	assert_login(HEAD "Failed password for root from UNKNOWN port 65535 ssh2", false, "root", "");
	assert_login("Nov 25 02:14:15 host sshd-session[9]: Accepted password for a from 192.0.2.1 port 1 ssh2", true, "a",
	             "192.0.2.1");
	assert_int_equal(parse(HEAD "Accepted publickey for operator from 192.0.2.1 port 1 ssh2: " KEY, &l), 1);
	assert_true(l.key && l.accepted && !l.invalid);
	assert_string_equal(l.fingerprint, strchr(KEY, ' ') + 1);
	assert_int_equal(parse(HEAD "Failed password for invalid user x from 192.0.2.1 port 1 ssh2", &l), 1);
	assert_true(l.invalid && !l.key);
	assert_int_equal(l.times, 1);
}

static void what_is_no_login_is_left(void **state)
{
	static const char *const lines[] = {
		"",
		HEAD,
		HEAD "Failed none for invalid user admin from 203.0.113.5 port 22 ssh2", /* asks what there is */
		HEAD "Invalid user admin from 203.0.113.5 port 22",
		HEAD "Connection closed by authenticating user root 203.0.113.5 port 22 [preauth]",
		HEAD "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.5",
		HEAD "Failed password for root from 203.0.113.5 port 22", /* cut */
		HEAD "Failed password for root from 203.0.113.5",
		HEAD "Failed password for",
		HEAD "Failed ",
		HEAD "Failed password for root from 203.0.113.5 port x ssh2",
		HEAD "Failed password for root from 203.0.113.5 port 22 ssh2x",
		"Nov 25 02:14:15 host cron[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
		"Nov 25 02:14:15 host xsshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
		"Nov 25 02:14:15 host su: sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
		"sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
		"Nov 42 02:14:15 host sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
		"Now 25 02:14:15 host sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
		"2025-13-25T02:14:15+00:00 host sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2",
	};
	struct login l;
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (parse(lines[i], &l) != 0)
			fail_msg("taken for a login: %s", lines[i]);
}

/* Every cut of a line, in memory of exactly its length. */
static void a_line_that_is_cut_anywhere_is_none(void **state)
{
	static const char line[] = HEAD "Accepted publickey for operator from 192.0.2.1 port 1022 ssh2: " KEY;
	struct login l;
	(void)state;
	for (size_t n = 0; n < sizeof(line) - 1; n++) {
		char *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, line, n);
		int r = sshd_log_parse(copy, n, NOW, &l);
		bool whole = n == strlen(line) - strlen(KEY) - 2 || n >= strlen(line) - strlen(KEY);
		assert_int_equal(r, whole);
		free(copy);
	}
}

/* The part of a client's choosing must not name an address of his choosing. */
static void nobody_blames_an_address_of_his_choice(void **state)
{
	struct login l;
	(void)state;
	/* The name of a user that there is not. */
	assert_login(HEAD "Failed password for invalid user root from 192.0.2.1 port 22 ssh2 from 203.0.113.5 port 9 ssh2", false,
	             "root from 192.0.2.1 port 22 ssh2", "203.0.113.5");
	assert_login(HEAD "Failed password for invalid user x from 192.0.2.1 port 2 ssh2: y from 203.0.113.5 port 9 ssh2", false,
	             "x from 192.0.2.1 port 2 ssh2: y", "203.0.113.5");
	/* The text of a certificate, of an account that there is. */
	assert_login(HEAD "Failed publickey for root from 203.0.113.5 port 9 ssh2: ED25519-CERT SHA256:x ID a from 192.0.2.1 port 2 ssh2",
	             false, "root", "203.0.113.5");
	/* Either could be it. */
	assert_int_equal(parse(HEAD "Failed publickey for invalid user x from 192.0.2.1 port 2 ssh2: RSA SHA256:y from "
	                       "203.0.113.5 port 9 ssh2", &l), -EBADMSG);
	/* Names that are none of an account are kept as they are, but for their length. */
	assert_login(HEAD "Failed password for invalid user  from 203.0.113.5 port 9 ssh2", false, "", "203.0.113.5");
	assert_login(HEAD "Failed password for invalid user Failed password for root from 203.0.113.5 port 9 ssh2", false,
	             "Failed password for root", "203.0.113.5");
	char line[1024];
	snprintf(line, sizeof(line), HEAD "Failed password for invalid user %0300d from 203.0.113.5 port 9 ssh2", 7);
	assert_int_equal(parse(line, &l), 1);
	assert_int_equal(strlen(l.user), LOGIN_USER_LEN - 1);
	/* A NUL ends no text that comes from the line. */
	static const char nul[] = HEAD "Failed password for invalid user a\0b from 203.0.113.5 port 9 ssh2";
	assert_int_equal(sshd_log_parse(nul, sizeof(nul) - 1, NOW, &l), 1);
	assert_string_equal(l.user, "ab");
}

static void repetitions_count(void **state)
{
	struct login l;
	(void)state;
	assert_int_equal(parse(HEAD "message repeated 5 times: [ Failed password for root from 203.0.113.5 port 9 ssh2]", &l), 1);
	assert_int_equal(l.times, 5);
	assert_string_equal(l.user, "root");
	assert_int_equal(parse(HEAD "message repeated 5 times: [ Failed password for root from 203.0.113.5 port 9 ssh2", &l), 0);
	assert_int_equal(parse(HEAD "message repeated x times: [ Failed password for root from 203.0.113.5 port 9 ssh2]", &l), 0);
	assert_int_equal(parse(HEAD "message repeated 5 times: [ ", &l), 0);
}

static int64_t time_of(const char *stamp, int64_t now)
{
	char line[256];
	struct login l;
	snprintf(line, sizeof(line), "%s host sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2", stamp);
	return sshd_log_parse(line, strlen(line), now, &l) == 1 ? l.time : -1;
}

static void times_are_those_of_the_line(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(time_of("Nov 25 02:14:15", NOW), NOW - 45);
	assert_int_equal(time_of("Nov  5 02:14:15", NOW), NOW - 45 - 20 * 86400);
	assert_int_equal(time_of("2025-11-25T03:14:15.123456+01:00", NOW), NOW - 45);
	assert_int_equal(time_of("2025-11-25T02:14:15Z", NOW), NOW - 45);
	assert_int_equal(time_of("2025-11-24T21:14:15-05:00", NOW), NOW - 45);
	assert_int_equal(time_of("1764036855.654321", NOW), NOW - 45);
	/* The year that is not written: last December, and the first second of the next year. */
	assert_int_equal(time_of("Dec 31 23:59:59", NOW), 1735689599);
	assert_int_equal(time_of("Jan  1 00:00:01", 1767225599), 1767225601);
	assert_int_equal(time_of("2025-11-25 02:14:15", NOW), -1);
}

/* ---- counting ------------------------------------------------------------------------ */

static void add(struct tally *t, bool accepted, const char *user, const char *address, unsigned times)
{
	struct login l = {.time = NOW, .times = times, .accepted = accepted};
	snprintf(l.user, sizeof(l.user), "%s", user);
	l.has_address = netaddr_parse(address, &l.address) == 0;
	assert_int_equal(tally_add(t, &l), 0);
}

static void a_success_after_many_failures_is_told(void **state)
{
	struct tally t = {.threshold = 5};
	(void)state;
	add(&t, false, "root", "203.0.113.5", 4);
	add(&t, true, "operator", "192.0.2.1", 1);  /* somebody else */
	add(&t, true, "root", "203.0.113.5", 1);    /* one too few */
	add(&t, false, "root", "203.0.113.5", 4);   /* counted anew */
	add(&t, false, "admin", "203.0.113.5", 1);
	add(&t, true, "operator", "203.0.113.5", 1);
	assert_int_equal(t.n_successes, 3);
	assert_false(tally_is_breach(&t, &t.successes[0]));
	assert_false(tally_is_breach(&t, &t.successes[1]));
	assert_true(tally_is_breach(&t, &t.successes[2]));
	assert_int_equal(t.successes[2].failed_before, 5);
	const struct tally_row *row = tally_find(&t.addresses, "203.0.113.5");
	assert_non_null(row);
	assert_int_equal(row->failed, 9);
	assert_int_equal(row->worst, 5);
	assert_true(tally_is_attack(&t, row));
	assert_false(tally_is_attack(&t, tally_find(&t.addresses, "192.0.2.1")));
	assert_null(tally_find(&t.addresses, "192.0.2.2"));
	assert_int_equal(tally_find(&t.users, "root")->failed, 8);
	tally_sort(&t.users);
	assert_string_equal(t.users.v[0].key, "root");
	assert_string_equal(tally_find(&t.users, "admin")->key, "admin");
	tally_free(&t);
}

static void keys_that_do_not_fit_are_no_attack(void **state)
{
	struct tally t = {.threshold = 3};
	struct login l = {.time = NOW, .times = 20, .key = true, .user = "operator", .has_address = true};
	(void)state;
	assert_int_equal(netaddr_parse("192.0.2.1", &l.address), 0);
	assert_int_equal(tally_add(&t, &l), 0);
	assert_false(tally_is_attack(&t, tally_find(&t.addresses, "192.0.2.1")));
	assert_int_equal(tally_find(&t.addresses, "192.0.2.1")->refused, 20);
	tally_free(&t);
}

static void a_flood_fills_the_tables_and_no_more(void **state)
{
	struct tally t = {.threshold = 2};
	char address[32], user[32];
	(void)state;
	add(&t, false, "root", "203.0.113.5", 2);
	for (unsigned i = 0; i < TALLY_ROWS_MAX + 5000; i++) {
		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		snprintf(user, sizeof(user), "user%u", i);
		add(&t, i % 2, user, address, 1);
	}
	add(&t, true, "root", "203.0.113.5", 1);
	assert_true(t.addresses.full && t.users.full && t.forgot);
	assert_int_equal(t.addresses.n, TALLY_ROWS_MAX);
	assert_true(t.n_successes <= TALLY_SUCCESSES_MAX);
	assert_true(tally_is_breach(&t, &t.successes[t.n_successes - 1]));
	tally_free(&t);
	/* Breaches alone. */
	t = (struct tally){.threshold = 1};
	for (unsigned i = 0; i < 3 * TALLY_SUCCESSES_MAX; i++) {
		add(&t, false, "root", "203.0.113.5", 1);
		add(&t, true, "root", "203.0.113.5", 1);
	}
	assert_true(t.forgot && t.n_successes <= TALLY_SUCCESSES_MAX && t.n_successes > 0);
	tally_free(&t);
}

/* ---- utmp ------------------------------------------------------------------------------ */

static struct utmp record(short type, const char *user, const char *host)
{
	struct utmp u = {.ut_type = type, .ut_pid = 42, .ut_line = "pts/0"};
	u.ut_tv.tv_sec = NOW;
	memcpy(u.ut_user, user, strlen(user));
	memcpy(u.ut_host, host, strlen(host));
	return u;
}

static void records_are_read(void **state)
{
	struct utmp_record r;
	char text[NETADDR_TEXT_LEN];
	(void)state;
	struct utmp u = record(USER_PROCESS, "operator", "198.51.100.10");
	assert_int_equal(utmp_decode((const char *)&u, &r), 0);
	assert_string_equal(r.user, "operator");
	assert_string_equal(r.line, "pts/0");
	assert_true(r.time == NOW && r.has_address);
	netaddr_format(&r.address, text);
	assert_string_equal(text, "198.51.100.10");
	/* The address as it was recorded counts more than the name. */
	static const uint8_t v4[4] = {203, 0, 113, 5}, v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
	memcpy(u.ut_addr_v6, v4, sizeof(v4));
	assert_int_equal(utmp_decode((const char *)&u, &r), 0);
	netaddr_format(&r.address, text);
	assert_string_equal(text, "203.0.113.5");
	memcpy(u.ut_addr_v6, v6, sizeof(v6));
	assert_int_equal(utmp_decode((const char *)&u, &r), 0);
	netaddr_format(&r.address, text);
	assert_string_equal(text, "2001:db8::7");
	/* A host that is a name is not looked up. */
	u = record(USER_PROCESS, "operator", "desk.example");
	assert_int_equal(utmp_decode((const char *)&u, &r), 0);
	assert_false(r.has_address);
	/* Fields that are full have no NUL. */
	memset(u.ut_user, 'a', sizeof(u.ut_user));
	memset(u.ut_host, 'b', sizeof(u.ut_host));
	memset(u.ut_line, 'c', sizeof(u.ut_line));
	assert_int_equal(utmp_decode((const char *)&u, &r), 0);
	assert_int_equal(strlen(r.user), sizeof(u.ut_user));
	assert_int_equal(strlen(r.host), sizeof(u.ut_host));
	assert_int_equal(strlen(r.line), sizeof(u.ut_line));
}

static void junk_is_no_record(void **state)
{
	struct utmp_record r;
	(void)state;
	struct utmp u = record(EMPTY, "", "");
	assert_int_equal(utmp_decode((const char *)&u, &r), -ENODATA);
	u = record(77, "root", "");
	assert_int_equal(utmp_decode((const char *)&u, &r), -EBADMSG);
	u = record(USER_PROCESS, "root", "");
	u.ut_tv.tv_usec = 1000000;
	assert_int_equal(utmp_decode((const char *)&u, &r), -EBADMSG);
	u = record(USER_PROCESS, "root", "");
	u.ut_pid = -4;
	assert_int_equal(utmp_decode((const char *)&u, &r), -EBADMSG);
	memset(&u, 0xff, sizeof(u));
	assert_int_equal(utmp_decode((const char *)&u, &r), -EBADMSG);
}

/* ---- the end of a log --------------------------------------------------------------------- */

struct seen {
	struct strv lines;
	int answer;
};

static int see(void *ctx, const char *line, size_t len)
{
	struct seen *s = ctx;
	assert_int_equal(strv_addn(&s->lines, line, len), 0);
	return s->answer;
}

static int file_with(const char *bytes, size_t len)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, bytes, len), 0);
	return fd;
}

static void lines_are_visited_from_where_they_begin(void **state)
{
	static const char text[] = "one\n\ntwo\nthree";
	struct log_reading reading;
	struct seen s = {0};
	(void)state;
	_cleanup_close_ int fd = file_with(text, sizeof(text) - 1);
	assert_int_equal(log_tail(fd, 1000, 1000, see, &s, &reading), 0);
	assert_int_equal(s.lines.n, 4);
	assert_string_equal(s.lines.v[3], "three");
	assert_int_equal(reading.skipped, 0);
	strv_free(&s.lines);
	assert_int_equal(log_tail(fd, 8, 1000, see, &s, &reading), 0); /* "wo\nthree" */
	assert_int_equal(s.lines.n, 1);
	assert_string_equal(s.lines.v[0], "three");
	assert_int_equal(reading.skipped, 6);
	strv_free(&s.lines);
	s.answer = -EIO;
	assert_int_equal(log_tail(fd, 1000, 1000, see, &s, &reading), -EIO);
	assert_int_equal(s.lines.n, 1);
	strv_free(&s.lines);
}

/* Lines that span the pieces in which a file is read, one that is too long among them. */
static void long_lines_are_passed_over(void **state)
{
	_cleanup_buf_ struct buf text = {0};
	struct log_reading reading;
	struct seen s = {0};
	(void)state;
	for (int i = 0; i < 100; i++) {
		char line[LOG_LINE_MAX + 2];
		memset(line, 'a' + i % 26, sizeof(line));
		size_t n = i % 10 == 9 ? LOG_LINE_MAX + 1 : LOG_LINE_MAX - (size_t)i;
		line[n] = '\n';
		buf_add(&text, line, n + 1);
	}
	_cleanup_close_ int fd = file_with(text.data, text.len);
	assert_int_equal(log_tail(fd, 1 << 30, 10000, see, &s, &reading), 0);
	assert_int_equal(reading.long_lines, 10);
	assert_int_equal(reading.lines, 90);
	assert_int_equal(s.lines.n, 90);
	for (size_t i = 0; i < s.lines.n; i++)
		assert_int_equal(strspn(s.lines.v[i], (char[]){s.lines.v[i][0], 0}), strlen(s.lines.v[i]));
	strv_free(&s.lines);
}

static int parse_line(void *ctx, const char *line, size_t len)
{
	struct login l;
	*(unsigned *)ctx += sshd_log_parse(line, len, NOW, &l) == 1;
	return 0;
}

/* A gigabyte of holes, and junk at its end. */
static void a_huge_log_takes_little_memory_and_time(void **state)
{
	struct log_reading reading;
	struct rusage before, after;
	unsigned found = 0;
	uint32_t x = 1;
	(void)state;
	int fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)1 << 30), 0);
	assert_true(lseek(fd, 0, SEEK_END) > 0);
	char junk[65536];
	for (int k = 0; k < 16; k++) {
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
		assert_int_equal(fd_write(fd, junk, sizeof(junk)), 0);
	}
	static const char last[] = "\n" HEAD "Failed password for root from 203.0.113.5 port 22 ssh2\n";
	assert_int_equal(fd_write(fd, last, sizeof(last) - 1), 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(log_tail(fd, 64 << 20, 10000, parse_line, &found, &reading), 0);
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(found, 1);
	assert_true(reading.skipped > (off_t)900 << 20 && reading.long_lines && !reading.timed_out);
	assert_true(after.ru_maxrss - before.ru_maxrss < 4096);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sshd_says_is_read),
		cmocka_unit_test(what_is_no_login_is_left),
		cmocka_unit_test(a_line_that_is_cut_anywhere_is_none),
		cmocka_unit_test(nobody_blames_an_address_of_his_choice),
		cmocka_unit_test(repetitions_count),
		cmocka_unit_test(times_are_those_of_the_line),
		cmocka_unit_test(a_success_after_many_failures_is_told),
		cmocka_unit_test(keys_that_do_not_fit_are_no_attack),
		cmocka_unit_test(a_flood_fills_the_tables_and_no_more),
		cmocka_unit_test(records_are_read),
		cmocka_unit_test(junk_is_no_record),
		cmocka_unit_test(lines_are_visited_from_where_they_begin),
		cmocka_unit_test(long_lines_are_passed_over),
		cmocka_unit_test(a_huge_log_takes_little_memory_and_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
