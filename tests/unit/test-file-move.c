/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files moved to the vault and back: what they are, and what others do to them meanwhile.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "change/file-move.h"
#include "core/vault.h"
#include "file-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#define I FS_IMMUTABLE_FL
#define A FS_APPEND_FL

static int plan_error(struct file_stage *s, const char *name)
{
	return file_move_plan(&s->host, s->plan, at(s, name), NULL, NULL);
}

static void comes_and_goes_with_every_flag(void **state)
{
	struct file_stage *s = *state;
	static const int flags[] = {0, I, A, I | A, FS_NODUMP_FL | I};
	static const int dir_flags[] = {0, I, A, I | A};
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags) * 4; i++) {
		char text[32];
		snprintf(text, sizeof(text), "content %zu\n", i);
		plan_again(s);
		assert_true(mkdir(at(s, "d"), 0755) == 0);
		put_file(s, "d/f", text);
		set_flags(s, "d/f", flags[i / 4]);
		set_flags(s, "d", dir_flags[i % 4]);
		json_t *meta = meta_of(s, "d/f");
		struct change *c = plan_move(s, "d/f");
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_int_equal(apply_change(s, c), 0);
		assert_int_equal(probe_change(s, c), CHANGE_AFTER);
		assert_no_file(s, "d/f");
		assert_in_vault(s, text);
		assert_int_equal(get_flags(s, "d"), dir_flags[i % 4]);
		assert_int_equal(revert_change(s, c), 0);
		assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
		assert_int_equal(get_flags(s, "d"), dir_flags[i % 4]);
		assert_file(s, "d/f", text);
		assert_meta(s, "d/f", meta);
		assert_int_equal(leftovers(s), 0);
		set_flags(s, "d", 0);
		set_flags(s, "d/f", 0);
		unlink(at(s, "d/f"));
		rmdir(at(s, "d"));
	}
}

static void all_attributes_come_back(void **state)
{
	struct file_stage *s = *state;
	/* user::rwx user:1:r-x group::r-x mask::r-x other::--x; and cap_net_raw=ep */
	static const unsigned char acl[] = {
		2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 5, 0, 1, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255,
		16, 0, 5, 0, 255, 255, 255, 255, 32, 0, 1, 0, 255, 255, 255, 255,
	};
	static const unsigned char caps[] = {1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const struct timespec times[] = {{1000000000, 1}, {1000000001, 123456789}};
	put_file(s, "f", "an odd file\n");
	const char *f = at(s, "f");
	assert_int_equal(chown(f, 65534, 12345), 0);
	assert_int_equal(chmod(f, 06755), 0);
	assert_int_equal(setxattr(f, "system.posix_acl_access", acl, sizeof(acl), 0), 0);
	assert_int_equal(setxattr(f, "user.empty", "", 0, 0), 0);
	assert_int_equal(setxattr(f, "user.\xff\n\\odd", "\0\xff\n", 3, 0), 0);
	assert_int_equal(setxattr(f, "trusted.t", "t", 1, 0), 0);
	assert_int_equal(setxattr(f, "security.capability", caps, sizeof(caps), 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, f, times, 0), 0);
	json_t *meta = meta_of(s, "f");
	assert_int_equal(json_object_size(json_object_get(meta, "xattrs")), 5);
	assert_int_equal(json_integer_value(json_object_get(meta, "mode")) & 06000, 06000);
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, "f");
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", "an odd file\n");
	assert_meta(s, "f", meta);
	unsigned char back[64];
	assert_int_equal(getxattr(at(s, "f"), "user.\xff\n\\odd", back, sizeof(back)), 3);
	assert_memory_equal(back, "\0\xff\n", 3);
}

static void the_vault_makes_it_its_own(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "suid\n");
	assert_int_equal(chown(at(s, "f"), 65534, 65534), 0);
	assert_int_equal(chmod(at(s, "f"), 04755), 0);
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(c->data, "sha256")));
	struct stat st;
	assert_int_equal(lstat(at(s, object), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, 0);
}

static void other_names_stay_as_they_are(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "shared\n");
	chmod(at(s, "f"), 04711);
	assert_int_equal(link(at(s, "f"), at(s, "other name")), 0);
	set_flags(s, "f", I);
	json_t *meta = meta_of(s, "other name");
	struct stat before, after;
	stat(at(s, "f"), &before);
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "other names (1)");
	assert_no_file(s, "f");
	assert_in_vault(s, "shared\n");
	assert_file(s, "other name", "shared\n");
	assert_meta(s, "other name", meta);
	assert_int_equal(stat(at(s, "other name"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_nlink, 1);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "a file of its own");
	assert_file(s, "f", "shared\n");
	assert_int_equal(get_flags(s, "f"), I);
}

