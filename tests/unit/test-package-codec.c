/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/package-codec.h"

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

static void is(const struct package_set *set, size_t i, const char *name, const char *version, enum package_state state)
{
	assert_true(i < set->n);
	assert_string_equal(set->v[i].name, name);
	assert_string_equal(set->v[i].version, version);
	assert_int_equal(set->v[i].state, state);
}

/* As apt 2.6 prints it. */
static void a_simulation(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf out = text(
		"NOTE: This is only a simulation!\n"
		"Reading package lists...\n"
		"The following NEW packages will be installed:\n"
		"  fail2ban libc6:i386\n"
		"0 upgraded, 2 newly installed, 1 to remove and 0 not upgraded.\n"
		"Remv old [1.0-1]\n"
		"Purg older [0.9] [rest]\n"
		"Inst fail2ban (1.0.2-2 Debian:12.15/oldstable [all])\n"
		"Inst libc6:i386 (2.36-9 Debian:12.15/oldstable [i386]) []\n"
		"Inst bash [5.1-1] (5.2.15-2+b2 Debian:12.0/stable [amd64])\n"
		"Conf fail2ban (1.0.2-2 Debian:12.15/oldstable [all])");
	_cleanup_packages_ struct package_set install = {0}, remove = {0};
	assert_int_equal(apt_parse_simulation(&out, &install, &remove), 0);
	assert_int_equal(install.n, 3);
	is(&install, 0, "fail2ban", "1.0.2-2", PACKAGE_ABSENT);
	is(&install, 1, "libc6:i386", "2.36-9", PACKAGE_ABSENT);
	is(&install, 2, "bash", "5.2.15-2+b2", PACKAGE_ABSENT);
	assert_int_equal(remove.n, 3);
	is(&remove, 0, "old", "1.0-1", PACKAGE_INSTALLED);
	is(&remove, 1, "older", "0.9", PACKAGE_INSTALLED);
	is(&remove, 2, "bash", "5.1-1", PACKAGE_INSTALLED); /* an upgrade */
}

static void what_is_no_simulation(void **state)
{
	(void)state;
	static const char *const bad[] = {"Inst ", "Inst x", "Inst x (", "Inst x [1]", "Inst x 1.0", "Remv "};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_buf_ struct buf out = text(bad[i]);
		struct package_set install = {0}, remove = {0};
		assert_int_equal(apt_parse_simulation(&out, &install, &remove), -EBADMSG);
		assert_null(install.v);
		assert_null(remove.v);
	}
}

static void states(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf out = text("a\t1.0\tinstalled\nb:amd64\t\tnot-installed\nc\t2\tconfig-files\nd\t3\thalf-configured\n"
	                                    "e\t\tnot-installed\ne\t5\tinstalled\n");
	_cleanup_packages_ struct package_set set = {0};
	assert_int_equal(dpkg_parse_status(&out, &set), 0);
	assert_int_equal(set.n, 5);
	is(&set, 0, "a", "1.0", PACKAGE_INSTALLED);
	is(&set, 1, "b:amd64", "", PACKAGE_ABSENT);
	is(&set, 2, "c", "2", PACKAGE_REMOVED);
	is(&set, 3, "d", "3", PACKAGE_HALFWAY);
	is(&set, 4, "e", "", PACKAGE_INSTALLED);
	_cleanup_buf_ struct buf bad = text("a 1.0 installed\n");
	struct package_set none = {0};
	assert_int_equal(dpkg_parse_status(&bad, &none), -EBADMSG);
}

static void changed_configuration(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool changed;
	} cases[] = {
		{"", false},
		{"??5??????   /usr/bin/x\n", false},
		{"missing     /usr/share/doc/x\n", false},
		{"??5?????? c /etc/x.conf\n", true},
		{"??5??????   /usr/bin/x\nmissing   c /etc/x.conf", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf out = text(cases[i].text);
		assert_int_equal(dpkg_configuration_changed(&out), cases[i].changed);
	}
}

#define RULE "================================================================================\n"
#define HEAD "Dependencies resolved.\n" RULE " Package                      Arch   Version Repo   Size\n" RULE
#define TAIL "\nTransaction Summary\n" RULE "Install  2 Packages\n"

