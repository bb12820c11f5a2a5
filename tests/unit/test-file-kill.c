/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SIGKILL at a random moment of an apply and of a revert of file.edit and of file.move:
 * after settle the host is exactly as before or exactly as after, and the next one works.
 * RESPOND_SEED=N tells other moments.
 */
#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-move.h"
#include "core/vault.h"
#include "file-stage.h"

#include <dirent.h>
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

#define I FS_IMMUTABLE_FL
#define A FS_APPEND_FL

#define KILLS 300 /* of the work itself, and as many of settling */
#define ROUNDS_MAX (8 * KILLS)
#define FILE_NAME "race/d/f"

typedef int (*work_fn)(struct file_stage *s, const struct change *c);

static int apply(struct file_stage *s, const struct change *c)
{
	return apply_change(s, (struct change *)c);
}

static const struct {
	const char *name;
	bool move;
	bool undo;
	work_fn work;
} works[] = {
	{"apply of file.edit", false, false, apply},
	{"revert of file.edit", false, true, revert_change},
	{"apply of file.move", true, false, apply},
	{"revert of file.move", true, true, revert_change},
};
#define WORKS (sizeof(works) / sizeof(*works))

struct tally {
	unsigned kills, settle_kills, before, after;
};

/* One file with all that a file can have, in its directory; what is there before. */
struct scene {
	struct file_stage *s;
	struct change *c;
	const char *vault;
	char before[64], after[64];
	int dir_flags;
	json_t *meta;
};

static uint64_t seed;

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static void scene_make(struct scene *e, struct file_stage *s, const char *vault, bool move, unsigned number)
{
	static const int flags[] = {0, I, A, I | A | FS_NODUMP_FL}, dir_flags[] = {0, I, A, I | A};
	_cleanup_buf_ struct buf before = {0}, after = {0};
	*e = (struct scene){.s = s, .vault = vault, .dir_flags = dir_flags[dice(4)]};
	snprintf(e->before, sizeof(e->before), "%u\nevil\nend\n", number);
	snprintf(e->after, sizeof(e->after), "%u\nend\n", number);
	mkdir(at(s, "race/d"), 0755);
	put_file(s, FILE_NAME, e->before);
	assert_int_equal(chown(at(s, FILE_NAME), dice(2), dice(2)), 0);
	assert_int_equal(chmod(at(s, FILE_NAME), dice(2) ? 0640 : 04755), 0);
	assert_int_equal(setxattr(at(s, FILE_NAME), "trusted.t", "t", 1, 0), 0);
	set_flags(s, FILE_NAME, flags[dice(4)]);
	set_flags(s, "race/d", e->dir_flags);
	e->meta = meta_of(s, FILE_NAME);
	plan_again(s);
	buf_puts(&before, e->before);
	buf_puts(&after, e->after);
	int r = move ? file_move_plan(&s->host, s->plan, at(s, FILE_NAME), NULL, &e->c)
	             : file_edit_plan(&s->host, s->plan, at(s, FILE_NAME), &before, &after, NULL, &e->c);
	assert_int_equal(r, 0);
	struct sha256 stored; /* as the engine does, before it applies */
	for (size_t i = 0; i < e->c->n_blobs; i++)
		assert_int_equal(vault_put(s->host.vault, &e->c->blobs[i].bytes, &stored), 0);
}

/* The one that belongs to the change, as at() takes it. */
static const char *object_of(const struct scene *e)
{
	static char object[128];
	const char *hex = json_string_value(json_object_get(e->c->data, e->c->kind == &file_move_kind ? "sha256" : "before"));
	snprintf(object, sizeof(object), "%s/%s", e->vault, hex);
	return object;
}

static void assert_vaulted(const struct scene *e)
{
	struct stat st;
	assert_in_vault(e->s, e->before);
	assert_int_equal(stat(at(e->s, object_of(e)), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void scene_clear(struct scene *e)
{
	assert_int_equal(unlink(at(e->s, object_of(e))), 0);
	set_flags(e->s, "race/d", 0);
	if (access(at(e->s, FILE_NAME), F_OK) == 0)
		set_flags(e->s, FILE_NAME, 0);
	unlink(at(e->s, FILE_NAME));
	assert_int_equal(rmdir(at(e->s, "race/d")), 0); /* nothing else is in it */
	json_decref(e->meta);
}

static double microseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The process ends itself after so long: nobody else's sleep is as exact. */
static void end_after(unsigned us)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L + 1}};
	timer_t timer;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
		_exit(2);
}

/* Does it in a process of its own. Whether that was killed before it had ended. */
static bool killed(const struct scene *e, work_fn work, unsigned after_us)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		end_after(after_us);
		_exit(work(e->s, e->c) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0)
		fail_msg("it ended with status %d", WEXITSTATUS(status));
	return WIFSIGNALED(status);
}

static void assert_same_but_times(const struct scene *e)
{
	json_t *now = meta_of(e->s, FILE_NAME), *expected = json_copy(e->meta);
	json_object_set(expected, "atime", json_object_get(now, "atime"));
	json_object_set(expected, "mtime", json_object_get(now, "mtime"));
	assert_true(json_equal(now, expected));
	json_decref(now);
	json_decref(expected);
}

