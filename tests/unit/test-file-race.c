/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files are moved and edited while somebody exchanges names under the engine's hands.
 */
#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-move.h"
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Exchanges two names as fast as it can until it is told to stop; one that rests lets
 * things stand for a moment now and then, as they were and exchanged, so that both outcomes
 * are met, also where the two seldom run at the same time. */
struct racer {
	const char *a, *b;
	bool rests;
	atomic_bool stop;
	atomic_ulong swaps;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	while (!atomic_load(&r->stop)) {
		unsigned long swaps = atomic_fetch_add(
			&r->swaps, renameat2(AT_FDCWD, r->a, AT_FDCWD, r->b, RENAME_EXCHANGE) == 0);
		if (r->rests && (swaps % 32 == 1 || swaps % 32 == 16))
			usleep(1000);
	}
	return NULL;
}

static pthread_t race_start(struct racer *r)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, race, r), 0);
	while (!atomic_load(&r->swaps))
		sched_yield();
	return thread;
}

static unsigned long race_end(struct racer *r, pthread_t thread)
{
	atomic_store(&r->stop, true);
	pthread_join(thread, NULL);
	return atomic_load(&r->swaps);
}

static struct timespec now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t;
}

#define ROUNDS 10000
#define DEADLINE_S 900

struct tally {
	unsigned rounds, moved, restored, refused, drifted;
};

