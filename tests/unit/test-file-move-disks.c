/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files moved to the vault and back across filesystems, and where these lack something.
 */
#include "base/fd.h"
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define I FS_IMMUTABLE_FL

static void a_mount_on_the_file_is_told(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "file", "real\n");
	put_file(s, "fake", "fake\n");
	set_flags(s, "fake", I);
	assert_int_equal(mount(at(s, "fake"), at(s, "file"), NULL, MS_BIND, NULL), 0);
	struct change *c = plan_move(s, "file");
	assert_int_equal(apply_change(s, c), -EBUSY);
	assert_note(s, "mounted on it");
	assert_file(s, "file", "fake\n");
	assert_int_equal(get_flags(s, "fake"), I);
	assert_int_equal(umount(at(s, "file")), 0);
	assert_file(s, "file", "real\n");
	assert_int_equal(leftovers(s), 0);
}

static void other_filesystems_are_copied_from(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=4m");
	put_file(s, "other/f", "far away\n");
	chmod(at(s, "other/f"), 02751);
	json_t *meta = meta_of(s, "other/f");
	struct change *c = plan_move(s, "other/f");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, "other/f");
	assert_in_vault(s, "far away\n");
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "other/f", "far away\n");
	assert_meta(s, "other/f", meta);
	assert_int_equal(leftovers(s), 0);
}

/* A file of the lower layer, with the vault on the same layered filesystem and beside it. */
static void a_layered_filesystem_will_do(void **state)
{
	struct file_stage *s = *state;
	mkdir(at(s, "lower"), 0755);
	mkdir(at(s, "lower/vault"), 0700);
	mkdir(at(s, "lower/d"), 0755);
	put_file(s, "lower/d/f", "below\n");
	put_file(s, "lower/d/g", "below too\n");
	chmod(at(s, "lower/d/f"), 04750);
	mount_overlay(s, "other");
	json_t *f_meta = meta_of(s, "other/d/f"), *g_meta = meta_of(s, "other/d/g");
	struct change *g = plan_move(s, "other/d/g");
	assert_int_equal(apply_change(s, g), 0);
	assert_no_file(s, "other/d/g");
	assert_int_equal(revert_change(s, g), 0);
	assert_file(s, "other/d/g", "below too\n");
	assert_meta(s, "other/d/g", g_meta);
	vault_close(&s->host.vault);
	assert_int_equal(vault_open(s->host.root, at(s, "other/vault"), &s->host.vault), 0);
	struct change *f = plan_move(s, "other/d/f");
	assert_int_equal(apply_change(s, f), 0);
	assert_no_file(s, "other/d/f");
	assert_in_vault(s, "below\n");
	assert_file(s, "lower/d/f", "below\n");
	assert_int_equal(revert_change(s, f), 0);
	assert_file(s, "other/d/f", "below\n");
	assert_meta(s, "other/d/f", f_meta);
	assert_int_equal(leftovers(s), 0);
}

static void a_mount_on_a_file_elsewhere_is_told_too(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=4m");
	put_file(s, "other/real", "real\n");
	put_file(s, "other/fake", "fake\n");
	assert_int_equal(mount(at(s, "other/fake"), at(s, "other/real"), NULL, MS_BIND, NULL), 0);
	struct change *c = plan_move(s, "other/real");
	assert_int_equal(apply_change(s, c), -EBUSY);
	assert_note(s, "mounted on it");
	assert_int_equal(umount(at(s, "other/real")), 0);
	assert_file(s, "other/real", "real\n");
	assert_int_equal(leftovers(s), 0);
}

static void read_only_filesystems_are_told(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "other", "size=4m");
	put_file(s, "other/f", "fixed\n");
	assert_int_equal(mount(NULL, at(s, "other"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	struct change *c = plan_move(s, "other/f");
	assert_int_equal(apply_change(s, c), -EROFS);
	assert_note(s, "read-only");
	assert_file(s, "other/f", "fixed\n");
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
}

static void small_vault(struct file_stage *s, const char *options)
{
	vault_close(&s->host.vault);
	mount_tmpfs(s, "vault", options);
	assert_int_equal(vault_open(s->host.root, at(s, "vault"), &s->host.vault), 0);
}

static void a_full_vault_leaves_the_original(void **state)
{
	struct file_stage *s = *state;
	static char big[200000];
	memset(big, 'b', sizeof(big));
	small_vault(s, "size=64k,mode=0700");
	put_bytes(s, "f", big, sizeof(big));
	set_flags(s, "f", I);
	json_t *meta = meta_of(s, "f");
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), -ENOSPC);
	assert_note(s, "no room");
	assert_meta(s, "f", meta);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(leftovers(s), 0);
}

static void a_full_disk_leaves_the_copy(void **state)
{
	struct file_stage *s = *state;
	static char big[200000];
	memset(big, 'b', sizeof(big));
	mount_tmpfs(s, "other", "size=256k");
	put_bytes(s, "other/f", big, sizeof(big));
	struct change *c = plan_move(s, "other/f");
	assert_int_equal(apply_change(s, c), 0);
	put_bytes(s, "other/new", big, sizeof(big));
	assert_int_equal(revert_change(s, c), -ENOSPC);
	assert_note(s, "make room and roll back once more");
	assert_int_equal(unlink(at(s, "other/new")), 0);
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(leftovers(s), 0);
}

static void a_vault_without_inodes_leaves_the_original(void **state)
{
	struct file_stage *s = *state;
	small_vault(s, "nr_inodes=1,mode=0700");
	put_file(s, "f", "x");
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), -ENOSPC);
	assert_file(s, "f", "x");
}

static void holes_stay_holes(void **state)
{
	struct file_stage *s = *state;
	small_vault(s, "size=8m,mode=0700");
	mkdir(at(s, "d"), 0755);
	_cleanup_close_ int fd = open(at(s, "d/f"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(fd, "head", 4, 0), 4);
	assert_int_equal(pwrite(fd, "middle", 6, 500 << 20), 6);
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	close_fd(&fd);
	struct change *c = plan_move(s, "d/f");
	assert_int_equal(apply_change(s, c), 0);
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(c->data, "sha256")));
	struct stat st;
	assert_int_equal(stat(at(s, object), &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(stat(at(s, "d/f"), &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	assert_true(st.st_blocks * 512 < 1 << 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mount_on_the_file_is_told),
		TEST(a_mount_on_a_file_elsewhere_is_told_too),
		TEST(other_filesystems_are_copied_from),
		TEST(a_layered_filesystem_will_do),
		TEST(read_only_filesystems_are_told),
		TEST(a_full_vault_leaves_the_original),
		TEST(a_full_disk_leaves_the_copy),
		TEST(a_vault_without_inodes_leaves_the_original),
		TEST(holes_stay_holes),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-move-disks", tests, file_stage_group, NULL);
}
