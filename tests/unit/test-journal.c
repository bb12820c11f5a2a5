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

static void encode_some(struct buf *bytes, int n)
{
	struct chain chain;
	chain_start(&chain);
	for (int i = 0; i < n; i++) {
		json_t *r = numbered("x", i);
		assert_int_equal(journal_encode(r, &chain, bytes), 0);
		json_decref(r);
	}
}

struct decoded {
	json_t *records;
	struct chain chain;
	size_t len, line;
	struct buf why;
};

static int decode(const char *bytes, size_t len, struct decoded *d)
{
	*d = (struct decoded){0};
	return journal_decode(bytes, len, &d->records, &d->chain, &d->len, &d->line, &d->why);
}

static void decoded_free(struct decoded *d)
{
	json_decref(d->records);
	buf_free(&d->why);
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
	assert_int_equal(d.len, bytes.len);
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
	assert_int_equal(d.len, len);
	decoded_free(&d);
}

/* Any other byte in the place of any byte of the first three lines is found out. */
static void a_changed_byte_is_tampering(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0};
	encode_some(&bytes, 4);
	size_t last = bytes.len - 1;
	while (bytes.data[last - 1] != '\n')
		last--;
	for (size_t i = 0; i < last; i++) {
		char was = bytes.data[i];
		bytes.data[i] = was == 'f' ? 'e' : 'f';
		struct decoded d;
		assert_int_equal(decode(bytes.data, bytes.len, &d), -EBADMSG);
		assert_true(d.line >= 1 && d.line <= 4);
		decoded_free(&d);
		bytes.data[i] = was;
	}
}

static void a_missing_or_swapped_line_is_tampering(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf bytes = {0}, without = {0};
	encode_some(&bytes, 3);
	const char *second = strchr(bytes.data, '\n') + 1, *third = strchr(second, '\n') + 1;
	buf_add(&without, bytes.data, (size_t)(second - bytes.data));
	buf_puts(&without, third);
	struct decoded d;
	assert_int_equal(decode(without.data, without.len, &d), -EBADMSG);
	assert_int_equal(d.line, 2);
	decoded_free(&d);
	assert_int_equal(decode(second, strlen(second), &d), -EBADMSG);
	assert_int_equal(d.line, 1);
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
	int r = spawn_read(argv, 10000, NULL, NULL, NULL);
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
		cmocka_unit_test(a_changed_byte_is_tampering),
		cmocka_unit_test(a_missing_or_swapped_line_is_tampering),
		cmocka_unit_test(hostile_bytes_survive),
		cmocka_unit_test_setup_teardown(a_journal_goes_on_where_it_ended, place_make, place_drop),
		cmocka_unit_test(ids_sort_in_the_order_of_time),
		cmocka_unit_test_setup_teardown(runs_are_found_by_their_start, place_make, place_drop),
		cmocka_unit_test_setup_teardown(the_lock_has_one_holder, place_make, place_drop),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
