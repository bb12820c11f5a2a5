/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each state in which an interrupted file.edit or file.move can leave things, as numbered
 * in change/file-settle.c, made by hand; then settle, probe, and on from there.
 */
#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-move.h"
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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define I FS_IMMUTABLE_FL
#define A FS_APPEND_FL

#define BEFORE "1\n2\n3\nevil\n5\n6\n7\n"
#define AFTER "1\n2\n3\n5\n6\n7\n"
#define MIXED_BEFORE "0\n1\n2\n3\nevil\n5\n6\n7\n8\n"
#define MIXED_AFTER "0\n1\n2\n3\n5\n6\n7\n8\n"
#define FILE_NAME "d/f"

/* What is staged: a file with owner, mode and locks, in a directory with a lock. */
struct staged {
	struct file_stage *s;
	struct change *c;
	json_t *meta; /* of the file before */
};

static void stage_file(struct staged *t)
{
	struct file_stage *s = t->s;
	mkdir(at(s, "d"), 0755);
	put_file(s, FILE_NAME, BEFORE);
	assert_int_equal(chown(at(s, FILE_NAME), 12, 34), 0);
	assert_int_equal(chmod(at(s, FILE_NAME), 0750), 0);
	set_flags(s, FILE_NAME, I | FS_NODUMP_FL);
	set_flags(s, "d", A);
	t->meta = meta_of(s, FILE_NAME);
}

static void unlock_all(const struct file_stage *s)
{
	if (access(at(s, FILE_NAME), F_OK) == 0)
		set_flags(s, FILE_NAME, FS_NODUMP_FL);
	set_flags(s, "d", 0);
}

static void stage_edit(struct staged *t, void **state)
{
	_cleanup_buf_ struct buf before = {0}, after = {0};
	t->s = *state;
	stage_file(t);
	buf_puts(&after, AFTER);
	assert_int_equal(file_edit_read(&t->s->host, t->s->plan, at(t->s, FILE_NAME), &before), 0);
	assert_int_equal(file_edit_plan(&t->s->host, t->s->plan, at(t->s, FILE_NAME), &before, &after, NULL, &t->c), 0);
	assert_int_equal(json_integer_value(json_object_get(t->c->data, "dir-flags")), A);
	for (size_t i = 0; i < t->c->n_blobs; i++)
		assert_int_equal(vault_put(t->s->host.vault, &t->c->blobs[i].bytes, &t->c->blobs[i].sha256), 0);
}

static void stage_move(struct staged *t, void **state)
{
	t->s = *state;
	stage_file(t);
	assert_int_equal(file_move_plan(&t->s->host, t->s->plan, at(t->s, FILE_NAME), NULL, &t->c), 0);
	assert_int_equal(json_integer_value(json_object_get(t->c->data, "dir-flags")), A);
}

static void staged_end(struct staged *t)
{
	json_decref(t->meta);
}

/* Twice, for it may be cut short, too. */
static void settle(struct staged *t, enum change_state expected)
{
	for (int i = 0; i < 2; i++) {
		int r = settle_change(t->s, t->c);
		if (r < 0)
			fail_msg("settle: %s (%s)", strerror(-r), buf_text(&t->s->effect.note));
		assert_int_equal(probe_change(t->s, t->c), expected);
	}
	assert_int_equal(get_flags(t->s, "d"), A);
}

static void assert_before(struct staged *t)
{
	assert_file(t->s, FILE_NAME, BEFORE);
	assert_meta(t->s, FILE_NAME, json_incref(t->meta));
	assert_int_equal(get_flags(t->s, "d"), A);
	assert_int_equal(leftovers(t->s), 0);
}

/* An edited file has all that the old one had but the times. */
static void assert_edited(struct staged *t, const char *text)
{
	json_t *expected = json_copy(t->meta), *now = meta_of(t->s, FILE_NAME);
	json_object_set(expected, "atime", json_object_get(now, "atime"));
	json_object_set(expected, "mtime", json_object_get(now, "mtime"));
	assert_true(json_equal(expected, now));
	json_decref(expected);
	json_decref(now);
	assert_file(t->s, FILE_NAME, text);
	assert_int_equal(get_flags(t->s, "d"), A);
	assert_int_equal(leftovers(t->s), 0);
}

