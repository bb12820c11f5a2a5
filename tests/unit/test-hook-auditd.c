/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records of the audit daemon, as it gives them to a plugin.
 */
#include "hook-stage.h"

#include "sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define STAMP " msg=audit(1696894457.995:42): "
#define KERNEL "pid=777 uid=0 auid=4294967295 ses=4294967295 subj=unconfined "
#define LOGIN(message) "type=USER_LOGIN" STAMP KERNEL "msg='" message "'"
#define FAILED                                                                                                         \
	"op=login acct=\"bob\" exe=\"/usr/sbin/sshd\" hostname=203.0.113.9 addr=203.0.113.9 terminal=ssh res=failed"

static const struct source *auditd(void)
{
	return source_find("auditd");
}

static void a_record_of_a_program_is_read_whole(void **state)
{
	(void)state;
	_cleanup_free_ char *text = hook_events(auditd(), hook_text(LOGIN(FAILED) "\n"));
	assert_string_equal(text, "acct text bob\naction text alert\naddr text 203.0.113.9\nauid number 4294967295\n"
	                          "exe text /usr/sbin/sshd\nhostname text 203.0.113.9\nop text login\npid number 777\n"
	                          "res text failed\nserial number 42\nses number 4294967295\nsrcip text 203.0.113.9\n"
	                          "subj text unconfined\nterminal text ssh\ntime text 1696894457.995\n"
	                          "type text USER_LOGIN\nuid number 0\nuser text bob\n");
	HOOK_HAS(auditd(), hook_text("node=web01 " LOGIN(FAILED) "\035UID=\"root\" AUID=\"unset\" addr=198.51.100.1"),
	         "node text web01", "srcip text 203.0.113.9");
	hook_lacks(auditd(), hook_text(LOGIN(FAILED) "\035UID=\"root\" AUID=\"unset\""), "UID");
	HOOK_HAS(auditd(),
	         hook_text("type=ANOM_LOGIN_FAILURES" STAMP "pid=1 uid=0 acct=\"root\" exe=\"/usr/sbin/sshd\" "
	                   "hostname=? addr=203.0.113.9 terminal=ssh res=success"),
	         "type text ANOM_LOGIN_FAILURES", "srcip text 203.0.113.9", "user text root", "hostname text ?");
}

static void records_of_the_kernel_are_read_whole(void **state)
{
	(void)state;
	HOOK_HAS(auditd(),
	         hook_text("type=SYSCALL" STAMP "arch=c000003e syscall=59 success=yes exit=-13 a0=55d0c0a8 a1=0 items=2 "
	                   "ppid=1 pid=412 auid=1000 uid=33 comm=\"xmrig\" exe=2F746D702F6120622F78 key=\"miner\""),
	         "arch text c000003e", "syscall number 59", "exit number -13", "a0 text 55d0c0a8", "pid number 412",
	         "exe text /tmp/a b/x", "comm text xmrig", "key text miner");
	HOOK_HAS(auditd(),
	         hook_text("type=EXECVE" STAMP "argc=3 a0=\"sh\" a1=2D63 a2=726D202D7266202F a3_len=12 a3[0]=\"x\""),
	         "argc number 3", "a0 text sh", "a1 text -c", "a2 text rm -rf /", "a3_len text 12", "a3[0] text x");
	HOOK_HAS(auditd(), hook_text("type=PROCTITLE" STAMP "proctitle=2F62696E2F7368002D6300696400"),
	         "proctitle text /bin/sh -c id");
	HOOK_HAS(auditd(),
	         hook_text("type=AVC" STAMP "avc:  denied  { read } for  pid=412 comm=\"x\" path=(null) dev=\"sda1\" "
	                   "ino=7 scontext=a:b:c permissive=0"),
	         "pid number 412", "path empty ", "scontext text a:b:c", "permissive text 0");
	_cleanup_free_ char *end = hook_events(auditd(), hook_text("type=EOE" STAMP));
	assert_string_equal(end, "");
	HOOK_HAS(auditd(), hook_text("type=CONFIG_CHANGE" STAMP), "type text CONFIG_CHANGE", "serial number 42");
}

/* Bytes that are no text stay encoded; an unknown address is none. */
static void names_are_decoded_where_they_are_text(void **state)
{
	(void)state;
	HOOK_HAS(auditd(), hook_text(LOGIN("acct=2824287265626F6F74292922 addr=?")), "acct text ($(reboot))\"",
	         "user text ($(reboot))\"");
	hook_lacks(auditd(), hook_text(LOGIN("acct=\"bob\" addr=?")), "srcip");
	hook_lacks(auditd(), hook_text(LOGIN("acct=\"?\" addr=192.0.2.1")), "user");
	hook_lacks(auditd(), hook_text(LOGIN("acct=(null) addr=192.0.2.1")), "user");
	HOOK_HAS(auditd(), hook_text(LOGIN("acct=FFFE addr=192.0.2.1")), "acct text FFFE", "srcip text 192.0.2.1");
	HOOK_HAS(auditd(), hook_text(LOGIN("acct=610062 id=12x")), "acct text 610062", "id text 12x");
	HOOK_HAS(auditd(), hook_text(LOGIN("acct=ABC key=6100")), "acct text ABC", "key text 6100");
	HOOK_HAS(auditd(), hook_text(LOGIN("acct=\"DEAD\" hostname=DEAD")), "acct text DEAD", "hostname text DEAD");
	HOOK_HAS(auditd(), hook_text(LOGIN("id=99999999999999999999 sig=+9 acct= uid=5")),
	         "id text 99999999999999999999",
	         "sig text +9", "acct empty ", "msg.uid number 5", "uid number 0");
}

