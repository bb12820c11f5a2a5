/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What hooks have done, in memory and on the disk, by several programs at once.
 */
#include "base/fd.h"
#include "base/spawn.h"
#include "hook/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_A "00000000000000000000000000000aaa"
#define KEY_B "00000000000000000000000000000bbb"
#define RUN_1 "20260101-000000-0001"
#define RUN_2 "20260101-000000-0002"
#define NOW 1700000000000

struct stage {
	char dir[64], sub[80];
	int root;
	struct state state;
};

static const struct change_kind *const no_kinds[] = {NULL};

static int stage_make(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	strcpy(s->dir, "/tmp/test-ledger-XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	snprintf(s->sub, sizeof(s->sub), "%s/respond", s->dir);
	s->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->state = (struct state){.root = s->root, .dir = s->sub};
	*state = s;
	return state_prepare(&s->state);
}

static int stage_drop(void **state)
{
	struct stage *s = *state;
	const char *argv[] = {"/bin/rm", "-rf", s->dir, NULL};
	close(s->root);
	int r = spawn_read(argv, 60000, NULL, NULL, NULL);
	free(s);
	return r;
}

static struct ledger *open_ledger(struct stage *s)
{
	struct ledger *l = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(ledger_open(&s->state, no_kinds, &l, &why), 0);
	assert_string_equal(buf_text(&why), "");
	return l;
}

static void save(struct ledger *l)
{
	assert_int_equal(ledger_lock(l), 0);
	assert_int_equal(ledger_save(l), 0);
	ledger_unlock(l);
}

static uint64_t count_of(const struct ledger *l, const char *rule, enum tally tally)
{
	const struct ledger_rule *r = ledger_rule_find(l, rule);
	return r ? r->saved[tally] + r->fresh[tally] : 0;
}

static void what_is_written_reads_the_same(void **state)
{
	(void)state;
	struct ledger *a = NULL, *b = NULL;
	_cleanup_buf_ struct buf one = {0}, two = {0};
	assert_int_equal(ledger_new(&a) | ledger_new(&b), 0);
	assert_int_equal(ledger_count(a, "brute", TALLY_MATCHED), 0);
	assert_int_equal(ledger_count(a, "brute", TALLY_MATCHED), 0);
	assert_int_equal(ledger_count(a, "@wazuh", TALLY_UNMATCHED), 0);
	assert_int_equal(ledger_note_match(a, "brute", "level=10: address=203.0.113.9", NOW), 0);
	assert_int_equal(ledger_note_refusal(a, "brute", "the field 'ip' is empty", NOW + 1), 0);
	assert_int_equal(ledger_begin(a, "brute", KEY_B, "address=203.0.113.9", true, 20, NOW), 0);
	assert_int_equal(ledger_end(a, KEY_B, RUN_1, NOW + 5000, false), 0);
	assert_int_equal(ledger_begin(a, "brute", KEY_A, "", false, 20, NOW + 7), 0);
	assert_int_equal(ledger_encode(a, &one), 0);
	assert_int_equal(ledger_decode(b, &one), 0);
	assert_int_equal(ledger_encode(b, &two), 0);
	assert_string_equal(one.data, two.data);
	assert_int_equal(count_of(b, "brute", TALLY_MATCHED), 2);
	assert_int_equal(count_of(b, "@wazuh", TALLY_UNMATCHED), 1);
	assert_string_equal(ledger_rule_find(b, "brute")->refusal, "the field 'ip' is empty");
	assert_int_equal(ledger_recent(b, "brute", NOW - 1, NOW + 7), 2);
	assert_int_equal(ledger_recent(b, "brute", NOW, NOW + 7), 1);
	const struct ledger_key *k = ledger_find(b, KEY_B);
	assert_int_equal(k->ran, NOW);
	assert_int_equal(k->n, 1);
	assert_string_equal(k->runs[0].id, RUN_1);
	assert_int_equal(k->runs[0].until, NOW + 5000);
	assert_int_equal(ledger_find(b, KEY_A)->shown, NOW + 7);
	assert_int_equal(ledger_find(b, KEY_A)->ran, 0);
	ledger_free(&a);
	ledger_free(&b);
}

static void what_is_no_ledger_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"format\":2,\"rules\":{},\"keys\":{}}", "{\"format\":1,\"swept\":0,\"rules\":[],\"keys\":{}}",
		"{\"format\":1,\"swept\":0,\"rules\":{\"r\":{}},\"keys\":{}}",
		"{\"format\":1,\"swept\":0,\"rules\":{\"r\":{\"counts\":{\"runs\":-1},\"matched\":0,\"summary\":null,\"refused\":0,\"refusal\":null,"
		"\"recent\":[]}},\"keys\":{}}",
		"{\"format\":1,\"swept\":0,\"rules\":{\"r\":{\"counts\":{},\"matched\":0,\"summary\":\"\\u001b[31m\",\"refused\":0,"
		"\"refusal\":null,\"recent\":[]}},\"keys\":{}}",
		"{\"format\":1,\"swept\":0,\"rules\":{},\"keys\":{\"../x\":{}}}",
		"{\"format\":1,\"swept\":0,\"rules\":{},\"keys\":{\"" KEY_A "\":{\"rule\":\"r\",\"text\":\"\",\"ran\":0,\"shown\":0,\"open\":false,"
		"\"runs\":{\"../../etc\":0}}}}",
		"{\"format\":1,\"swept\":0,\"rules\":{},\"keys\":{\"" KEY_A "\":{\"rule\":null,\"text\":\"\",\"ran\":0,\"shown\":0,\"open\":false,"
		"\"runs\":{}}}}",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct ledger *l = NULL;
		struct buf bytes = {.data = (char *)texts[i], .len = strlen(texts[i])};
		assert_int_equal(ledger_new(&l), 0);
		assert_int_equal(ledger_count(l, "kept", TALLY_RUNS), 0);
		assert_int_equal(ledger_decode(l, &bytes), -EBADMSG);
		assert_int_equal(count_of(l, "kept", TALLY_RUNS), 1);
		ledger_free(&l);
	}
}