static void edit_from_before(struct staged *t)
{
	assert_before(t);
	assert_int_equal(apply_change(t->s, t->c), 0);
	assert_edited(t, AFTER);
	assert_int_equal(revert_change(t->s, t->c), 0);
	assert_before(t);
}

static void edit_from_after(struct staged *t)
{
	assert_edited(t, AFTER);
	assert_int_equal(revert_change(t->s, t->c), 0);
	assert_before(t);
	assert_int_equal(reapply_change(t->s, t->c), 0);
	assert_edited(t, AFTER);
}

#define STAGED(stage) \
	_cleanup_(staged_end) struct staged t = {0}; \
	stage(&t, state)

/* The attributes of the edited file, but the locks, for one that is put there by hand. */
static void dress(struct staged *t, const char *name)
{
	assert_int_equal(chown(at(t->s, name), 12, 34), 0);
	assert_int_equal(chmod(at(t->s, name), 0750), 0);
	set_flags(t->s, name, FS_NODUMP_FL);
}

static void edit_with_locks_off(void **state) /* E1 */
{
	STAGED(stage_edit);
	unlock_all(t.s);
	settle(&t, CHANGE_BEFORE);
	edit_from_before(&t);
	unlock_all(t.s); /* and on the way back */
	assert_int_equal(reapply_change(t.s, t.c), 0);
	unlock_all(t.s);
	settle(&t, CHANGE_AFTER);
	edit_from_after(&t);
}

static void edit_with_a_part(void **state) /* E2 */
{
	static const char *const parts[] = {"", "1\n2\n", AFTER, "\0\0"};
	STAGED(stage_edit);
	for (size_t i = 0; i < 4; i++) {
		unlock_all(t.s);
		put_file(t.s, part_of(t.s, FILE_NAME), parts[i]);
		if (i == 0)
			set_flags(t.s, part_of(t.s, FILE_NAME), I | A);
		settle(&t, CHANGE_BEFORE);
		assert_before(&t);
	}
	edit_from_before(&t);
}

static void edit_not_yet_exchanged(void **state) /* E3 */
{
	STAGED(stage_edit);
	unlock_all(t.s);
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	dress(&t, temporary_of(t.s, FILE_NAME));
	settle(&t, CHANGE_BEFORE);
	edit_from_before(&t);
	/* A revert: the old file is the edited one, the new one the image before. */
	assert_int_equal(reapply_change(t.s, t.c), 0);
	unlock_all(t.s);
	put_file(t.s, temporary_of(t.s, FILE_NAME), BEFORE);
	settle(&t, CHANGE_AFTER);
	edit_from_after(&t);
	/* One among others' edits. */
	unlock_all(t.s);
	put_file(t.s, FILE_NAME, MIXED_AFTER);
	put_file(t.s, temporary_of(t.s, FILE_NAME), MIXED_BEFORE);
	settle(&t, CHANGE_AFTER);
	assert_edited(&t, MIXED_AFTER);
}

static void exchange(const struct staged *t)
{
	assert_int_equal(renameat2(AT_FDCWD, at(t->s, temporary_of(t->s, FILE_NAME)), AT_FDCWD, at(t->s, FILE_NAME),
	                           RENAME_EXCHANGE), 0);
}

static void edit_exchanged(void **state) /* E4 */
{
	STAGED(stage_edit);
	unlock_all(t.s);
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	dress(&t, temporary_of(t.s, FILE_NAME));
	exchange(&t);
	settle(&t, CHANGE_AFTER);
	edit_from_after(&t);
	/* A revert among others' edits: what came out is nowhere else, but follows from what is in. */
	unlock_all(t.s);
	put_file(t.s, FILE_NAME, MIXED_BEFORE);
	put_file(t.s, temporary_of(t.s, FILE_NAME), MIXED_AFTER);
	settle(&t, CHANGE_BEFORE);
	assert_edited(&t, MIXED_BEFORE);
	assert_int_equal(revert_change(t.s, t.c), 0);
	assert_note(t.s, "so already");
	assert_int_equal(reapply_change(t.s, t.c), 0);
	assert_note(t.s, "other edits made since were kept");
	assert_edited(&t, MIXED_AFTER);
}

