/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard-stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	stage_open(s, "/");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static int ask(struct stage *s, const char *unit, const char *path, const char *cgroup)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_UNIT, .unit = unit, .path = path, .cgroup = cgroup});
}

static void test_essential(void **state)
{
	struct stage *s = *state;
	static const char *const names[] = {
		"ssh.service", "sshd.socket", "ssh@1-192.0.2.1:22.service", "dbus.socket", "systemd-journald-dev-log.socket",
		"systemd-udevd.service", "NetworkManager.service", "ifup@eth0.service", "auditd.service", "user@0.service",
		"respond-recover.service", "init.scope", "multi-user.target", "boot.mount", "dev-sda2.swap", "system.slice",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_refused(s, ask(s, names[i], NULL, NULL), "unit.essential");
		assert_refused(s, ask(s, names[i], "/usr/lib/systemd/system/x", NULL), "unit.essential");
	}
	assert_allowed(s, ask(s, "cron.service", NULL, NULL));
	assert_allowed(s, ask(s, "not-ssh.service", NULL, NULL));
	assert_allowed(s, ask(s, "session-3.scope", NULL, NULL));
	/* To enable or start it hurts nobody. */
	assert_allowed(s, stage_ask(s, &(struct subject){.type = SUBJECT_UNIT, .unit = "ssh.service", .begins = true}));
}

/* A name alone does not shield what somebody has put there. */
static void test_borrowed_name(void **state)
{
	struct stage *s = *state;
	assert_allowed(s, ask(s, "systemd-networkd-helper.service", "/etc/systemd/system/of-no-package.service", NULL));
	assert_allowed(s, ask(s, "dbus-broker.service", "/etc/systemd/system/of-no-package.service", NULL));
	assert_allowed(s, ask(s, "dbus-broker.service", "/run/systemd/system/of-no-package.service", NULL));
	assert_refused(s, ask(s, "x.target", "/etc/systemd/system/of-no-package.target", NULL), "unit.essential");
}

static void test_config(void **state)
{
	struct stage *s = *state;
	assert_int_equal(strv_add(&s->config.units, "db.service"), 0);
	assert_int_equal(strv_add(&s->config.units, "tpl@.service"), 0);
	assert_refused(s, ask(s, "db.service", "/etc/systemd/system/db.service", NULL), "unit.protected");
	assert_refused(s, ask(s, "tpl@a@b.service", NULL, NULL), "unit.protected");
	assert_allowed(s, ask(s, "db.socket", NULL, NULL));
	assert_allowed(s, ask(s, "tpl@1.socket", NULL, NULL));
	assert_int_equal(strv_add(&s->allow, "unit.protected"), 0);
	assert_allowed(s, ask(s, "db.service", NULL, NULL));
}

/* The processes that a stop would end are judged themselves. */
static void test_processes(void **state)
{
	struct stage *s = *state;
	char line[512], cgroup[512] = "";
	FILE *f = fopen("/proc/self/cgroup", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "0::", 3) == 0)
			sscanf(line + 3, "%511[^\n]", cgroup);
	fclose(f);
	if (!cgroup[0])
		skip();
	/* Whoever else is in it is judged as well: the first one decides. */
	assert_int_equal(ask(s, "own.service", NULL, cgroup), -EPERM);
	assert_true(strncmp(s->rule, "process.", 8) == 0);
	assert_non_null(strstr(buf_text(&s->why), "stopping own.service ends its processes: pid "));
	assert_allowed(s, ask(s, "own.service", NULL, "/no/such/group"));
	assert_allowed(s, ask(s, "own.service", NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_essential, setup, teardown),
		cmocka_unit_test_setup_teardown(test_borrowed_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_processes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
