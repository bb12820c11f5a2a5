/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What steps want kept: what a plan takes of it, what a run makes of it, and how it leaves
 * the host in a bundle.
 */
#include "base/fd.h"
#include "core/bundle.h"
#include "core/vault.h"
#include "toy-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What is to be seen. */
static struct {
	const char *v[4]; /* by how often it was looked */
	unsigned looks;
	size_t large;     /* bytes of one more item */
} seen;

static int plan_look(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host, (void)args;
	struct buf text = {0}, large = {0};
	buf_puts(&text, seen.v[seen.looks++ % 4]);
	int r = plan_evidence(plan, "seen.txt", &text, false, "seen: %s", "\x1b[31mred");
	int fd = memfd_create("copied", MFD_CLOEXEC);
	assert_int_equal(fd_write(fd, "copied bytes", 12), 0);
	if (r == 0)
		r = plan_evidence_file(plan, "copy of a file", fd, "a copy");
	if (r < 0 || !seen.large)
		return r;
	buf_reserve(&large, seen.large);
	memset(large.data, 'x', seen.large);
	large.len = seen.large;
	return plan_evidence(plan, "large", &large, true, "much");
}

static const struct param no_params[] = {{0}};
static const struct fact_decl no_facts[] = {{0}};
static const struct action look_action = {"toy.look", "look", no_params, no_facts, plan_look, NULL, false};

static const struct parts parts = {
	.actions = (const struct action *const[]){&toy_set_action, &look_action, NULL},
	.kinds = (const struct change_kind *const[]){&toy_set, NULL},
	.services = (const struct service *const[]){NULL},
	.proofs = (const struct proof *const[]){NULL},
};

static int bench_make_seeing(void **state)
{
	seen = (typeof(seen)){.v = {"the same", "the same", "the same", "the same"}};
	return bench_make_of(&parts, state);
}

#define LOOK "[step look]\naction = toy.look\n"
#define SET STEP("set", "toy.set", "1")

static void assert_object(struct bench *b, const struct run_evidence *e, const char *content)
{
	_cleanup_buf_ struct buf bytes = {0};
	assert_int_equal(engine_open_to_read(&b->engine), 0);
	assert_int_equal(vault_read(b->host.vault, e->sha256.hex, 1 << 20, &bytes), 0);
	vault_close(&b->host.vault);
	assert_string_equal(buf_text(&bytes), content);
}

static void a_run_that_only_looks_keeps_what_it_saw(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD LOOK), 0);
	assert_int_equal(b->result.status, 0);
	assert_int_equal(b->result.evidence, 2);
	assert_int_equal(b->result.done + b->result.rounds, 0);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->status, 0);
	assert_false(run_open(run));
	assert_int_equal(run->n, 0);
	assert_int_equal(run->n_evidence, 2);
	assert_string_equal(run->evidence[0].step, "look");
	assert_string_equal(run->evidence[0].name, "seen.txt");
	assert_string_equal(run->evidence[0].summary, "seen: \\x1b[31mred"); /* no control byte gets in */
	assert_int_equal(run->evidence[0].size, 8);
	assert_int_equal(run->evidence[1].size, 12);
	assert_object(b, &run->evidence[0], "the same");
	assert_object(b, &run->evidence[1], "copied bytes");
	run_free(&run);
}

static void a_plan_keeps_nothing(void **state)
{
	struct bench *b = *state;
	struct playbook *playbook = parse(b, HEAD LOOK SET);
	struct facts *facts = NULL;
	struct round *round = NULL;
	struct stat st;
	assert_int_equal(facts_new(&facts), 0);
	assert_int_equal(round_plan(&b->engine, playbook, facts, &round), 0);
	assert_int_equal(plan_evidences(round->plan)->n, 2);
	assert_int_equal(round->steps[0].n_evidence, 2);
	assert_int_equal(round->steps[1].n_evidence, 0);
	assert_int_equal(round->steps[1].first_evidence, 2);
	round_free(&round);
	facts_free(&facts);
	playbook_free(&playbook);
	assert_int_equal(stat(b->sub, &st), -1);
}

