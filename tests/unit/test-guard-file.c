/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard-stage.h"

#include "base/packages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ROOT "/opt/root"

static const char *const plain_files[] = {
	"/usr/bin/perl", "/usr/bin/perl5.36", "/usr/bin/dash", "/usr/bin/moved", "/usr/bin/moved.orig",
	"/usr/local/bin/xmrig", "/usr/local/bin/python3.11", "/usr/local/bin/evil\nname\033[2J",
	"/usr/share/doc/x", "/usr/lib/x86_64-linux-gnu/security/pam_unix.so",
	"/usr/lib/x86_64-linux-gnu/libc.so.6", "/boot/vmlinuz-6.1", "/tmp/bash", "/tmp/malicious.sh",
	"/tmp/-rf", "/dev/shm/kdevtmpfsi", "/dev/.hidden", "/etc/shadow", "/etc/pam.d/common-auth",
	"/etc/cron.hourly/malicious", "/etc/cron.d/e2scrub_all", "/etc/respond/respond.conf",
	"/var/lib/respond/runs/1/journal", "/var/lib/respondent", "/var/lib/mysql/ibdata1", "/var/lib/mysqlx",
	"/var/log/auth.log", "/var/mail/root", "/srv/keep/a/b", "/srv/keeper", "/srv/mounted", "/srv/victim",
	"/home/ann/.ssh/authorized_keys", "/home/bob/.ssh/authorized_keys", "/etc/ssh/authorized_keys/ann",
	"/home/ann/x", "/root/.ssh/authorized_keys",
};

static bool stage_files(void)
{
	static bool done;
	char path[PATH_MAX];
	if (!stage_namespaces())
		return false;
	if (done)
		return true;
	for (size_t i = 0; i < sizeof(plain_files) / sizeof(plain_files[0]); i++) {
		snprintf(path, sizeof(path), ROOT "%s", plain_files[i]);
		stage_file(path, "x\n");
	}
	assert_int_equal(symlink("usr/bin", ROOT "/bin"), 0);
	assert_int_equal(chown(ROOT "/home/ann", 1001, 1001), 0);
	assert_int_equal(symlink("/usr/bin", ROOT "/home/ann/link"), 0);
	assert_int_equal(lchown(ROOT "/home/ann/link", 1001, 1001), 0);
	assert_int_equal(chmod(ROOT "/tmp", 01777), 0);
	stage_file(ROOT "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1001:1001::/home/ann:/bin/sh\n"
	           "bob:x:1002:1002::/home/bob:/bin/sh\n");
	stage_file(ROOT "/var/lib/dpkg/info/perl-base.list", "/.\n/usr\n/usr/bin\n/usr/bin/perl\n/usr/bin/perl5.36\n");
	stage_file(ROOT "/var/lib/dpkg/info/dash.list", "/.\n/bin\n/bin/dash\n/usr/share/doc/dash");
	stage_file(ROOT "/var/lib/dpkg/info/e2fsprogs:amd64.list", "/etc/cron.d/e2scrub_all\n/usr/bin/moved\n");
	stage_file(ROOT "/var/lib/dpkg/info/e2fsprogs.postinst", "/usr/local/bin/xmrig\n");
	stage_file(ROOT "/var/lib/dpkg/diversions", "/usr/bin/moved\n/usr/bin/moved.orig\ndash\n");
	mkdir(ROOT "/proc", 0755);
	assert_int_equal(mount("/proc", ROOT "/proc", NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(ROOT "/srv/victim", ROOT "/srv/mounted", NULL, MS_BIND, NULL), 0);
	assert_int_equal(mknod(ROOT "/srv/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	return done = true;
}

#define FILES(s) \
	do { \
		if (!stage_files()) \
			skip(); \
		stage_open(s, ROOT); \
	} while (0)

static void what_the_host_needs_is_not_taken_away(void **state)
{
	(void)state;
	static const struct {
		const char *path, *rule;
	} cases[] = {
		{"/usr/bin/perl", "file.interpreter"},
		{"/usr/bin/perl5.36", "file.interpreter"},
		{"/bin/perl", "file.interpreter"},
		{"/usr/bin//perl", "file.interpreter"},
		{"/usr/local/bin/python3.11", "file.interpreter"},
		{"/usr/lib/x86_64-linux-gnu/security/pam_unix.so", "file.interpreter"},
		{"/usr/lib/x86_64-linux-gnu/libc.so.6", "file.interpreter"},
		{"/boot/vmlinuz-6.1", "file.interpreter"},
		{"/usr/bin/moved", "file.packaged"},
		{"/usr/bin/moved.orig", "file.packaged"},
		{"/bin/moved", "file.packaged"},
		{"/etc/cron.d/e2scrub_all", "file.packaged"},
		{"/etc/shadow", "file.essential"},
		{"/etc/pam.d/common-auth", "file.essential"},
		{"/etc/passwd", "file.essential"},
		{"/var/lib/mysql/ibdata1", "file.data"},
		{"/var/log/auth.log", "file.data"},
		{"/var/mail/root", "file.data"},
		{"/proc/self/status", "file.pseudo"},
		{"/proc/not-there", "file.pseudo"},
		{"/sys/kernel/x", "file.pseudo"},
		{"/srv/null", "file.pseudo"},
		{"/dev/.hidden", "file.device"},
		{"/srv/mounted", "file.mount-point"},
		{"/etc/respond/respond.conf", "file.own-state"},
		{"/var/lib/respond/runs/1/journal", "file.own-state"},
		{"/var/lib/respond", "file.own-state"},
	};
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = ask_remove(&s, cases[i].path);
		if (strcmp(s.rule, cases[i].rule) != 0)
			fail_msg("%s: %d %s, not %s", cases[i].path, r, s.rule, cases[i].rule);
		assert_refused(&s, r, cases[i].rule);
	}
}

static void the_intruders_files_are_taken_away(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"/usr/local/bin/xmrig", "/usr/local/bin/evil\nname\033[2J", "/tmp/bash", "/tmp/malicious.sh",
		"/tmp/-rf", "/dev/shm/kdevtmpfsi", "/etc/cron.hourly/malicious", "/var/lib/mysqlx",
		"/var/lib/respondent", "/srv/keeper", "/usr/share/doc/x", "/srv/victim", "/tmp/gone-already",
		"/root/.ssh/authorized_keys",
	};
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_allowed(&s, ask_remove(&s, paths[i]));
}

static void configuration_may_be_edited(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"/etc/shadow", "/etc/pam.d/common-auth", "/etc/cron.d/e2scrub_all", "/home/ann/.ssh/authorized_keys",
		"/usr/bin/moved",
	};
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_allowed(&s, ask_edit(&s, paths[i]));
	assert_refused(&s, ask_edit(&s, "/usr/bin/perl"), "file.interpreter");
	assert_refused(&s, ask_edit(&s, "/srv/mounted"), "file.mount-point");
	assert_refused(&s, ask_edit(&s, "/etc/respond/respond.conf"), "file.own-state");
}

