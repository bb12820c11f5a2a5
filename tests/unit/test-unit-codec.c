/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/unit-codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct buf text(const char *s)
{
	struct buf b = {0};
	assert_int_equal(buf_puts(&b, s), 0);
	return b;
}

/* As systemctl 252 prints it. */
static const char shown[] =
	"ControlGroup=/system.slice/evil.service\n"
	"Id=evil.service\n"
	"Names=evil.service al.service \"a\\\\x2db.service\"\n"
	"TriggeredBy=evil.timer evil.socket\n"
	"LoadState=loaded\n"
	"ActiveState=active\n"
	"SubState=running\n"
	"FragmentPath=/etc/systemd/system/evil.service\n"
	"DropInPaths=/etc/systemd/system/evil.service.d/a.conf \"/run/a b.conf\"\n"
	"SourcePath=\n"
	"UnitFileState=enabled\n"
	"ActiveEnterTimestampMonotonic=2714344399\n"
	"InvocationID=2dd2092895454b4b8c28bc3df5220469\n"
	"Transient=no\n"
	"MainPID=412\n"
	"SomethingNew=a=b\n"
	"\n"
	"Id=a\\x2db.service\n"
	"LoadState=not-found\n"
	"ActiveState=inactive\n"
	"Transient=yes\n";

static void test_show(void **state)
{
	(void)state;
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf b = text(shown);
	assert_int_equal(unit_parse_show(&b, &infos), 0);
	assert_int_equal(infos.n, 2);
	const struct unit_info *u = &infos.v[0];
	assert_string_equal(u->id, "evil.service");
	assert_int_equal(u->names.n, 3);
	assert_string_equal(u->names.v[2], "a\\x2db.service");
	assert_int_equal(u->triggered_by.n, 2);
	assert_string_equal(u->drop_ins.v[1], "/run/a b.conf");
	assert_string_equal(u->source, "");
	assert_string_equal(u->file_state, "enabled");
	assert_string_equal(u->cgroup, "/system.slice/evil.service");
	assert_true(u->entered_us == 2714344399u);
	assert_true(unit_is_up(u) && !u->transient);
	assert_int_equal(u->main_pid, 412);
	assert_false(unit_listens_on(u, false, 22));
	/* What was not said is empty, never NULL; a unit has its own name at least. */
	u = &infos.v[1];
	assert_string_equal(u->id, "a\\x2db.service");
	assert_string_equal(u->names.v[0], "a\\x2db.service");
	assert_string_equal(u->fragment, "");
	assert_string_equal(u->invocation, "");
	assert_true(!unit_is_up(u) && u->transient);
}

static void test_sockets(void **state)
{
	(void)state;
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf b = text("Triggers=a.service b.service\nListen=[::]:22 (Stream)\nListen=127.0.0.1:53 (Datagram)\n"
	                                  "Listen=/run/x:80 (Stream)\nListen=[fe80::1%eth0]:443 (SequentialPacket)\n"
	                                  "Id=a.socket\nMainPID=0\n\nId=b.socket\n");
	assert_int_equal(unit_parse_show(&b, &infos), 0);
	assert_int_equal(infos.n, 2);
	const struct unit_info *u = &infos.v[0];
	assert_int_equal(u->listen.n, 4);
	assert_string_equal(u->listen.v[0], "[::]:22 (Stream)");
	assert_int_equal(u->triggers.n, 2);
	assert_int_equal(u->main_pid, 0);
	assert_true(unit_listens_on(u, false, 22) && unit_listens_on(u, true, 53));
	static const struct {
		bool udp;
		uint16_t port;
	} not[] = {{true, 22}, {false, 53}, {false, 80}, {false, 2}, {false, 443}, {true, 443}, {true, 3}};
	for (size_t i = 0; i < sizeof(not) / sizeof(*not); i++)
		assert_false(unit_listens_on(u, not[i].udp, not[i].port));
	assert_int_equal(infos.v[1].listen.n, 0);
}

static void test_show_junk(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"LoadState=loaded\n", "Id=\nLoadState=loaded\n", "Failed to connect to bus\n", "Id=a.service\n\nLoadState=loaded\n",
		"Id=a.service\njunk\n",
	};
	struct unit_infos infos = {0};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_buf_ struct buf b = text(bad[i]);
		assert_int_equal(unit_parse_show(&b, &infos), -EBADMSG);
		assert_null(infos.v);
	}
	_cleanup_buf_ struct buf nothing = {0};
	assert_int_equal(unit_parse_show(&nothing, &infos), 0);
	assert_int_equal(infos.n, 0);
	/* Cut anywhere: understood or refused, nothing in between. */
	for (size_t len = 0; len < sizeof(shown) - 1; len++) {
		_cleanup_buf_ struct buf cut = {0};
		_cleanup_units_ struct unit_infos some = {0};
		assert_int_equal(buf_add(&cut, shown, len), 0);
		int r = unit_parse_show(&cut, &some);
		assert_true(r == 0 || r == -EBADMSG);
		for (size_t i = 0; i < some.n; i++)
			assert_true(some.v[i].id[0] && some.v[i].load && some.v[i].names.n);
	}
}