/* As dnf 4.14 prints it: a row takes as many lines as it needs. */
static void a_transaction(void **state)
{
	(void)state;
	_cleanup_packages_ struct package_set install = {0}, remove = {0};
	_cleanup_buf_ struct buf out = text(
		"Last metadata expiration check: 0:00:01 ago\n" HEAD
		"Installing:\n jail                         noarch 2:1.0-1 t     6.2 k\n     replacing  old.x86_64 1.0-1\n"
		"Installing dependencies:\n jail-library-with-a-very-long-name\n                              noarch 2.0~rc1-1 t\n"
		"                                                    621  \n small                        noarch 1-1 t     12 M\n"
		"Upgrading:\n present noarch 2.0-1 t 7.1 k\n"
		"Removing dependent packages:\n gone noarch 1.0-1 @t 0  \n" TAIL);
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(dnf_parse_transaction(&out, &install, &remove, &why), 0);
	assert_int_equal(why.len, 0);
	assert_int_equal(install.n, 3);
	is(&install, 0, "jail", "2:1.0-1", PACKAGE_ABSENT);
	is(&install, 1, "jail-library-with-a-very-long-name", "2.0~rc1-1", PACKAGE_ABSENT);
	is(&install, 2, "small", "1-1", PACKAGE_ABSENT);
	assert_int_equal(remove.n, 3);
	is(&remove, 0, "old", "", PACKAGE_INSTALLED);
	is(&remove, 1, "present", "2.0-1", PACKAGE_INSTALLED);
	is(&remove, 2, "gone", "1.0-1", PACKAGE_INSTALLED);
}

