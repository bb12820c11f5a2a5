/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/escape.h"
#include "base/spawn.h"
#include "core/journal.h"
#include "core/run.h"

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
#include <unistd.h>

#include <cmocka.h>

static json_t *numbered(const char *type, int n)
{
	return json_pack("{ss si}", "type", type, "n", n);
}

static const struct journal_key key = {.bytes = "a key of thirty-two bytes, or so", .run = "r", .host = "h"};

/* SYNCED records are on disk by then; from there on none is. */
static void encode_synced(struct buf *bytes, int n, int synced)
{
	struct chain chain;
	chain_start(&chain);
	for (int i = 0; i < n; i++) {
		json_t *r = numbered("x", i);
		chain.synced = (unsigned long long)(i < synced ? i : synced);
		assert_int_equal(journal_encode(r, &key, &chain, bytes), 0);
		json_decref(r);
	}
	assert_int_equal(chain.len, bytes->len);
}

static void encode_some(struct buf *bytes, int n)
{
	encode_synced(bytes, n, n);
}

struct decoded {
	json_t *records;
	struct chain chain;
	struct buf why;
};

static int decode_with(const char *bytes, size_t len, const struct journal_key *k, const struct seal *seal,
                       struct decoded *d)
{
	*d = (struct decoded){0};
	return journal_decode(bytes, len, k, seal, &d->records, &d->chain, &d->why);
}

static int decode(const char *bytes, size_t len, struct decoded *d)
{
	return decode_with(bytes, len, &key, NULL, d);
}

static void decoded_free(struct decoded *d)
{
	json_decref(d->records);
	buf_free(&d->why);
}

/* The journal is refused, and the reason says WORDS. */
static void refused(const struct buf *bytes, const struct journal_key *k, const struct seal *seal, const char *words)
{
	struct decoded d;
	assert_int_equal(decode_with(bytes->data, bytes->len, k, seal, &d), -EBADMSG);
	if (!strstr(buf_text(&d.why), words))
		fail_msg("'%s' does not say '%s'", buf_text(&d.why), words);
	decoded_free(&d);
}

/* It ends after N records. */
static void ends_after(const struct buf *bytes, const struct seal *seal, size_t n)
{
	struct decoded d;
	assert_int_equal(decode_with(bytes->data, bytes->len, &key, seal, &d), 0);
	assert_int_equal(json_array_size(d.records), n);
	decoded_free(&d);
}

static char *line_of(const struct buf *bytes, int n)
{
	char *at = bytes->data;
	while (n-- > 1)
		at = strchr(at, '\n') + 1;
	return at;
}

static void what_is_encoded_comes_back(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_some(&bytes, 5);
	struct decoded d;
	assert_int_equal(decode(bytes.data, bytes.len, &d), 0);
	assert_int_equal(json_array_size(d.records), 5);
	assert_int_equal(d.chain.seq, 5);
	assert_int_equal(d.chain.len, bytes.len);
	for (int i = 0; i < 5; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(d.records, (size_t)i), "n")), i);
	decoded_free(&d);
}

/* Every possible cut: the records before it are there, the torn one is not, and it is
 * never taken for tampering. */
static void a_torn_tail_never_happened(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_some(&bytes, 4);
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		size_t lines = 0;
		for (size_t i = 0; i < cut; i++)
			lines += bytes.data[i] == '\n';
		struct decoded d;
		assert_int_equal(decode(bytes.data, cut, &d), 0);
		assert_int_equal(json_array_size(d.records), lines);
		decoded_free(&d);
	}
}

static void space_laid_out_is_no_record(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_some(&bytes, 2);
	size_t len = bytes.len;
	char zeros[300] = {0};
	buf_add(&bytes, zeros, sizeof(zeros));
	struct decoded d;
	assert_int_equal(decode(bytes.data, bytes.len, &d), 0);
	assert_int_equal(d.chain.len, len);
	decoded_free(&d);
}

/* After a power cut later blocks may be there and earlier ones not: of four records, two
 * were synced. */
static void blocks_that_were_never_written_are_a_torn_tail(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_synced(&bytes, 4, 2);
	memset(line_of(&bytes, 3) + 10, 0, 20);
	ends_after(&bytes, NULL, 2);
	const struct seal seal = {.seq = 3};
	refused(&bytes, &key, &seal, "the last record is missing");
}