/* The first plan, and the one that proves that nothing is left. */
static void a_later_round_adds_what_differs(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run_text(b, HEAD LOOK SET), 0);
	assert_int_equal(seen.looks, 2);
	assert_int_equal(b->result.done, 1);
	assert_int_equal(b->result.evidence, 2);
	toy.value[1] = 0;
	seen.looks = 0;
	seen.v[1] = "something else";
	assert_int_equal(run_text(b, HEAD LOOK SET), 0);
	assert_int_equal(b->result.evidence, 3);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->n_evidence, 3);
	assert_int_equal(run->evidence[0].round, 0);
	assert_int_equal(run->evidence[2].round, 1);
	assert_object(b, &run->evidence[2], "something else");
	run_free(&run);
}

static void what_is_too_large_is_named(void **state)
{
	struct bench *b = *state;
	seen.large = EVIDENCE_BYTES_MAX + 1;
	assert_int_equal(run_text(b, HEAD LOOK), 0);
	assert_int_equal(b->result.status, 0);
	assert_int_equal(b->result.evidence, 2);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->n_evidence, 3);
	assert_string_equal(run->evidence[2].lost, "it is larger than one item may be");
	assert_string_equal(run->evidence[2].sha256.hex, "");
	assert_int_equal(run->evidence[2].size, (int64_t)seen.large);
	assert_true(run->evidence[2].partial);
	run_free(&run);
}

static void add(struct plan *plan, size_t len, int fd)
{
	struct buf bytes = {0};
	if (len) {
		assert_int_equal(buf_reserve(&bytes, len), 0);
		memset(bytes.data, 'x', len);
		bytes.len = len;
	}
	assert_int_equal(fd >= 0 ? plan_evidence_file(plan, "file", fd, "file")
	                         : plan_evidence(plan, "bytes", &bytes, false, "bytes"), 0);
	buf_free(&bytes);
}

static int file_of(off_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void a_plan_has_limits(void **state)
{
	(void)state;
	struct plan *plan = NULL;
	int pipes[2];
	assert_int_equal(plan_new(&plan), 0);
	struct evidence_list *list = plan_evidences(plan);
	/* A step of its own, then all of them together. */
	for (int step = 0; step < 4; step++) {
		assert_int_equal(plan_begin_step(plan, "step"), 0);
		for (int i = 0; i < 4; i++)
			add(plan, EVIDENCE_BYTES_MAX, -1);
	}
	size_t kept = 0;
	for (size_t i = 0; i < list->n; i++)
		kept += list->v[i].lost ? 0 : list->v[i].bytes.len;
	assert_int_equal(kept, EVIDENCE_PLAN_BYTES_MAX);
	assert_string_equal(list->v[3].lost, "the step has reached its limit");
	assert_string_equal(list->v[15].lost, "the run has reached its limit");
	assert_int_equal(list->v[15].bytes.cap, 0);
	/* Files: too large, no file, too many. */
	size_t n = list->n;
	add(plan, 0, file_of(EVIDENCE_FILE_MAX + 1));
	assert_int_equal(pipe(pipes), 0);
	add(plan, 0, pipes[0]);
	close(pipes[1]);
	assert_string_equal(list->v[n].lost, "it is larger than what is copied");
	assert_string_equal(list->v[n + 1].lost, "it is no regular file");
	n = list->n;
	for (int i = 0; i < EVIDENCE_FILES_MAX + 1; i++)
		add(plan, 0, file_of(1));
	assert_null(list->v[n + EVIDENCE_FILES_MAX - 1].lost);
	assert_string_equal(list->v[n + EVIDENCE_FILES_MAX].lost, "the run has reached its limit of files to copy");
	/* Items. */
	for (int i = 0; i < 2 * EVIDENCE_ITEMS_MAX; i++)
		add(plan, 0, -1);
	assert_int_equal(list->n, EVIDENCE_ITEMS_MAX + 1);
	assert_non_null(list->v[EVIDENCE_ITEMS_MAX].lost);
	plan_free(&plan);
}

static void run_with_a_small_disk(struct bench *b, const char *text)
{
	const struct rlimit small = {300 * 1024, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
	signal(SIGXFSZ, SIG_IGN);
	seen.large = 400 * 1024; /* the journal fits, this does not */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int r = run_text(b, text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &large), 0);
	assert_int_equal(r, 0);
}

static void what_cannot_be_stored_fails_its_step(void **state)
{
	struct bench *b = *state;
	run_with_a_small_disk(b, HEAD LOOK SET);
	assert_int_equal(b->result.evidence, 2);
	assert_int_equal(b->result.failed, 1);
	assert_int_equal(b->result.status, 1);
	assert_int_equal(toy.value[1], 0); /* on-failure = stop */
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->n_evidence, 3);
	assert_string_equal(run->evidence[2].lost, strerror(EFBIG));
	run_free(&run);
}

