/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-move.h"
#include "core/vault.h"
#include "file-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define I FS_IMMUTABLE_FL
#define A FS_APPEND_FL

#define BEFORE "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"
#define AFTER "one\ntwo\nthree\nfive\nsix\nseven\n"

static struct change *plan_edit_at(struct file_stage *s, const char *path, const char *after)
{
	_cleanup_buf_ struct buf before = {0}, new = {0};
	struct change *c = NULL;
	assert_int_equal(file_edit_read(&s->host, s->plan, path, &before), 0);
	buf_puts(&new, after);
	assert_int_equal(file_edit_plan(&s->host, s->plan, path, &before, &new, NULL, &c), 0);
	return c;
}

static struct change *plan_edit(struct file_stage *s, const char *name, const char *after)
{
	return plan_edit_at(s, at(s, name), after);
}

static struct change *applied_edit(struct file_stage *s)
{
	put_file(s, "f", BEFORE);
	struct change *c = plan_edit(s, "f", AFTER);
	assert_int_equal(apply_change(s, c), 0);
	assert_file(s, "f", AFTER);
	return c;
}

static struct timespec mtime_of(const struct file_stage *s, const char *name)
{
	struct stat st;
	assert_int_equal(lstat(at(s, name), &st), 0);
	return st.st_mtim;
}

static ino_t inode_of(const struct file_stage *s, const char *name)
{
	struct stat st;
	assert_int_equal(lstat(at(s, name), &st), 0);
	return st.st_ino;
}

static void keeps_what_is_not_content_and_gives_all_of_it_back(void **state)
{
	struct file_stage *s = *state;
	static const int flags[] = {0, I, A, I | A, I | FS_NODUMP_FL};
	static const int dir_flags[] = {0, I, A};
	static const struct timespec old[2] = {{1000, 5}, {2000, 7}};
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags) * 3; i++) {
		plan_again(s);
		assert_int_equal(mkdir(at(s, "d"), 0755), 0);
		put_file(s, "d/f", BEFORE);
		assert_int_equal(chown(at(s, "d/f"), 12, 34), 0);
		assert_int_equal(chmod(at(s, "d/f"), 06640), 0);
		assert_int_equal(setxattr(at(s, "d/f"), "user.\xff\n", "a\0b", 3, 0), 0);
		assert_int_equal(utimensat(AT_FDCWD, at(s, "d/f"), old, 0), 0);
		set_flags(s, "d/f", flags[i / 3]);
		set_flags(s, "d", dir_flags[i % 3]);
		json_t *meta = meta_of(s, "d/f");
		struct change *c = plan_edit(s, "d/f", AFTER);
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_int_equal(apply_change(s, c), 0);
		assert_int_equal(probe_change(s, c), CHANGE_AFTER);
		assert_file(s, "d/f", AFTER);
		/* cron and others look for a new time; all else is as it was */
		assert_true(mtime_of(s, "d/f").tv_sec > 2000);
		json_t *edited = meta_of(s, "d/f");
		json_object_set(edited, "mtime", json_object_get(meta, "mtime"));
		assert_true(json_equal(edited, meta));
		json_decref(edited);
		assert_int_equal(get_flags(s, "d"), dir_flags[i % 3]);
		assert_int_equal(revert_change(s, c), 0);
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_file(s, "d/f", BEFORE);
		assert_meta(s, "d/f", meta);
		assert_int_equal(get_flags(s, "d"), dir_flags[i % 3]);
		assert_int_equal(leftovers(s), 0);
		set_flags(s, "d", 0);
		set_flags(s, "d/f", 0);
		unlink(at(s, "d/f"));
		rmdir(at(s, "d"));
	}
}

static const struct {
	const char *before, *after;
} contents[] = {
	{"", "a\n"},
	{"a\n", ""},
	{"a\nb", "b"},
	{"a\nb", "a\n"},
	{"a\r\nb\r\nc", "a\r\nc"},
	{"\n\n\n", "\n"},
	{"\033[31m\xff\n", "x\n"},
	{"a\nb\nc\nd\ne\nf\ng\nh\n", "b\nc\nd\nX\ne\nf\nh\nY"},
};

