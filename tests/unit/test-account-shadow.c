/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * account.shadow: one entry of /etc/shadow, there and back, among others who edit the file
 * too, and cut short at any moment.
 */
#include "base/fd.h"
#include "base/password.h"
#include "change/account-shadow.h"
#include "change/secret-file.h"
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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SHADOW "root/etc/shadow"
#define HASH "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
#define OTHERS_FIRST "root:*:19000:0:99999:7:::\n"
#define OTHERS_LAST "bob:!" HASH ":19100:0:99999:7:::\nlast:*:19000:0:99999:7:::"
#define MALLORY "mallory:" HASH ":19200:0:99999:7:::\n"
#define MALLORY_LOCKED "mallory:!" HASH ":19200:0:99999:7::1:\n"
#define BEFORE OTHERS_FIRST MALLORY OTHERS_LAST
#define AFTER OTHERS_FIRST MALLORY_LOCKED OTHERS_LAST

static const struct shadow_edit lock_it = {.lock = true, .expire = "1"};

/* The host is a directory of the stage, its vault beside it. */
static int make(void **state)
{
	if (file_stage_make(state) < 0)
		return -1;
	struct file_stage *s = *state;
	mkdir(at(s, "root"), 0755);
	mkdir(at(s, "root/etc"), 0755);
	mkdir(at(s, "root/proc"), 0755);
	struct vault *vault = s->host.vault;
	s->host.vault = NULL;
	host_close(&s->host);
	if (host_open(at(s, "root"), &s->host) < 0)
		return -1;
	s->host.vault = vault;
	put_file(s, SHADOW, BEFORE);
	return chown(at(s, SHADOW), 0, 42) < 0 || chmod(at(s, SHADOW), 0640) < 0 ||
	       setxattr(at(s, SHADOW), "trusted.label", "shadow_t", 8, 0) < 0;
}

/* file-stage reads through its host, which has another root here. */
static void assert_shadow(const struct file_stage *s, const char *text)
{
	_cleanup_close_ int fd = open(at(s, SHADOW), O_RDONLY | O_CLOEXEC);
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(fd_read(fd, 1 << 20, &b), 0);
	assert_string_equal(buf_text(&b), text);
}

static struct change *plan_it(struct file_stage *s, const char *user, const struct shadow_edit *edit)
{
	plan_again(s);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, user, edit), 0);
	return plan_count(s->plan) ? plan_at(s->plan, plan_count(s->plan) - 1) : NULL;
}

static json_t *meta_but_times(const struct file_stage *s)
{
	json_t *meta = meta_of(s, SHADOW);
	json_object_del(meta, "atime");
	json_object_del(meta, "mtime");
	return meta;
}

static void assert_meta_kept(const struct file_stage *s, json_t *before)
{
	json_t *now = meta_but_times(s);
	assert_true(json_equal(now, before));
	json_decref(now);
}

static void lock_and_back(void **state)
{
	struct file_stage *s = *state;
	json_t *meta = meta_but_times(s);
	struct change *c = plan_it(s, "mallory", &lock_it);
	_cleanup_buf_ struct buf planned = {0};
	assert_int_equal(plan_file(s->plan, "/etc/shadow", &planned), 1);
	assert_string_equal(planned.data, AFTER);
	assert_shadow(s, BEFORE);
	assert_int_equal(probe_change(s, c), CHANGE_BEFORE);
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, AFTER);
	assert_meta_kept(s, meta);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(apply_change(s, c), 0);
	assert_note(s, "so already");
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, BEFORE);
	assert_meta_kept(s, meta);
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "so already");
	assert_int_equal(leftovers(s), 0);
	json_decref(meta);
}

static void no_hash_of_a_password_is_journaled(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_it(s, "mallory", &lock_it);
	_cleanup_buf_ struct buf text = {0};
	char *data = json_dumps(c->data, 0);
	c->kind->describe(c, &text);
	c->kind->detail(c, &text);
	assert_null(strstr(data, "$y$"));
	assert_null(strstr(buf_text(&text), "$y$"));
	assert_non_null(strstr(text.data, "password: set -> locked\naccount expires: never -> 1970-01-02\n"));
	free(data);
}