static void assert_state(const struct scene *e, bool move, enum change_state state)
{
	assert_int_equal(probe_change(e->s, e->c), state);
	assert_int_equal(get_flags(e->s, "race/d"), e->dir_flags);
	assert_int_equal(leftovers(e->s), 0);
	if (state == CHANGE_BEFORE) {
		assert_file(e->s, FILE_NAME, e->before);
		assert_meta(e->s, FILE_NAME, json_incref(e->meta));
	} else if (move) {
		assert_no_file(e->s, FILE_NAME);
		assert_vaulted(e);
	} else {
		assert_file(e->s, FILE_NAME, e->after);
		assert_same_but_times(e);
	}
}

/* What recovery does: the vault's temporaries, then the change. */
static int settle(struct file_stage *s, const struct change *c)
{
	int r = vault_sweep(s->host.vault);
	return r < 0 ? r : settle_change(s, c);
}

/* Whichever state it is in, there and back again. */
static void go_on(const struct scene *e, bool move, enum change_state state)
{
	if (state == CHANGE_AFTER) {
		assert_int_equal(revert_change(e->s, e->c), 0);
		assert_state(e, move, CHANGE_BEFORE);
	}
	assert_int_equal(reapply_change(e->s, e->c), 0);
	assert_state(e, move, CHANGE_AFTER);
	assert_int_equal(revert_change(e->s, e->c), 0);
	assert_state(e, move, CHANGE_BEFORE);
}

static void prepare(struct scene *e, struct file_stage *s, const char *vault, size_t w, unsigned number)
{
	scene_make(e, s, vault, works[w].move, number);
	if (works[w].undo)
		assert_int_equal(apply_change(s, e->c), 0);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* How long it takes undisturbed in a process of its own, in microseconds. */
static unsigned span_of(struct file_stage *s, const char *vault, size_t w)
{
	int spans[9], pipes[2];
	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < 9; i++) {
		struct scene e;
		prepare(&e, s, vault, w, 1000000 + (unsigned)i);
		pid_t pid = fork();
		if (pid == 0) {
			double start = microseconds();
			int r = works[w].work(s, e.c);
			int span = (int)(microseconds() - start);
			_exit(r != 0 || write(pipes[1], &span, sizeof(span)) != sizeof(span));
		}
		assert_int_equal(read(pipes[0], &spans[i], sizeof(int)), sizeof(int));
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		scene_clear(&e);
	}
	close(pipes[0]);
	close(pipes[1]);
	qsort(spans, 9, sizeof(int), by_number);
	return (unsigned)spans[4];
}

/* The span is what it took first; it follows a machine that is busier then, or was: two in three are killed. */
static void one_round(struct file_stage *s, const char *vault, size_t w, unsigned number, unsigned *span,
                      struct tally *t)
{
	struct scene e;
	prepare(&e, s, vault, w, number);
	bool died = killed(&e, works[w].work, dice(*span + *span / 2 + 1));
	t->kills += died;
	t->settle_kills += killed(&e, settle, dice(*span + 1));
	*span = died ? *span + *span / 32 + 1 : *span - *span / 16;
	assert_int_equal(settle(s, e.c), 0);
	enum change_state state = probe_change(s, e.c);
	*(state == CHANGE_BEFORE ? &t->before : &t->after) += 1;
	assert_state(&e, works[w].move, state);
	go_on(&e, works[w].move, state);
	scene_clear(&e);
}

static void kill_all(struct file_stage *s, const char *vault, const char *where)
{
	vault_close(&s->host.vault);
	assert_int_equal(vault_open(s->host.root, at(s, vault), &s->host.vault), 0);
	unsigned number = 0;
	for (size_t w = 0; w < WORKS; w++) {
		struct tally t = {0};
		unsigned rounds = 0, first = span_of(s, vault, w), span = first;
		for (; t.kills < KILLS && rounds < ROUNDS_MAX; rounds++)
			one_round(s, vault, w, number++, &span, &t);
		print_message("# %s on %s: %u killed in %u rounds (%u us), settle %u times; %u before, %u after\n",
		              works[w].name, where, t.kills, rounds, first, t.settle_kills, t.before, t.after);
		assert_true(t.kills > KILLS / 2); /* a busy machine may be too slow for more */
		assert_true(t.settle_kills > 0 && t.before > 0 && t.after > 0);
	}
}

static void set_seed(void)
{
	const char *wanted = getenv("RESPOND_SEED");
	seed = wanted ? strtoull(wanted, NULL, 10) : (uint64_t)time(NULL);
	print_message("# RESPOND_SEED=%llu\n", (unsigned long long)seed);
}

/* In memory a sync costs nothing, so that a moment is as likely to be between any two steps. */
static void a_kill_leaves_before_or_after(void **state)
{
	struct file_stage *s = *state;
	set_seed();
	mount_tmpfs(s, "race", "size=64m,mode=0755");
	mkdir(at(s, "race/vault"), 0700);
	kill_all(s, "race/vault", "one filesystem");
}

static void a_kill_between_two_filesystems_does_too(void **state)
{
	struct file_stage *s = *state;
	set_seed();
	mount_tmpfs(s, "vault", "size=64m,mode=0700");
	mount_tmpfs(s, "race", "size=64m,mode=0755");
	kill_all(s, "vault", "two");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_kill_leaves_before_or_after),
		TEST(a_kill_between_two_filesystems_does_too),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-kill", tests, file_stage_group, NULL);
}