static void runs_come_and_go(void **state)
{
	(void)state;
	struct ledger *l = NULL;
	assert_int_equal(ledger_new(&l), 0);
	assert_int_equal(ledger_begin(l, "r", KEY_A, "x", true, 20, NOW), 0);
	assert_true(ledger_key_lives(ledger_find(l, KEY_A), NOW)); /* it is open */
	assert_int_equal(ledger_end(l, KEY_A, RUN_1, 0, false), 0);
	assert_int_equal(ledger_begin(l, "r", KEY_A, "x", true, 20, NOW + 1), 0);
	assert_int_equal(ledger_end(l, KEY_A, RUN_2, NOW + 1000, false), 0);
	assert_int_equal(ledger_find(l, KEY_A)->n, 2);
	assert_int_equal(ledger_undone(l, KEY_A, RUN_1), 0);
	assert_int_equal(ledger_find(l, KEY_A)->ran, 0); /* the next one may act at once */
	assert_int_equal(ledger_find(l, KEY_A)->n, 1);
	assert_true(ledger_key_lives(ledger_find(l, KEY_A), NOW + 1000));
	assert_false(ledger_key_lives(ledger_find(l, KEY_A), NOW + 1000 + 200000));
	assert_int_equal(ledger_undone(l, KEY_A, RUN_1), -ENOENT);
	assert_int_equal(ledger_undone(l, KEY_B, RUN_1), -ENOENT);
	/* In vain: it may be tried again. A run that has nothing to take back is none to keep. */
	assert_int_equal(ledger_begin(l, "r", KEY_B, "x", true, 20, NOW), 0);
	assert_int_equal(ledger_end(l, KEY_B, NULL, -1, true), 0);
	assert_int_equal(ledger_find(l, KEY_B)->ran, 0);
	assert_false(ledger_key_lives(ledger_find(l, KEY_B), NOW));
	ledger_free(&l);
}