/* The same in what a later record says was on disk is none. */
static void blocks_of_what_was_synced_are_damage(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_synced(&bytes, 4, 2);
	memset(line_of(&bytes, 2) + 10, 0, 20);
	refused(&bytes, &key, NULL, "line 2 is damaged");
}

/* Any other byte in the place of any byte of any line is found out. */
static void a_changed_byte_is_tampering(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_some(&bytes, 4);
	for (size_t i = 0; i < bytes.len - 1; i++) {
		char was = bytes.data[i];
		bytes.data[i] = was == 'f' ? 'e' : 'f';
		refused(&bytes, &key, NULL, "was tampered with");
		bytes.data[i] = was;
	}
}

static void a_missing_or_swapped_line_is_tampering(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0}, without = {0}, late = {0};
	encode_some(&bytes, 3);
	buf_add(&without, bytes.data, (size_t)(line_of(&bytes, 2) - bytes.data));
	buf_puts(&without, line_of(&bytes, 3));
	refused(&without, &key, NULL, "line 2 is damaged or was tampered with: record 2 is missing here");
	buf_puts(&late, line_of(&bytes, 2));
	refused(&late, &key, NULL, "record 1 is missing here");
}

static void a_journal_that_was_cut_off_differs_from_its_seal(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0}, line = {0}, why = {0};
	struct chain chain;
	encode_some(&bytes, 4);
	struct decoded d;
	assert_int_equal(decode(bytes.data, bytes.len, &d), 0);
	chain = d.chain;
	decoded_free(&d);
	const struct seal seal = {.seq = chain.seq, .head = chain.head};
	ends_after(&bytes, &seal, 4);
	bytes.len = (size_t)(line_of(&bytes, 3) - bytes.data);
	ends_after(&bytes, NULL, 2);
	refused(&bytes, &key, &seal, "it was cut off: the last 2 records are missing");

	struct seal back = {0};
	assert_int_equal(seal_encode(&seal, &key, &line), 0);
	assert_int_equal(seal_decode(line.data, line.len, &key, &back, &why), 0);
	assert_int_equal(back.seq, 4);
	assert_string_equal(back.head.hex, seal.head.hex);
	for (size_t i = 0; i < line.len; i++) {
		line.data[i] ^= 1;
		assert_int_equal(seal_decode(line.data, line.len, &key, &back, &why), -EBADMSG);
		line.data[i] ^= 1;
	}
}

static void a_journal_is_good_for_one_host_and_run(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	struct journal_key here, there, other;
	struct chain chain;
	uint8_t host[SHA256_LEN] = {1}, another[SHA256_LEN] = {2};
	journal_key_derive(host, "20260101-000000-aaaa", &here);
	journal_key_derive(another, "20260101-000000-aaaa", &there);
	journal_key_derive(host, "20260101-000000-bbbb", &other);
	json_t *r = json_pack("{ss ss ss}", "type", "run", "key", here.host, "run", here.run);
	chain_start(&chain);
	assert_int_equal(journal_encode(r, &here, &chain, &bytes), 0);
	json_decref(r);
	refused(&bytes, &there, NULL, "it was written on another host");
	refused(&bytes, &other, NULL, "it is the journal of another run");
	struct decoded d;
	assert_int_equal(decode_with(bytes.data, bytes.len, &here, NULL, &d), 0);
	decoded_free(&d);
}

static void hostile_bytes_survive(void **state)
{
	(void)state;
	const char name[] = "/tmp/a\nb\033[2J\xff\\x41\"";
	json_t *value = json_text(name);
	_cleanup_buf_ struct buf back = {0};
	assert_int_equal(json_bytes_get(value, &back), 0);
	assert_string_equal(back.data, name);
	json_decref(value);
}

