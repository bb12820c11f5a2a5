/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/meta.h"
#include "file-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

static const struct timespec times[2] = {{1000000000, 1}, {1000000001, 123456789}};

static int open_at(const struct file_stage *s, const char *name)
{
	int fd = open(at(s, name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static json_t *read_meta(int fd)
{
	json_t *meta = NULL;
	assert_int_equal(meta_read(fd, &meta), 0);
	return meta;
}

static void one_file_becomes_like_another(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "a", "a");
	put_file(s, "b", "b");
	_cleanup_close_ int a = open_at(s, "a"), b = open_at(s, "b");
	assert_int_equal(fchown(a, 1, 2), 0);
	assert_int_equal(fchmod(a, 04750), 0);
	assert_int_equal(fsetxattr(a, "user.one", "1\0\xff", 3, 0), 0);
	assert_int_equal(fsetxattr(a, "user.\xff", "", 0, 0), 0);
	assert_int_equal(fsetxattr(b, "user.one", "other", 5, 0), 0);
	assert_int_equal(fsetxattr(b, "user.extra\n", "gone afterwards", 15, 0), 0);
	set_flags(s, "a", FS_IMMUTABLE_FL | FS_NODUMP_FL);
	json_t *wanted = read_meta(a), *first = read_meta(b);
	assert_false(meta_same(wanted, first));
	assert_int_equal(meta_write(b, wanted, META_FLAGS | META_SETUID), 0);
	json_t *now = read_meta(b);
	assert_true(meta_same(wanted, now));
	assert_int_equal(meta_flags(now), FS_IMMUTABLE_FL | FS_NODUMP_FL);
	assert_int_equal(fgetxattr(b, "user.extra\n", NULL, 0), -1);
	json_decref(wanted);
	json_decref(first);
	json_decref(now);
}

static void only_what_is_asked_for(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "a", "a");
	put_file(s, "b", "b");
	_cleanup_close_ int a = open_at(s, "a"), b = open_at(s, "b");
	assert_int_equal(fchmod(a, 07755), 0);
	assert_int_equal(futimens(a, times), 0);
	set_flags(s, "a", FS_NODUMP_FL);
	json_t *meta = read_meta(a);
	struct stat st;
	assert_int_equal(meta_write(b, meta, 0), 0);
	fstat(b, &st);
	assert_int_equal(st.st_mode & 07777, 01755);
	assert_true(st.st_mtim.tv_sec > times[1].tv_sec);
	assert_int_equal(get_flags(s, "b"), 0);
	assert_int_equal(meta_write(b, meta, META_TIMES), 0);
	fstat(b, &st);
	assert_int_equal(st.st_atim.tv_sec, times[0].tv_sec);
	assert_int_equal(st.st_atim.tv_nsec, times[0].tv_nsec);
	assert_int_equal(st.st_mtim.tv_sec, times[1].tv_sec);
	assert_int_equal(st.st_mtim.tv_nsec, times[1].tv_nsec);
	assert_int_equal(meta_write(b, NULL, 0), -EINVAL);
	json_decref(meta);
}

static void locks_go_and_come_back(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "f");
	_cleanup_close_ int fd = open_at(s, "f");
	unsigned flags = 99;
	set_flags(s, "f", FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL);
	assert_int_equal(meta_unlock(fd, &flags), 0);
	assert_int_equal(get_flags(s, "f"), FS_NODUMP_FL);
	assert_int_equal(meta_set_flags(fd, flags), 0);
	assert_int_equal(get_flags(s, "f"), FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL);
}

static void filesystems_without_flags_have_none(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	unsigned flags = 99;
	assert_int_equal(meta_unlock(fd, &flags), 0);
	assert_int_equal(flags, 0);
	assert_int_equal(meta_set_flags(fd, 0), 0);
	assert_true(meta_set_flags(fd, FS_IMMUTABLE_FL) < 0);
}

static void described_for_people(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "f");
	assert_int_equal(chmod(at(s, "f"), 04755), 0);
	set_flags(s, "f", FS_IMMUTABLE_FL | FS_APPEND_FL);
	_cleanup_close_ int fd = open(at(s, "f"), O_RDONLY | O_CLOEXEC);
	json_t *meta = read_meta(fd);
	_cleanup_buf_ struct buf said = {0}, numbers = {0};
	assert_int_equal(meta_describe(meta, &said), 0);
	assert_string_equal(said.data, "4755 root:root +i +a");
	json_object_set_new(meta, "uid", json_integer(4000000001));
	json_object_set_new(meta, "gid", json_integer(4000000002));
	json_object_set_new(meta, "flags", json_integer(0));
	assert_int_equal(meta_describe(meta, &numbers), 0);
	assert_string_equal(numbers.data, "4755 4000000001:4000000002");
	json_decref(meta);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_file_becomes_like_another),
		TEST(only_what_is_asked_for),
		TEST(locks_go_and_come_back),
		TEST(filesystems_without_flags_have_none),
		TEST(described_for_people),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("meta", tests, file_stage_group, NULL);
}