static void what_was_locked_stays_locked(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_it(s, "bob", &lock_it);
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, OTHERS_FIRST MALLORY "bob:!" HASH ":19100:0:99999:7::1:\nlast:*:19000:0:99999:7:::");
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, BEFORE);
	/* The last line has no newline, and gets none. */
	c = plan_it(s, "last", &(struct shadow_edit){.changed = "0"});
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, OTHERS_FIRST MALLORY "bob:!" HASH ":19100:0:99999:7:::\nlast:*:0:0:99999:7:::");
	assert_null(plan_it(s, "last", &(struct shadow_edit){.changed = "0"}));
}

static void edits_of_other_entries_survive(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_it(s, "mallory", &lock_it);
	put_file(s, SHADOW, "new:*:1::::::\n" MALLORY OTHERS_LAST "\n"); /* root's has gone */
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, "new:*:1::::::\n" MALLORY_LOCKED OTHERS_LAST "\n");
	put_file(s, SHADOW, "newer:*:1::::::\n" MALLORY_LOCKED "x:*:1::::::\n");
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, "newer:*:1::::::\n" MALLORY "x:*:1::::::\n");
}

static void an_entry_that_others_altered_is_drift(void **state)
{
	struct file_stage *s = *state;
	static const char theirs[] = OTHERS_FIRST "mallory:$6$new:20000:0:99999:7:::\n" OTHERS_LAST;
	struct change *c = plan_it(s, "mallory", &lock_it);
	put_file(s, SHADOW, theirs);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_shadow(s, theirs);
	put_file(s, SHADOW, BEFORE);
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, SHADOW, theirs);
	assert_int_equal(probe_change(s, c), CHANGE_DRIFTED);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "somebody has altered the entry");
	assert_shadow(s, theirs);
	put_file(s, SHADOW, OTHERS_FIRST OTHERS_LAST);
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "no entry there any more");
	unlink(at(s, SHADOW));
	assert_int_equal(revert_change(s, c), -ESTALE);
	assert_note(s, "the file is gone");
	assert_int_equal(symlink("passwd", at(s, SHADOW)), 0);
	assert_int_equal(revert_change(s, c), -ESTALE);
}

static void who_has_no_entry_cannot_be_planned(void **state)
{
	struct file_stage *s = *state;
	plan_again(s);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, "nobody", &lock_it), -ENODATA);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, "mallor", &lock_it), -ENODATA);
	assert_int_equal(plan_count(s->plan), 0);
}

static void two_steps_see_each_other(void **state)
{
	struct file_stage *s = *state;
	plan_again(s);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, "mallory", &lock_it), 0);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, "root", &lock_it), 0);
	assert_int_equal(plan_count(s->plan), 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(apply_change(s, plan_at(s->plan, i)), 0);
	assert_shadow(s, "root:!*:19000:0:99999:7::1:\n" MALLORY_LOCKED OTHERS_LAST);
	for (size_t i = 2; i-- > 0;)
		assert_int_equal(revert_change(s, plan_at(s->plan, i)), 0);
	assert_shadow(s, BEFORE);
}

static void immutable_files_stay_immutable(void **state)
{
	struct file_stage *s = *state;
	put_file(s, "root/etc/.pwd.lock", "");
	set_flags(s, SHADOW, FS_IMMUTABLE_FL);
	set_flags(s, "root/etc", FS_APPEND_FL);
	struct change *c = plan_it(s, "mallory", &lock_it);
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, AFTER);
	assert_int_equal(get_flags(s, SHADOW), FS_IMMUTABLE_FL);
	assert_int_equal(get_flags(s, "root/etc"), FS_APPEND_FL);
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, BEFORE);
	set_flags(s, SHADOW, 0); /* E1 */
	set_flags(s, "root/etc", 0);
	assert_int_equal(settle_change(s, c), 0);
	assert_int_equal(get_flags(s, SHADOW), FS_IMMUTABLE_FL);
	assert_int_equal(get_flags(s, "root/etc"), FS_APPEND_FL);
}

/* ---- a new password ------------------------------------------------------------------- */

#define NEW_HASH "$y$j9T$new$newnewnew"
#define MALLORY_NEW "mallory:" NEW_HASH ":20000:0:99999:7:::\n"
#define RENEWED OTHERS_FIRST MALLORY_NEW OTHERS_LAST
#define HANDED "root/handed"

static struct change *plan_password(struct file_stage *s)
{
	static const struct shadow_edit edit = {.password = NEW_HASH, .changed = "20000"};
	const struct buf bytes = {.data = (char *)"secret-word\n", .len = 12};
	plan_again(s);
	assert_int_equal(account_password_plan(&s->host, s->plan, "mallory", &edit, "/handed", &bytes), 0);
	assert_int_equal(plan_count(s->plan), 1);
	return plan_at(s->plan, 0);
}

