/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which object of the vault is needed by whom, and what a purge takes: with journals that
 * are written here record by record.
 */
#include "base/fd.h"
#include "base/spawn.h"
#include "core/purge.h"
#include "core/record.h"

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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int describe(const struct change *c, struct buf *ret)
{
	return buf_puts(ret, c->target);
}

static const struct change_kind keep = {.name = "toy.keep", .mark = '~', .audit_type = 2200, .describe = describe};
static const struct change_kind burn = {.name = "toy.burn", .mark = '!', .flags = CHANGE_IRREVERSIBLE,
                                        .audit_type = 2200, .describe = describe};
static int no_keys(struct host *host, const struct change *c, int (*visit)(void *ctx, const char *key), void *ctx)
{
	(void)host, (void)c, (void)visit, (void)ctx;
	return 0;
}

static int64_t until(const struct change *c)
{
	return json_integer_value(json_object_get(c->data, "until"));
}

static const struct change_kind hold = {.name = "toy.hold", .mark = '+', .audit_type = 2200, .describe = describe,
                                        .keys = no_keys, .until = until};
static const struct parts parts = {.kinds = (const struct change_kind *const[]){&keep, &burn, &hold, NULL}};

struct bench {
	char dir[64], sub[80];
	struct host host;
	struct config config;
	struct state state;
	struct observer observer;
	struct engine engine;
	struct journal *journal; /* of the run that is being written */
	char run[RUN_ID_LEN];
	unsigned changes;
};

static int bench_make(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	strcpy(b->dir, "/tmp/test-purge-XXXXXX");
	if (!mkdtemp(b->dir) || host_open("/", &b->host) < 0)
		return -1;
	snprintf(b->sub, sizeof(b->sub), "%s/respond", b->dir);
	b->state = (struct state){.root = b->host.root, .dir = b->sub};
	b->engine = (struct engine){.parts = &parts, .host = &b->host, .config = &b->config, .state = &b->state,
	                            .observer = &b->observer};
	*state = b;
	return state_prepare(&b->state);
}

static int bench_drop(void **state)
{
	struct bench *b = *state;
	journal_close(&b->journal);
	vault_close(&b->host.vault);
	host_close(&b->host);
	const char *argv[] = {"/bin/rm", "-rf", b->dir, NULL};
	int r = spawn_read(argv, 60000, NULL, NULL, NULL);
	free(b);
	return r;
}

static struct vault *open_vault(struct bench *b)
{
	char dir[100];
	snprintf(dir, sizeof(dir), "%s/vault", b->sub);
	if (!b->host.vault)
		assert_int_equal(vault_open(b->host.root, dir, &b->host.vault), 0);
	return b->host.vault;
}

static struct sha256 put(struct bench *b, const char *text)
{
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	struct sha256 h;
	assert_int_equal(vault_put(open_vault(b), &bytes, &h), 0);
	assert_int_equal(vault_sync(b->host.vault), 0);
	return h;
}

static void log_record(struct bench *b, json_t *record)
{
	assert_non_null(record);
	assert_int_equal(journal_append(b->journal, record), 0);
}

static void begin(struct bench *b)
{
	do
		run_id_new(b->run);
	while (journal_create(&b->state, b->run, &b->journal) == -EEXIST);
	b->changes = 0;
	log_record(b, record_new("run", json_pack("{ss ss}", "run", b->run, "playbook", "toy")));
}

static void change(struct bench *b, const struct change_kind *kind, json_t *data, struct deadlines deadlines)
{
	struct change *c = NULL;
	assert_int_equal(change_new(kind, "step", "/target", data, &c), 0);
	c->id = ++b->changes;
	c->deadlines = deadlines;
	log_record(b, record_intent(c));
	log_record(b, record_outcome(c->id, OUTCOME_DONE, ""));
	change_free(&c);
}

static void keeps(struct bench *b, const struct sha256 *h)
{
	change(b, &keep, json_pack("{ss}", "before", h->hex), (struct deadlines){0});
}