static void edit_exchanged_with_other_names(void **state) /* E4: the old inode's locks */
{
	STAGED(stage_edit);
	unlock_all(t.s);
	assert_int_equal(link(at(t.s, FILE_NAME), at(t.s, "other")), 0);
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	dress(&t, temporary_of(t.s, FILE_NAME));
	exchange(&t);
	settle(&t, CHANGE_AFTER);
	assert_edited(&t, AFTER);
	assert_file(t.s, "other", BEFORE);
	assert_meta(t.s, "other", json_incref(t.meta));
}

static void a_newer_version_comes_back(void **state) /* E5 */
{
	STAGED(stage_edit);
	unlock_all(t.s);
	put_file(t.s, FILE_NAME, "newer\n");
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	exchange(&t);
	settle(&t, CHANGE_DRIFTED);
	assert_file(t.s, FILE_NAME, "newer\n");
	assert_int_equal(leftovers(t.s), 0);
	/* The name is gone. */
	set_flags(t.s, "d", 0);
	assert_int_equal(rename(at(t.s, FILE_NAME), at(t.s, temporary_of(t.s, FILE_NAME))), 0);
	settle(&t, CHANGE_DRIFTED);
	assert_file(t.s, FILE_NAME, "newer\n");
	/* The name is yet another: both stay, and an apply is not kept from its work for ever. */
	set_flags(t.s, "d", 0);
	put_file(t.s, temporary_of(t.s, FILE_NAME), "another\n");
	settle(&t, CHANGE_DRIFTED);
	assert_note(t.s, "a version of the file that this program does not know");
	assert_file(t.s, FILE_NAME, "newer\n");
	assert_file(t.s, temporary_of(t.s, FILE_NAME), "another\n");
	assert_int_equal(apply_change(t.s, t.c), -ESTALE);
	assert_no_file(t.s, temporary_of(t.s, FILE_NAME));
	assert_int_equal(leftovers(t.s), 1); /* by another name */
}

static void what_is_not_ours_is_left_alone(void **state)
{
	STAGED(stage_edit);
	unlock_all(t.s);
	put_file(t.s, "canary", "canary");
	json_t *canary = meta_of(t.s, "canary");
	/* Links, directories, and a stranger's files. */
	assert_int_equal(symlink("../canary", at(t.s, part_of(t.s, FILE_NAME))), 0);
	mkdir(at(t.s, temporary_of(t.s, FILE_NAME)), 0755);
	settle(&t, CHANGE_BEFORE);
	assert_note(t.s, "is not this program's");
	assert_int_equal(leftovers(t.s), 2);
	set_flags(t.s, "d", 0);
	rmdir(at(t.s, temporary_of(t.s, FILE_NAME)));
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	assert_int_equal(chown(at(t.s, temporary_of(t.s, FILE_NAME)), 4711, 4711), 0);
	settle(&t, CHANGE_BEFORE);
	assert_int_equal(leftovers(t.s), 2);
	/* And it cannot keep the change from being made. */
	assert_int_equal(apply_change(t.s, t.c), 0);
	assert_note(t.s, "which stood in its way");
	assert_int_equal(probe_change(t.s, t.c), CHANGE_AFTER);
	assert_int_equal(leftovers(t.s), 2);
	assert_file(t.s, "canary", "canary");
	assert_meta(t.s, "canary", canary);
}

static void an_apply_settles_by_itself(void **state)
{
	STAGED(stage_edit);
	unlock_all(t.s);
	put_file(t.s, part_of(t.s, FILE_NAME), "1\n");
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	assert_int_equal(apply_change(t.s, t.c), 0);
	assert_edited(&t, AFTER);
	unlock_all(t.s);
	put_file(t.s, temporary_of(t.s, FILE_NAME), BEFORE);
	assert_int_equal(revert_change(t.s, t.c), 0);
	assert_int_equal(leftovers(t.s), 0);
	assert_file(t.s, FILE_NAME, BEFORE);
}

static void without_its_image_nothing_is_removed(void **state)
{
	STAGED(stage_edit);
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(t.c->data, "before")));
	unlock_all(t.s);
	put_file(t.s, temporary_of(t.s, FILE_NAME), AFTER);
	exchange(&t);
	assert_int_equal(unlink(at(t.s, object)), 0);
	assert_int_equal(settle_change(t.s, t.c), -ENOENT);
	assert_note(t.s, "before-image");
	assert_file(t.s, temporary_of(t.s, FILE_NAME), BEFORE);
}