static void assert_recoverable(struct file_stage *s, const char *text, const char *const *places, size_t n)
{
	struct sha256 sha256;
	sha256_bytes(text, strlen(text), &sha256);
	bool found = vault_has(s->host.vault, &sha256);
	for (size_t i = 0; i < n && !found; i++) {
		_cleanup_close_ int fd = open(at(s, places[i]), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		struct sha256 there;
		found = fd >= 0 && sha256_fd(fd, &there) == 0 && strcmp(there.hex, sha256.hex) == 0;
	}
	if (!found)
		fail_msg("\"%s\" is lost", text);
}

static struct change *one_move(struct file_stage *s, const char *name, struct tally *t)
{
	struct change *c = NULL;
	int r = file_move_plan(&s->host, s->plan, at(s, name), NULL, &c);
	if (r < 0) {
		if (r != -ELOOP && r != -ENOENT && r != -ENOTDIR)
			fail_msg("planning gave %s", strerror(-r));
		t->refused++;
		return NULL;
	}
	r = apply_change(s, c);
	if (r != 0 && r != -ESTALE)
		fail_msg("applying gave %s", strerror(-r));
	*(r == 0 ? &t->moved : &t->drifted) += 1;
	return r == 0 ? c : NULL;
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

/* The directory that holds the target is exchanged with a link to a canary tree. The
 * place belongs to somebody else, as the attacker's would. */
static void a_swapped_parent_never_leads_to_the_canary(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "race", "size=64m,mode=0777");
	mkdir(at(s, "race/vault"), 0700);
	vault_close(&s->host.vault);
	assert_int_equal(vault_open(s->host.root, at(s, "race/vault"), &s->host.vault), 0);
	mkdir(at(s, "race/canary"), 0755);
	put_file(s, "race/canary/f", "canary");
	mkdir(at(s, "race/d"), 0777);
	assert_int_equal(symlink("canary", at(s, "race/link")), 0);
	assert_int_equal(lchown(at(s, "race/link"), 65534, 65534), 0);
	_cleanup_close_ int d = open(at(s, "race/d"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat before, after;
	json_t *meta = meta_of(s, "race/canary/f");
	stat(at(s, "race/canary/f"), &before);

	_cleanup_free_ char *a = strdup(at(s, "race/d")), *b = strdup(at(s, "race/link"));
	struct racer racer = {.a = a, .b = b};
	pthread_t thread = race_start(&racer);
	struct tally t = {0};
	struct timespec start = now();
	for (; t.rounds < ROUNDS && now().tv_sec - start.tv_sec < DEADLINE_S; t.rounds++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "victim %u", t.rounds);
		_cleanup_close_ int fd = openat(d, "f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, text, (size_t)n), n);
		close_fd(&fd);
		plan_again(s);
		struct change *c = one_move(s, "race/d/f", &t);
		struct sha256 sha256;
		sha256_bytes(text, (size_t)n, &sha256);
		assert_int_equal(faccessat(d, "f", F_OK, 0), c ? -1 : 0);
		assert_true(!c || vault_has(s->host.vault, &sha256));
		if (c && revert_change(s, c) == 0) {
			assert_int_equal(faccessat(d, "f", F_OK, 0), 0);
			t.restored++;
		}
	}
	unsigned long swaps = race_end(&racer, thread);
	print_message("swapped parent: %u rounds, %lu swaps, %u moved, %u of them restored, %u refused, %u drifted\n",
	              t.rounds, swaps, t.moved, t.restored, t.refused, t.drifted);
	assert_int_equal(t.rounds, ROUNDS);
	assert_true(t.moved > 0 && t.restored > 0 && t.refused + t.drifted > 0 && swaps > ROUNDS);
	assert_file(s, "race/canary/f", "canary");
	assert_meta(s, "race/canary/f", meta);
	stat(at(s, "race/canary/f"), &after);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_ctim.tv_sec, after.st_ctim.tv_sec);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	struct sha256 canary;
	sha256_bytes("canary", 6, &canary);
	assert_false(vault_has(s->host.vault, &canary));
	assert_int_equal(entries(s, "race/canary"), 1);
	assert_int_equal(leftovers(s), 0);
}

/* The name itself is exchanged with that of a file that must not be touched: whatever
 * is picked up by mistake goes back as it was. */
static void a_swapped_name_never_costs_a_file(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "race", "size=64m,mode=0777");
	mkdir(at(s, "race/vault"), 0700);
	vault_close(&s->host.vault);
	assert_int_equal(vault_open(s->host.root, at(s, "race/vault"), &s->host.vault), 0);
	_cleanup_free_ char *a = strdup(at(s, "race/f")), *b = strdup(at(s, "race/precious"));
	struct tally t = {0};
	struct timespec start = now();
	static const char *const places[] = {"race/f", "race/precious"};
	unsigned long swaps = 0;
	for (; t.rounds < 2000 && now().tv_sec - start.tv_sec < DEADLINE_S; t.rounds++) {
		char text[32], precious[32];
		snprintf(text, sizeof(text), "victim %u", t.rounds);
		snprintf(precious, sizeof(precious), "precious %u", t.rounds);
		put_file(s, "race/f", text);
		put_file(s, "race/precious", precious);
		plan_again(s);
		struct racer racer = {.a = a, .b = b};
		pthread_t thread = race_start(&racer);
		one_move(s, "race/f", &t);
		swaps += race_end(&racer, thread);
		assert_recoverable(s, text, places, 2);
		assert_recoverable(s, precious, places, 2);
		unlink(a);
		unlink(b);
	}
	print_message("swapped name: %u rounds, %lu swaps, %u moved, %u refused, %u drifted\n", t.rounds, swaps, t.moved,
	              t.refused, t.drifted);
	assert_int_equal(t.rounds, 2000);
	assert_int_equal(leftovers(s), 0);
}

/* How many files of the directory have this content, under whatever name. */
static unsigned holding(const struct file_stage *s, const char *text)
{
	DIR *d = opendir(at(s, "race"));
	unsigned n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		_cleanup_close_ int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		_cleanup_buf_ struct buf b = {0};
		n += fd_read(fd, 1 << 16, &b) == 0 && strcmp(buf_text(&b), text) == 0;
	}
	closedir(d);
	return n;
}