static void who_wants_to_goes_on_all_the_same(void **state)
{
	struct bench *b = *state;
	run_with_a_small_disk(b, HEAD "on-failure = continue\n" LOOK SET);
	assert_int_equal(b->result.status, 3);
	assert_int_equal(toy.value[1], 1);
	struct run *run = load(b, b->result.id);
	assert_int_equal(run->n_evidence, 3); /* lost once, not once a round */
	run_free(&run);
}

/* ---- the bundle ------------------------------------------------------------------------ */

static int bundle(struct bench *b, const char *name, struct bundle_result *ret)
{
	struct run *run = load(b, b->result.id);
	char path[160];
	_cleanup_buf_ struct buf why = {0};
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	assert_int_equal(engine_open_to_read(&b->engine), 0);
	int r = bundle_write(&b->engine, run, true, path, ret, &why);
	vault_close(&b->host.vault);
	run_free(&run);
	assert_int_equal(r < 0, why.len > 0);
	return r;
}

static void a_bundle_is_made_new_and_whole(void **state)
{
	struct bench *b = *state;
	struct bundle_result result;
	struct stat st;
	char path[160];
	assert_int_equal(run_text(b, HEAD LOOK), 0);
	assert_int_equal(bundle(b, "bundle", &result), 0);
	assert_int_equal(result.files, 6); /* sums, manifest, journal, seal, two items */
	assert_int_equal(result.missing + result.damaged, 0);
	snprintf(path, sizeof(path), "%s/bundle", b->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, result.size);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sha256 sha256;
	assert_int_equal(sha256_fd(fd, &sha256), 0);
	assert_string_equal(sha256.hex, result.sha256.hex);
	/* Nothing is overwritten, and no link is followed. */
	assert_int_equal(bundle(b, "bundle", &result), -EEXIST);
	snprintf(path, sizeof(path), "%s/link", b->dir);
	assert_int_equal(symlink("/nonexistent/target", path), 0);
	assert_int_equal(bundle(b, "link", &result), -EEXIST);
	snprintf(path, sizeof(path), "%s/way", b->dir);
	assert_int_equal(symlink(b->dir, path), 0);
	assert_int_equal(bundle(b, "way/bundle2", &result), -ELOOP); /* /tmp is everybody's */
	assert_int_equal(bundle(b, "nowhere/bundle", &result), -ENOENT);
	snprintf(path, sizeof(path), "%s/bundle2", b->dir);
	assert_int_equal(stat(path, &st), -1);
}

static void a_bundle_tells_what_it_lacks(void **state)
{
	struct bench *b = *state;
	struct bundle_result result;
	char path[256];
	assert_int_equal(run_text(b, HEAD LOOK), 0);
	struct run *run = load(b, b->result.id);
	snprintf(path, sizeof(path), "%s/vault/%s", b->sub, run->evidence[0].sha256.hex);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(fd_write(fd, "T", 1), 0);
	snprintf(path, sizeof(path), "%s/vault/%s", b->sub, run->evidence[1].sha256.hex);
	assert_int_equal(unlink(path), 0);
	run_free(&run);
	assert_int_equal(bundle(b, "bundle", &result), 0);
	assert_int_equal(result.damaged, 1);
	assert_int_equal(result.missing, 1);
	assert_int_equal(result.files, 4);
}

static void a_bundle_that_cannot_be_finished_is_none(void **state)
{
	struct bench *b = *state;
	const struct rlimit small = {100, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
	struct bundle_result result;
	struct stat st;
	char path[160];
	assert_int_equal(run_text(b, HEAD LOOK), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int r = bundle(b, "bundle", &result);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &large), 0);
	assert_int_equal(r, -EFBIG);
	snprintf(path, sizeof(path), "%s/bundle", b->dir);
	assert_int_equal(stat(path, &st), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_make_seeing, bench_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_that_only_looks_keeps_what_it_saw),
		TEST(a_plan_keeps_nothing),
		TEST(a_later_round_adds_what_differs),
		TEST(what_is_too_large_is_named),
		TEST(what_cannot_be_stored_fails_its_step),
		TEST(who_wants_to_goes_on_all_the_same),
		TEST(a_bundle_is_made_new_and_whole),
		TEST(a_bundle_tells_what_it_lacks),
		TEST(a_bundle_that_cannot_be_finished_is_none),
		cmocka_unit_test(a_plan_has_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