static void nothing_left_is_nothing_done(void **state)
{
	STAGED(stage_edit);
	struct stat before, after;
	assert_int_equal(stat(at(t.s, FILE_NAME), &before), 0);
	settle(&t, CHANGE_BEFORE);
	assert_int_equal(stat(at(t.s, FILE_NAME), &after), 0);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	/* Its directory has gone, or is somebody's link. */
	unlock_all(t.s);
	assert_int_equal(rename(at(t.s, "d"), at(t.s, "e")), 0);
	assert_int_equal(settle_change(t.s, t.c), 0);
	assert_int_equal(symlink("e", at(t.s, "d")), 0);
	put_file(t.s, part_of(t.s, "e/f"), "x");
	assert_int_equal(settle_change(t.s, t.c), 0);
	assert_int_equal(leftovers(t.s), 1);
}

/* ---- file.move ------------------------------------------------------------------ */

static void move_from_before(struct staged *t)
{
	assert_before(t);
	int r = apply_change(t->s, t->c);
	if (r == -ESTALE) /* a restored file is another inode */
		r = reapply_change(t->s, t->c);
	assert_int_equal(r, 0);
	assert_int_equal(probe_change(t->s, t->c), CHANGE_AFTER);
	assert_no_file(t->s, FILE_NAME);
	assert_int_equal(revert_change(t->s, t->c), 0);
	assert_before(t);
}

static void move_from_after(struct staged *t)
{
	struct stat st;
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(t->c->data, "sha256")));
	assert_int_equal(stat(at(t->s, object), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, 0);
	assert_no_file(t->s, FILE_NAME);
	assert_int_equal(leftovers(t->s), 0);
	assert_int_equal(apply_change(t->s, t->c), 0);
	assert_note(t->s, "gone already");
	assert_int_equal(revert_change(t->s, t->c), 0);
	move_from_before(t);
}

static const char *object_of(const struct staged *t)
{
	static char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(t->c->data, "sha256")));
	return object;
}

static void copy_to_vault(struct staged *t)
{
	struct sha256 sha256;
	_cleanup_close_ int fd = open(at(t->s, FILE_NAME), O_RDONLY | O_NOATIME | O_CLOEXEC);
	assert_int_equal(vault_put_fd(t->s->host.vault, fd, &sha256), 0);
}

static void move_with_locks_off(void **state) /* M1, M2 */
{
	STAGED(stage_move);
	unlock_all(t.s);
	settle(&t, CHANGE_BEFORE);
	assert_before(&t);
	unlock_all(t.s);
	copy_to_vault(&t);
	settle(&t, CHANGE_BEFORE);
	move_from_before(&t);
}

static void move_set_aside(void **state) /* M3 */
{
	STAGED(stage_move);
	unlock_all(t.s);
	copy_to_vault(&t);
	assert_int_equal(rename(at(t.s, FILE_NAME), at(t.s, temporary_of(t.s, FILE_NAME))), 0);
	settle(&t, CHANGE_BEFORE);
	move_from_before(&t);
}

static void move_set_aside_and_replaced(void **state) /* M3 */
{
	STAGED(stage_move);
	unlock_all(t.s);
	copy_to_vault(&t);
	assert_int_equal(rename(at(t.s, FILE_NAME), at(t.s, temporary_of(t.s, FILE_NAME))), 0);
	put_file(t.s, FILE_NAME, "another\n");
	settle(&t, CHANGE_DRIFTED);
	assert_int_equal(leftovers(t.s), 0);
	assert_in_vault(t.s, BEFORE);
	/* One that is not in the vault stays. */
	set_flags(t.s, "d", 0);
	put_file(t.s, temporary_of(t.s, FILE_NAME), "precious\n");
	settle(&t, CHANGE_DRIFTED);
	assert_note(t.s, "something else stands now");
	assert_file(t.s, temporary_of(t.s, FILE_NAME), "precious\n");
	assert_file(t.s, FILE_NAME, "another\n");
	assert_int_equal(apply_change(t.s, t.c), -ESTALE);
	assert_no_file(t.s, temporary_of(t.s, FILE_NAME));
	assert_int_equal(leftovers(t.s), 1);
}