static void remove_all(const struct file_stage *s)
{
	DIR *d = opendir(at(s, "race"));
	for (struct dirent *e; (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

/* Somebody exchanges the file with another while it is edited. Both are always there, if
 * only under a temporary name: what is not known is never removed. */
static void a_swapped_file_is_never_lost(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "race", "mode=0777");
	_cleanup_free_ char *a = strdup(at(s, "race/f")), *b = strdup(at(s, "race/precious"));
	_cleanup_buf_ struct buf before = {0}, after = {0};
	buf_puts(&before, "a\nb\n");
	buf_puts(&after, "a\n");
	unsigned done = 0, drifted = 0;
	for (int i = 0; i < 1000; i++) {
		put_file(s, "race/f", "a\nb\n");
		put_file(s, "race/precious", "precious\n");
		plan_again(s);
		struct change *c = NULL;
		assert_int_equal(file_edit_plan(&s->host, s->plan, a, &before, &after, NULL, &c), 0);
		struct racer racer = {.a = a, .b = b};
		pthread_t thread = race_start(&racer);
		int r = apply_change(s, c);
		race_end(&racer, thread);
		assert_true(r == 0 || r == -ESTALE);
		*(r == 0 ? &done : &drifted) += 1;
		assert_int_equal(holding(s, "precious\n"), 1);
		assert_int_equal(holding(s, "a\nb\n"), r == 0 ? 0 : 1);
		assert_true(holding(s, "a\n") == 1 || r < 0);
		remove_all(s);
	}
	print_message("swapped file: %u edited, %u drifted\n", done, drifted);
	assert_true(done > 0 && drifted > 0);
}

/* One edit there, or back: 0, or that the path did not hold still. */
static int flip(struct file_stage *s)
{
	_cleanup_buf_ struct buf before = {0}, after = {0};
	struct change *c = NULL;
	plan_again(s);
	int r = file_edit_read(&s->host, s->plan, at(s, "race/d/f"), &before);
	if (r < 0)
		return r;
	buf_puts(&after, strcmp(buf_text(&before), "a\n") == 0 ? "a\nb\n" : "a\n");
	r = file_edit_plan(&s->host, s->plan, at(s, "race/d/f"), &before, &after, NULL, &c);
	return r < 0 ? r : apply_change(s, c);
}

/* Somebody exchanges the directory with a link to a canary's. */
static void an_edit_is_not_led_to_the_canary(void **state)
{
	struct file_stage *s = *state;
	mount_tmpfs(s, "race", "mode=0777");
	mkdir(at(s, "race/d"), 0755);
	mkdir(at(s, "race/canary"), 0755);
	put_file(s, "race/d/f", "a\nb\n");
	put_file(s, "race/canary/f", "a\nb\n");
	assert_int_equal(symlink("canary", at(s, "race/link")), 0);
	json_t *meta = meta_of(s, "race/canary/f");
	_cleanup_free_ char *a = strdup(at(s, "race/d")), *b = strdup(at(s, "race/link"));
	unsigned done = 0, refused = 0;
	struct racer racer = {.a = a, .b = b, .rests = true};
	pthread_t thread = race_start(&racer);
	struct timespec start = now();
	/* A refusal is quick: on one processor all rounds might be over before the other runs. */
	for (int i = 0; (i < ROUNDS || done < ROUNDS / 10 || !refused) && now().tv_sec - start.tv_sec < DEADLINE_S; i++) {
		int r = flip(s);
		if (r != 0 && r != -ESTALE && r != -ELOOP && r != -EAGAIN)
			fail_msg("round %d: %d (%s)", i, r, buf_text(&s->effect.note));
		*(r == 0 ? &done : &refused) += 1;
	}
	unsigned long swaps = race_end(&racer, thread);
	print_message("swapped parent: %u edited, %u refused, %lu swaps\n", done, refused, swaps);
	assert_file(s, "race/canary/f", "a\nb\n");
	assert_meta(s, "race/canary/f", meta);
	assert_int_equal(leftovers(s), 0);
	assert_true(done > 0 && refused > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, file_stage_make, file_stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_swapped_parent_never_leads_to_the_canary),
		TEST(a_swapped_name_never_costs_a_file),
		TEST(a_swapped_file_is_never_lost),
		TEST(an_edit_is_not_led_to_the_canary),
	};
	if (!file_stage_root()) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests_name("file-race", tests, file_stage_group, NULL);
}