/* TIME: NULL for now. */
static void end(struct bench *b, const char *time)
{
	json_t *fields = json_pack("{si ss*}", "status", 0, "time", time);
	log_record(b, record_new("end", fields));
	assert_int_equal(journal_sync(b->journal), 0);
	assert_int_equal(journal_seal(b->journal), 0);
	assert_int_equal(journal_rest(b->journal, 0, true), 0);
	journal_close(&b->journal);
}

/* Goes on with a run that has ended. */
static void goes_on(struct bench *b, json_t *record)
{
	json_t *records = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(journal_open(&b->state, b->run, &b->journal, &records, &why), 0);
	json_decref(records);
	log_record(b, record);
	assert_int_equal(journal_sync(b->journal), 0);
	journal_close(&b->journal);
}

static struct vault_usage load(struct bench *b)
{
	struct vault_usage usage = {0};
	assert_int_equal(vault_usage_load(&b->state, open_vault(b), parts.kinds, &usage), 0);
	return usage;
}

static void assert_needed(struct bench *b, const struct sha256 *h, bool needed)
{
	struct vault_usage usage = load(b);
	const struct vault_object *o = NULL;
	assert_int_equal(vault_usage_find(&usage, h->hex, &o), 0);
	assert_int_equal(vault_object_free_since(o) < 0, needed);
	assert_int_equal(purge_takes(o, time(NULL) + 1000000, 0), !needed);
	vault_usage_free(&usage);
}

/* How many objects go. */
static size_t purge_now(struct bench *b, int expected)
{
	struct purge_result result;
	_cleanup_buf_ struct buf why = {0};
	vault_close(&b->host.vault);
	assert_int_equal(purge_run(&b->engine, 0, json_pack("{ss}", "by", "test"), &result, &why), expected);
	assert_int_equal(why.len == 0, expected == 0);
	size_t n = result.objects.n;
	purge_result_free(&result);
	return n;
}

static bool there(struct bench *b, const struct sha256 *h)
{
	return vault_has(open_vault(b), h);
}

static void times_are_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t s;
	} cases[] = {
		{"1970-01-01T00:00:00.000+00:00", 0},
		{"2026-11-23T22:08:31.999+01:00", 1795468111},
		{"2026-11-23T21:08:31.000+00:00", 1795468111},
		{"2026-11-23T17:38:31.000-03:30", 1795468111},
		{"2026-11-23T22:08:31.000", -1},
		{"2026-11-23", -1},
		{"soon", -1},
		{"", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *record = json_pack("{ss}", "time", cases[i].text);
		int64_t s = -1;
		assert_int_equal(record_time(record, &s), cases[i].s < 0 ? -EBADMSG : 0);
		assert_int_equal(s, cases[i].s);
		json_decref(record);
	}
	int64_t s, from = time(NULL);
	json_t *now = record_new("x", json_object());
	assert_int_equal(record_time(now, &s), 0);
	assert_in_range(s, from, time(NULL) + 1); /* time() lags by a tick */
	json_decref(now);
}

static void every_hash_in_a_change_counts(void **state)
{
	struct bench *b = *state;
	struct sha256 a = put(b, "a"), deep = put(b, "deep"), grown = put(b, "grown"), made = put(b, "made");
	begin(b);
	change(b, &keep, json_pack("{ss s[{s[s]}] ss ss}", "sha256", a.hex, "x", "y", deep.hex, "after", made.hex, "note",
	                           "0123"), (struct deadlines){0});
	log_record(b, record_new("grow", json_pack("{si s{s[{ss}]}}", "change", 1, "more", "evidence", "exe-sha256",
	                                           grown.hex)));
	change(b, &burn, json_pack("{ss}", "sha256", a.hex), (struct deadlines){0});
	end(b, NULL);
	struct vault_usage usage = load(b);
	const struct vault_object *o = NULL;
	assert_int_equal(usage.n, 4);
	assert_int_equal(vault_usage_find(&usage, a.hex, &o), 0);
	assert_int_equal(o->n, 2);
	assert_string_equal(o->uses[0].what, "quarantined file");
	assert_string_equal(o->uses[0].target, "/target");
	assert_int_equal(vault_object_live(o), 1); /* what cannot be undone needs nothing for it */
	assert_int_equal(vault_usage_find(&usage, deep.hex, &o), 0);
	assert_int_equal(o->n, 1);
	assert_int_equal(vault_usage_find(&usage, grown.hex, &o), 0);
	assert_int_equal(o->n, 1);
	assert_string_equal(o->uses[0].what, "executable");
	assert_int_equal(vault_usage_find(&usage, made.hex, &o), 0);
	assert_int_equal(o->n, 0);
	vault_usage_free(&usage);
}