static void any_content_comes_back_byte_for_byte(void **state)
{
	struct file_stage *s = *state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
		plan_again(s);
		put_file(s, "f", contents[i].before);
		struct change *c = plan_edit(s, "f", contents[i].after);
		assert_int_equal(apply_change(s, c), 0);
		assert_file(s, "f", contents[i].after);
		assert_int_equal(revert_change(s, c), 0);
		assert_file(s, "f", contents[i].before);
	}
}

/* A file with NUL bytes is no text, and no reason to lose any of it. */
static void zero_bytes_survive(void **state)
{
	struct file_stage *s = *state;
	static const char before[] = "a\0b\nc\n\0", after[] = "a\0b\n\0";
	_cleanup_buf_ struct buf old = {0}, new = {0}, now = {0};
	struct change *c = NULL;
	put_bytes(s, "f", before, sizeof(before));
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "f"), &old), 0);
	buf_add(&new, after, sizeof(after));
	assert_int_equal(file_edit_plan(&s->host, s->plan, at(s, "f"), &old, &new, NULL, &c), 0);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(path_read(s->host.root, at(s, "f"), 100, &now, NULL), 0);
	assert_true(buf_equal(&now, &new));
	assert_int_equal(revert_change(s, c), 0);
	buf_reset(&now);
	assert_int_equal(path_read(s->host.root, at(s, "f"), 100, &now, NULL), 0);
	assert_true(buf_equal(&now, &old));
}

static void two_edits_of_one_file_compose(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf seen = {0};
	put_file(s, "f", BEFORE);
	json_t *meta = meta_of(s, "f");
	struct change *first = plan_edit(s, "f", AFTER);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "f"), &seen), 0);
	assert_string_equal(buf_text(&seen), AFTER);
	struct change *second = plan_edit(s, "f", "one\nthree\nfive\nsix\nseven\n");
	assert_file(s, "f", BEFORE);
	assert_int_equal(apply_change(s, first), 0);
	assert_int_equal(apply_change(s, second), 0);
	assert_file(s, "f", "one\nthree\nfive\nsix\nseven\n");
	assert_int_equal(probe_change(s, second), CHANGE_AFTER);
	assert_int_equal(probe_change(s, first), CHANGE_AFTER);
	assert_int_equal(revert_change(s, second), 0);
	assert_file(s, "f", AFTER);
	assert_int_equal(revert_change(s, first), 0);
	assert_file(s, "f", BEFORE);
	assert_meta(s, "f", meta);
}

/* The first step alone is rolled back: the second one's edit is somebody else's to it. */
static void the_first_of_two_edits_can_be_taken_back_alone(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", BEFORE);
	struct change *first = plan_edit(s, "f", AFTER);
	struct change *second = plan_edit(s, "f", "three\nfive\nsix\nseven\n");
	assert_int_equal(apply_change(s, first), 0);
	assert_int_equal(apply_change(s, second), 0);
	assert_int_equal(revert_change(s, first), 0);
	assert_file(s, "f", "three\nfour\nfive\nsix\nseven\n");
}

static void nothing_is_planned_for_nothing(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", BEFORE);
	assert_null(plan_edit(s, "f", BEFORE));
	assert_int_equal(plan_count(s->plan), 0);
}

static void a_file_that_is_taken_away_cannot_be_edited(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf b = {0};
	put_file(s, "f", BEFORE);
	assert_int_equal(file_move_plan(&s->host, s->plan, at(s, "f"), NULL, NULL), 0);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "f"), &b), -ENOENT);
}

static void only_regular_files_are_read(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf b = {0};
	put_file(s, "f", BEFORE);
	assert_int_equal(mkfifo(at(s, "fifo"), 0600), 0);
	assert_int_equal(symlink("f", at(s, "link")), 0);
	assert_int_equal(mkdir(at(s, "dir"), 0700), 0);
	assert_int_equal(symlink("dir", at(s, "dirlink")), 0);
	put_file(s, "dir/f", BEFORE);
	assert_int_equal(truncate(at(s, "dir/f"), FILE_EDIT_MAX + 1), 0);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "fifo"), &b), -EINVAL);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "dir"), &b), -EINVAL);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "link"), &b), -ELOOP);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "dirlink/f"), &b), -ELOOP);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "none"), &b), -ENOENT);
	buf_reset(&b);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, "dir/f"), &b), -EFBIG);
}

