/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The list of who is contained, and the change that keeps it; entries of passwd(5) that are
 * locked; whose session an sshd says it is.
 */
#include "change/contained-codec.h"
#include "change/pam-contain.h"
#include "core/vault.h"
#include "file-stage.h"
#include "passwd-edit.h"
#include "sessions.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define HEADER "respond-contained 1\n"
#define NOW 1000

static bool matches(const char *text, const char *user, const char *address, bool *ret_damaged)
{
	struct netaddr a;
	if (address)
		assert_int_equal(netaddr_parse(address, &a), 0);
	return contained_match(text, strlen(text), user, &a, address != NULL, NOW, ret_damaged);
}

static void who_is_on_the_list_is_found(void **state)
{
	static const char list[] = HEADER "0 user mallory\n2000 user late\n999 user over\n0 address 203.0.113.0/24\n"
	                                  "0 address 2001:db8::7\n0 user with space\n";
	static const struct {
		const char *user, *address;
		bool found;
	} cases[] = {
		{"mallory", NULL, true},       {"mallor", NULL, false},        {"mallory2", NULL, false},
		{"late", NULL, true},          {"over", NULL, false},          {"Mallory", NULL, false},
		{"alice", "203.0.113.9", true}, {"alice", "203.0.114.9", false}, {"alice", "::ffff:203.0.113.9", true},
		{NULL, "2001:db8::7", true},   {NULL, "2001:db8::8", false},   {"", NULL, false},
		{"with space", NULL, true},    {"user mallory", NULL, false},
	};
	bool damaged;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (matches(list, cases[i].user, cases[i].address, &damaged) != cases[i].found)
			fail_msg("%s, %s", cases[i].user, cases[i].address);
		assert_false(damaged);
	}
}

static void damage_hides_nothing_that_can_be_read(void **state)
{
	static const char *const lists[] = {
		"0 user mallory\n", HEADER "junk\n0 user mallory\n", HEADER "0 user mallory\n0 user ali",
		HEADER "\n\n0 user mallory\n", HEADER "-1 user x\n0  user mallory\n0 user mallory\n",
		HEADER "99999999999999999999 user alice\n0 user mallory\n",
	};
	bool damaged;
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		damaged = false;
		assert_true(matches(lists[i], "mallory", NULL, &damaged));
		assert_false(matches(lists[i], "alice", NULL, &damaged));
		assert_true(damaged);
		assert_false(matches(lists[i], "ali", NULL, &damaged));
	}
}

static void set(struct buf *list, const char *who, int64_t until, int expected)
{
	struct buf next = {0};
	assert_int_equal(contained_set(list, who, until, NOW, &next), expected);
	if (expected < 0) {
		buf_free(&next);
		return;
	}
	buf_free(list);
	*list = next;
}

static void the_list_is_edited(void **state)
{
	_cleanup_buf_ struct buf list = {0};
	(void)state;
	set(&list, "user mallory", 0, 0);
	set(&list, "address 192.0.2.7", 2000, 0);
	assert_string_equal(list.data, HEADER "0 user mallory\n2000 address 192.0.2.7\n");
	assert_int_equal(contained_until(&list, "user mallory", NOW), 0);
	assert_int_equal(contained_until(&list, "address 192.0.2.7", NOW), 2000);
	assert_int_equal(contained_until(&list, "address 192.0.2.7", 2000), -1);
	assert_int_equal(contained_until(&list, "user alice", NOW), -1);
	set(&list, "user mallory", 3000, 0);
	set(&list, "user mallory", 3000, 0);
	set(&list, "user over", NOW, 0);
	set(&list, "address 192.0.2.7", -1, 0);
	assert_string_equal(list.data, HEADER "3000 user mallory\n");
	set(&list, "user mallory\n0 user alice", 0, -EINVAL);
	set(&list, "address localhost", 0, -EINVAL);
	set(&list, "user ", 0, -EINVAL);
	set(&list, "mallory", 0, -EINVAL);
}

/* ---- the change ------------------------------------------------------------------------ */

#define LIST "root" CONTAINED_FILE

static int make(void **state)
{
	static const char *const dirs[] = {"root", "root/proc", "root/var", "root/var/lib", "root/var/lib/respond"};
	if (file_stage_make(state) < 0)
		return -1;
	struct file_stage *s = *state;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		mkdir(at(s, dirs[i]), 0755);
	struct vault *vault = s->host.vault;
	s->host.vault = NULL;
	host_close(&s->host);
	if (host_open(at(s, "root"), &s->host) < 0)
		return -1;
	s->host.vault = vault;
	return 0;
}