static int64_t a_minute(void *ctx, const char *rule)
{
	(void)ctx, (void)rule;
	return 60000;
}

static void what_nothing_depends_on_goes(void **state)
{
	(void)state;
	struct ledger *l = NULL;
	assert_int_equal(ledger_new(&l), 0);
	for (int i = 0; i < 3000; i++) {
		char key[LEDGER_KEY_LEN];
		snprintf(key, sizeof(key), "%032x", i);
		assert_int_equal(ledger_begin(l, "r", key, "x", true, 20, NOW + i), 0);
		/* Some for good, some for a time, most for nothing. */
		assert_int_equal(ledger_end(l, key, RUN_1, i % 1000 == 0 ? 0 : i % 1000 == 1 ? NOW + 3600000 : -1, false), 0);
	}
	ledger_prune(l, a_minute, NULL, NOW + 3000);
	assert_non_null(ledger_key_at(l, 2999));
	ledger_prune(l, a_minute, NULL, NOW + 100000);
	assert_non_null(ledger_key_at(l, 5));
	assert_null(ledger_key_at(l, 6));
	ledger_prune(l, a_minute, NULL, NOW + 4000000);
	assert_non_null(ledger_key_at(l, 2));
	assert_null(ledger_key_at(l, 3));
	assert_int_equal(ledger_rule_find(l, "r")->n_recent, 20); /* no more than the limit looks at */
	ledger_free(&l);
}

/* ---- on the disk ----------------------------------------------------------------------------- */

static void two_programs_count_together(void **state)
{
	struct stage *s = *state;
	struct ledger *a = open_ledger(s), *b = open_ledger(s);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(ledger_count(a, "r", TALLY_COOLED), 0);
		assert_int_equal(ledger_count(b, "r", TALLY_COOLED), 0);
		save(i % 2 ? a : b);
	}
	assert_true(ledger_has_news(a) || ledger_has_news(b));
	save(a);
	save(b);
	assert_int_equal(ledger_refresh(a), 0);
	assert_int_equal(count_of(a, "r", TALLY_COOLED), 20);
	assert_int_equal(count_of(b, "r", TALLY_COOLED), 20);
	assert_false(ledger_has_news(a));
	ledger_free(&a);
	ledger_free(&b);
}

static void one_sees_what_the_other_did(void **state)
{
	struct stage *s = *state;
	struct ledger *a = open_ledger(s), *b = open_ledger(s);
	assert_int_equal(ledger_lock(a), 0);
	assert_int_equal(ledger_begin(a, "r", KEY_A, "x", true, 20, NOW), 0);
	assert_int_equal(ledger_save(a), 0);
	ledger_unlock(a);
	assert_null(ledger_find(b, KEY_A));
	assert_int_equal(ledger_refresh(b), 0);
	assert_int_equal(ledger_find(b, KEY_A)->ran, NOW);
	ledger_free(&a);
	ledger_free(&b);
}

static void one_acts_at_a_time(void **state)
{
	struct stage *s = *state;
	struct ledger *a = open_ledger(s), *b = open_ledger(s);
	assert_int_equal(ledger_take_turn(a, 1000), 0);
	assert_int_equal(ledger_take_turn(b, 50), -EWOULDBLOCK);
	ledger_end_turn(a);
	assert_int_equal(ledger_take_turn(b, 50), 0);
	ledger_free(&b); /* its end ends its turn */
	assert_int_equal(ledger_take_turn(a, 50), 0);
	ledger_free(&a);
}