static void assert_handed(const struct file_stage *s, const char *text)
{
	_cleanup_close_ int fd = open(at(s, HANDED), O_RDONLY | O_CLOEXEC);
	_cleanup_buf_ struct buf b = {0};
	if (!text) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_int_equal(fd_read(fd, 1 << 20, &b), 0);
	assert_string_equal(buf_text(&b), text);
}

static void a_password_is_handed_over_and_taken_back(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_password(s);
	struct stat st;
	umask(0);
	assert_handed(s, NULL);
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, RENEWED);
	assert_handed(s, "secret-word\n");
	assert_int_equal(stat(at(s, HANDED), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, BEFORE);
	assert_handed(s, NULL);
	/* Who has taken it from there has taken the file away, too. */
	assert_int_equal(apply_change(s, c), 0);
	unlink(at(s, HANDED));
	assert_int_equal(probe_change(s, c), CHANGE_AFTER);
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, BEFORE);
	assert_int_equal(leftovers(s), 0);
}

static void what_else_stands_there_stays(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_password(s);
	put_file(s, HANDED, "theirs");
	assert_int_equal(apply_change(s, c), -EEXIST);
	assert_shadow(s, BEFORE);
	assert_handed(s, "theirs");
	assert_int_equal(secret_file_check(&s->host, "/handed"), -EEXIST);
	unlink(at(s, HANDED));
	assert_int_equal(symlink("/etc/passwd", at(s, HANDED)), 0);
	assert_int_equal(apply_change(s, c), -EEXIST);
	unlink(at(s, HANDED));
	assert_int_equal(apply_change(s, c), 0);
	put_file(s, HANDED, "notes of root's");
	assert_int_equal(revert_change(s, c), 0);
	assert_note(s, "/handed stays: it holds something else by now");
	assert_shadow(s, BEFORE);
	assert_handed(s, "notes of root's");
}

static void not_where_others_can_write(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_password(s);
	chmod(at(s, "root"), 0777);
	assert_int_equal(secret_file_check(&s->host, "/handed"), -EPERM);
	assert_int_equal(apply_change(s, c), -EPERM);
	assert_note(s, "others than root");
	assert_shadow(s, BEFORE);
	assert_int_equal(leftovers(s), 0);
	chmod(at(s, "root"), 0755);
	assert_int_equal(apply_change(s, c), 0);
}

/* Without the entry it is of no use, and stays nowhere. */
static void a_password_that_is_not_set_is_not_handed_over(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_password(s);
	put_file(s, SHADOW, OTHERS_FIRST MALLORY_LOCKED OTHERS_LAST);
	assert_int_equal(apply_change(s, c), -ESTALE);
	assert_handed(s, NULL);
	put_file(s, SHADOW, BEFORE);
	put_file(s, "root/.respond-0123456789abcdef", "secret-w"); /* cut short within */
	assert_int_equal(settle_change(s, c), 0);
	assert_int_equal(leftovers(s), 0);
	put_file(s, HANDED, "secret-word\n"); /* cut short before the entry */
	assert_int_equal(settle_change(s, c), 0);
	assert_handed(s, NULL);
	put_file(s, HANDED, "secret-word\n"); /* cut short after it */
	put_file(s, SHADOW, RENEWED);
	assert_int_equal(settle_change(s, c), 0);
	assert_handed(s, "secret-word\n");
	put_file(s, SHADOW, BEFORE); /* a revert cut short before the file went */
	assert_int_equal(revert_change(s, c), 0);
	assert_handed(s, NULL);
}

static void no_password_is_in_journal_or_vault(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_password(s);
	_cleanup_buf_ struct buf text = {0};
	char *data = json_dumps(c->data, 0);
	c->kind->describe(c, &text);
	c->kind->detail(c, &text);
	assert_null(strstr(data, "secret-word"));
	assert_null(strstr(data, "$y$"));
	assert_null(strstr(text.data, "secret-word"));
	assert_null(strstr(text.data, "$y$"));
	assert_non_null(strstr(text.data, "give a new password to mallory"));
	assert_non_null(strstr(text.data, "password: set -> new, in /handed\n"));
	for (size_t i = 0; i < c->n_blobs; i++)
		assert_null(strstr(c->blobs[i].bytes.data, "secret-word"));
	free(data);
	/* So a change from a journal cannot be made for the first time, but again. */
	buf_wipe(&c->secret);
	assert_int_equal(apply_change(s, c), -ENOKEY);
	assert_note(s, "is lost");
	assert_shadow(s, BEFORE);
	assert_handed(s, NULL);
	s->effect.done = true;
	assert_int_equal(apply_change(s, c), 0);
	assert_shadow(s, RENEWED);
	assert_handed(s, NULL);
}