struct place {
	char dir[64];
	char sub[80];
	struct state state;
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	strcpy(p->dir, "/tmp/test-journal-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->sub, sizeof(p->sub), "%s/respond", p->dir);
	p->state = (struct state){.root = open("/", O_PATH | O_DIRECTORY), .dir = p->sub};
	*state = p;
	return 0;
}

static int place_drop(void **state)
{
	struct place *p = *state;
	close(p->state.root);
	const char *argv[] = {"/bin/rm", "-rf", p->dir, NULL};
	int r = spawn_read(argv, 60000, NULL, NULL, NULL);
	free(p);
	return r;
}

static void a_journal_goes_on_where_it_ended(void **state)
{
	struct place *p = *state;
	char id[RUN_ID_LEN];
	run_id_new(id);
	assert_true(run_id_valid(id));
	struct journal *j = NULL, *second = NULL;
	json_t *records = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(state_prepare(&p->state), 0);
	assert_int_equal(journal_create(&p->state, id, &j), 0);
	assert_int_equal(journal_create(&p->state, id, &second), -EEXIST);
	assert_int_equal(journal_append(j, numbered("run", 1)), 0);
	assert_int_equal(journal_sync(j), 0);
	assert_int_equal(journal_open(&p->state, id, &second, &records, &why), -EWOULDBLOCK);
	journal_close(&j);
	assert_int_equal(journal_open(&p->state, id, &j, &records, &why), 0);
	assert_int_equal(json_array_size(records), 1);
	json_decref(records);
	assert_int_equal(journal_append(j, numbered("end", 2)), 0);
	journal_close(&j);
	assert_int_equal(journal_read(&p->state, id, &records, NULL, &why), 0);
	assert_int_equal(json_array_size(records), 2);
	json_decref(records);

	struct stat st;
	char path[200];
	snprintf(path, sizeof(path), "%s/runs/%s/journal", p->sub, id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/runs", p->sub);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void ids_sort_in_the_order_of_time(void **state)
{
	(void)state;
	char before[RUN_ID_LEN], after[RUN_ID_LEN];
	for (int i = 0; i < 50; i++) {
		run_id_new(before);
		usleep(100);
		run_id_new(after);
		assert_true(strcmp(before, after) < 0);
	}
}

static void runs_are_found_by_their_start(void **state)
{
	struct place *p = *state;
	static const char *const ids[] = {"20260101-000000-aaaa", "20260101-000001-bbbb", "20260202-000000-cccc"};
	char found[RUN_ID_LEN];
	assert_int_equal(state_prepare(&p->state), 0);
	assert_int_equal(state_find_run(&p->state, "last", found), -ENOENT);
	for (size_t i = 0; i < 3; i++) {
		struct journal *j = NULL;
		assert_int_equal(journal_create(&p->state, ids[i], &j), 0);
		journal_close(&j);
	}
	assert_int_equal(state_find_run(&p->state, "last", found), 0);
	assert_string_equal(found, ids[2]);
	assert_int_equal(state_find_run(&p->state, "202602", found), 0);
	assert_int_equal(state_find_run(&p->state, "20260101", found), -ENOTUNIQ);
	assert_int_equal(state_find_run(&p->state, "", found), -ENOTUNIQ);
	assert_int_equal(state_find_run(&p->state, "../../etc", found), -ENOENT);
}

static void the_lock_has_one_holder(void **state)
{
	struct place *p = *state;
	int first = -1, second = -1;
	assert_int_equal(state_prepare(&p->state), 0);
	assert_int_equal(state_lock(&p->state, 0, &first), 0);
	assert_int_equal(state_lock(&p->state, 50, &second), -EWOULDBLOCK);
	close(first);
	assert_int_equal(state_lock(&p->state, 0, &second), 0);
	close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_comes_back),
		cmocka_unit_test(a_torn_tail_never_happened),
		cmocka_unit_test(space_laid_out_is_no_record),
		cmocka_unit_test(blocks_that_were_never_written_are_a_torn_tail),
		cmocka_unit_test(blocks_of_what_was_synced_are_damage),
		cmocka_unit_test(a_changed_byte_is_tampering),
		cmocka_unit_test(a_journal_that_was_cut_off_differs_from_its_seal),
		cmocka_unit_test(a_journal_is_good_for_one_host_and_run),
		cmocka_unit_test(a_missing_or_swapped_line_is_tampering),
		cmocka_unit_test(hostile_bytes_survive),
		cmocka_unit_test_setup_teardown(a_journal_goes_on_where_it_ended, place_make, place_drop),
		cmocka_unit_test(ids_sort_in_the_order_of_time),
		cmocka_unit_test_setup_teardown(runs_are_found_by_their_start, place_make, place_drop),
		cmocka_unit_test_setup_teardown(the_lock_has_one_holder, place_make, place_drop),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