static void what_changed_since_the_plan_is_left_alone(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", BEFORE);
	struct change *c = plan_edit(s, "f", AFTER);
	put_file(s, "f", BEFORE "more\n");
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_note(s, "changed since the plan");
	assert_file(s, "f", BEFORE "more\n");
	assert_int_equal(unlink(at(s, "f")), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_note(s, "gone");
	put_file(s, "canary", BEFORE);
	assert_int_equal(symlink("canary", at(s, "f")), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_file(s, "canary", BEFORE);
	assert_int_equal(unlink(at(s, "f")), 0);
	assert_int_equal(mkfifo(at(s, "f"), 0600), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_note(s, "something else");
	assert_int_equal(leftovers(s), 0);
}

static void applying_and_reverting_twice_is_harmless(void **state)
{
	struct file_stage *s = *state;
	struct change *c = applied_edit(s);
	ino_t inode = inode_of(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(inode_of(s, "f"), inode);
	assert_int_equal(revert_change(s, c), 0);
	inode = inode_of(s, "f");
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(inode_of(s, "f"), inode);
	assert_file(s, "f", BEFORE);
}

static void unrelated_edits_survive_the_undo(void **state)
{
	struct file_stage *s = *state;
	struct change *c = applied_edit(s);
	put_file(s, "f", "zero\none\ntwo\nthree\nfive\nsix\nSEVEN");
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "were kept");
	assert_file(s, "f", "zero\none\ntwo\nthree\nfour\nfive\nsix\nSEVEN");
	assert_true(mtime_of(s, "f").tv_sec > time(NULL) - 60);
}

static void touching_edits_are_refused_by_name(void **state)
{
	struct file_stage *s = *state;
	struct change *c = applied_edit(s);
	static const char *const theirs[] = {
		"one\ntwo\nTHREE\nfive\nsix\nseven\n", /* the line above */
		"one\ntwo\nthree\nFIVE\nsix\nseven\n", /* below */
		"one\ntwo\nthree\nnew\nfive\nsix\nseven\n", /* right where ours was */
		"",
	};
	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++) {
		put_file(s, "f", theirs[i]);
		assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
		assert_int_equal(revert_change(s, c), -ESTALE);
		assert_note(s, at(s, "f"));
		assert_note(s, "line ");
		assert_file(s, "f", theirs[i]);
	}
	put_file(s, "f", theirs[1]);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, ", line 4:");
	assert_int_equal(leftovers(s), 0);
}

static void attributes_that_others_set_since_are_kept(void **state)
{
	struct file_stage *s = *state;
	struct change *c = applied_edit(s);
	assert_int_equal(chmod(at(s, "f"), 0600), 0);
	json_t *meta = meta_of(s, "f");
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "kept");
	assert_file(s, "f", BEFORE);
	json_t *now = meta_of(s, "f");
	assert_true(json_equal(json_object_get(now, "mode"), json_object_get(meta, "mode")));
	json_decref(now);
	json_decref(meta);
}

static void a_missing_or_tampered_before_image_is_said(void **state)
{
	struct file_stage *s = *state;
	struct change *c = applied_edit(s);
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(c->data, "before")));
	assert_int_equal(chmod(at(s, object), 0600), 0);
	put_file(s, object, "something else\n");
	assert_int_equal(revert_change(s, c), -EBADMSG);
	assert_note(s, "before-image");
	assert_int_equal(unlink(at(s, object)), 0);
	assert_int_equal(revert_change(s, c), -ENOENT);
	assert_file(s, "f", AFTER);
}

static void a_hard_link_elsewhere_keeps_the_old_content(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", BEFORE);
	assert_int_equal(link(at(s, "f"), at(s, "other")), 0);
	set_flags(s, "other", I);
	json_t *meta = meta_of(s, "other");
	struct change *c = plan_edit(s, "f", AFTER);
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "other names");
	assert_file(s, "f", AFTER);
	assert_file(s, "other", BEFORE);
	assert_meta(s, "other", meta);
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", BEFORE);
	set_flags(s, "f", 0);
	set_flags(s, "other", 0);
}

static int refuse(struct effect *effect, const struct change *change, const struct buf *content)
{
	assert_non_null(change);
	if (strstr(buf_text(content), "four"))
		return 0;
	buf_puts(&effect->note, "line 3: no four");
	return -EINVAL;
}

