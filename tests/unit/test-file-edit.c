/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/escape.h"
#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-replace.h"
#include "core/vault.h"
#include "file-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#define I FS_IMMUTABLE_FL
#define A FS_APPEND_FL

/* Plans that NAME becomes AFTER; NULL where nothing is to be done. */
static struct change *plan_bytes(struct file_stage *s, const char *name, const char *after, size_t len)
{
	_cleanup_buf_ struct buf before = {0}, wanted = {0};
	struct change *c = NULL;
	buf_add(&wanted, after, len);
	assert_int_equal(file_edit_read(&s->host, s->plan, at(s, name), &before), 0);
	assert_int_equal(file_edit_plan(&s->host, s->plan, at(s, name), &before, &wanted, NULL, &c), 0);
	return c;
}

static struct change *plan_edit(struct file_stage *s, const char *name, const char *after)
{
	return plan_bytes(s, name, after, strlen(after));
}

static int read_error(struct file_stage *s, const char *name)
{
	_cleanup_buf_ struct buf b = {0};
	return file_edit_read(&s->host, s->plan, at(s, name), &b);
}

static void any_text_there_and_back(void **state)
{
	struct file_stage *s = *state;
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"a\nb\nc\nd\ne\n", "a\nc\nD\ne\nf\n"}, {"a\r\nb\r\nc\r\n", "a\r\nc\r\n"}, {"a\nb", "a"},
		{"a\nb", "a\nb\n"},                     {"a\nb\n", "a\nb"},                {"", "new\n"},
		{"", "no newline"},                     {"all\nof\nit\n", ""},             {"x", ""},
		{"\n\n\n", "\n"},                       {"\xff\xfe\033[2J\n\\x41\n", "\\x41\n\xff\n"},
	};
	static const struct timespec times[2] = {{1000000000, 1}, {1000000001, 987654321}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		plan_again(s);
		put_file(s, "f", cases[i].before);
		assert_int_equal(utimensat(AT_FDCWD, at(s, "f"), times, 0), 0);
		json_t *meta = meta_of(s, "f");
		struct change *c = plan_edit(s, "f", cases[i].after);
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_int_equal(apply_change(s, c), 0);
		assert_int_equal(probe_change(s, c), CHANGE_AFTER);
		assert_file(s, "f", cases[i].after);
		struct stat st;
		assert_int_equal(stat(at(s, "f"), &st), 0);
		assert_true(st.st_mtim.tv_sec > times[1].tv_sec); /* so that cron and others see it */
		assert_int_equal(apply_change(s, c), 0);
		assert_note(s, "so already");
		assert_int_equal(revert_change(s, c), 0);
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_file(s, "f", cases[i].before);
		assert_meta(s, "f", meta);
		assert_int_equal(revert_change(s, c), 0);
		assert_note(s, "so already");
		assert_int_equal(leftovers(s), 0);
	}
}

static void bytes_of_any_value(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf now = {0}, back = {0};
	put_bytes(s, "f", "one\0\n\0two\nthree", 15);
	struct change *c = plan_bytes(s, "f", "one\0\n\0TWO\0\nthree", 16);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(path_read(s->host.root, at(s, "f"), 100, &now, NULL), 0);
	assert_int_equal(now.len, 16);
	assert_memory_equal(now.data, "one\0\n\0TWO\0\nthree", 16);
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(path_read(s->host.root, at(s, "f"), 100, &back, NULL), 0);
	assert_int_equal(back.len, 15);
	assert_memory_equal(back.data, "one\0\n\0two\nthree", 15);
}

static void nothing_is_planned_for_no_difference(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "same\n");
	assert_null(plan_edit(s, "f", "same\n"));
	assert_int_equal(plan_count(s->plan), 0);
}

static void what_cannot_be_edited(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "x");
	put_file(s, "big", "x");
	assert_int_equal(truncate(at(s, "big"), FILE_EDIT_MAX + 1), 0);
	assert_int_equal(symlink("f", at(s, "link")), 0);
	assert_int_equal(mkfifo(at(s, "fifo"), 0600), 0);
	assert_int_equal(mkdir(at(s, "dir"), 0700), 0);
	assert_int_equal(symlink("dir", at(s, "dirlink")), 0);
	put_file(s, "dir/f", "x");
	assert_int_equal(read_error(s, "none"), -ENOENT);
	assert_int_equal(read_error(s, "link"), -ELOOP);
	assert_int_equal(read_error(s, "dirlink/f"), -ELOOP);
	assert_int_equal(read_error(s, "fifo"), -EINVAL);
	assert_int_equal(read_error(s, "dir"), -EINVAL);
	assert_int_equal(read_error(s, "big"), -EFBIG);
}

