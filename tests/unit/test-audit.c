/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is written, seen at the border to libaudit and syslog (the linker's --wrap);
 * tests/integration/audit.sh reads records back from a real auditd.
 */
#include "core/audit.h"

#include <errno.h>
#include <libaudit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	int open, enabled, answer, error; /* what the kernel answers */
	unsigned delay_ms;
	unsigned sent, logged;
	int type, result;
	char message[8192], address[64], line[8192];
	bool named; /* a host name or a terminal was given */
} kernel;

int __wrap_audit_open(void);
int __wrap_audit_is_enabled(int fd);
void __wrap_audit_close(int fd);
int __wrap_audit_log_user_message(int fd, int type, const char *message, const char *hostname, const char *addr,
                                  const char *tty, int result);
void __wrap_syslog(int priority, const char *format, ...);
void __wrap___syslog_chk(int priority, int flag, const char *format, ...);
void __wrap_openlog(const char *ident, int option, int facility);

int __wrap_audit_open(void)
{
	return kernel.open;
}

int __wrap_audit_is_enabled(int fd)
{
	assert_int_equal(fd, kernel.open);
	return kernel.enabled;
}

void __wrap_audit_close(int fd)
{
	assert_int_equal(fd, kernel.open);
}

int __wrap_audit_log_user_message(int fd, int type, const char *message, const char *hostname, const char *addr,
                                  const char *tty, int result)
{
	assert_int_equal(fd, kernel.open);
	usleep(kernel.delay_ms * 1000);
	kernel.sent++;
	kernel.type = type;
	kernel.result = result;
	kernel.named = hostname || tty;
	snprintf(kernel.message, sizeof(kernel.message), "%s", message);
	snprintf(kernel.address, sizeof(kernel.address), "%s", addr ? addr : "");
	errno = kernel.error;
	return kernel.answer;
}

static void take_line(const char *format, va_list ap)
{
	kernel.logged++;
	vsnprintf(kernel.line, sizeof(kernel.line), format, ap);
}

void __wrap_syslog(int priority, const char *format, ...)
{
	(void)priority;
	va_list ap;
	va_start(ap, format);
	take_line(format, ap);
	va_end(ap);
}

void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
	(void)priority, (void)flag;
	va_list ap;
	va_start(ap, format);
	take_line(format, ap);
	va_end(ap);
}

void __wrap_openlog(const char *ident, int option, int facility)
{
	(void)ident, (void)option;
	assert_int_equal(facility, LOG_AUTHPRIV);
}

static int reset(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.open = 7;
	kernel.enabled = 1;
	kernel.answer = 1;
	return 0;
}

static struct trail *open_trail(bool required)
{
	struct trail *trail = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(trail_open(required, &trail, &why), 0);
	assert_int_equal(why.len != 0, !trail_active(trail));
	return trail;
}

static int touch(const struct change *change, subject_fn visit, void *ctx)
{
	json_int_t type = json_integer_value(json_object_get(change->data, "type"));
	json_int_t n = json_integer_value(json_object_get(change->data, "n"));
	struct subject s = {.type = (enum subject_type)type, .pid = 412, .path = change->target};
	s.address = (struct netaddr){.family = AF_INET, .prefix = 32, .bytes = {203, 0, 113, 67}};
	for (json_int_t i = 0; i < n; i++) {
		int r = visit(ctx, &s);
		if (r)
			return r;
	}
	return 0;
}

static const struct change_kind kind = {
	.name = "test.kind",
	.audit_type = AUDIT_RESP_KILL_PROC,
	.audit_undo_type = AUDIT_RESP_ACCT_UNLOCK_TIMED,
	.subjects = touch,
};

static struct change *make_change(const char *target, enum subject_type type, int n)
{
	struct change *c;
	json_t *data = json_pack("{s:i, s:i}", "type", (int)type, "n", n);
	assert_int_equal(change_new(&kind, "miner", target, data, &c), 0);
	return c;
}

static void says_once_that_nobody_listens(void **state)
{
	(void)state;
	static const struct {
		int open, enabled;
	} cases[] = {{-1, 0}, {7, 0}, {7, -1}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_buf_ struct buf why = {0};
		struct trail *trail = NULL;
		kernel.open = cases[i].open;
		kernel.enabled = cases[i].enabled;
		assert_int_equal(trail_open(false, &trail, &why), 0);
		assert_non_null(trail);
		assert_false(trail_active(trail));
		assert_non_null(strstr(buf_text(&why), "syslog only"));
		assert_int_equal(trail_begin(trail, "r1", "miner.pb", "00ff"), 0);
		assert_int_equal(kernel.logged, i + 1);
		trail_close(&trail);
		/* and refuses to act where records are asked for */
		buf_reset(&why);
		assert_int_equal(trail_open(true, &trail, &why), -ENOTSUP);
		assert_null(trail);
		assert_true(why.len > 0);
	}
}