static void rules_are_lifted_one_by_one(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	strv_add(&s.allow, "file.interpreter");
	assert_refused(&s, ask_remove(&s, "/usr/bin/perl"), "file.packaged");
	assert_non_null(strstr(buf_text(&s.why), "package perl-base"));
	strv_add(&s.allow, "file.packaged");
	assert_allowed(&s, ask_remove(&s, "/usr/bin/perl"));
	for (const struct guard_rule *r = guard_rules; r->name; r++)
		strv_add(&s.allow, r->name);
	assert_refused(&s, ask_remove(&s, "/proc/self/status"), "file.pseudo");
	assert_refused(&s, ask_remove(&s, "/srv/mounted"), "file.mount-point");
	assert_refused(&s, ask_remove(&s, "/var/lib/respond/runs/1/journal"), "file.own-state");
}

static void this_program_is_not_taken_away(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	char self[PATH_MAX] = "";
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	stage_open(&s, "/");
	assert_refused(&s, ask_remove(&s, self), "file.own-state");
}

static void somebody_elses_link_is_not_followed(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	assert_int_equal(ask_remove(&s, "/home/ann/link/perl"), -ELOOP);
	assert_string_equal(s.rule, "");
	assert_true(s.why.len > 0);
	assert_int_equal(ask_remove(&s, "relative/path"), -EINVAL);
}

static void the_configuration_protects_more(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	assert_allowed(&s, ask_remove(&s, "/srv/keep/a/b"));
	strv_add(&s.config.paths, "/srv/keep");
	strv_add(&s.config.paths, "/bin/xmrig-of-ours");
	stage_again(&s);
	assert_refused(&s, ask_remove(&s, "/srv/keep/a/b"), "file.protected");
	assert_refused(&s, ask_edit(&s, "/srv/keep/a/b"), "file.protected");
	assert_refused(&s, ask_remove(&s, "/srv/keep"), "file.protected");
	assert_refused(&s, ask_remove(&s, "/usr/bin/xmrig-of-ours"), "file.protected");
	assert_allowed(&s, ask_remove(&s, "/srv/keeper"));
}

static void the_keys_of_protected_users_stay(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	strv_add(&s.config.users, "ann");
	stage_again(&s);
	assert_refused(&s, ask_edit(&s, "/home/ann/.ssh/authorized_keys"), "user.protected");
	assert_refused(&s, ask_remove(&s, "/home/ann/.ssh/authorized_keys2"), "user.protected");
	assert_refused(&s, ask_edit(&s, "/etc/ssh/authorized_keys/ann"), "user.protected");
	assert_allowed(&s, ask_edit(&s, "/home/bob/.ssh/authorized_keys"));
	assert_allowed(&s, ask_remove(&s, "/home/ann/x")); /* malware of hers is not her key */
}