static void all_but_the_content_stays(void **state)
{
	struct file_stage *s = *state;
	static const int flags[] = {0, I, A, I | A | FS_NODUMP_FL};
	static const int dir_flags[] = {0, I, A, I | A};
	for (size_t i = 0; i < 16; i++) {
		plan_again(s);
		mkdir(at(s, "d"), 0755);
		put_file(s, "d/f", "one\ntwo\n");
		assert_int_equal(chown(at(s, "d/f"), 12, 34), 0);
		assert_int_equal(chmod(at(s, "d/f"), 06750), 0);
		assert_int_equal(setxattr(at(s, "d/f"), "user.\xff", "v\0w", 3, 0), 0);
		set_flags(s, "d/f", flags[i / 4]);
		set_flags(s, "d", dir_flags[i % 4]);
		json_t *meta = meta_of(s, "d/f"), *edited = json_copy(meta);
		struct change *c = plan_edit(s, "d/f", "one\n");
		assert_int_equal(apply_change(s, c), 0);
		assert_file(s, "d/f", "one\n");
		assert_int_equal(get_flags(s, "d"), dir_flags[i % 4]);
		json_t *now = meta_of(s, "d/f");
		json_object_set(edited, "mtime", json_object_get(now, "mtime"));
		json_object_set(edited, "atime", json_object_get(now, "atime"));
		assert_true(json_equal(now, edited));
		json_decref(now);
		json_decref(edited);
		assert_int_equal(revert_change(s, c), 0);
		assert_file(s, "d/f", "one\ntwo\n");
		assert_meta(s, "d/f", meta);
		assert_int_equal(get_flags(s, "d"), dir_flags[i % 4]);
		assert_int_equal(leftovers(s), 0);
		set_flags(s, "d", 0);
		set_flags(s, "d/f", 0);
		unlink(at(s, "d/f"));
		rmdir(at(s, "d"));
	}
}

static void others_attributes_stay_too(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "one\ntwo\n");
	struct change *c = plan_edit(s, "f", "one\n");
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(chmod(at(s, "f"), 0600), 0); /* somebody tightened it since */
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", "one\ntwo\n");
	struct stat st;
	stat(at(s, "f"), &st);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void edits_of_others_survive(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "1\n2\n3\nevil\n5\n6\n7\n");
	struct change *c = plan_edit(s, "f", "1\n2\n3\n5\n6\n7\n");
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, "f", "0\n1\n2\n3\n5\n6\n7\n8");
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "other edits");
	assert_file(s, "f", "0\n1\n2\n3\nevil\n5\n6\n7\n8");
	assert_int_equal(leftovers(s), 0);
}

static void touching_edits_are_refused(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "1\n2\n3\nevil\n5\n6\n7\n");
	struct change *c = plan_edit(s, "f", "1\n2\n3\n5\n6\n7\n");
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, "f", "1\n2\nthree\n5\n6\n7\n");
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "line 3");
	assert_file(s, "f", "1\n2\nthree\n5\n6\n7\n");
	assert_int_equal(leftovers(s), 0);
}

static int refuse(struct effect *effect, const struct change *change, const struct buf *content)
{
	assert_true(content->len > 0);
	assert_non_null(change->target);
	buf_puts(&effect->note, "the service says no");
	return -EINVAL;
}

static void assert_drift(struct file_stage *s, const struct change *c, int verdict, const char *part)
{
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(c->kind->drift(&s->host, c, &why), verdict);
	if (!strstr(buf_text(&why), part))
		fail_msg("drift says \"%s\", without \"%s\"", buf_text(&why), part);
}