/* Some programs write a remote name as it is. */
static void a_name_that_is_there_twice_refuses_the_record(void **state)
{
	(void)state;
	hook_refuses(auditd(), hook_text(LOGIN("acct=\"bob\" hostname=x addr=198.51.100.1 addr=203.0.113.9")),
	         "named \"addr\"");
	hook_refuses(auditd(), hook_text("type=SYSCALL" STAMP "pid=1 pid=2"), "named \"pid\"");
	hook_refuses(auditd(), hook_text(LOGIN("pid=1 pid=2")), "named \"msg.pid\"");
	struct slice ours = hook_text(LOGIN("srcip=198.51.100.1 user=root action=ban type=x " FAILED));
	HOOK_HAS(auditd(), ours, "srcip text 203.0.113.9", "user text bob", "action text alert", "type text USER_LOGIN",
	         "msg.srcip text 198.51.100.1", "msg.user text root", "msg.action text ban");
	hook_refuses(auditd(), hook_text(LOGIN("hostname=x;\"y addr=198.51.100.1 \" addr=203.0.113.9")),
	         "named \"addr\"");
	HOOK_HAS(auditd(), hook_text(LOGIN("$(x)=1 =2 a.b=\"addr=198.51.100.1\" addr=203.0.113.9 it's")),
	         "srcip text 203.0.113.9");
}

static void other_lines_are_refused(void **state)
{
	(void)state;
	static const char *const none[] = {
		"", "\n", "type=USER_LOGIN", "type= msg=audit(1.1:1): a=b", "msg=audit(1.1:1): a=b",
		"type=X msg=audit(1.1): a=b",
		"type=X msg=audit(1.1:x): a=b", "type=X msg=audit(1.1:1) a=b", "type=X msg=audit(:1): a=b",
		"type=X msg=audit(1.1:1):a=b",
		"{\"type\":\"USER_LOGIN\"}", "node=a\xff type=X msg=audit(1.1:1): ", "node=a",
	};
	for (size_t i = 0; i < COUNT(none); i++)
		hook_refuses(auditd(), hook_text(none[i]), "no record of the audit system");
	hook_refuses(auditd(), hook_text("type=X" STAMP "acct=\"bob addr=192.0.2.1"), "a quote is not closed");
	hook_refuses(auditd(), hook_text("type=X" STAMP "msg='op=x"), "a quote is not closed");
	_cleanup_buf_ struct buf many = {0};
	buf_puts(&many, "type=X" STAMP);
	for (int i = 0; i < EVENT_FIELDS_MAX; i++)
		buf_printf(&many, "f%d=1 ", i);
	hook_refuses(auditd(), slice_of(&many), "more than an event may have");
}

static void what_is_no_text_is_empty(void **state)
{
	(void)state;
	static const char with_nul[] = "type=X" STAMP "a=b\0c d=e";
	HOOK_HAS(auditd(), hook_text("type=X" STAMP "a=\xff addr=192.0.2.1"), "a empty ", "srcip text 192.0.2.1");
	HOOK_HAS(auditd(), ((struct slice){with_nul, sizeof(with_nul) - 1}), "a empty ", "d text e");
	hook_lacks(auditd(), hook_text("type=X" STAMP "addr=\xff"), "srcip");
}

/* Whoever starts a program chooses how many arguments it has. */
static void many_arguments_do_not_hide_a_program(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf many = {0};
	buf_puts(&many, "type=EXECVE" STAMP "argc=1500 ");
	for (int i = 0; i < 1500; i++)
		buf_printf(&many, "a%d=\"\" ", i);
	HOOK_HAS(auditd(), slice_of(&many), "argc number 1500", "a0 text ", "a899 text ");
	hook_lacks(auditd(), slice_of(&many), "a900");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_of_a_program_is_read_whole),
		cmocka_unit_test(records_of_the_kernel_are_read_whole),
		cmocka_unit_test(names_are_decoded_where_they_are_text),
		cmocka_unit_test(a_name_that_is_there_twice_refuses_the_record),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test(what_is_no_text_is_empty),
		cmocka_unit_test(many_arguments_do_not_hide_a_program),
	};
	return cmocka_run_group_tests_name("hook-auditd", tests, NULL, NULL);
}