static void what_is_no_transaction(void **state)
{
	(void)state;
	static const struct {
		const char *out;
		int error;
	} cases[] = {
		{"", -ENODATA},
		{"No match for argument: x\n", -ENODATA},
		{"Package a is already installed.\nDependencies resolved.\nNothing to do.\nComplete!\n", -ENODATA},
		{HEAD "Installing:\n a noarch 1-1 t 6.2 k\n", -EBADMSG}, /* cut off */
		{HEAD "Installing:\n a noarch 1-1\n" TAIL, -EBADMSG},
		{HEAD "Installing:\n a noarch 1-1 t k\n" TAIL, -EBADMSG},
		{HEAD "Installing:\n a noarch 1-1\nUpgrading:\n b noarch 1-1 t 1 k\n" TAIL, -EBADMSG},
		{HEAD "Installing:\n -a noarch 1-1 t 1 k\n" TAIL, -EBADMSG},
		{HEAD "Installing:\n a noarch 1/1 t 1 k\n" TAIL, -EBADMSG},
		{HEAD "Installing Groups:\n a\n" TAIL, -EBADMSG},
		{HEAD "(add '--best' to command line to force their upgrade):\n a noarch 1-1 t 1 k\n" TAIL, -EBADMSG},
		{HEAD "Skipping packages with conflicts:\n a noarch 1-1 t 1 k\n", -EBADMSG}, /* cut off */
		{HEAD "Installing:\n a x86_64 1-1 t 1 k\n a i686 1-1 t 1 k\n" TAIL, -EBADMSG},
		{HEAD " a noarch 1-1 t 1 k\n" TAIL, -EBADMSG},
		{HEAD "Installing:\n a noarch 1-1 t 1 k\n  replacing  b\n" TAIL, -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct package_set install = {0}, remove = {0};
		_cleanup_buf_ struct buf out = text(cases[i].out), why = {0};
		int r = dnf_parse_transaction(&out, &install, &remove, &why);
		if (r != cases[i].error)
			fail_msg("%d, not %d: %s", r, cases[i].error, cases[i].out);
		assert_true(!install.v && !remove.v && !why.len);
	}
}

static void what_dnf_would_do_beside(void **state)
{
	(void)state;
	static const struct {
		const char *out, *why;
	} cases[] = {
		{HEAD "Installing:\n perl noarch 1-1 t 1 k\nEnabling module streams:\n perl            5.26\n perl-DBI 1.6\n" TAIL,
	         "module streams would have to be enabled for it: perl, perl-DBI"},
		{HEAD "Switching module streams:\n perl  5.24 -> 5.26\n" TAIL,
	         "module streams would have to be switched for it: perl"},
		{HEAD "Installing:\n a noarch 1-1 t 1 k\nSkipping packages with conflicts:\n"
	              "(add '--best --allowerasing' to command line to force their upgrade):\n b noarch 2-1 t 1 k\n" TAIL,
	         "dnf would pass over what is in conflict with others: b"},
		{HEAD "Skipping packages with broken dependencies or part of a group:\n"
	              " a-name-that-takes-a-line\n               noarch 2-1 t 1 k\n"
	              " b\033 noarch 2-1 t 1 k\n c x\n d x\n e x\n f x\n"
	              "Resetting modules:\n perl\n" TAIL,
	         "dnf would pass over what lacks its dependencies: a-name-that-takes-a-line, b\\x1b, c, d, e; "
	         "modules would have to be reset for it: perl"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct package_set install = {0}, remove = {0};
		_cleanup_buf_ struct buf out = text(cases[i].out), why = {0};
		assert_int_equal(dnf_parse_transaction(&out, &install, &remove, &why), -EPERM);
		assert_string_equal(buf_text(&why), cases[i].why);
		assert_true(!install.v && !remove.v);
	}
}

static void what_came_and_went(void **state)
{
	(void)state;
	_cleanup_packages_ struct package_set expected = {0};
	_cleanup_strv_ struct strv came = {0}, went = {0};
	_cleanup_buf_ struct buf before = text("kernel\t6.1-1\nold\t1-1\nbash\t5-1\n");
	_cleanup_buf_ struct buf after = text("bash\t5-2\njail\t2:1.0-1\nlibjail:amd64\t1-1\nother:amd64\t1-1\n"
	                                      "kernel\t6.1-1\nkernel\t6.2-1\ngpg-pubkey\t1-1\n");
	assert_int_equal(package_set_add(&expected, "jail", "2:1.0-1", PACKAGE_ABSENT), 0);
	assert_int_equal(package_set_add(&expected, "libjail", "1-1", PACKAGE_ABSENT), 0);
	assert_int_equal(packages_compare(&before, &after, &expected, &came, &went), 0);
	assert_int_equal(came.n, 4);
	assert_string_equal(came.v[0], "bash 5-2");
	assert_string_equal(came.v[1], "other:amd64 1-1");
	assert_string_equal(came.v[2], "kernel 6.2-1");
	assert_string_equal(came.v[3], "gpg-pubkey 1-1");
	assert_int_equal(went.n, 2);
	assert_string_equal(went.v[0], "old 1-1");
	assert_string_equal(went.v[1], "bash 5-1");
}

static void what_rpm_says(void **state)
{
	(void)state;
	_cleanup_packages_ struct package_set known = {0};
	size_t absent = 0;
	_cleanup_buf_ struct buf out = text("jail\t2:1.0-1\npackage nonesuch is not installed\nkernel\t6.1-1\nkernel\t6.2-1\n");
	assert_int_equal(rpm_parse_query(&out, &known, &absent), 0);
	assert_int_equal(known.n, 2);
	assert_int_equal(absent, 1);
	is(&known, 0, "jail", "2:1.0-1", PACKAGE_INSTALLED);
	is(&known, 1, "kernel", "6.1-1", PACKAGE_INSTALLED);
	_cleanup_buf_ struct buf bad = text("-jail\t1\n"), who = {0};
	struct package_set none = {0};
	assert_int_equal(rpm_parse_query(&bad, &none, &absent), -EBADMSG);
	_cleanup_buf_ struct buf needed = text("error: Failed dependencies:\n\tlib is needed by (installed) fan-1-1.noarch\n"
	                                       "\tlib is needed by (installed) other-1-1.noarch\n");
	assert_true(rpm_needed_by(&needed, &who));
	assert_string_equal(buf_text(&who), "fan-1-1.noarch");
	assert_false(rpm_needed_by(&out, &who));
	_cleanup_buf_ struct buf verified = text(".......T.  d /usr/share/doc/x\n"), changed = text("..5....T.  c /etc/x\n");
	assert_false(dpkg_configuration_changed(&verified));
	assert_true(dpkg_configuration_changed(&changed));
}

static void to_json_and_back(void **state)
{
	(void)state;
	_cleanup_packages_ struct package_set set = {0}, back = {0};
	assert_int_equal(package_set_add(&set, "a", "1:2~3", PACKAGE_ABSENT), 0);
	assert_int_equal(package_set_add(&set, "b:i386", "", PACKAGE_REMOVED), 0);
	json_t *json = package_set_json(&set);
	assert_non_null(json);
	assert_int_equal(package_set_from_json(json, &back), 0);
	is(&back, 0, "a", "1:2~3", PACKAGE_ABSENT);
	is(&back, 1, "b:i386", "", PACKAGE_REMOVED);
	json_decref(json);
	static const char *const bad[] = {"[]", "[[]]", "[1]", "[[\"a\"]]", "[[\"a\", 1, true]]", "{}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct package_set none = {0};
		json = json_loads(bad[i], 0, NULL);
		assert_int_equal(package_set_from_json(json, &none), -EBADMSG);
		json_decref(json);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_simulation),
		cmocka_unit_test(what_is_no_simulation),
		cmocka_unit_test(states),
		cmocka_unit_test(changed_configuration),
		cmocka_unit_test(a_transaction),
		cmocka_unit_test(what_is_no_transaction),
		cmocka_unit_test(what_dnf_would_do_beside),
		cmocka_unit_test(what_came_and_went),
		cmocka_unit_test(what_rpm_says),
		cmocka_unit_test(to_json_and_back),
	};
	return cmocka_run_group_tests_name("package-codec", tests, NULL, NULL);
}