static void what_was_put_back_is_edited_again(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "1\n2\n3\nevil\n5\n6\n7\n");
	struct change *c = plan_edit(s, "f", "1\n2\n3\n5\n6\n7\n");
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(reapply_change(s, c), 0);
	assert_note(s, "so already");
	put_file(s, "f", "1\n2\n3\nevil\n5\n6\n7\n");
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(reapply_change(s, c), 0);
	assert_file(s, "f", "1\n2\n3\n5\n6\n7\n");
	/* The same, and others have edited elsewhere. */
	put_file(s, "f", "0\n1\n2\n3\nevil\n5\n6\n7\n8");
	chmod(at(s, "f"), 0600);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "so already, where this run had edited");
	assert_file(s, "f", "0\n1\n2\n3\nevil\n5\n6\n7\n8");
	assert_int_equal(reapply_change(s, c), 0);
	assert_note(s, "other edits made since were kept");
	assert_file(s, "f", "0\n1\n2\n3\n5\n6\n7\n8");
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	struct stat st;
	assert_int_equal(stat(at(s, "f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", "0\n1\n2\n3\nevil\n5\n6\n7\n8");
	/* The place itself was edited. */
	put_file(s, "f", "1\n2\nthree\nevil\n5\n6\n7\n");
	assert_drift(s, c, -ESTALE, "/f, line 3: changed by somebody else");
	assert_int_equal(reapply_change(s, c), -ESTALE);
	assert_note(s, "line 3");
	assert_note(s, "run the playbook again");
	assert_file(s, "f", "1\n2\nthree\nevil\n5\n6\n7\n");
	unlink(at(s, "f"));
	assert_drift(s, c, -ESTALE, "the file is gone");
	assert_int_equal(reapply_change(s, c), -ESTALE);
	assert_int_equal(leftovers(s), 0);
}

static void a_service_judges_what_is_edited_again(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\nc\nd\n");
	struct change *c = plan_edit(s, "f", "b\nc\nd\n");
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, "f", "a\nb\nc\nd\ne\n");
	s->effect.check = refuse;
	assert_int_equal(reapply_change(s, c), -EINVAL);
	assert_file(s, "f", "a\nb\nc\nd\ne\n");
	s->effect.check = NULL;
	assert_int_equal(reapply_change(s, c), 0);
	assert_file(s, "f", "b\nc\nd\ne\n");
}

/* An attacker's key at another place of the file: the edit is there, and in vain. */
static void what_stands_again_elsewhere_is_drift(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "1\n\n3\nevil\n5\ntwice\n7\ntwice\n");
	struct change *c = plan_edit(s, "f", "1\n3\n5\n7\ntwice\n");
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	put_file(s, "f", "\n\n1\n3\n5\n7\ntwice\ntwice\n"); /* blank lines, and one that was left once */
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	put_file(s, "f", "1\n3\n5\n7\ntwice\nnew\nevil");
	assert_drift(s, c, 0, "/f, line 7: what this run had removed stands there again");
	assert_int_equal(reapply_change(s, c), -ESTALE);
	assert_note(s, "line 7");
	assert_note(s, "run the playbook again");
	assert_file(s, "f", "1\n3\n5\n7\ntwice\nnew\nevil");
	/* That is no reason not to give back what was there. */
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", "1\n\n3\nevil\n5\ntwice\n7\ntwice\nnew\nevil");
}

static void two_steps_edit_one_file(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\nc\nd\ne\n");
	set_flags(s, "f", I);
	json_t *meta = meta_of(s, "f");
	struct change *one = plan_edit(s, "f", "a\nc\nd\ne\n");
	assert_int_equal(plan_begin_step(s->plan, "next"), 0);
	struct change *two = plan_edit(s, "f", "a\nC\nd\n"); /* beside what the first one did */
	assert_int_equal(apply_change(s, one), 0);
	assert_file(s, "f", "a\nc\nd\ne\n");
	assert_int_equal(apply_change(s, two), 0);
	assert_file(s, "f", "a\nC\nd\n");
	assert_int_equal(probe_change(s, two), CHANGE_AFTER);
	assert_int_equal(revert_change(s, two), 0);
	assert_int_equal(probe_change(s, one), CHANGE_AFTER);
	assert_int_equal(revert_change(s, one), 0);
	assert_file(s, "f", "a\nb\nc\nd\ne\n");
	assert_meta(s, "f", meta);
}

