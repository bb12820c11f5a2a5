/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Links of units on a root directory where no service manager runs. Starting and
 * stopping are tested on a real host: tests/integration/units.sh.
 */
#include "change/unit-state.h"
#include "core/action.h"
#include "file-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct action unit_disable, unit_enable, unit_mask, unit_stop;

#define ETC "etc/systemd/system/"
#define EVIL "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target new.target\nAlias=al.service\n"

static void make_dir(const struct file_stage *s, const char *name)
{
	char path[512];
	strcpy(path, at(s, name));
	for (char *p = path + strlen(s->dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(path, 0755);
	}
	mkdir(path, 0755);
}

static void link_to(const struct file_stage *s, const char *name, const char *target)
{
	assert_int_equal(symlink(target, at(s, name)), 0);
}

static void assert_link(const struct file_stage *s, const char *name, const char *target)
{
	char got[512];
	ssize_t n = readlink(at(s, name), got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, target);
}

static void assert_text(const struct file_stage *s, const char *name, const char *text)
{
	char got[512];
	int fd = open(at(s, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = read(fd, got, sizeof(got) - 1);
	assert_true(n >= 0);
	close(fd);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static int stage_make(void **state)
{
	int r = file_stage_make(state);
	struct file_stage *s = *state;
	if (r < 0)
		return r;
	make_dir(s, ETC "multi-user.target.wants");
	make_dir(s, ETC "basic.target.requires");
	make_dir(s, "run/systemd/system/multi-user.target.wants");
	make_dir(s, "lib/systemd/system");
	put_file(s, ETC "evil.service", EVIL);
	put_file(s, "lib/systemd/system/tpl@.service", "[Install]\nWantedBy=multi-user.target\nDefaultInstance=2\n");
	close(s->host.root);
	s->host.root = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->host.root < 0 ? -1 : 0;
}

/* Plans; the changes are in the stage's plan. */
static int plan_action(struct file_stage *s, const struct action *action, const char *unit)
{
	struct args *args = NULL;
	struct value value = {.type = TYPE_UNIT, .list = true};
	plan_again(s);
	assert_int_equal(args_new(&args), 0);
	assert_int_equal(strv_add(&value.items, unit), 0);
	assert_int_equal(args_set(args, "unit", &value), 0);
	int r = action->plan(&s->host, args, s->plan);
	value_free(&value);
	args_free(&args);
	return r;
}

static struct change *plan_one(struct file_stage *s, const struct action *action, const char *unit)
{
	assert_int_equal(plan_action(s, action, unit), 0);
	assert_int_equal(plan_count(s->plan), 1);
	return plan_at(s->plan, 0);
}

static void assert_residual(struct file_stage *s, const struct action *action, const char *unit, const char *part)
{
	assert_int_equal(plan_action(s, action, unit), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(plan_residuals(s->plan)->n, 1);
	if (!strstr(plan_residuals(s->plan)->v[0], part))
		fail_msg("the residual is \"%s\"", plan_residuals(s->plan)->v[0]);
}

static void stage_links(struct file_stage *s)
{
	link_to(s, ETC "multi-user.target.wants/evil.service", "/etc/systemd/system/evil.service");
	link_to(s, ETC "basic.target.requires/evil.service", "../evil.service");
	link_to(s, "run/systemd/system/multi-user.target.wants/evil.service", "/nowhere");
	link_to(s, ETC "al.service", "evil.service");
	/* None of these is meant. */
	link_to(s, ETC "notevil.service", "/lib/systemd/system/notevil.service");
	link_to(s, ETC "multi-user.target.wants/evil.service.bak", "/etc/systemd/system/evil.service.bak");
	link_to(s, ETC "multi-user.target.wants/evil.timer", "/etc/systemd/system/evil.timer");
}

static void test_disable(void **state)
{
	struct file_stage *s = *state;
	stage_links(s);
	struct change *c = plan_one(s, &unit_disable, "evil.service");
	_cleanup_buf_ struct buf detail = {0};
	assert_int_equal(c->kind->detail(c, &detail), 0);
	assert_string_equal(buf_text(&detail),
	                    "-/etc/systemd/system/al.service -> evil.service\n"
	                    "-/etc/systemd/system/basic.target.requires/evil.service -> ../evil.service\n"
	                    "-/etc/systemd/system/multi-user.target.wants/evil.service -> /etc/systemd/system/evil.service\n"
	                    "-/run/systemd/system/multi-user.target.wants/evil.service -> /nowhere\n");
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_no_file(s, ETC "al.service");
	assert_no_file(s, ETC "basic.target.requires/evil.service");
	assert_text(s, ETC "evil.service", EVIL);
	assert_link(s, ETC "notevil.service", "/lib/systemd/system/notevil.service");
	assert_link(s, ETC "multi-user.target.wants/evil.timer", "/etc/systemd/system/evil.timer");
	assert_int_equal(apply_change(s, c), 0); /* done twice is done once */
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_link(s, ETC "basic.target.requires/evil.service", "../evil.service");
	assert_int_equal(revert_change(s, c), 0);
}

static void test_disable_again(void **state)
{
	struct file_stage *s = *state;
	assert_int_equal(plan_action(s, &unit_disable, "evil.service"), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(plan_action(s, &unit_disable, "nonesuch.service"), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(plan_residuals(s->plan)->n, 0);
}

static void test_template(void **state)
{
	struct file_stage *s = *state;
	link_to(s, ETC "multi-user.target.wants/tpl@1.service", "/lib/systemd/system/tpl@.service");
	link_to(s, ETC "multi-user.target.wants/tpl@2.service", "/lib/systemd/system/tpl@.service");
	struct change *c = plan_one(s, &unit_disable, "tpl@1.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, ETC "multi-user.target.wants/tpl@1.service");
	assert_link(s, ETC "multi-user.target.wants/tpl@2.service", "/lib/systemd/system/tpl@.service");
	assert_int_equal(revert_change(s, c), 0);
	c = plan_one(s, &unit_disable, "tpl@.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, ETC "multi-user.target.wants/tpl@1.service");
	assert_no_file(s, ETC "multi-user.target.wants/tpl@2.service");
	c = plan_one(s, &unit_enable, "tpl@.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_link(s, ETC "multi-user.target.wants/tpl@2.service", "/lib/systemd/system/tpl@.service");
	assert_int_equal(plan_action(s, &unit_stop, "tpl@.service"), -EINVAL);
	assert_non_null(strstr(plan_failure(s->plan), "is a template"));
}

/* The end came between two links: it is a part, it is said to be, and can be taken back. */
static void test_cut_short(void **state)
{
	struct file_stage *s = *state;
	stage_links(s);
	struct change *c = plan_one(s, &unit_disable, "evil.service");
	assert_int_equal(unlink(at(s, ETC "al.service")), 0);
	assert_int_equal(c->kind->settle(&s->host, c, &s->effect), 0);
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(revert_change(s, c), 0);
	assert_link(s, ETC "al.service", "evil.service");
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	/* And the other way: what an undo had begun goes on. */
	assert_int_equal(apply_change(s, c), 0);
	link_to(s, ETC "al.service", "evil.service");
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	/* An apply that was begun goes on, too. */
	assert_int_equal(unlink(at(s, ETC "al.service")), 0);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
}

static void test_drift(void **state)
{
	struct file_stage *s = *state;
	stage_links(s);
	struct change *c = plan_one(s, &unit_disable, "evil.service");
	assert_int_equal(unlink(at(s, ETC "al.service")), 0);
	link_to(s, ETC "al.service", "other.service");
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_note(s, "/etc/systemd/system/al.service is not what this run knows");
	assert_link(s, ETC "multi-user.target.wants/evil.service", "/etc/systemd/system/evil.service");
	/* A file in its place is drift as well, and stays. */
	assert_int_equal(unlink(at(s, ETC "al.service")), 0);
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, ETC "al.service", "theirs");
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_text(s, ETC "al.service", "theirs");
	assert_no_file(s, ETC "multi-user.target.wants/evil.service");
}

static void test_enable(void **state)
{
	struct file_stage *s = *state;
	link_to(s, ETC "multi-user.target.wants/evil.service", "/usr/lib/systemd/system/evil.service");
	struct change *c = plan_one(s, &unit_enable, "evil.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_link(s, ETC "new.target.wants/evil.service", "/etc/systemd/system/evil.service");
	assert_link(s, ETC "al.service", "/etc/systemd/system/evil.service");
	/* It was enabled there already, by another name of the directory. */
	assert_link(s, ETC "multi-user.target.wants/evil.service", "/usr/lib/systemd/system/evil.service");
	assert_int_equal(revert_change(s, c), 0);
	assert_no_file(s, ETC "new.target.wants");
	assert_no_file(s, ETC "al.service");
	/* A directory that somebody else uses by now stays. */
	assert_int_equal(apply_change(s, c), 0);
	link_to(s, ETC "new.target.wants/theirs.service", "/x");
	assert_int_equal(revert_change(s, c), 0);
	assert_link(s, ETC "new.target.wants/theirs.service", "/x");
}

static void test_enable_refuses(void **state)
{
	struct file_stage *s = *state;
	put_file(s, ETC "bare.service", "[Service]\nExecStart=/bin/true\n");
	put_file(s, ETC "odd.service", "[Install]\nWantedBy=%H.target\n");
	put_file(s, ETC "far.service", "[Install]\nWantedBy=../../x\n");
	put_file(s, ETC "any@.service", "[Install]\nWantedBy=multi-user.target\n");
	assert_residual(s, &unit_enable, "bare.service", "has no [Install] section");
	assert_residual(s, &unit_enable, "odd.service", "more than can be worked out");
	assert_residual(s, &unit_enable, "far.service", "more than can be worked out");
	assert_residual(s, &unit_enable, "any@.service", "name an instance");
	assert_residual(s, &unit_enable, "nonesuch.service", "there is no file of it");
	put_file(s, ETC "al.service", "theirs");
	assert_residual(s, &unit_enable, "evil.service", "something else is at /etc/systemd/system/al.service");
}

static void test_mask(void **state)
{
	struct file_stage *s = *state;
	assert_residual(s, &unit_mask, "evil.service", "/etc/systemd/system/evil.service is in the way");
	struct change *c = plan_one(s, &unit_mask, "tpl@1.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_link(s, ETC "tpl@1.service", "/dev/null");
	assert_int_equal(plan_action(s, &unit_mask, "tpl@1.service"), 0);
	assert_int_equal(plan_count(s->plan), 0);
	/* Disabling is about other links. */
	assert_int_equal(plan_action(s, &unit_disable, "tpl@1.service"), 0);
	assert_int_equal(plan_count(s->plan), 0);
	c = plan_one(s, &unit_enable, "tpl@1.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, ETC "tpl@1.service");
	assert_link(s, ETC "multi-user.target.wants/tpl@1.service", "/lib/systemd/system/tpl@.service");
	assert_int_equal(revert_change(s, c), 0);
	assert_link(s, ETC "tpl@1.service", "/dev/null");
	assert_no_file(s, ETC "multi-user.target.wants/tpl@1.service");
}

/* One link of several cannot be taken: those before it are put back. */
static void test_failure(void **state)
{
	struct file_stage *s = *state;
	if (!file_stage_root())
		skip();
	stage_links(s);
	struct change *c = plan_one(s, &unit_disable, "evil.service");
	const char *wants = at(s, "run/systemd/system/multi-user.target.wants");
	assert_int_equal(mount(wants, wants, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, wants, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(apply_change(s, c), -EROFS);
	assert_link(s, ETC "al.service", "evil.service");
	assert_link(s, ETC "multi-user.target.wants/evil.service", "/etc/systemd/system/evil.service");
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(umount2(wants, MNT_DETACH), 0);
}

static void test_immutable(void **state)
{
	struct file_stage *s = *state;
	if (!file_stage_root())
		skip();
	stage_links(s);
	set_flags(s, ETC "multi-user.target.wants", FS_IMMUTABLE_FL);
	struct change *c = plan_one(s, &unit_disable, "evil.service");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, ETC "multi-user.target.wants/evil.service");
	assert_true(get_flags(s, ETC "multi-user.target.wants") & FS_IMMUTABLE_FL);
	assert_int_equal(revert_change(s, c), 0);
	assert_link(s, ETC "multi-user.target.wants/evil.service", "/etc/systemd/system/evil.service");
	assert_true(get_flags(s, ETC "multi-user.target.wants") & FS_IMMUTABLE_FL);
}

/* Also= leads to more units, even in a circle. */
static void test_also(void **state)
{
	struct file_stage *s = *state;
	put_file(s, ETC "a.service", "[Install]\nWantedBy=multi-user.target\nAlso=b.timer --x ../y %p.socket\n");
	put_file(s, ETC "b.timer", "[Install]\nWantedBy=timers.target\nAlso=a.service\n");
	assert_int_equal(plan_action(s, &unit_enable, "a.service"), 0);
	assert_int_equal(plan_count(s->plan), 2);
	assert_string_equal(plan_at(s->plan, 1)->target, "b.timer");
	assert_int_equal(plan_residuals(s->plan)->n, 1); /* a.socket is not there */
}

static void test_bad_records(void **state)
{
	struct file_stage *s = *state;
	static const char *const bad[] = {
		"{}", "{\"unit\": 1}",
		"{\"unit\":\"a.service\",\"verb\":\"mask\",\"state\":\"\",\"file\":\"\",\"cgroup\":\"\",\"take\":[[\"x\",\"y\"]]}",
		"{\"unit\":\"a.service\",\"verb\":\"mask\",\"state\":\"\",\"file\":\"\",\"cgroup\":\"\",\"make\":[[\"/x\"]]}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct change *c = NULL;
		enum change_state now;
		assert_int_equal(change_new(&unit_state_kind, "step", "a.service", json_loads(bad[i], 0, NULL), &c), 0);
		assert_int_equal(c->kind->probe(&s->host, c, &now), -EBADMSG);
		assert_int_equal(apply_change(s, c), -EBADMSG);
		assert_int_equal(revert_change(s, c), -EBADMSG);
		change_free(&c);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_disable), TEST(test_disable_again), TEST(test_template),       TEST(test_cut_short),
		TEST(test_drift),   TEST(test_enable),        TEST(test_enable_refuses), TEST(test_mask),
		TEST(test_failure), TEST(test_immutable),     TEST(test_also),           TEST(test_bad_records),
	};
	return cmocka_run_group_tests(tests, file_stage_group, NULL);
}