/* ---- the lock ------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Holds the lock as lckpwdf(3) does, and edits the file at the end. */
static pid_t hold_lock(const struct file_stage *s, unsigned ms)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(at(s, "root/etc/.pwd.lock"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || fcntl(fd, F_SETLKW, &lock) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		usleep(ms * 1000);
		put_file(s, SHADOW, "new:*:1::::::\n" BEFORE);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void it_waits_for_whoever_holds_the_lock(void **state)
{
	struct file_stage *s = *state;
	int status;
	struct change *c = plan_it(s, "mallory", &lock_it);
	int64_t start = now_ms();
	pid_t pid = hold_lock(s, 400);
	assert_int_equal(apply_change(s, c), 0);
	assert_true(now_ms() - start >= 390);
	assert_shadow(s, "new:*:1::::::\n" AFTER);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- cut short ---------------------------------------------------------------------------- */

#define TEMPORARY "root/etc/.respond-0123456789abcdef"

static void settles(struct file_stage *s, const struct change *c, enum change_state expected, const char *text)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(settle_change(s, c), 0);
		assert_int_equal(probe_change(s, c), expected);
		assert_shadow(s, text);
	}
	assert_int_equal(leftovers(s), 0);
}

static void what_is_left_is_put_in_order(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_it(s, "mallory", &lock_it);
	for (size_t i = 0; i < c->n_blobs; i++)
		assert_int_equal(vault_put(s->host.vault, &c->blobs[i].bytes, &c->blobs[i].sha256), 0);
	put_file(s, TEMPORARY "-new", "root:"); /* E2 */
	settles(s, c, CHANGE_BEFORE, BEFORE);
	put_file(s, TEMPORARY, AFTER); /* E3 */
	settles(s, c, CHANGE_BEFORE, BEFORE);
	put_file(s, TEMPORARY, BEFORE); /* E4 */
	put_file(s, SHADOW, AFTER);
	settles(s, c, CHANGE_AFTER, AFTER);
	put_file(s, TEMPORARY, "x:*:1::::::\n" AFTER); /* E4 of a revert, among others' edits */
	put_file(s, SHADOW, "x:*:1::::::\n" BEFORE);
	settles(s, c, CHANGE_BEFORE, "x:*:1::::::\n" BEFORE);
	put_file(s, TEMPORARY, BEFORE); /* E5: the name is gone */
	unlink(at(s, SHADOW));
	settles(s, c, CHANGE_BEFORE, BEFORE);
}

/* Nothing is thrown away that is not known to be elsewhere. */
static void what_is_not_known_is_left(void **state)
{
	struct file_stage *s = *state;
	struct change *c = plan_it(s, "mallory", &lock_it);
	put_file(s, TEMPORARY, "newer:*:1::::::\n" BEFORE);
	put_file(s, SHADOW, AFTER);
	assert_int_equal(settle_change(s, c), 0);
	assert_note(s, "does not know");
	assert_shadow(s, AFTER);
	assert_int_equal(leftovers(s), 1);
	/* It makes room all the same. */
	for (size_t i = 0; i < c->n_blobs; i++)
		assert_int_equal(vault_put(s->host.vault, &c->blobs[i].bytes, &c->blobs[i].sha256), 0);
	assert_int_equal(revert_change(s, c), 0);
	assert_shadow(s, BEFORE);
	assert_int_equal(leftovers(s), 1);
}

#define KILLS 200

static void end_after(unsigned us)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value = {.tv_nsec = us * 1000L + 1}};
	timer_t timer;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
		_exit(2);
}