static void test_up(void **state)
{
	(void)state;
	static const char *const up[] = {"active", "activating", "reloading", "deactivating"};
	static const char *const down[] = {"inactive", "failed", ""};
	for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++)
		assert_true(unit_is_up(&(struct unit_info){.active = (char *)up[i]}));
	for (size_t i = 0; i < sizeof(down) / sizeof(*down); i++)
		assert_false(unit_is_up(&(struct unit_info){.active = (char *)down[i]}));
}

static void test_templates(void **state)
{
	(void)state;
	assert_true(unit_is_template("tpl@.service") && !unit_is_instance("tpl@.service"));
	assert_true(unit_is_instance("tpl@1.service") && !unit_is_template("tpl@1.service"));
	assert_true(unit_is_instance("tpl@a.b@c.service"));
	assert_false(unit_is_instance("cron.service") || unit_is_template("cron.service"));
	_cleanup_buf_ struct buf t = {0};
	assert_int_equal(unit_template_of("tpl@a.b@c.timer", &t), 0);
	assert_string_equal(buf_text(&t), "tpl@.timer");
	assert_int_equal(unit_template_of("cron.service", &t), -EINVAL);
	assert_true(unit_has_type("a.b.timer", "timer") && !unit_has_type("a.timer.service", "timer"));
}

static void assert_list(const struct strv *list, const char *joined)
{
	_cleanup_buf_ struct buf b = {0};
	for (size_t i = 0; i < list->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", list->v[i]);
	assert_string_equal(buf_text(&b), joined);
}

static void test_install(void **state)
{
	(void)state;
	_cleanup_(unit_install_free) struct unit_install install = {0};
	_cleanup_buf_ struct buf file = text("[Unit]\nWantedBy=not.target\n"
	                                     "[Install]\r\n"
	                                     "# WantedBy=comment.target\n"
	                                     " WantedBy = a.target \\\n"
	                                     "; in between\n"
	                                     "  b.target\n"
	                                     "WantedBy=\"c.target\"\t\n"
	                                     "RequiredBy=r.target\n"
	                                     "Alias=al.service\nAlso=x.timer y.socket\nDefaultInstance=9\n"
	                                     "wantedby=case.target\nBogus\n=\n"
	                                     "[X-Install]\nWantedBy=not.target\n");
	assert_int_equal(unit_parse_install(&file, &install), 0);
	assert_list(&install.wanted_by, "a.target b.target c.target");
	assert_list(&install.required_by, "r.target");
	assert_list(&install.upheld_by, "");
	assert_list(&install.alias, "al.service");
	assert_list(&install.also, "x.timer y.socket");
	assert_string_equal(install.default_instance, "9");
	/* A drop-in adds, and forgets by an empty assignment. */
	_cleanup_buf_ struct buf more = text("[Install]\nWantedBy=d.target\nRequiredBy=\nRequiredBy=s.target\nDefaultInstance=");
	assert_int_equal(unit_parse_install(&more, &install), 0);
	assert_list(&install.wanted_by, "a.target b.target c.target d.target");
	assert_list(&install.required_by, "s.target");
	assert_null(install.default_instance);
	_cleanup_buf_ struct buf open_end = text("[Install]\nAlias=\\");
	assert_int_equal(unit_parse_install(&open_end, &install), 0);
	assert_list(&install.alias, "");
}

static void test_expand(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name, *expected;
	} cases[] = {
		{"%n", "a-b@c.d.service", "a-b@c.d.service"}, {"%N", "a-b@c.d.service", "a-b@c.d"},
		{"%p", "a-b@c.d.service", "a-b"},             {"%i", "a-b@c.d.service", "c.d"},
		{"%j", "a-b@c.d.service", "b"},               {"%p-%i.target", "x.service", "x-.target"},
		{"100%%", "x.service", "100%"},               {"plain.target", "x.service", "plain.target"},
		{"%j", "x.service", "x"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf b = {0};
		assert_int_equal(unit_expand(cases[i].text, cases[i].name, &b), 0);
		assert_string_equal(buf_text(&b), cases[i].expected);
	}
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(unit_expand("%H.target", "x.service", &b), -EOPNOTSUPP);
	assert_int_equal(unit_expand("x%", "x.service", &b), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_show),      cmocka_unit_test(test_show_junk), cmocka_unit_test(test_up),
		cmocka_unit_test(test_templates), cmocka_unit_test(test_install),   cmocka_unit_test(test_expand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