/* An undo writes where a change was made: only what must never be written counts. */
static int one_path(const struct change *change, subject_fn visit, void *ctx)
{
	return visit(ctx, &(struct subject){.type = SUBJECT_REMOVE_PATH, .path = change->target});
}

static void an_undo_is_judged_by_where_it_writes(void **state)
{
	(void)state;
	static const struct change_kind kind = {.name = "test.path", .subjects = one_path};
	static const struct {
		const char *path, *rule;
	} cases[] = {
		{"/usr/bin/perl", ""},
		{"/var/log/auth.log", ""},
		{"/usr/local/bin/xmrig", ""},
		{"/proc/self/status", "file.pseudo"},
		{"/etc/respond/respond.conf", "file.own-state"},
		{"/srv/mounted", "file.mount-point"},
		{"/srv/keep/a/b", "file.protected"},
	};
	_cleanup_(stage_close) struct stage s;
	FILES(&s);
	strv_add(&s.config.paths, "/srv/keep");
	stage_again(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(change_free) struct change *c = NULL;
		const char *rule = "";
		assert_int_equal(change_new(&kind, "one", cases[i].path, json_object(), &c), 0);
		assert_int_equal(guard_undo(s.guard, c, &rule, &s.why), cases[i].rule[0] ? -EPERM : 0);
		assert_string_equal(rule, cases[i].rule);
	}
}

static int privileged_path(const struct change *change, subject_fn visit, void *ctx)
{
	return visit(ctx, &(struct subject){.type = SUBJECT_REMOVE_PATH, .path = change->target, .privileged = true});
}

static void rights_do_not_come_back_unasked(void **state)
{
	(void)state;
	static const struct change_kind kind = {.name = "test.path", .subjects = privileged_path};
	_cleanup_(stage_close) struct stage s;
	_cleanup_(change_free) struct change *c = NULL;
	const char *rule = "";
	FILES(&s);
	assert_int_equal(change_new(&kind, "one", "/tmp/bash", json_object(), &c), 0);
	assert_int_equal(guard_change(s.guard, c, &rule, &s.why), 0); /* nothing against taking it away */
	assert_int_equal(guard_undo(s.guard, c, &rule, &s.why), -EPERM);
	assert_string_equal(rule, "file.setuid");
	assert_non_null(strstr(buf_text(&s.why), "set-user-ID"));
	assert_non_null(strstr(buf_text(&s.why), "--allow file.setuid"));
	strv_add(&s.allow, "file.setuid");
	stage_again(&s);
	buf_reset(&s.why);
	assert_int_equal(guard_undo(s.guard, c, &rule, &s.why), 0);
}

static void packages_are_found_by_either_name(void **state)
{
	(void)state;
	static const struct {
		const char *path, *package;
	} cases[] = {
		{"/usr/bin/perl", "perl-base"},
		{"/usr/bin/dash", "dash"},
		{"/bin/dash", "dash"},
		{"/usr/share/doc/dash", "dash"},
		{"/etc/cron.d/e2scrub_all", "e2fsprogs:amd64"},
		{"/usr/bin/per", NULL},
		{"/usr/bin/perl\n/usr/bin/perl5.36", NULL},
		{"", NULL},
		{"/usr/local/bin/xmrig", NULL},
		{"/usr/bin/moved.orig", "a diverted file"},
	};
	if (!stage_files())
		skip();
	_cleanup_close_ int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(packages_close) struct packages *packages = NULL;
	assert_int_equal(packages_open(root, &packages), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_buf_ struct buf name = {0};
		int r = packages_owner(packages, cases[i].path, &name);
		assert_int_equal(r, cases[i].package ? 0 : -ENOENT);
		assert_string_equal(buf_text(&name), cases[i].package ? cases[i].package : "");
	}
}

static void a_host_without_packages_owns_nothing(void **state)
{
	(void)state;
	if (!stage_files())
		skip();
	stage_file("/opt/empty/x", "x");
	_cleanup_close_ int root = open("/opt/empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(packages_close) struct packages *packages = NULL;
	_cleanup_buf_ struct buf name = {0};
	assert_int_equal(packages_open(root, &packages), 0);
	assert_int_equal(packages_owner(packages, "/usr/bin/perl", &name), -ENOENT);
}

int main(int argc, char **argv)
{
	stage_main(argc, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_host_needs_is_not_taken_away),
		cmocka_unit_test(the_intruders_files_are_taken_away),
		cmocka_unit_test(configuration_may_be_edited),
		cmocka_unit_test(rules_are_lifted_one_by_one),
		cmocka_unit_test(this_program_is_not_taken_away),
		cmocka_unit_test(somebody_elses_link_is_not_followed),
		cmocka_unit_test(the_configuration_protects_more),
		cmocka_unit_test(the_keys_of_protected_users_stay),
		cmocka_unit_test(an_undo_is_judged_by_where_it_writes),
		cmocka_unit_test(rights_do_not_come_back_unasked),
		cmocka_unit_test(packages_are_found_by_either_name),
		cmocka_unit_test(a_host_without_packages_owns_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