static void an_object_is_found_by_its_start(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "one");
	char start[SHA256_HEX_LEN + 1];
	const struct vault_object *o = NULL;
	struct vault_usage usage = load(b);
	snprintf(start, sizeof(start), "%.1s", h.hex);
	assert_int_equal(vault_usage_find(&usage, start, &o), 0);
	assert_int_equal(vault_usage_find(&usage, "", &o), -ENOENT);
	assert_int_equal(vault_usage_find(&usage, "x", &o), -ENOENT);
	vault_usage_free(&usage);
	for (unsigned i = 0; i < 16; i++) { /* seventeen cannot all begin differently */
		char text[8];
		snprintf(text, sizeof(text), "%u", i);
		put(b, text);
	}
	usage = load(b);
	unsigned several = 0;
	for (unsigned i = 0; i < 16; i++) {
		snprintf(start, sizeof(start), "%x", i);
		several += vault_usage_find(&usage, start, &o) == -ENOTUNIQ;
	}
	assert_true(several > 0);
	vault_usage_free(&usage);
}

static void what_is_not_done_with_is_needed(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "kept");
	assert_needed(b, &h, false);
	begin(b);
	keeps(b, &h);
	assert_int_equal(journal_sync(b->journal), 0);
	assert_needed(b, &h, true); /* it did not end */
	end(b, NULL);
	assert_needed(b, &h, false);
	static const char *const pairs[][2] = {{"undo", "undo-end"}, {"reapply", "reapply-end"}};
	for (size_t i = 0; i < 2; i++) {
		goes_on(b, record_new(pairs[i][0], json_object()));
		assert_needed(b, &h, true);
		assert_int_equal(purge_now(b, 0), 0);
		assert_true(there(b, &h));
		goes_on(b, record_new(pairs[i][1], json_object()));
		assert_needed(b, &h, false);
	}
	assert_int_equal(purge_now(b, 0), 1);
	assert_false(there(b, &h));
}

static void a_deadline_ahead_keeps_its_object(void **state)
{
	struct bench *b = *state;
	struct sha256 confirm = put(b, "confirm"), ttl = put(b, "ttl");
	int64_t at = ((int64_t)time(NULL) + 3600) * 1000;
	begin(b);
	change(b, &keep, json_pack("{ss}", "before", confirm.hex), (struct deadlines){.confirm = at});
	end(b, NULL);
	assert_needed(b, &confirm, true);
	assert_int_equal(purge_now(b, 0), 1); /* the other one, which no run knows yet */
	assert_true(there(b, &confirm));
	goes_on(b, record_new("confirmed", json_object()));
	assert_needed(b, &confirm, false);

	ttl = put(b, "ttl");
	begin(b);
	/* One that has passed and was not heeded yet is ahead no less. */
	change(b, &keep, json_pack("{ss}", "before", ttl.hex), (struct deadlines){.ttl = 1000});
	end(b, NULL);
	assert_needed(b, &ttl, true);
	assert_int_equal(purge_now(b, 0), 1);
	assert_true(there(b, &ttl));
	goes_on(b, record_undo(1, UNDO_DONE, ""));
	assert_needed(b, &ttl, false);
	assert_int_equal(purge_now(b, 0), 1);
	assert_false(there(b, &ttl));
}