static void nothing_is_recorded_without_a_trail(void **state)
{
	(void)state;
	_cleanup_(change_free) struct change *c = make_change("/tmp/x", SUBJECT_REMOVE_PATH, 1);
	assert_int_equal(trail_begin(NULL, "r1", "miner.pb", "00ff"), 0);
	assert_int_equal(trail_change(NULL, "r1", c, true), 0);
	assert_int_equal(trail_undo(NULL, "r1", c, true), 0);
	assert_int_equal(trail_refusal(NULL, "r1", NULL, "net.own"), 0);
	assert_int_equal(trail_purge(NULL, "00ff", true), 0);
	assert_int_equal(trail_end(NULL, "r1", "done", "00ff", true), 0);
	assert_int_equal(kernel.sent + kernel.logged, 0);
	assert_false(trail_active(NULL));
}

static void every_deed_has_its_record(void **state)
{
	(void)state;
	struct trail *trail = open_trail(true);
	_cleanup_(change_free) struct change *c = make_change("/usr/local/bin/xmrig", SUBJECT_REMOVE_PATH, 1);
	assert_int_equal(trail_change(trail, "20260301-1", c, true), 0);
	assert_string_equal(kernel.message, "op=apply run=\"20260301-1\" kind=test.kind step=\"miner\" "
	                    "path=\"/usr/local/bin/xmrig\"");
	assert_int_equal(kernel.type, AUDIT_RESP_KILL_PROC);
	assert_int_equal(kernel.result, 1);
	assert_string_equal(kernel.line, "op=apply run=\"20260301-1\" kind=test.kind step=\"miner\" "
	                    "path=\"/usr/local/bin/xmrig\" res=success");
	assert_int_equal(trail_undo(trail, "r1", c, false), 0);
	assert_int_equal(kernel.type, AUDIT_RESP_ACCT_UNLOCK_TIMED);
	assert_int_equal(kernel.result, 0);
	assert_non_null(strstr(kernel.message, "op=undo "));
	assert_non_null(strstr(kernel.line, " res=failed"));
	assert_int_equal(trail_refusal(trail, "r1", c, "file.packaged"), 0);
	assert_int_equal(kernel.type, AUDIT_RESP_ANOMALY);
	assert_int_equal(kernel.result, 0);
	assert_non_null(strstr(kernel.message, "op=refuse run=\"r1\" rule=file.packaged kind=test.kind"));
	assert_int_equal(trail_refusal(trail, "r1", NULL, "limit.files"), 0);
	assert_string_equal(kernel.message, "op=refuse run=\"r1\" rule=limit.files");
	assert_int_equal(trail_purge(trail, "00ff", true), 0);
	assert_int_equal(kernel.type, AUDIT_RESP_EXEC);
	assert_string_equal(kernel.message, "op=purge sha256=00ff");
	assert_int_equal(trail_end(trail, "r1", "residual", "beef", false), 0);
	assert_int_equal(kernel.type, AUDIT_RESP_EXEC);
	assert_string_equal(kernel.message, "op=end run=\"r1\" outcome=residual head=\"beef\"");
	assert_int_equal(kernel.sent, 6);
	assert_int_equal(kernel.logged, 6);
	trail_close(&trail);
	assert_null(trail);
}

static void the_target_has_a_name_that_tools_decode(void **state)
{
	(void)state;
	static const struct {
		enum subject_type type;
		int n;
		const char *field, *address;
	} cases[] = {
		{SUBJECT_PROCESS, 1, " comm=\"t\"", ""},         {SUBJECT_EDIT_PATH, 1, " path=\"t\"", ""},
		{SUBJECT_ADDRESS, 1, " name=\"t\"", "203.0.113.67"}, {SUBJECT_ADDRESS, 1000000, " name=\"t\"", ""},
		{SUBJECT_PROCESS, 0, " data=\"t\"", ""},
	};
	struct trail *trail = open_trail(false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(change_free) struct change *c = make_change("t", cases[i].type, cases[i].n);
		trail_change(trail, "r1", c, true);
		assert_non_null(strstr(kernel.message, cases[i].field));
		assert_string_equal(kernel.address, cases[i].address);
		assert_false(kernel.named);
	}
	trail_close(&trail);
}