static void one_of_two_steps_is_taken_back(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\nc\nd\ne\n");
	struct change *one = plan_edit(s, "f", "b\nc\nd\ne\n"), *two = plan_edit(s, "f", "b\nc\nd\n");
	assert_int_equal(apply_change(s, one), 0);
	assert_int_equal(apply_change(s, two), 0);
	assert_int_equal(probe_change(s, one), CHANGE_AFTER);
	assert_int_equal(revert_change(s, one), 0);
	assert_file(s, "f", "a\nb\nc\nd\n");
	assert_int_equal(revert_change(s, two), 0);
	assert_file(s, "f", "a\nb\nc\nd\ne\n");
}

static void the_service_has_the_last_word(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\n");
	set_flags(s, "f", I);
	json_t *meta = meta_of(s, "f");
	struct stat before, after;
	struct change *c = plan_edit(s, "f", "a\n");
	stat(at(s, "f"), &before);
	s->effect.check = refuse;
	assert_int_equal(apply_change(s, c), -EINVAL);
	assert_note(s, "says no");
	assert_meta(s, "f", meta);
	stat(at(s, "f"), &after);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	assert_file(s, "f", "a\nb\n");
	s->effect.check = NULL;
	assert_int_equal(apply_change(s, c), 0);
	s->effect.check = refuse;
	assert_int_equal(revert_change(s, c), -EINVAL);
	assert_file(s, "f", "a\n");
	assert_int_equal(leftovers(s), 0);
}

static int unable(struct effect *effect, const struct change *change, const struct buf *content)
{
	(void)change, (void)content;
	buf_puts(&effect->note, "the service is gone");
	return -EOPNOTSUPP;
}

static void an_undo_needs_no_service(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\nc\nd\n");
	struct change *c = plan_edit(s, "f", "b\nc\nd\n");
	s->effect.check = unable;
	assert_int_equal(apply_change(s, c), -EINVAL);
	assert_note(s, "the service is gone: what it has not checked is not put in place");
	assert_file(s, "f", "a\nb\nc\nd\n");
	s->effect.check = NULL;
	assert_int_equal(apply_change(s, c), 0);
	s->effect.check = unable;
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "the service is gone: put back unchecked");
	assert_file(s, "f", "a\nb\nc\nd\n");
	/* Mixed with somebody's edits it is nothing that ever stood there. */
	put_file(s, "f", "b\nc\nd\ne\n");
	assert_int_equal(revert_change(s, c), -EINVAL);
	assert_file(s, "f", "b\nc\nd\ne\n");
}

static void other_names_keep_the_old_file(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\n");
	assert_int_equal(link(at(s, "f"), at(s, "other")), 0);
	set_flags(s, "f", I | FS_NODUMP_FL);
	json_t *meta = meta_of(s, "other");
	struct change *c = plan_edit(s, "f", "a\n");
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "other names (1)");
	assert_file(s, "f", "a\n");
	assert_file(s, "other", "a\nb\n");
	assert_meta(s, "other", meta);
	assert_int_equal(get_flags(s, "f"), I | FS_NODUMP_FL);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "it is a file of its own now");
	assert_file(s, "f", "a\nb\n");
	assert_file(s, "other", "a\nb\n");
}

static void what_changed_since_the_plan_stays(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\n");
	put_file(s, "canary", "a\nb\n");
	struct change *c = plan_edit(s, "f", "a\n");
	put_file(s, "f", "a\nb\nc\n");
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_note(s, "changed since the plan");
	assert_file(s, "f", "a\nb\nc\n");
	unlink(at(s, "f"));
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(symlink("canary", at(s, "f")), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_file(s, "canary", "a\nb\n");
	unlink(at(s, "f"));
	assert_int_equal(mkfifo(at(s, "f"), 0600), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_int_equal(leftovers(s), 0);
}

static void a_spoilt_before_image_is_refused(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "a\nb\n");
	struct change *c = plan_edit(s, "f", "a\n");
	assert_int_equal(apply_change(s, c), 0);
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(c->data, "before")));
	put_file(s, object, "a\nevil\n");
	assert_int_equal(revert_change(s, c), -EBADMSG);
	assert_file(s, "f", "a\n");
	unlink(at(s, object));
	assert_int_equal(revert_change(s, c), -ENOENT);
	assert_note(s, "before-image");
	assert_file(s, "f", "a\n");
}