static void read_list(const struct file_stage *s, struct buf *ret)
{
	char text[4096];
	FILE *f = fopen(at(s, LIST), "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	buf_reset(ret);
	buf_add(ret, text, n);
}

static void assert_list(const struct file_stage *s, const char *expected)
{
	_cleanup_buf_ struct buf list = {0};
	read_list(s, &list);
	assert_string_equal(buf_text(&list), expected);
	assert_int_equal(leftovers(s), 0);
}

static struct change *plan_it(struct file_stage *s, int64_t ttl_ms, const char *a, const char *b)
{
	_cleanup_strv_ struct strv who = {0};
	plan_again(s);
	strv_add(&who, a);
	if (b)
		strv_add(&who, b);
	assert_int_equal(pam_contain_plan(&s->host, s->plan, &who, ttl_ms), 0);
	return plan_at(s->plan, plan_count(s->plan) - 1);
}

static void there_and_back(void **state)
{
	struct file_stage *s = *state;
	struct stat st;
	struct change *c = plan_it(s, 0, "user mallory", "address 203.0.113.0/24");
	assert_int_equal(plan_count(s->plan), 1);
	assert_false(c->held);
	assert_int_equal(pam_contains(&s->host, s->plan, "mallory"), 1);
	assert_int_equal(pam_contains(&s->host, NULL, "mallory"), 0);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(apply_change(s, c), 0);
	assert_list(s, HEADER "0 user mallory\n0 address 203.0.113.0/24\n");
	assert_int_equal(stat(at(s, LIST), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(pam_contains(&s->host, NULL, "mallory"), 1);
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "so already");
	assert_int_equal(revert_change(s, c), 0);
	assert_list(s, HEADER);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "had ended already");
}

static void what_is_there_is_held(void **state)
{
	struct file_stage *s = *state;
	assert_int_equal(apply_change(s, plan_it(s, 0, "user mallory", NULL)), 0);
	struct change *c = plan_it(s, 3600000, "user mallory", "user bob");
	assert_int_equal(plan_count(s->plan), 2);
	assert_true(plan_at(s->plan, 0)->held);
	assert_string_equal(plan_at(s->plan, 0)->target, "mallory");
	assert_string_equal(c->target, "bob");
	assert_int_equal(apply_change(s, c), 0);
	/* Again, the time that has passed meanwhile is no reason to renew it; longer is. */
	plan_it(s, 3600000, "user bob", NULL);
	assert_true(plan_at(s->plan, 0)->held);
	plan_it(s, 7200000, "user bob", NULL);
	assert_false(plan_at(s->plan, 0)->held);
	plan_it(s, 0, "user bob", NULL);
	assert_false(plan_at(s->plan, 0)->held);
}

static int64_t other_until;

static const char *held_by_another(struct effect *effect, const char *key)
{
	(void)effect;
	return strcmp(key, "user mallory") == 0 ? "20250101-000000-0000" : NULL;
}

static int64_t held_until(struct effect *effect, const char *key)
{
	(void)effect, (void)key;
	return other_until;
}

static void what_another_run_holds_stays(void **state)
{
	struct file_stage *s = *state;
	s->effect.held_by = held_by_another;
	s->effect.held_until = held_until;
	struct change *c = plan_it(s, 0, "user mallory", "user bob");
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "kept: run 20250101-000000-0000 holds some of them too");
	assert_list(s, HEADER "0 user mallory\n");
	c = plan_it(s, 0, "user mallory", NULL);
	other_until = 4000000000; /* as long as the other one has it */
	assert_int_equal(revert_change(s, c), -EBUSY);
	assert_list(s, HEADER "4000000000 user mallory\n");
}