static void no_byte_of_a_target_gets_out_of_its_field(void **state)
{
	(void)state;
	static const char *const targets[] = {
		"/tmp/a\nop=apply res=success", "/tmp/a res=success", "/tmp/\"quoted\" res=success", "/tmp/\033[2J\r",
		"/tmp/\xff\xfe", "/tmp/a\" rule=none res=success", "",
	};
	struct trail *trail = open_trail(false);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		_cleanup_(change_free) struct change *c = make_change(targets[i], SUBJECT_REMOVE_PATH, 1);
		assert_int_equal(trail_change(trail, "r1", c, false), 0);
		const char *path = strstr(kernel.message, " path=");
		assert_non_null(path);
		path += strlen(" path=");
		/* One value, in hexadecimal, and nothing after it. */
		for (const char *p = path; *p; p++)
			assert_non_null(strchr("0123456789ABCDEF\"", *p));
		for (const char *p = kernel.line; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		const char *quote = strstr(kernel.line, " path=\"");
		assert_non_null(quote);
		quote = strchr(quote + strlen(" path=\""), '"');
		assert_string_equal(quote, "\" res=failed");
	}
	trail_close(&trail);
}

static void a_long_target_is_cut(void **state)
{
	(void)state;
	struct trail *trail = open_trail(true);
	static const char fill[] = {'\n', 'a', '"', '\xff'};
	for (size_t i = 0; i < sizeof(fill); i++) {
		_cleanup_free_ char *target = malloc(100001);
		memset(target, fill[i], 100000);
		target[100000] = '\0';
		_cleanup_(change_free) struct change *c = make_change(target, SUBJECT_REMOVE_PATH, 1);
		assert_int_equal(trail_change(trail, "r1", c, true), 0);
		assert_true(strlen(kernel.message) <= 4096);
		assert_non_null(strstr(kernel.message, " cut=yes"));
		assert_true(strlen(kernel.line) < 8000);
	}
	trail_close(&trail);
}

static void required_means_required(void **state)
{
	(void)state;
	_cleanup_(change_free) struct change *c = make_change("/tmp/x", SUBJECT_REMOVE_PATH, 1);
	struct trail *trail = open_trail(true);
	assert_int_equal(trail_change(trail, "r1", c, true), 0);
	kernel.answer = 0; /* libaudit hides what went wrong */
	assert_int_equal(trail_change(trail, "r1", c, true), -EIO);
	kernel.answer = -1;
	kernel.error = EPERM;
	assert_int_equal(trail_change(trail, "r1", c, true), -EPERM);
	/* turned off in the middle of the run: a send would still be answered with success */
	kernel.answer = 1;
	kernel.error = 0;
	kernel.enabled = 0;
	unsigned sent = kernel.sent;
	assert_int_equal(trail_change(trail, "r1", c, true), -ENOTSUP);
	assert_int_equal(kernel.sent, sent);
	assert_int_equal(kernel.logged, 4); /* syslog has it all the same */
	trail_close(&trail);
}

static void otherwise_the_response_goes_on(void **state)
{
	(void)state;
	_cleanup_(change_free) struct change *c = make_change("/tmp/x", SUBJECT_REMOVE_PATH, 1);
	struct trail *trail = open_trail(false);
	kernel.answer = -1;
	kernel.error = EPERM;
	assert_int_equal(trail_change(trail, "r1", c, true), 0);
	trail_close(&trail);
}

static void a_stuck_daemon_does_not_stop_the_response(void **state)
{
	(void)state;
	_cleanup_(change_free) struct change *c = make_change("/tmp/x", SUBJECT_REMOVE_PATH, 1);
	struct trail *trail = open_trail(false);
	kernel.delay_ms = 2100;
	assert_int_equal(trail_change(trail, "r1", c, true), 0);
	assert_false(trail_active(trail));
	assert_int_equal(trail_change(trail, "r1", c, true), 0);
	assert_int_equal(kernel.sent, 1);
	assert_int_equal(kernel.logged, 3); /* both, and that there will be no more */
	trail_close(&trail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(says_once_that_nobody_listens, reset),
		cmocka_unit_test_setup(nothing_is_recorded_without_a_trail, reset),
		cmocka_unit_test_setup(every_deed_has_its_record, reset),
		cmocka_unit_test_setup(the_target_has_a_name_that_tools_decode, reset),
		cmocka_unit_test_setup(no_byte_of_a_target_gets_out_of_its_field, reset),
		cmocka_unit_test_setup(a_long_target_is_cut, reset),
		cmocka_unit_test_setup(required_means_required, reset),
		cmocka_unit_test_setup(otherwise_the_response_goes_on, reset),
		cmocka_unit_test_setup(a_stuck_daemon_does_not_stop_the_response, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