static void take_by_hand(struct staged *t)
{
	unlock_all(t->s);
	assert_int_equal(rename(at(t->s, FILE_NAME), at(t->s, object_of(t))), 0);
}

static void move_not_adopted(void **state) /* M4 */
{
	STAGED(stage_move);
	take_by_hand(&t);
	settle(&t, CHANGE_AFTER);
	move_from_after(&t);
}

static void move_of_something_else(void **state) /* M4 */
{
	STAGED(stage_move);
	unlock_all(t.s);
	put_file(t.s, FILE_NAME, "another\n");
	take_by_hand(&t);
	settle(&t, CHANGE_DRIFTED);
	assert_file(t.s, FILE_NAME, "another\n");
	assert_no_file(t.s, object_of(&t));
	/* Its place is taken: it stays where it is, and nobody takes it for what its name says. */
	take_by_hand(&t);
	put_file(t.s, FILE_NAME, "third\n");
	settle(&t, CHANGE_DRIFTED);
	assert_note(t.s, "something else under the name");
	assert_file(t.s, FILE_NAME, "third\n");
	assert_file(t.s, object_of(&t), "another\n");
}

static void a_tampered_object_does_not_go_out(void **state) /* M4 */
{
	STAGED(stage_move);
	assert_int_equal(apply_change(t.s, t.c), 0);
	put_file(t.s, object_of(&t), "backdoor\n");
	assert_int_equal(settle_change(t.s, t.c), 0);
	assert_note(t.s, "something else under the name");
	assert_no_file(t.s, FILE_NAME);
	assert_int_equal(revert_change(t.s, t.c), -EBADMSG);
}

static void move_done_but_the_locks(void **state) /* M5 */
{
	STAGED(stage_move);
	assert_int_equal(apply_change(t.s, t.c), 0);
	set_flags(t.s, "d", 0);
	settle(&t, CHANGE_AFTER);
	move_from_after(&t);
}

static void a_restore_in_part(void **state) /* M6 */
{
	STAGED(stage_move);
	assert_int_equal(apply_change(t.s, t.c), 0);
	set_flags(t.s, "d", 0);
	put_file(t.s, part_of(t.s, FILE_NAME), "1\n2\n");
	assert_int_equal(chmod(at(t.s, part_of(t.s, FILE_NAME)), 06755), 0);
	settle(&t, CHANGE_AFTER);
	move_from_after(&t);
}

static void restored_but_the_locks(void **state) /* M7 */
{
	STAGED(stage_move);
	assert_int_equal(apply_change(t.s, t.c), 0);
	assert_int_equal(revert_change(t.s, t.c), 0);
	unlock_all(t.s);
	settle(&t, CHANGE_BEFORE);
	assert_before(&t);
	assert_int_equal(revert_change(t.s, t.c), 0);
	assert_note(t.s, "there already");
	move_from_before(&t);
}

static void a_restore_begins_by_settling(void **state)
{
	STAGED(stage_move);
	assert_int_equal(apply_change(t.s, t.c), 0);
	set_flags(t.s, "d", 0);
	put_file(t.s, part_of(t.s, FILE_NAME), "1\n");
	assert_int_equal(revert_change(t.s, t.c), 0);
	assert_before(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(edit_with_locks_off),
		TEST(edit_with_a_part),
		TEST(edit_not_yet_exchanged),
		TEST(edit_exchanged),
		TEST(edit_exchanged_with_other_names),
		TEST(a_newer_version_comes_back),
		TEST(what_is_not_ours_is_left_alone),
		TEST(an_apply_settles_by_itself),
		TEST(without_its_image_nothing_is_removed),
		TEST(nothing_left_is_nothing_done),
		TEST(move_with_locks_off),
		TEST(move_set_aside),
		TEST(move_set_aside_and_replaced),
		TEST(move_not_adopted),
		TEST(move_of_something_else),
		TEST(a_tampered_object_does_not_go_out),
		TEST(move_done_but_the_locks),
		TEST(a_restore_in_part),
		TEST(restored_but_the_locks),
		TEST(a_restore_begins_by_settling),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-settle", tests, file_stage_group, NULL);
}
