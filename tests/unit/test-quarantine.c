/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * file.quarantine and its patterns.
 */
#include "core/action.h"
#include "file-stage.h"
#include "plugins/glob-walk.h"
#include "plugins/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void give(struct args *args, const char *name, enum type type, const char *const *items)
{
	struct value v = {.type = type, .list = true};
	for (; *items; items++)
		strv_add(&v.items, *items);
	assert_int_equal(args_set(args, name, &v), 0);
	value_free(&v);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Plans a step of its own; paths are below the stage. */
static int quarantine(struct file_stage *s, const char *const *paths, const char *const *sha256, bool must_exist)
{
	const struct action *action = action_find(actions, "file.quarantine");
	struct args *args = NULL;
	_cleanup_strv_ struct strv list = {0};
	assert_non_null(action);
	assert_int_equal(args_new(&args), 0);
	for (; *paths; paths++)
		strv_addf(&list, "%s/%s", s->dir, *paths);
	give(args, "path", TYPE_GLOB, list.n ? (const char *const *)list.v : (const char *const[]){NULL});
	if (sha256)
		give(args, "sha256", TYPE_SHA256, sha256);
	give(args, "missing", TYPE_CHOICE, LIST(must_exist ? "fail" : "ok"));
	int r = action->plan(&s->host, args, s->plan);
	args_free(&args);
	return r;
}

static int look_for(struct file_stage *s, const char *const *paths)
{
	struct args *args = NULL;
	_cleanup_strv_ struct strv list = {0};
	assert_int_equal(args_new(&args), 0);
	for (; *paths; paths++)
		strv_addf(&list, "%s/%s", s->dir, *paths);
	give(args, "path", TYPE_GLOB, (const char *const *)list.v);
	int r = action_find(actions, "file.find")->plan(&s->host, args, s->plan);
	args_free(&args);
	return r;
}

static void assert_planned(const struct file_stage *s, const char *const *names)
{
	size_t n = 0;
	for (; names[n]; n++) {
		assert_true(n < plan_count(s->plan));
		assert_string_equal(plan_at(s->plan, n)->target, at(s, names[n]));
		assert_string_equal(plan_facts(s->plan, "path")->v[n], at(s, names[n]));
	}
	assert_int_equal(plan_count(s->plan), n);
	char count[24];
	snprintf(count, sizeof(count), "%zu", n);
	assert_string_equal(plan_facts(s->plan, "count")->v[0], count);
}

static void assert_residual(const struct file_stage *s, size_t i, const char *part)
{
	const struct strv *all = plan_residuals(s->plan);
	assert_true(i < all->n);
	if (!strstr(all->v[i], part))
		fail_msg("\"%s\" lacks \"%s\"", all->v[i], part);
	assert_null(strpbrk(all->v[i], "\n\033"));
}

static void patterns_find_files_in_order(void **state)
{
	struct file_stage *s = *state;
	static const char *const files[] = {"d/b.sh", "d/a.sh", "d/.hidden.sh", "d/c.txt", "d/x/a.sh", "e/a.sh"};
	mkdir(at(s, "d"), 0700);
	mkdir(at(s, "e"), 0700);
	mkdir(at(s, "d/x"), 0700);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put_file(s, files[i], files[i]);
	assert_int_equal(quarantine(s, LIST("d/*.sh"), NULL, false), 0);
	assert_planned(s, LIST("d/a.sh", "d/b.sh"));
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("?/a.sh", "d/.*.sh"), NULL, false), 0);
	assert_planned(s, LIST("d/a.sh", "e/a.sh", "d/.hidden.sh"));
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("d/[!a]*"), NULL, false), 0);
	assert_planned(s, LIST("d/b.sh", "d/c.txt"));
	assert_int_equal(plan_notes(s->plan)->n, 1);
	assert_non_null(strstr(plan_notes(s->plan)->v[0], "1 directory"));
	assert_int_equal(plan_residuals(s->plan)->n, 0);
}

static void a_wildcard_in_a_name_can_be_escaped(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "a*", "x");
	put_file(s, "ab", "x");
	assert_int_equal(quarantine(s, LIST("a\\*"), NULL, true), 0);
	assert_planned(s, LIST("a*"));
	assert_false(glob_is_wild("/a\\*/b\\["));
	assert_true(glob_is_wild("/a\\\\*"));
}

static void one_file_is_taken_once(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "x");
	assert_int_equal(quarantine(s, LIST("f", "?", "f"), NULL, true), 0);
	assert_planned(s, LIST("f"));
}

static void finding_takes_nothing(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f1", "x");
	put_file(s, "f2", "x");
	assert_int_equal(mkfifo(at(s, "f3"), 0600), 0);
	assert_int_equal(symlink("f1", at(s, "f4")), 0);
	assert_int_equal(look_for(s, LIST("f*", "f2", "none")), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(plan_facts(s->plan, "path")->n, 2);
	assert_string_equal(plan_facts(s->plan, "path")->v[0], at(s, "f1"));
	assert_string_equal(plan_facts(s->plan, "path")->v[1], at(s, "f2"));
	assert_string_equal(plan_facts(s->plan, "count")->v[0], "2");
	assert_int_equal(plan_residuals(s->plan)->n, 0);
	/* What an earlier step takes is not there any more. */
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("f1"), NULL, true), 0);
	plan_begin_step(s->plan, "find");
	assert_int_equal(look_for(s, LIST("f*")), 0);
	assert_string_equal(plan_facts(s->plan, "count")->v[0], "1");
}