/* The program was killed between the two: nothing came of it, so it may be done again. */
static void what_was_left_open_is_closed(void **state)
{
	struct stage *s = *state;
	struct ledger *a = open_ledger(s);
	pid_t child = fork();
	if (!child) {
		struct ledger *b = NULL;
		_cleanup_buf_ struct buf why = {0};
		int bad = ledger_open(&s->state, no_kinds, &b, &why) || ledger_take_turn(b, 0) || ledger_lock(b) ||
		          ledger_begin(b, "r", KEY_A, "x", true, 20, NOW) || ledger_save(b);
		_exit(bad != 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(ledger_refresh(a), 0);
	assert_true(ledger_find(a, KEY_A)->open);
	assert_int_equal(ledger_take_turn(a, 0), 0);
	assert_false(ledger_find(a, KEY_A)->open);
	assert_int_equal(ledger_find(a, KEY_A)->ran, 0);
	ledger_free(&a);
}

static void put_file(struct stage *s, const char *text, mode_t mode)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/hooks/ledger", s->sub);
	unlink(path);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void a_damaged_one_is_made_anew_and_kept(void **state)
{
	struct stage *s = *state;
	struct ledger *l = open_ledger(s);
	char path[128];
	_cleanup_buf_ struct buf why = {0};
	ledger_free(&l);
	put_file(s, "{\"format\":1,", 0600);
	assert_int_equal(ledger_open_to_read(&s->state, &l), -EBADMSG);
	assert_int_equal(ledger_open(&s->state, no_kinds, &l, &why), 0);
	assert_non_null(strstr(buf_text(&why), "made anew from the journals"));
	snprintf(path, sizeof(path), "%s/hooks/ledger.damaged", s->sub);
	assert_int_equal(access(path, F_OK), 0);
	ledger_free(&l);
	l = open_ledger(s);
	ledger_free(&l);
}

/* Full of runs that are long taken back by hand: the journals know. Not asked at every event. */
static void a_full_one_asks_the_journals(void **state)
{
	struct stage *s = *state;
	struct ledger *l = open_ledger(s);
	for (int i = 0; i < LEDGER_KEYS_MAX; i++) {
		char key[LEDGER_KEY_LEN];
		snprintf(key, sizeof(key), "%032x", i);
		assert_int_equal(ledger_begin(l, "r", key, "x", true, 20, NOW), 0);
		assert_int_equal(ledger_end(l, key, RUN_1, 0, false), 0);
	}
	assert_true(ledger_is_full(l));
	save(l);
	assert_int_equal(ledger_sweep(l, NOW), 0);
	assert_int_equal(ledger_find(l, "00000000000000000000000000000000")->n, 0);
	ledger_prune(l, a_minute, NULL, NOW + 60000);
	assert_null(ledger_key_at(l, 0));
	for (int i = 0; i < LEDGER_KEYS_MAX; i++) {
		char key[LEDGER_KEY_LEN];
		snprintf(key, sizeof(key), "%032x", i);
		assert_int_equal(ledger_begin(l, "r", key, "x", true, 20, NOW), 0);
		assert_int_equal(ledger_end(l, key, RUN_1, 0, false), 0);
	}
	save(l);
	assert_int_equal(ledger_sweep(l, NOW + 3599000), 0);
	assert_int_equal(ledger_find(l, "00000000000000000000000000000000")->n, 1);
	assert_int_equal(ledger_sweep(l, NOW + 3600000), 0);
	assert_int_equal(ledger_find(l, "00000000000000000000000000000000")->n, 0);
	ledger_free(&l);
}

/* The clock is set back behind the last time that the journals were asked. */
static void a_full_one_asks_by_any_clock(void **state)
{
	struct stage *s = *state;
	struct ledger *l = open_ledger(s);
	for (int i = 0; i < LEDGER_KEYS_MAX; i++) {
		char key[LEDGER_KEY_LEN];
		snprintf(key, sizeof(key), "%032x", i);
		assert_int_equal(ledger_begin(l, "r", key, "x", true, 20, NOW), 0);
		assert_int_equal(ledger_end(l, key, RUN_1, 0, false), 0);
	}
	assert_int_equal(ledger_sweep(l, NOW), 0);
	assert_int_equal(ledger_end(l, "00000000000000000000000000000000", RUN_1, 0, false), 0);
	save(l);
	assert_int_equal(ledger_sweep(l, NOW - 1000), 0);
	assert_int_equal(ledger_find(l, "00000000000000000000000000000000")->n, 0);
	ledger_free(&l);
}

/* A flood of addresses that are not his does not leave an attacker's own unblocked. */
static void a_full_one_has_room_where_runs_end(void **state)
{
	(void)state;
	struct ledger *l = NULL;
	assert_int_equal(ledger_new(&l), 0);
	for (int i = 0; i < LEDGER_KEYS_MAX; i++) {
		char key[LEDGER_KEY_LEN];
		snprintf(key, sizeof(key), "%032x", i);
		assert_int_equal(ledger_begin(l, "r", key, "x", true, 20, NOW), 0);
		assert_int_equal(ledger_end(l, key, RUN_1, 0, false), 0);
	}
	assert_true(ledger_is_full(l));
	assert_false(ledger_has_room(l));
	assert_int_equal(ledger_end(l, "00000000000000000000000000000007", RUN_1, NOW + 9000, false), 0);
	assert_int_equal(ledger_end(l, "00000000000000000000000000000008", RUN_1, NOW + 8000, false), 0);
	assert_int_equal(ledger_begin(l, "r", "00000000000000000000000000000007", "x", true, 20, NOW), 0);
	assert_non_null(ledger_find(l, "00000000000000000000000000000008")); /* a known one needs no room */
	assert_true(ledger_has_room(l));
	assert_int_equal(ledger_begin(l, "r", "ffffffffffffffffffffffffffffffff", "x", true, 20, NOW), 0);
	assert_null(ledger_find(l, "00000000000000000000000000000008"));
	assert_true(ledger_is_full(l));
	assert_false(ledger_has_room(l)); /* what is not closed yet stays */
	ledger_free(&l);
}

static void what_others_could_write_is_not_believed(void **state)
{
	struct stage *s = *state;
	struct ledger *l = open_ledger(s);
	char path[128];
	_cleanup_buf_ struct buf why = {0}, again = {0};
	ledger_free(&l);
	put_file(s, "{\"format\":1,\"swept\":0,\"rules\":{},\"keys\":{}}", 0622);
	assert_int_equal(ledger_open(&s->state, no_kinds, &l, &why), -EPERM);
	put_file(s, "{\"format\":1,\"swept\":0,\"rules\":{},\"keys\":{}}", 0600);
	snprintf(path, sizeof(path), "%s/hooks", s->sub);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(ledger_open(&s->state, no_kinds, &l, &again), -EPERM);
	assert_non_null(strstr(buf_text(&again), "/respond/hooks cannot be used: "));
	assert_null(l);
}

static void to_look_needs_none(void **state)
{
	struct stage *s = *state;
	struct ledger *l = NULL;
	char path[128];
	assert_int_equal(ledger_open_to_read(&s->state, &l), 0);
	assert_null(ledger_rule_at(l, 0));
	ledger_free(&l);
	snprintf(path, sizeof(path), "%s/hooks", s->sub);
	assert_int_equal(access(path, F_OK), -1);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(what_is_no_ledger_is_refused),
		cmocka_unit_test(runs_come_and_go),
		cmocka_unit_test(what_nothing_depends_on_goes),
		STAGED(two_programs_count_together),
		STAGED(one_sees_what_the_other_did),
		STAGED(one_acts_at_a_time),
		STAGED(what_was_left_open_is_closed),
		STAGED(a_damaged_one_is_made_anew_and_kept),
		STAGED(a_full_one_asks_the_journals),
		STAGED(a_full_one_asks_by_any_clock),
		STAGED(a_full_one_has_room_where_runs_end),
		STAGED(what_others_could_write_is_not_believed),
		STAGED(to_look_needs_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
