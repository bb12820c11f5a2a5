/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"
#include "core/vault.h"
#include "file-stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct sha256 hash_of(const char *text)
{
	struct sha256 h;
	sha256_bytes(text, strlen(text), &h);
	return h;
}

static struct sha256 put_text(struct file_stage *s, const char *text)
{
	struct buf b = {.data = (char *)text, .len = strlen(text)};
	struct sha256 h;
	assert_int_equal(vault_put(s->host.vault, &b, &h), 0);
	return h;
}

/* The name of an object, as at() takes it. */
static const char *object(const struct sha256 *h)
{
	static char name[80];
	snprintf(name, sizeof(name), "vault/%s", h->hex);
	return name;
}

static unsigned entries(const struct file_stage *s, const char *name)
{
	DIR *d = opendir(at(s, name));
	unsigned n = 0;
	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int take(struct file_stage *s, const char *name, const struct sha256 *h)
{
	_cleanup_close_ int dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return vault_take(s->host.vault, dir, name, h);
}

static void keeps_what_it_is_given(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf b = {0}, small = {0};
	struct sha256 h = put_text(s, "one\n"), empty = put_text(s, "");
	put_text(s, "one\n");
	assert_string_equal(h.hex, hash_of("one\n").hex);
	assert_int_equal(entries(s, "vault"), 2);
	assert_true(vault_has(s->host.vault, &h));
	assert_int_equal(vault_read(s->host.vault, h.hex, 4, &b), 0);
	assert_string_equal(b.data, "one\n");
	assert_int_equal(vault_read(s->host.vault, h.hex, 3, &small), -EFBIG);
	assert_int_equal(vault_read(s->host.vault, empty.hex, 3, &b), 0);
	assert_int_equal(vault_sync(s->host.vault), 0);
	struct stat st;
	assert_int_equal(stat(at(s, object(&h)), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(stat(at(s, "vault"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void copies_files(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "file\n");
	struct sha256 h, never = hash_of("untouched");
	_cleanup_close_ int fd = open(at(s, "f"), O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(vault_put_fd(s->host.vault, fd, &h), 0);
	assert_int_equal(vault_put_fd(s->host.vault, fd, &h), 0);
	assert_string_equal(h.hex, hash_of("file\n").hex);
	assert_int_equal(vault_put_fd(s->host.vault, null, &never), -EINVAL);
	assert_string_equal(never.hex, hash_of("untouched").hex);
	assert_int_equal(entries(s, "vault"), 1);
}

static void other_directories_are_refused(void **state)
{
	struct file_stage *s = *state;
	struct vault *v = NULL;
	mkdir(at(s, "open"), 0700);
	chmod(at(s, "open"), 0750);
	assert_int_equal(vault_open(s->host.root, at(s, "open"), &v), -EPERM);
	chmod(at(s, "open"), 0700);
	assert_int_equal(chown(at(s, "open"), 1, 1), 0);
	assert_int_equal(vault_open(s->host.root, at(s, "open"), &v), -EPERM);
	assert_int_equal(symlink("vault", at(s, "link")), 0);
	assert_true(vault_open(s->host.root, at(s, "link"), &v) < 0);
	put_file(s, "file", "");
	assert_int_equal(vault_open(s->host.root, at(s, "file"), &v), -ENOTDIR);
	assert_int_equal(vault_open_to_read(s->host.root, at(s, "none"), &v), -ENOENT);
	assert_null(v);
}

static void one_opened_to_read_writes_nothing(void **state)
{
	struct file_stage *s = *state;
	struct vault *v = NULL;
	struct buf b = {.data = (char *)"new", .len = 3};
	struct sha256 old = put_text(s, "old"), h;
	put_file(s, "f", "f");
	h = hash_of("f");
	_cleanup_close_ int fd = open(at(s, "f"), O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(vault_open_to_read(s->host.root, at(s, "vault"), &v), 0);
	assert_true(vault_has(v, &old));
	assert_int_equal(vault_take(v, dir, "f", &h), -EROFS);
	assert_int_equal(vault_put(v, &b, &h), -EROFS);
	assert_int_equal(vault_put_fd(v, fd, &h), -EROFS);
	assert_int_equal(vault_settle_object(v, old.hex), -EROFS);
	assert_int_equal(vault_give_back(v, old.hex, dir, "g"), -EROFS);
	assert_int_equal(vault_sweep(v), -EROFS);
	vault_close(&v);
	assert_int_equal(entries(s, "vault"), 1);
	assert_file(s, "f", "f");
}

static void names_are_hashes(void **state)
{
	struct file_stage *s = *state;
	static const char *const bad[] = {"", "..", "../f", "/etc/passwd", "0",
	                                  "zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
	int fd = -1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(vault_open_object(s->host.vault, bad[i], &fd), -EINVAL);
	assert_int_equal(vault_open_object(s->host.vault, hash_of("x").hex, &fd), -ENOENT);
	assert_int_equal(fd, -1);
}

static void tampering_is_found(void **state)
{
	struct file_stage *s = *state;
	int fd = -1;
	struct sha256 h = put_text(s, "true");
	put_file(s, object(&h), "lies");
	assert_int_equal(vault_open_object(s->host.vault, h.hex, &fd), -EBADMSG);
	assert_false(vault_has(s->host.vault, &h));
	/* What is put is kept whole or not at all: never beside a lie. */
	struct buf b = {.data = (char *)"true", .len = 4};
	assert_int_equal(vault_put(s->host.vault, &b, &h), -EBADMSG);
	unlink(at(s, object(&h)));
	put_file(s, "f", "true");
	assert_int_equal(symlink("../f", at(s, object(&h))), 0);
	assert_int_equal(vault_open_object(s->host.vault, h.hex, &fd), -EBADMSG);
	unlink(at(s, object(&h)));
	assert_int_equal(mkfifo(at(s, object(&h)), 0600), 0);
	assert_int_equal(vault_open_object(s->host.vault, h.hex, &fd), -EBADMSG);
	assert_int_equal(leftovers(s), 0);
}

static void takes_only_what_was_judged(void **state)
{
	struct file_stage *s = *state;
	struct sha256 h = hash_of("judged");
	put_file(s, "other", "other");
	put_file(s, "linked", "judged");
	assert_int_equal(link(at(s, "linked"), at(s, "linked too")), 0);
	assert_int_equal(symlink("f", at(s, "symlink")), 0);
	mkdir(at(s, "dir"), 0755);
	assert_int_equal(mkfifo(at(s, "fifo"), 0600), 0);
	static const char *const names[] = {"other", "linked", "symlink", "dir", "fifo"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct stat before, after;
		assert_int_equal(lstat(at(s, names[i]), &before), 0);
		assert_int_equal(take(s, names[i], &h), -ESTALE);
		assert_int_equal(lstat(at(s, names[i]), &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_mode, after.st_mode);
	}
	assert_int_equal(entries(s, "vault"), 0);
	assert_int_equal(take(s, "nothing", &h), -ENOENT);

	put_file(s, "f", "judged");
	int writer = open(at(s, "f"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(take(s, "f", &h), -ETXTBSY);
	assert_file(s, "f", "judged");
	close(writer);
	assert_int_equal(take(s, "f", &h), 0);
	assert_true(vault_has(s->host.vault, &h));
	put_file(s, "f", "judged");
	assert_int_equal(take(s, "f", &h), -EEXIST);
	assert_file(s, "f", "judged");
}

static void a_full_filesystem_leaves_nothing_behind(void **state)
{
	struct file_stage *s = *state;
	struct vault *v = NULL;
	static char big[100000];
	struct buf b = {.data = big, .len = sizeof(big)};
	struct sha256 h;
	mount_tmpfs(s, "other", "size=64k,mode=0700");
	assert_int_equal(vault_open(s->host.root, at(s, "other"), &v), 0);
	assert_int_equal(vault_put(v, &b, &h), -ENOSPC);
	memset(big, 'x', sizeof(big));
	put_bytes(s, "f", big, sizeof(big));
	_cleanup_close_ int fd = open(at(s, "f"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(vault_put_fd(v, fd, &h), -ENOSPC);
	assert_int_equal(entries(s, "other"), 0);
	vault_close(&v);
}

/* Somebody fills the name again while a wrong file is on its way back. */
struct filler {
	const char *path;
	atomic_bool stop;
	atomic_ulong made;
};

static void *fill(void *arg)
{
	struct filler *f = arg;
	while (!atomic_load(&f->stop)) {
		int fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			atomic_fetch_add(&f->made, 1);
		close_fd(&fd);
	}
	return NULL;
}

static void nothing_is_lost_on_the_way_back(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "race", "mode=0700");
	mkdir(at(s, "race/vault"), 0700);
	mkdir(at(s, "race/d"), 0700);
	vault_close(&s->host.vault);
	assert_int_equal(vault_open(s->host.root, at(s, "race/vault"), &s->host.vault), 0);
	_cleanup_close_ int dir = open(at(s, "race/d"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *path = strdup(at(s, "race/d/f"));
	struct filler filler = {.path = path};
	struct sha256 h = hash_of("judged");
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, fill, &filler), 0);
	while (!atomic_load(&filler.made)) /* without a first file there may never be one in time */
		sched_yield();
	unsigned long taken = 0;
	for (int i = 0; i < 3000; i++)
		taken += vault_take(s->host.vault, dir, "f", &h) == -ESTALE;
	atomic_store(&filler.stop, true);
	pthread_join(thread, NULL);
	assert_true(taken > 0);
	assert_int_equal(entries(s, "race/vault"), 0);
	assert_int_equal(entries(s, "race/d"), atomic_load(&filler.made));
}

static void settle_is(struct file_stage *s, const struct sha256 *h, int expected)
{
	struct stat st;
	assert_int_equal(vault_settle_object(s->host.vault, h->hex), expected);
	if (expected < 0)
		return;
	assert_int_equal(lstat(at(s, object(h)), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_gid, getegid());
	assert_int_equal(st.st_nlink, 1);
	assert_true(vault_has(s->host.vault, h));
	assert_int_equal(leftovers(s), 0);
}

/* As if the program had ended just behind the rename of vault_take(). */
static void move_in(struct file_stage *s, const char *name, const struct sha256 *h)
{
	_cleanup_free_ char *from = strdup(at(s, name));
	assert_int_equal(rename(from, at(s, object(h))), 0);
}

static void what_was_moved_in_is_settled(void **state)
{
	struct file_stage *s = *state;
	struct sha256 h = hash_of("judged");
	settle_is(s, &h, -ENOENT);
	assert_int_equal(vault_settle_object(s->host.vault, "../f"), -EINVAL);
	put_file(s, "f", "judged");
	assert_int_equal(chown(at(s, "f"), 1, 1), 0);
	assert_int_equal(chmod(at(s, "f"), 06755), 0);
	move_in(s, "f", &h);
	settle_is(s, &h, 0);
	settle_is(s, &h, 0);
}

static void who_holds_it_open_or_by_another_name_keeps_another_file(void **state)
{
	struct file_stage *s = *state;
	struct sha256 h = hash_of("judged");
	struct stat st;
	put_file(s, "f", "judged");
	assert_int_equal(chmod(at(s, "f"), 0755), 0);
	int writer = open(at(s, "f"), O_RDWR | O_CLOEXEC);
	move_in(s, "f", &h);
	settle_is(s, &h, 0);
	assert_int_equal(pwrite(writer, "forged", 6, 0), 6);
	close(writer);
	settle_is(s, &h, 0);

	put_file(s, "f", "judged");
	assert_int_equal(chmod(at(s, "f"), 0755), 0);
	assert_int_equal(link(at(s, "f"), at(s, "other")), 0);
	move_in(s, "f", &h);
	settle_is(s, &h, 0);
	assert_int_equal(lstat(at(s, "other"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0755);
	assert_file(s, "other", "judged");
}

static void what_was_not_meant_is_given_back(void **state)
{
	struct file_stage *s = *state;
	struct sha256 h = hash_of("judged");
	_cleanup_close_ int dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "f"), -ENOENT);
	put_file(s, "f", "swapped");
	move_in(s, "f", &h);
	settle_is(s, &h, -EBADMSG);
	put_file(s, "f", "new");
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "f"), -EEXIST);
	assert_file(s, "f", "new");
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "g"), 0);
	assert_file(s, "g", "swapped");
	mkdir(at(s, "d"), 0755);
	move_in(s, "d", &h);
	settle_is(s, &h, -EBADMSG);
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "d"), 0);
	assert_int_equal(symlink("f", at(s, object(&h))), 0);
	settle_is(s, &h, -EBADMSG);
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "l"), 0);
	h = put_text(s, "judged");
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "h"), -EINVAL);
	put_file(s, object(&h), "forged"); /* here, where it was the vault's own */
	assert_int_equal(vault_give_back(s->host.vault, h.hex, dir, "h"), -EBADMSG);
	assert_no_file(s, "h");
	assert_int_equal(entries(s, "vault"), 1);
}

static void what_was_begun_is_swept(void **state)
{
	struct file_stage *s = *state;
	struct sha256 h = put_text(s, "kept");
	static const char *const keep[] = {"vault/.respond-0123456789abcde", "vault/.respond-0123456789ABCDEF",
	                                   "vault/.respond-0123456789abcdef0", "vault/respond-0123456789abcdef"};
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++)
		put_file(s, keep[i], "other");
	mkdir(at(s, "vault/.respond-00000000000000d0"), 0700);
	put_file(s, "vault/.respond-0123456789abcdef", "half");
	put_file(s, "vault/.respond-fedcba9876543210", "");
	unsigned before = entries(s, "vault");
	assert_int_equal(vault_sweep(s->host.vault), 0);
	assert_int_equal(entries(s, "vault"), before - 2);
	assert_int_equal(vault_sweep(s->host.vault), 0);
	assert_int_equal(entries(s, "vault"), before - 2);
	assert_true(vault_has(s->host.vault, &h));
	rmdir(at(s, "vault/.respond-00000000000000d0"));
}

/* Bytes, of which each block of 4 KiB is another. */
static struct buf blocks(char *bytes, size_t len, char first)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(first + (int)(i / 4096));
	return (struct buf){.data = bytes, .len = len};
}

static void a_quota_holds(void **state)
{
	struct file_stage *s = *state;
	static char bytes[40960];
	struct sha256 h, first = put_text(s, "a block");
	struct buf b = blocks(bytes, sizeof(bytes), 'a');
	assert_int_equal(vault_admit(s->host.vault, 1ULL << 60), 0);
	assert_int_equal(vault_limit(s->host.vault, 4096 + 40960), 0);
	assert_int_equal(vault_admit(s->host.vault, 40960), 0);
	assert_int_equal(vault_admit(s->host.vault, 40961), -EDQUOT);
	assert_int_equal(vault_put(s->host.vault, &b, &h), 0);
	assert_int_equal(vault_put(s->host.vault, &b, &h), 0);
	assert_int_equal(vault_admit(s->host.vault, 0), 0);
	assert_int_equal(vault_admit(s->host.vault, 1), -EDQUOT);

	/* Each way in: nothing is altered, and what is there already is as good. */
	struct buf other = {.data = (char *)"other", .len = 5};
	struct sha256 never = hash_of("other");
	put_file(s, "f", "other");
	put_file(s, "same", "a block");
	_cleanup_close_ int fd = open(at(s, "f"), O_RDONLY | O_CLOEXEC), same = open(at(s, "same"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(vault_put(s->host.vault, &other, &h), -EDQUOT);
	assert_int_equal(vault_put_fd(s->host.vault, fd, &h), -EDQUOT);
	assert_int_equal(take(s, "f", &never), -EDQUOT);
	assert_file(s, "f", "other");
	assert_int_equal(take(s, "nothing", &never), -ENOENT);
	assert_int_equal(take(s, "same", &first), -EEXIST);
	assert_int_equal(vault_put_fd(s->host.vault, same, &h), 0);
	assert_string_equal(h.hex, first.hex);
	assert_int_equal(entries(s, "vault"), 2);
	assert_int_equal(leftovers(s), 0);

	/* What goes makes room for what is taken. */
	assert_int_equal(vault_remove(s->host.vault, first.hex), 0);
	assert_int_equal(vault_remove(s->host.vault, first.hex), -ENOENT);
	assert_int_equal(take(s, "f", &never), 0);
	assert_int_equal(vault_admit(s->host.vault, 1), -EDQUOT);

	/* Lowered below what is there: nothing more, and nothing wraps around. */
	assert_int_equal(vault_limit(s->host.vault, 4096), 0);
	assert_int_equal(vault_admit(s->host.vault, 0), 0);
	assert_int_equal(vault_admit(s->host.vault, 1), -EDQUOT);
	assert_int_equal(vault_limit(s->host.vault, 0), 0);
	assert_int_equal(vault_put(s->host.vault, &other, &h), 0);
}

static void holes_do_not_count(void **state)
{
	struct file_stage *s = *state;
	struct sha256 h;
	put_file(s, "sparse", "");
	assert_int_equal(truncate(at(s, "sparse"), 64 << 20), 0);
	_cleanup_close_ int fd = open(at(s, "sparse"), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "end", 3, (64 << 20) - 3), 3);
	assert_int_equal(vault_limit(s->host.vault, 1 << 20), 0);
	assert_int_equal(vault_put_fd(s->host.vault, fd, &h), 0);
	assert_int_equal(vault_admit(s->host.vault, (1 << 20) - 65536), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_what_it_is_given),
		TEST(copies_files),
		TEST(other_directories_are_refused),
		TEST(one_opened_to_read_writes_nothing),
		TEST(names_are_hashes),
		TEST(tampering_is_found),
		TEST(takes_only_what_was_judged),
		TEST(a_full_filesystem_leaves_nothing_behind),
		TEST(nothing_is_lost_on_the_way_back),
		TEST(what_was_moved_in_is_settled),
		TEST(who_holds_it_open_or_by_another_name_keeps_another_file),
		TEST(what_was_not_meant_is_given_back),
		TEST(what_was_begun_is_swept),
		TEST(a_quota_holds),
		TEST(holes_do_not_count),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("vault", tests, file_stage_group, NULL);
}