static void only_these_contents(void **state)
{
	struct file_stage *s = *state;
	struct sha256 evil;
	sha256_bytes("evil\n", 5, &evil);
	put_file(s, "f1", "evil\n");
	put_file(s, "f2", "good\n");
	put_file(s, "f3", "evil\n");
	assert_int_equal(mkfifo(at(s, "f4"), 0600), 0);
	assert_int_equal(quarantine(s, LIST("f*"), LIST(evil.hex), false), 0);
	assert_planned(s, LIST("f1", "f3"));
	assert_int_equal(plan_facts(s->plan, "sha256")->n, 1);
	assert_string_equal(plan_facts(s->plan, "sha256")->v[0], evil.hex);
	assert_int_equal(plan_residuals(s->plan)->n, 0);
	/* It is there, with another content: not missing. */
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("f2"), LIST(evil.hex), true), 0);
	assert_int_equal(plan_count(s->plan), 0);
	/* No content at all is not any content. */
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("f*"), (const char *const[]){NULL}, false), 0);
	assert_int_equal(plan_count(s->plan), 0);
}

static void what_is_missing_is_as_the_playbook_says(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "x");
	assert_int_equal(quarantine(s, LIST("none", "no/ne", "f/ne", "non*", "no*/ne"), NULL, false), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(plan_residuals(s->plan)->n, 0);
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("f", "none\n"), NULL, true), -ENOENT);
	assert_non_null(strstr(plan_failure(s->plan), "none\\n is not there"));
	plan_again(s);
	assert_int_equal(quarantine(s, LIST("non*"), NULL, true), -ENOENT);
	plan_again(s);
	assert_int_equal(quarantine(s, (const char *const[]){NULL}, NULL, true), 0);
	assert_int_equal(plan_count(s->plan), 0);
}

static void other_things_are_told_and_never_hang(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "canary", "x");
	assert_int_equal(mkfifo(at(s, "fifo"), 0600), 0);
	assert_int_equal(mknod(at(s, "null"), S_IFCHR | 0600, 0x103), 0);
	assert_int_equal(mkdir(at(s, "dir"), 0700), 0);
	assert_int_equal(symlink("canary\033[2J", at(s, "link\n")), 0);
	assert_int_equal(symlink("dir", at(s, "dirlink")), 0);
	put_file(s, "dir/f", "x");
	assert_int_equal(lchown(at(s, "dirlink"), 1000, 1000), 0);
	assert_int_equal(quarantine(s, LIST("fifo", "null", "dir", "link\n", "dirlink/f"), NULL, true), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(plan_residuals(s->plan)->n, 5);
	assert_residual(s, 0, "a FIFO");
	assert_residual(s, 1, "a device");
	assert_residual(s, 2, "a directory");
	assert_residual(s, 3, "link\\n is a symbolic link to canary\\x1b[2J;");
	assert_residual(s, 4, "behind a symbolic link");
	assert_string_equal(plan_facts(s->plan, "count")->v[0], "0");
}

static void a_pattern_does_not_walk_through_links(void **state)
{
	struct file_stage *s = *state;
	assert_int_equal(mkdir(at(s, "canary"), 0700), 0);
	put_file(s, "canary/f", "x");
	assert_int_equal(symlink("canary", at(s, "link")), 0);
	assert_int_equal(quarantine(s, LIST("l*/f", "li*/*"), NULL, false), 0);
	assert_int_equal(plan_count(s->plan), 0);
	/* Before the first wildcard such a link is not passed over in silence. */
	assert_int_equal(lchown(at(s, "link"), 1000, 1000), 0);
	assert_int_equal(quarantine(s, LIST("link/*"), NULL, false), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(s->host.blind.n, 1);
	assert_non_null(strstr(s->host.blind.v[0], "link/*"));
}

static void any_name_may_match(void **state)
{
	struct file_stage *s = *state;
	static const char *const names[] = {"x -rf", "x\n", "x\033[2J", "x\xff"};
	for (size_t i = 0; i < 4; i++)
		put_file(s, names[i], "x");
	assert_int_equal(quarantine(s, LIST("x*"), NULL, true), 0);
	assert_int_equal(plan_count(s->plan), 4);
	for (size_t i = 0; i < 4; i++) {
		_cleanup_buf_ struct buf line = {0};
		struct change *c = plan_at(s->plan, i);
		assert_int_equal(c->kind->describe(c, &line), 0);
		assert_null(strpbrk(buf_text(&line), "\n\033\xff"));
		assert_int_equal(apply_change(s, c), 0);
	}
	for (size_t i = 4; i-- > 0;)
		assert_int_equal(revert_change(s, plan_at(s->plan, i)), 0);
	for (size_t i = 0; i < 4; i++)
		assert_file(s, names[i], "x");
}

static void too_many_matches_are_refused_as_a_whole(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=64m");
	int dir = open(at(s, "other"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i <= GLOB_MATCHES_MAX; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", i);
		int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(quarantine(s, LIST("other/f*"), NULL, false), -E2BIG);
	assert_non_null(strstr(plan_failure(s->plan), "more than 10000"));
	close(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(patterns_find_files_in_order),
		T(a_wildcard_in_a_name_can_be_escaped),
		T(one_file_is_taken_once),
		T(finding_takes_nothing),
		T(only_these_contents),
		T(what_is_missing_is_as_the_playbook_says),
		T(other_things_are_told_and_never_hang),
		T(a_pattern_does_not_walk_through_links),
		T(any_name_may_match),
		T(too_many_matches_are_refused_as_a_whole),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("quarantine", tests, file_stage_group, NULL);
}