static void a_list_in_force_is_needed(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "list"), over = put(b, "list that is over");
	begin(b);
	change(b, &hold, json_pack("{ss}", "list", h.hex), (struct deadlines){0});
	change(b, &hold, json_pack("{ss sI}", "list", over.hex, "until", (json_int_t)1000), (struct deadlines){0});
	end(b, NULL);
	assert_needed(b, &h, true);
	assert_needed(b, &over, false);
	assert_int_equal(purge_now(b, 0), 1);
	assert_true(there(b, &h));
	goes_on(b, record_undo(1, UNDO_DONE, ""));
	assert_needed(b, &h, false);
}

static void what_a_change_needs_is_looked_at(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "image"), exe = put(b, "exe");
	_cleanup_strv_ struct strv names = {0};
	const char *when = NULL;
	begin(b);
	change(b, &keep, json_pack("{ss ss}", "before", h.hex, "exe-sha256", exe.hex), (struct deadlines){0});
	end(b, NULL);
	struct run *run = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(run_load(&b->state, b->run, parts.kinds, &run, &why), 0);
	const struct change *c = run->entries[0].change;
	assert_int_equal(change_kept(run, c, open_vault(b), &when), 0);
	assert_int_equal(vault_remove(b->host.vault, exe.hex), 0); /* evidence may be the hash alone */
	assert_int_equal(change_kept(run, c, open_vault(b), &when), 0);
	assert_int_equal(vault_remove(b->host.vault, h.hex), 0);
	assert_int_equal(change_kept(run, c, open_vault(b), &when), -ENOENT);
	char path[200];
	snprintf(path, sizeof(path), "%s/vault/%s", b->sub, h.hex);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write(fd, "forged", 6), 0);
	close(fd);
	assert_int_equal(change_kept(run, c, open_vault(b), &when), -EBADMSG);
	assert_null(when);
	assert_int_equal(vault_remove(b->host.vault, h.hex), 0);
	run_free(&run);
	assert_int_equal(strv_add(&names, h.hex), 0);
	goes_on(b, record_purged(&names, json_object()));
	assert_int_equal(run_load(&b->state, b->run, parts.kinds, &run, &why), 0);
	assert_int_equal(change_kept(run, run->entries[0].change, open_vault(b), &when), -ENODATA);
	assert_non_null(when);
	run_free(&run);
}

static void one_open_run_is_enough(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "shared");
	begin(b);
	keeps(b, &h);
	end(b, NULL);
	begin(b);
	keeps(b, &h);
	assert_int_equal(journal_sync(b->journal), 0);
	journal_close(&b->journal);
	assert_needed(b, &h, true);
	assert_int_equal(purge_now(b, 0), 0);
	assert_true(there(b, &h));
}

static void the_age_counts_from_the_last_that_was_done(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "old");
	int64_t now = time(NULL), hour = 3600;
	begin(b);
	keeps(b, &h);
	end(b, NULL);
	struct vault_usage usage = load(b);
	assert_false(purge_takes(&usage.v[0], now + hour - 60, hour * 1000));
	assert_true(purge_takes(&usage.v[0], now + hour + 60, hour * 1000));
	assert_false(purge_takes(&usage.v[0], now - 60, 0)); /* the clock was put back */
	vault_usage_free(&usage);

	/* Taken back two days later; another purge is nothing that was done. */
	char later[40];
	time_t at = time(NULL) + 48 * hour;
	strftime(later, sizeof(later), "%Y-%m-%dT%H:%M:%S.000+00:00", gmtime(&at));
	goes_on(b, record_new("undo", json_object()));
	goes_on(b, record_new("undo-end", json_pack("{si ss}", "status", 0, "time", later)));
	goes_on(b, record_new("purged", json_pack("{s[]}", "objects")));
	usage = load(b);
	assert_int_equal(vault_object_free_since(&usage.v[0]), at);
	vault_usage_free(&usage);
}