static bool killed(struct file_stage *s, struct change *c, bool undo, unsigned us)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		end_after(us);
		_exit((undo ? revert_change(s, c) : apply_change(s, c)) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void a_kill_leaves_before_or_after(void **state)
{
	struct file_stage *s = *state;
	unsigned kills = 0, before = 0, after = 0;
	json_t *meta = meta_but_times(s);
	struct change *c = plan_it(s, "mallory", &lock_it);
	assert_int_equal(apply_change(s, c), 0); /* what is to be in the vault is */
	srand((unsigned)time(NULL));
	for (int i = 0; i < 8 * KILLS && kills < KILLS; i++) {
		bool undo = i % 2;
		assert_int_equal(undo ? apply_change(s, c) : revert_change(s, c), 0);
		kills += killed(s, c, undo, (unsigned)rand() % 4000);
		assert_int_equal(settle_change(s, c), 0);
		bool is_before = probe_change(s, c) == CHANGE_BEFORE;
		before += is_before;
		after += !is_before;
		assert_shadow(s, is_before ? BEFORE : AFTER);
		assert_meta_kept(s, meta);
		assert_int_equal(leftovers(s), 0);
	}
	print_message("# %u killed: %u before, %u after\n", kills, before, after);
	assert_true(kills > KILLS / 4 && before > 0 && after > 0);
	json_decref(meta);
}

/* ---- the text ------------------------------------------------------------------------------- */

static void assert_edited(const char *entry, const struct shadow_edit *edit, const char *expected)
{
	_cleanup_buf_ struct buf once = {0}, twice = {0};
	assert_int_equal(shadow_edit_entry(entry, strlen(entry), edit, &once), 0);
	assert_string_equal(once.data, expected);
	assert_int_equal(shadow_edit_entry(once.data, once.len, edit, &twice), 0);
	assert_string_equal(twice.data, expected);
}

static void entries_are_edited(void **state)
{
	(void)state;
	assert_edited("a:x:1:2:3:4:5:6:7", &lock_it, "a:!x:1:2:3:4:5:1:7");
	assert_edited("a:!x:1:2:3:4:5:1:7", &lock_it, "a:!x:1:2:3:4:5:1:7");
	assert_edited("a::1:2:3:4:5::", &lock_it, "a:!:1:2:3:4:5:1:");
	assert_edited("a:", &lock_it, "a:!::::::1:");
	assert_edited("a:!old:1", &(struct shadow_edit){.password = "new"}, "a:new:1::::::");
	assert_edited("a:x:1", &(struct shadow_edit){.changed = "0"}, "a:x:0::::::");
	assert_edited("a:*:1:2:3:4:5:6:7:more:still\r", &lock_it, "a:!*:1:2:3:4:5:1:7:more:still\r");
}

static void the_entry_that_counts_is_found(void **state)
{
	static const char text[] = "# mallory:x\n\nmallor:1:\nmallory2:2:\n+mallory:3:\n \tmallory:4:\nmallory:5:\nmallory";
	struct buf file = {.data = (char *)text, .len = sizeof(text) - 1};
	struct shadow_entry e;
	_cleanup_buf_ struct buf field = {0};
	(void)state;
	assert_int_equal(shadow_find(&file, "mallory", &e), 1);
	shadow_field(file.data + e.at, e.len, SHADOW_PASSWORD, &field);
	assert_string_equal(field.data, "4");
	assert_int_equal(shadow_count(&file, "mallory"), 2);
	assert_int_equal(shadow_find(&file, "", &e), 0);
	assert_int_equal(shadow_find(&file, "root", &e), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest pure[] = {
		cmocka_unit_test(entries_are_edited),
		cmocka_unit_test(the_entry_that_counts_is_found),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_edited),
		cmocka_unit_test(the_entry_that_counts_is_found),
		TEST(lock_and_back),
		TEST(no_hash_of_a_password_is_journaled),
		TEST(what_was_locked_stays_locked),
		TEST(edits_of_other_entries_survive),
		TEST(an_entry_that_others_altered_is_drift),
		TEST(who_has_no_entry_cannot_be_planned),
		TEST(two_steps_see_each_other),
		TEST(immutable_files_stay_immutable),
		TEST(a_password_is_handed_over_and_taken_back),
		TEST(what_else_stands_there_stays),
		TEST(not_where_others_can_write),
		TEST(a_password_that_is_not_set_is_not_handed_over),
		TEST(no_password_is_in_journal_or_vault),
		TEST(it_waits_for_whoever_holds_the_lock),
		TEST(what_is_left_is_put_in_order),
		TEST(what_is_not_known_is_left),
		TEST(a_kill_leaves_before_or_after),
	};
	if (!file_stage_root())
		return cmocka_run_group_tests_name("account-shadow", pure, NULL, NULL);
	return cmocka_run_group_tests_name("account-shadow", tests, file_stage_group, NULL);
}
