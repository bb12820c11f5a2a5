/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind file.mode, and file.strip-rights.
 */
#include "change/file-mode.h"
#include "core/action.h"
#include "file-stage.h"
#include "plugins/registry.h"

#include <errno.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned mode_of(const struct file_stage *s, const char *name)
{
	struct stat st;
	assert_int_equal(lstat(at(s, name), &st), 0);
	return st.st_mode & 07777;
}

static void put_program(const struct file_stage *s, const char *name, mode_t mode)
{
	put_file(s, name, "#!/bin/sh\n");
	assert_int_equal(chmod(at(s, name), mode), 0);
}

static struct change *plan_mode(struct file_stage *s, const char *name)
{
	assert_int_equal(file_mode_plan(&s->host, s->plan, at(s, name)), 0);
	return plan_at(s->plan, plan_count(s->plan) - 1);
}

static void rights_go_and_come_back(void **state)
{
	struct file_stage *s = *state;
	static const mode_t modes[] = {04755, 02755, 06711, 05777};
	static const int flags[] = {0, FS_IMMUTABLE_FL, FS_APPEND_FL};
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes) * 3; i++) {
		plan_again(s);
		put_program(s, "f", modes[i / 3]);
		set_flags(s, "f", flags[i % 3]);
		struct change *c = plan_mode(s, "f");
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_int_equal(apply_change(s, c), 0);
		assert_int_equal(mode_of(s, "f"), modes[i / 3] & 01777);
		assert_int_equal(probe_change(s, c), CHANGE_AFTER);
		assert_int_equal(get_flags(s, "f"), flags[i % 3]);
		assert_int_equal(revert_change(s, c), 0);
		assert_int_equal(mode_of(s, "f"), modes[i / 3]);
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_int_equal(get_flags(s, "f"), flags[i % 3]);
		assert_file(s, "f", "#!/bin/sh\n");
		set_flags(s, "f", 0);
		unlink(at(s, "f"));
	}
}

static void what_has_none_is_left(void **state)
{
	struct file_stage *s = *state;
	put_program(s, "f", 0755);
	assert_int_equal(file_mode_plan(&s->host, s->plan, at(s, "f")), 1);
	put_program(s, "g", 04755);
	assert_int_equal(link(at(s, "g"), at(s, "h")), 0);
	assert_int_equal(file_mode_plan(&s->host, s->plan, at(s, "g")), -EMLINK);
	put_program(s, "large", 04755);
	assert_int_equal(truncate(at(s, "large"), FILE_MODE_MAX + 1), 0);
	assert_int_equal(chmod(at(s, "large"), 04755), 0);
	assert_int_equal(file_mode_plan(&s->host, s->plan, at(s, "large")), -EFBIG);
	assert_int_equal(symlink("g", at(s, "l")), 0);
	assert_int_equal(file_mode_plan(&s->host, s->plan, at(s, "l")), -ELOOP);
	assert_int_equal(plan_count(s->plan), 0);
}

/* Nobody gets rights by an undo who had none. */
static void another_file_gets_no_rights(void **state)
{
	struct file_stage *s = *state;
	put_program(s, "f", 04755);
	struct change *c = plan_mode(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, "f", "#!/bin/false\n");
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "no longer the same file");
	put_program(s, "f", 0755);
	assert_int_equal(chown(at(s, "f"), 65534, 65534), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_int_equal(chown(at(s, "f"), 0, 0), 0);
	assert_int_equal(chmod(at(s, "f"), 0711), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_int_equal(mode_of(s, "f"), 0711);
	unlink(at(s, "f"));
	assert_int_equal(symlink("/bin/true", at(s, "f")), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
}

static void it_is_judged_again_before_it_is_done(void **state)
{
	struct file_stage *s = *state;
	put_program(s, "f", 04755);
	struct change *c = plan_mode(s, "f");
	put_file(s, "f", "another\n");
	assert_int_equal(apply_change(s, c), -ESTALE);
	put_program(s, "f", 0755);
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "already");
}

static void what_a_kill_leaves_is_put_in_order(void **state)
{
	struct file_stage *s = *state;
	put_program(s, "f", 04755);
	set_flags(s, "f", FS_IMMUTABLE_FL);
	struct change *c = plan_mode(s, "f");
	set_flags(s, "f", 0); /* as between two steps */
	assert_int_equal(settle_change(s, c), 0);
	assert_int_equal(get_flags(s, "f"), FS_IMMUTABLE_FL);
	assert_int_equal(mode_of(s, "f"), 04755);
	set_flags(s, "f", 0);
	unlink(at(s, "f"));
	assert_int_equal(settle_change(s, c), 0);
}

static void a_tree_is_searched(void **state)
{
	struct file_stage *s = *state;
	const struct action *action = action_find(actions, "file.strip-rights");
	struct args *args = NULL;
	struct value v = {.type = TYPE_PATH, .list = true};
	mkdir(at(s, "t"), 0755);
	mkdir(at(s, "t/.x"), 0755);
	put_program(s, "t/.x/sh", 06755);
	put_program(s, "t/a", 0755);
	put_program(s, "t/b", 02755);
	put_program(s, "t/c", 04755);
	assert_int_equal(link(at(s, "t/c"), at(s, "d")), 0);
	assert_int_equal(mkfifo(at(s, "t/e"), 04777), 0);
	assert_int_equal(args_new(&args), 0);
	strv_add(&v.items, at(s, "t"));
	assert_int_equal(args_set(args, "tree", &v), 0);
	value_free(&v);
	assert_int_equal(action->plan(&s->host, args, s->plan), 0);
	args_free(&args);
	assert_int_equal(plan_count(s->plan), 2);
	assert_string_equal(plan_at(s->plan, 0)->target, at(s, "t/.x/sh"));
	assert_string_equal(plan_at(s->plan, 1)->target, at(s, "t/b"));
	assert_string_equal(plan_facts(s->plan, "count")->v[0], "2");
	assert_int_equal(plan_residuals(s->plan)->n, 1);
	assert_non_null(strstr(plan_residuals(s->plan)->v[0], "/t/c gives rights to who runs it, and keeps them"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rights_go_and_come_back),
		T(what_has_none_is_left),
		T(another_file_gets_no_rights),
		T(it_is_judged_again_before_it_is_done),
		T(what_a_kill_leaves_is_put_in_order),
		T(a_tree_is_searched),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-mode", tests, file_stage_group, NULL);
}