static void links_are_not_followed(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "x");
	mkdir(at(s, "d"), 0755);
	put_file(s, "d/f", "y");
	assert_int_equal(symlink(at(s, "f"), at(s, "link")), 0);
	assert_int_equal(symlink("d", at(s, "dirlink")), 0);
	assert_int_equal(plan_error(s, "link"), -ELOOP);
	assert_int_equal(plan_error(s, "dirlink/f"), -ELOOP);
	struct change *c = plan_move(s, "d/f");
	assert_int_equal(rename(at(s, "d"), at(s, "e")), 0);
	assert_int_equal(symlink("e", at(s, "d")), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_file(s, "e/f", "y");
	assert_file(s, "f", "x");
	assert_int_equal(plan_count(s->plan), 1);
}

static void only_regular_files(void **state)
{
	struct file_stage *s = *state;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", s->dir);
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(mkfifo(at(s, "fifo"), 0644), 0);
	assert_int_equal(mknod(at(s, "null"), S_IFCHR | 0644, makedev(1, 3)), 0);
	assert_int_equal(mknod(at(s, "nobody's"), S_IFCHR | 0644, makedev(60, 1)), 0);
	assert_int_equal(mkdir(at(s, "dir"), 0755), 0);
	static const char *const names[] = {"fifo", "null", "nobody's", "dir", "socket"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(plan_error(s, names[i]), -EINVAL);
	assert_int_equal(plan_error(s, "nothing"), -ENOENT);

	put_file(s, "f", "x");
	struct change *c = plan_move(s, "f");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(rename(at(s, "f"), at(s, "aside")), 0);
		assert_int_equal(rename(at(s, names[i]), at(s, "f")), 0);
		assert_int_equal(apply_change(s, c), -ESTALE);
		assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
		assert_int_equal(rename(at(s, "f"), at(s, names[i])), 0);
		assert_int_equal(rename(at(s, "aside"), at(s, "f")), 0);
	}
	assert_int_equal(apply_change(s, c), 0);
}

static void any_name_will_do(void **state)
{
	struct file_stage *s = *state;
	static const char *const names[] = {"a\nb", "\033[2J", "\xff\xfe", "-rf", "--", " ", "*", "a\\x41", "a\"b'c`$(d)"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_buf_ struct buf said = {0};
		put_file(s, names[i], names[i]);
		struct change *c = plan_move(s, names[i]);
		assert_string_equal(c->target, at(s, names[i]));
		assert_int_equal(c->kind->describe(c, &said), 0);
		assert_true(utf8_valid(said.data, said.len));
		for (size_t k = 0; k < said.len; k++)
			assert_true((unsigned char)said.data[k] >= 0x20 && said.data[k] != 0x7f);
		assert_int_equal(apply_change(s, c), 0);
		assert_no_file(s, names[i]);
		assert_int_equal(revert_change(s, c), 0);
		assert_file(s, names[i], names[i]);
	}
}

static void paths_may_be_longer_than_path_max(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf path = {0};
	char name[202];
	memset(name, 'd', 201);
	name[201] = '\0';
	buf_puts(&path, s->dir);
	int dir = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 25; i++) {
		assert_int_equal(mkdirat(dir, name, 0755), 0);
		int next = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
		buf_printf(&path, "/%s", name);
	}
	buf_puts(&path, "/f");
	_cleanup_close_ int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(write(fd, "deep", 4), 4);
	close_fd(&fd);
	struct change *c = NULL;
	assert_int_equal(file_move_plan(&s->host, s->plan, path.data, NULL, &c), 0);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(faccessat(dir, "f", F_OK, 0), -1);
	assert_in_vault(s, "deep");
	assert_int_equal(revert_change(s, c), 0);
	assert_int_equal(faccessat(dir, "f", F_OK, 0), 0);
	close(dir);
}