static struct run *load_run(struct bench *b)
{
	struct run *run = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(run_load(&b->state, b->run, parts.kinds, &run, &why), 0);
	return run;
}

static void the_journal_knows_before_the_object_goes(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "purged");
	_cleanup_strv_ struct strv pending = {0}, names = {0};
	begin(b);
	keeps(b, &h);
	end(b, NULL);
	/* Cut short behind the record. */
	assert_int_equal(strv_add(&names, h.hex), 0);
	goes_on(b, record_purged(&names, json_object()));
	struct run *run = load_run(b);
	assert_non_null(run_purged(run, h.hex));
	assert_null(change_purged(run, run->entries[0].change, open_vault(b)));
	assert_non_null(change_purged(run, run->entries[0].change, NULL));
	run_free(&run);
	assert_true(there(b, &h));
	assert_int_equal(purge_now(b, 0), 1);
	run = load_run(b);
	assert_non_null(change_purged(run, run->entries[0].change, open_vault(b)));
	assert_null(run_purged(run, "0000000000000000000000000000000000000000000000000000000000000000"));
	run_free(&run);
	assert_int_equal(state_pending(&b->state, &pending), 0);
	assert_int_equal(pending.n, 0);
}

static void the_record_is_sealed(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "sealed");
	char path[200];
	struct stat st;
	json_t *records = NULL;
	_cleanup_buf_ struct buf why = {0}, whole = {0};
	begin(b);
	keeps(b, &h);
	end(b, NULL);
	snprintf(path, sizeof(path), "%s/runs/%s/journal", b->sub, b->run);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(purge_now(b, 0), 1);
	assert_int_equal(journal_read(&b->state, b->run, &records, NULL, &why), 0);
	json_decref(records);
	assert_int_equal(truncate(path, st.st_size), 0);
	assert_int_equal(journal_read(&b->state, b->run, &records, NULL, &whole), -EBADMSG);
}

static void what_cannot_be_read_might_need_anything(void **state)
{
	struct bench *b = *state;
	struct sha256 h = put(b, "safe");
	char path[200];
	begin(b);
	end(b, NULL);
	snprintf(path, sizeof(path), "%s/runs/%s/journal", b->sub, b->run);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 10), 1);
	close(fd);
	assert_int_equal(purge_now(b, -EBADMSG), 0);
	assert_true(there(b, &h));
	struct vault_usage usage = load(b);
	assert_int_equal(usage.unreadable.n, 1);
	assert_int_equal(strncmp(usage.unreadable.v[0], b->run, strlen(b->run)), 0);
	vault_usage_free(&usage);
}

static void only_objects_are_taken(void **state)
{
	struct bench *b = *state;
	char path[200];
	static const char name[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	open_vault(b);
	snprintf(path, sizeof(path), "%s/vault/%s", b->sub, name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(purge_now(b, 0), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(purge_now(b, 0), 0);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/vault/notes", b->sub);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(purge_now(b, 0), 0);
	struct vault_usage usage = load(b);
	assert_int_equal(usage.strangers.n, 1);
	vault_usage_free(&usage);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_make, bench_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_back),
		TEST(every_hash_in_a_change_counts),
		TEST(an_object_is_found_by_its_start),
		TEST(what_is_not_done_with_is_needed),
		TEST(a_deadline_ahead_keeps_its_object),
		TEST(one_open_run_is_enough),
		TEST(a_list_in_force_is_needed),
		TEST(what_a_change_needs_is_looked_at),
		TEST(the_age_counts_from_the_last_that_was_done),
		TEST(the_journal_knows_before_the_object_goes),
		TEST(the_record_is_sealed),
		TEST(what_cannot_be_read_might_need_anything),
		TEST(only_objects_are_taken),
	};
	return cmocka_run_group_tests_name("purge", tests, NULL, NULL);
}