static void a_kill_leaves_one_list_or_the_other(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf list = {0};
	unsigned kills = 0, before = 0, after = 0, span = 1000;
	struct change *c = plan_it(s, 0, "user mallory", NULL);
	assert_int_equal(apply_change(s, plan_it(s, 0, "user bob", NULL)), 0);
	c = plan_it(s, 0, "user mallory", NULL);
	srand((unsigned)time(NULL));
	for (int i = 0; i < 800 && kills < 150; i++) {
		int status;
		assert_int_equal(revert_change(s, c), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
			struct itimerspec when = {.it_value = {.tv_nsec = (rand() + i) % span * 1000L + 1}};
			timer_t timer;
			if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
				_exit(2);
			_exit(apply_change(s, c) != 0);
		}
		rand();
		assert_int_equal(waitpid(pid, &status, 0), pid);
		kills += WIFSIGNALED(status) != 0;
		/* However fast this machine is at the moment: half of them should live. */
		span = WIFSIGNALED(status) ? span + span / 8 : span - span / 8;
		span = span < 50 ? 50 : span > 900000 ? 900000 : span;
		assert_int_equal(settle_change(s, c), 0);
		bool is_before = probe_change(s, c) == CHANGE_BEFORE;
		before += is_before;
		after += !is_before;
		assert_list(s, is_before ? HEADER "0 user bob\n" : HEADER "0 user bob\n0 user mallory\n");
	}
	print_message("# %u killed: %u before, %u after\n", kills, before, after);
	assert_true(kills > 30 && before > 0 && after > 0);
}

/* ---- passwd, titles ----------------------------------------------------------------------- */

static void assert_locked(const char *entry, const char *expected)
{
	_cleanup_buf_ struct buf file = {0}, out = {0}, again = {0}, whole = {0};
	buf_printf(&file, "root:x:0:0:root:/root:/bin/sh\n%s\nm2:x:5:5::/:/bin/sh\n", entry);
	buf_printf(&whole, "root:x:0:0:root:/root:/bin/sh\n%s\nm2:x:5:5::/:/bin/sh\n", expected);
	assert_int_equal(passwd_lock_entry(&file, "m", &out), 0);
	assert_string_equal(out.data, whole.data);
	assert_int_equal(passwd_lock_entry(&out, "m", &again), 0);
	assert_string_equal(again.data, whole.data);
}

static void entries_of_passwd_are_locked(void **state)
{
	(void)state;
	assert_locked("m:$6$a$b:0:0::/root:/bin/bash", "m:!$6$a$b:0:0::/root:/usr/sbin/nologin");
	assert_locked("m::0:0:a,b:/root:", "m:!:0:0:a,b:/root:/usr/sbin/nologin");
	assert_locked("m:x:0:0::/:/bin/sh", "m:x:0:0::/:/usr/sbin/nologin");
	assert_locked("m:*:0:0", "m:!*:0:0:::/usr/sbin/nologin");
	assert_locked(" m:a:0:0::/h:/bin/sh:with:colons", " m:!a:0:0::/h:/usr/sbin/nologin");
	_cleanup_buf_ struct buf file = {0}, out = {0};
	buf_puts(&file, "m2:x:5:5::/:/bin/sh");
	assert_int_equal(passwd_lock_entry(&file, "m", &out), -ENOENT);
}

static void titles_of_sshd_name_users(void **state)
{
	static const struct {
		const char *title, *user;
	} cases[] = {
		{"sshd: mallory [priv]", "mallory"},
		{"sshd: mallory@pts/0", "mallory"},
		{"sshd: root@notty", "root"},
		{"sshd-session: mallory [priv]", "mallory"},
		{"sshd: me@example.org@pts/3", "me@example.org"},
		{"sshd: me@example.org [priv]", "me@example.org"},
		{"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", NULL},
		{"sshd: [accepted]", NULL},
		{"sshd: mallory", NULL},
		{"/usr/sbin/sshd", NULL},
		{"bash", NULL},
		{"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf user = {0};
		assert_int_equal(session_title_user(cases[i].title, &user), cases[i].user ? 0 : -ENOENT);
		assert_string_equal(buf_text(&user), cases[i].user ? cases[i].user : "");
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, file_stage_drop)
#define PURE \
	cmocka_unit_test(who_is_on_the_list_is_found), cmocka_unit_test(damage_hides_nothing_that_can_be_read), \
		cmocka_unit_test(the_list_is_edited), cmocka_unit_test(entries_of_passwd_are_locked), \
		cmocka_unit_test(titles_of_sshd_name_users)

int main(void)
{
	const struct CMUnitTest pure[] = {PURE};
	const struct CMUnitTest tests[] = {
		PURE,
		TEST(there_and_back),
		TEST(what_is_there_is_held),
		TEST(what_another_run_holds_stays),
		TEST(a_kill_leaves_one_list_or_the_other),
	};
	/* The list is below the state of the host that this was built for. */
	if (!file_stage_root() || strcmp(LOCALSTATEDIR, "/var") != 0)
		return cmocka_run_group_tests_name("contain", pure, NULL, NULL);
	return cmocka_run_group_tests_name("contain", tests, file_stage_group, NULL);
}