static void a_running_program_goes_too(void **state)
{
	struct file_stage *s = *state;
	_cleanup_buf_ struct buf program = {0};
	assert_int_equal(path_read(s->host.root, "/usr/bin/sleep", 1 << 24, &program, NULL), 0);
	put_bytes(s, "miner", program.data, program.len);
	chmod(at(s, "miner"), 0755);
	pid_t pid = fork();
	if (pid == 0) {
		execl(at(s, "miner"), "miner", "300", (char *)NULL);
		_exit(127);
	}
	char exe[64], target[512];
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	for (int i = 0; i < 30000; i++) {
		ssize_t n = readlink(exe, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "miner"))
			break;
		usleep(2000);
	}
	struct change *c = plan_move(s, "miner");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, "miner");
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(revert_change(s, c), 0);
	_cleanup_buf_ struct buf back = {0};
	assert_int_equal(path_read(s->host.root, at(s, "miner"), 1 << 24, &back, NULL), 0);
	assert_true(buf_equal(&program, &back));
}

static void a_late_writer_does_not_reach_the_vault(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "evidence\n");
	_cleanup_close_ int writer = open(at(s, "f"), O_WRONLY | O_CLOEXEC);
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	assert_no_file(s, "f");
	assert_int_equal(pwrite(writer, "EVIDENCE", 8, 0), 8);
	assert_in_vault(s, "evidence\n");
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "f", "evidence\n");
}

static void what_is_too_large_is_not_read(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "");
	assert_int_equal(truncate(at(s, "f"), 1LL << 40), 0);
	assert_int_equal(plan_error(s, "f"), -EFBIG);
}

static void nothing_is_overwritten(void **state)
{
	struct file_stage *s = *state;
	mkdir(at(s, "d"), 0755);
	put_file(s, "d/f", "ours\n");
	struct change *c = plan_move(s, "d/f");
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, "d/f", "theirs\n");
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "not overwritten");
	assert_file(s, "d/f", "theirs\n");
	assert_int_equal(unlink(at(s, "d/f")), 0);
	assert_int_equal(symlink("nowhere", at(s, "d/f")), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_int_equal(unlink(at(s, "d/f")), 0);
	assert_int_equal(mkdir(at(s, "d/f"), 0755), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_int_equal(rmdir(at(s, "d/f")), 0);
	assert_int_equal(rmdir(at(s, "d")), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "directory it was in is gone");
	mkdir(at(s, "elsewhere"), 0755);
	assert_int_equal(symlink(at(s, "elsewhere"), at(s, "d")), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_no_file(s, "elsewhere/f");
	assert_int_equal(unlink(at(s, "d")), 0);
	mkdir(at(s, "d"), 0755);
	assert_int_equal(revert_change(s, c), 0);
	assert_file(s, "d/f", "ours\n");
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "there already");
	assert_int_equal(leftovers(s), 0);
}

static void a_tampered_object_is_refused(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "good\n");
	struct change *c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), 0);
	char object[128];
	snprintf(object, sizeof(object), "vault/%s", json_string_value(json_object_get(c->data, "sha256")));
	put_file(s, object, "evil\n");
	assert_int_equal(revert_change(s, c), -EBADMSG);
	assert_note(s, "tampered");
	assert_no_file(s, "f");
	/* And it is not taken for a copy of the same file when that comes again. */
	put_file(s, "f", "good\n");
	plan_again(s);
	c = plan_move(s, "f");
	assert_int_equal(apply_change(s, c), -EBADMSG);
	assert_note(s, "tampered");
	assert_file(s, "f", "good\n");
	unlink(at(s, object));
	assert_int_equal(apply_change(s, c), 0);
	unlink(at(s, object));
	assert_int_equal(revert_change(s, c), -ENOENT);
	assert_int_equal(leftovers(s), 0);
}

static void what_changed_since_the_plan_stays(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "f", "planned\n");
	struct change *c = plan_move(s, "f");
	put_file(s, "f", "changed\n");
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_note(s, "no longer the file");
	assert_file(s, "f", "changed\n");
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	put_file(s, "f", "planned\n");
	put_file(s, "g", "planned\n"); /* same bytes, another file */
	assert_int_equal(rename(at(s, "g"), at(s, "f")), 0);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_file(s, "f", "planned\n");
	plan_again(s);
	c = plan_move(s, "f");
	assert_int_equal(chmod(at(s, "f"), 04755), 0); /* an undo would not give that back */
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_file(s, "f", "planned\n");
	assert_int_equal(chmod(at(s, "f"), 0644), 0);
	assert_int_equal(rename(at(s, "f"), at(s, "g")), 0);
	assert_int_equal(apply_change(s, c), -ESTALE); /* gone, and the vault has no copy */
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(rename(at(s, "g"), at(s, "f")), 0);
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "gone already");
}