static void mounts_and_full_filesystems_are_told(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "file", "a\nb\n");
	put_file(s, "fake", "a\nb\n");
	assert_int_equal(mount(at(s, "fake"), at(s, "file"), NULL, MS_BIND, NULL), 0);
	struct change *c = plan_edit(s, "file", "a\n");
	assert_int_equal(apply_change(s, c), -EBUSY);
	assert_note(s, "mounted on it");
	assert_int_equal(umount(at(s, "file")), 0);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(mount(at(s, "file"), at(s, "file"), NULL, MS_BIND, NULL), 0);
	assert_int_equal(revert_change(s, c), -ESTALE); /* -EBUSY would mean that another run holds it */
	assert_note(s, "mounted on it");
	assert_int_equal(umount(at(s, "file")), 0);

	static char big[65 * 1024];
	memset(big, 'b', sizeof(big) - 1);
	mount_tmpfs(s, "other", "size=80k");
	put_file(s, "other/f", big);
	c = plan_edit(s, "other/f", big + 1);
	assert_int_equal(apply_change(s, c), -ENOSPC);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(mount(NULL, at(s, "other"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(apply_change(s, c), -EROFS);
	assert_int_equal(leftovers(s), 0);
}

static void a_layered_filesystem_will_do(void **state)
{
	struct file_stage *s = *state;
	mkdir(at(s, "lower"), 0755);
	put_file(s, "lower/f", "a\nb\n");
	chmod(at(s, "lower/f"), 02750);
	mount_overlay(s, "other");
	json_t *meta = meta_of(s, "other/f");
	struct change *c = plan_edit(s, "other/f", "a\n");
	assert_int_equal(apply_change(s, c), 0);
	assert_file(s, "other/f", "a\n");
	assert_file(s, "lower/f", "a\nb\n");
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "other/f", "a\nb\n");
	assert_meta(s, "other/f", meta);
	assert_int_equal(leftovers(s), 0);
}

static void told_as_a_unified_diff(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf said = {0}, diff = {0}, wanted = {0}, name = {0};
	put_file(s, "\033f\n", "1\n2\n3\n4\nx\033[2J\n6\n7\n8\n9");
	struct change *c = plan_edit(s, "\033f\n", "1\n2\n3\n4\n6\n7\n8\n9\n10\n");
	escape_str(&name, at(s, "\033f\n"));
	assert_non_null(strstr(name.data, "\\x1bf\\n"));
	buf_printf(&wanted, "--- %s\n+++ %s\n", name.data, name.data);
	buf_puts(&wanted, "@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-x\\x1b[2J\n 6\n 7\n 8\n"
	                  "-9\n\\ No newline at end of file\n+9\n+10\n");
	assert_int_equal(c->kind->detail(c, &diff), 0);
	assert_string_equal(diff.data, wanted.data);
	assert_int_equal(c->kind->describe(c, &said), 0);
	assert_non_null(strstr(said.data, "(-2 +2 lines)"));
	assert_non_null(strstr(said.data, "\\x1bf\\n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_text_there_and_back),
		TEST(bytes_of_any_value),
		TEST(nothing_is_planned_for_no_difference),
		TEST(what_cannot_be_edited),
		TEST(all_but_the_content_stays),
		TEST(others_attributes_stay_too),
		TEST(edits_of_others_survive),
		TEST(touching_edits_are_refused),
		TEST(what_was_put_back_is_edited_again),
		TEST(a_service_judges_what_is_edited_again),
		TEST(what_stands_again_elsewhere_is_drift),
		TEST(two_steps_edit_one_file),
		TEST(one_of_two_steps_is_taken_back),
		TEST(the_service_has_the_last_word),
		TEST(an_undo_needs_no_service),
		TEST(other_names_keep_the_old_file),
		TEST(what_changed_since_the_plan_stays),
		TEST(a_spoilt_before_image_is_refused),
		TEST(mounts_and_full_filesystems_are_told),
		TEST(a_layered_filesystem_will_do),
		TEST(told_as_a_unified_diff),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-edit", tests, file_stage_group, NULL);
}