static void a_service_that_refuses_is_heard(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", BEFORE);
	struct change *c = plan_edit(s, "f", AFTER);
	s->effect.check = refuse;
	assert_int_equal(apply_change(s, c), -EINVAL);
	assert_note(s, "no four");
	assert_file(s, "f", BEFORE);
	assert_int_equal(leftovers(s), 0);
	s->effect.check = NULL;
	assert_int_equal(apply_change(s, c), 0);
	s->effect.check = refuse; /* BEFORE has its four */
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", BEFORE);
}

static void a_read_only_filesystem_is_left_alone(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=1m");
	put_file(s, "other/f", BEFORE);
	struct change *c = plan_edit(s, "other/f", AFTER);
	assert_int_equal(mount(NULL, at(s, "other"), NULL, MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
	assert_int_equal(apply_change(s, c), -EROFS);
	assert_file(s, "other/f", BEFORE);
}

static void a_full_filesystem_keeps_the_original(void **state)
{
	struct file_stage *s = *state;
	static char filler[64 * 1024];
	mount_tmpfs(s, "other", "size=16k");
	put_file(s, "other/f", BEFORE);
	struct change *c = plan_edit(s, "other/f", AFTER);
	int fd = open(at(s, "other/fill"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, filler, sizeof(filler)) > 0)
		;
	close(fd);
	assert_int_equal(apply_change(s, c), -ENOSPC);
	assert_file(s, "other/f", BEFORE);
	assert_int_equal(leftovers(s), 0);
	assert_int_equal(unlink(at(s, "other/fill")), 0);
	assert_int_equal(apply_change(s, c), 0);
}

static void no_inode_left_keeps_the_original(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=1m,nr_inodes=2");
	put_file(s, "other/f", BEFORE);
	struct change *c = plan_edit(s, "other/f", AFTER);
	assert_int_equal(apply_change(s, c), -ENOSPC);
	assert_file(s, "other/f", BEFORE);
	assert_int_equal(leftovers(s), 0);
}

static void a_file_that_is_mounted_over_is_refused(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "file", BEFORE);
	put_file(s, "fake", BEFORE);
	assert_int_equal(mount(at(s, "fake"), at(s, "file"), NULL, MS_BIND, NULL), 0);
	struct change *c = plan_edit(s, "file", AFTER);
	assert_int_equal(apply_change(s, c), -EBUSY);
	assert_note(s, "mounted");
	assert_file(s, "file", BEFORE);
	assert_file(s, "fake", BEFORE);
	assert_int_equal(leftovers(s), 0);
}

static void odd_names_are_escaped_in_what_people_read(void **state)
{
	struct file_stage *s = *state;
	static const char name[] = "-rf \n\033[31m\xff";
	_cleanup_buf_ struct buf line = {0}, detail = {0};
	put_file(s, name, BEFORE);
	struct change *c = plan_edit(s, name, AFTER);
	assert_int_equal(c->kind->describe(c, &line), 0);
	assert_null(strpbrk(buf_text(&line), "\n\033\xff"));
	assert_non_null(strstr(buf_text(&line), "-rf \\n\\x1b[31m\\xff"));
	assert_int_equal(c->kind->detail(c, &detail), 0);
	assert_int_equal(strncmp(buf_text(&detail), "--- ", 4), 0);
	assert_non_null(strstr(buf_text(&detail), "\n+++ "));
	assert_non_null(strstr(buf_text(&detail), "\n three\n-four\n five\n"));
	assert_null(strpbrk(buf_text(&detail), "\033\xff"));
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, name, BEFORE);
}

static void a_path_longer_than_the_kernel_takes(void **state)
{
	struct file_stage *s = *state;
	char name[201];
	memset(name, 'n', 200);
	name[200] = '\0';
	_cleanup_buf_ struct buf path = {0};
	buf_puts(&path, at(s, "long"));
	assert_int_equal(mkdir(path.data, 0700), 0);
	int dir = open(path.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < 25; i++) {
		assert_int_equal(mkdirat(dir, name, 0700), 0);
		int next = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
		buf_printf(&path, "/%s", name);
	}
	buf_puts(&path, "/f");
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write(fd, BEFORE, strlen(BEFORE)), 0);
	close(fd);
	close(dir);
	_cleanup_buf_ struct buf now = {0};
	struct change *c = plan_edit_at(s, path.data, AFTER);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(path_read(s->host.root, path.data, 1000, &now, NULL), 0);
	assert_string_equal(buf_text(&now), BEFORE);
}

/* Somebody exchanges the directory of the file with a link to a canary tree, again and
 * again, while the file in it is edited and put back. */