static void the_same_content_twice_is_kept_once(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "a", "twin\n");
	put_file(s, "b", "twin\n");
	chmod(at(s, "b"), 0600);
	json_t *a_meta = meta_of(s, "a"), *b_meta = meta_of(s, "b");
	struct change *a = plan_move(s, "a"), *b = plan_move(s, "b");
	assert_int_equal(plan_error(s, "a"), -ENOENT); /* an earlier step takes it */
	assert_int_equal(apply_change(s, a), 0);
	assert_int_equal(apply_change(s, b), 0);
	assert_int_equal(revert_change(s, b), 0);
	assert_int_equal(revert_change(s, a), 0);
	assert_meta(s, "a", a_meta);
	assert_meta(s, "b", b_meta);
}

/* Taken away again, whoever put it there; what else is there stays. */
static void what_comes_back_is_taken_again(void **state)
{
	struct file_stage *s = *state;
	mkdir(at(s, "d"), 0755);
	put_file(s, "d/f", "miner\n");
	chmod(at(s, "d/f"), 0750);
	set_flags(s, "d/f", I);
	json_t *meta = meta_of(s, "d/f");
	struct change *c = plan_move(s, "d/f");
	assert_int_equal(apply_change(s, c), 0);
	assert_int_equal(reapply_change(s, c), 0);
	assert_note(s, "gone already");
	put_file(s, "d/f", "miner\n");
	assert_int_equal(chown(at(s, "d/f"), 65534, 65534), 0);
	set_flags(s, "d/f", A);
	set_flags(s, "d", I);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(reapply_change(s, c), 0);
	assert_note(s, "another owner, mode or flags");
	assert_no_file(s, "d/f");
	assert_int_equal(get_flags(s, "d"), I);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	set_flags(s, "d", 0);
	put_file(s, "d/f", "another miner\n");
	assert_int_equal(reapply_change(s, c), -ESTALE);
	assert_note(s, "run the playbook again");
	assert_file(s, "d/f", "another miner\n");
	unlink(at(s, "d/f"));
	assert_int_equal(symlink("../vault", at(s, "d/f")), 0);
	assert_int_equal(reapply_change(s, c), -ESTALE);
	unlink(at(s, "d/f"));
	assert_int_equal(revert_change(s, c), 0);
	assert_meta(s, "d/f", meta);
	set_flags(s, "d/f", 0);
	assert_int_equal(rename(at(s, "d"), at(s, "e")), 0);
	assert_int_equal(reapply_change(s, c), 0); /* gone with its directory */
	assert_int_equal(leftovers(s), 0);
}

static int see_rights(void *ctx, const struct subject *subject)
{
	*(bool *)ctx = subject->privileged;
	return 0;
}

static void rights_are_told_to_the_guard(void **state)
{
	struct file_stage *s = *state;
	static const unsigned char caps[] = {1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const mode_t modes[] = {0755, 01755, 04755, 02755, 0755};
	for (size_t i = 0; i < 5; i++) {
		bool privileged = false;
		put_file(s, "f", "x");
		assert_int_equal(chmod(at(s, "f"), modes[i]), 0);
		if (i == 4)
			assert_int_equal(setxattr(at(s, "f"), "security.capability", caps, sizeof(caps), 0), 0);
		plan_again(s);
		struct change *c = plan_move(s, "f");
		assert_int_equal(c->kind->subjects(c, see_rights, &privileged), 0);
		assert_int_equal(privileged, i >= 2);
		unlink(at(s, "f"));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_and_goes_with_every_flag),
		TEST(all_attributes_come_back),
		TEST(the_vault_makes_it_its_own),
		TEST(other_names_stay_as_they_are),
		TEST(links_are_not_followed),
		TEST(only_regular_files),
		TEST(any_name_will_do),
		TEST(paths_may_be_longer_than_path_max),
		TEST(a_running_program_goes_too),
		TEST(a_late_writer_does_not_reach_the_vault),
		TEST(what_is_too_large_is_not_read),
		TEST(nothing_is_overwritten),
		TEST(a_tampered_object_is_refused),
		TEST(what_changed_since_the_plan_stays),
		TEST(the_same_content_twice_is_kept_once),
		TEST(what_comes_back_is_taken_again),
		TEST(rights_are_told_to_the_guard),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-move", tests, file_stage_group, NULL);
}