struct racer {
	char dir[64], link[64];
	atomic_bool stop;
	atomic_ulong swaps;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	while (!atomic_load(&r->stop)) {
		renameat2(AT_FDCWD, r->dir, AT_FDCWD, r->link, RENAME_EXCHANGE);
		atomic_fetch_add(&r->swaps, 1);
	}
	return NULL;
}

static void one_round_of_the_race(struct file_stage *s, unsigned long tally[2])
{
	_cleanup_buf_ struct buf before = {0}, after = {0};
	struct change *c = NULL;
	plan_again(s);
	int r = file_edit_read(&s->host, s->plan, at(s, "race/d/f"), &before);
	if (r == 0) {
		bool forth = strcmp(buf_text(&before), BEFORE) == 0;
		assert_true(forth || strcmp(buf_text(&before), AFTER) == 0);
		buf_puts(&after, forth ? AFTER : BEFORE);
		r = file_edit_plan(&s->host, s->plan, at(s, "race/d/f"), &before, &after, NULL, &c);
	}
	if (r == 0)
		r = apply_change(s, c);
	if (r == -EAGAIN)
		r = -ELOOP; /* openat2(2) saw a rename on its way */
	if (r != 0 && r != -ESTALE && r != -ELOOP && r != -ENOENT)
		fail_msg("a round ended with %d (%s)", r, buf_text(&s->effect.note));
	tally[r != 0]++;
}

static void a_swapped_directory_never_leads_astray(void **state)
{
	struct file_stage *s = *state;
	enum { ROUNDS = 10000 };
	mount_tmpfs(s, "race", "size=4m");
	mount_tmpfs(s, "vault", "size=4m,mode=0700");
	vault_close(&s->host.vault);
	assert_int_equal(vault_open(s->host.root, at(s, "vault"), &s->host.vault), 0);
	assert_int_equal(mkdir(at(s, "race/d"), 0700), 0);
	assert_int_equal(mkdir(at(s, "race/canary"), 0700), 0);
	put_file(s, "race/d/f", BEFORE);
	put_file(s, "race/canary/f", BEFORE);
	json_t *meta = meta_of(s, "race/canary/f");
	ino_t inode = inode_of(s, "race/canary/f");
	assert_int_equal(symlink("canary", at(s, "race/link")), 0);
	struct racer racer = {0};
	snprintf(racer.dir, sizeof(racer.dir), "%s", at(s, "race/d"));
	snprintf(racer.link, sizeof(racer.link), "%s", at(s, "race/link"));
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
	unsigned long tally[2] = {0};
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round_of_the_race(s, tally);
	atomic_store(&racer.stop, true);
	pthread_join(thread, NULL);
	print_message("%lu edits, %lu refusals, %lu swaps\n", tally[0], tally[1], atomic_load(&racer.swaps));
	assert_file(s, "race/canary/f", BEFORE);
	assert_meta(s, "race/canary/f", meta);
	assert_int_equal(inode_of(s, "race/canary/f"), inode);
	assert_int_equal(leftovers(s), 0);
	assert_true(tally[0] > 0 && tally[1] > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keeps_what_is_not_content_and_gives_all_of_it_back),
		T(any_content_comes_back_byte_for_byte),
		T(zero_bytes_survive),
		T(two_edits_of_one_file_compose),
		T(the_first_of_two_edits_can_be_taken_back_alone),
		T(nothing_is_planned_for_nothing),
		T(a_file_that_is_taken_away_cannot_be_edited),
		T(only_regular_files_are_read),
		T(what_changed_since_the_plan_is_left_alone),
		T(applying_and_reverting_twice_is_harmless),
		T(unrelated_edits_survive_the_undo),
		T(touching_edits_are_refused_by_name),
		T(attributes_that_others_set_since_are_kept),
		T(a_missing_or_tampered_before_image_is_said),
		T(a_hard_link_elsewhere_keeps_the_old_content),
		T(a_service_that_refuses_is_heard),
		T(a_read_only_filesystem_is_left_alone),
		T(a_full_filesystem_keeps_the_original),
		T(no_inode_left_keeps_the_original),
		T(a_file_that_is_mounted_over_is_refused),
		T(odd_names_are_escaped_in_what_people_read),
		T(a_path_longer_than_the_kernel_takes),
		T(a_swapped_directory_never_leads_astray),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-edit", tests, file_stage_group, NULL);
}
