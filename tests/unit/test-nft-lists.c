/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What goes wrong with net.block, and what is large.
 */
#include "net-stage.h"

#include "change/nft-layout.h"
#include "core/vault.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int put_peer(uint32_t generation, int type, struct buf *why)
{
	struct nft_batch batch;
	struct nft_element e = {.key = {203, 0, 113, 67}, .key_len = 4};
	nft_batch_begin(&batch, generation);
	assert_int_equal(nft_batch_element(&batch, type, &respond_table, "block4", &e, "by hand"), 0);
	int r = nft_batch_send(&batch, why);
	nft_batch_free(&batch);
	return r;
}

static void refused_transactions_change_nothing(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	struct plan *plan = blocked(&(struct wish){.address = {PEER}}, &f);
	_cleanup_free_ char *before = ruleset();
	_cleanup_buf_ struct buf why = {0}, stale = {0};
	uint32_t generation;
	assert_int_equal(nft_generation(&generation), 0);
	assert_int_equal(put_peer(generation, NFT_MSG_NEWSETELEM, &why), -EEXIST);
	assert_non_null(strstr(why.data, "the kernel refuses adding elements to set block4: File exists"));
	assert_int_equal(nft_generation(&generation), 0);
	assert_int_equal(put_peer(generation - 1, NFT_MSG_DELSETELEM, &stale), -ERESTART);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	assert_int_equal(put_peer(generation, NFT_MSG_DELSETELEM, &stale), 0);
	assert_int_equal(count_elements("block4"), 0);
	plan_free(&plan);
	fake_free(&f);
}

/* While somebody else changes the ruleset all the time, the change finds its moment. */
static void a_busy_ruleset_is_waited_out(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int failed = 0;
		for (int i = 0; !failed && i < 40; i++)
			failed = run((const char *const[]){"/usr/sbin/nft", i % 2 ? "delete" : "add", "table", "inet", "busy", NULL},
			             NULL);
		_exit(failed != 0);
	}
	for (int i = 0; i < 20; i++) {
		struct plan *plan = blocked(&(struct wish){.address = {PEER, "198.51.100.0/24"}}, &f);
		assert_int_equal(revert(plan_at(plan, 0), &f), 0);
		plan_free(&plan);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	_cleanup_free_ char *after = ruleset();
	assert_null(strstr(after, "respond"));
	fake_free(&f);
}

static void nothing_to_do(void **state)
{
	(void)state;
	struct plan *plan = planned(&(struct wish){.address = {NULL}});
	assert_int_equal(plan_count(plan), 0);
	assert_string_equal(plan_facts(plan, "count")->v[0], "0");
	plan_free(&plan);
}

static void write_file(const char *name, const char *text, char path[64])
{
	snprintf(path, 64, "file:%s/%s", stage_dir, name);
	FILE *file = fopen(path + 5, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void lists_from_files(void **state)
{
	(void)state;
	char path[64];
	write_file("good", "# C2\n" PEER " # first\n\n\t2001:db8:a::/48\r\n::ffff:192.0.2.1\n" PEER, path);
	struct plan *plan = planned(&(struct wish){.address = {path, "192.0.2.1"}});
	assert_string_equal(plan_facts(plan, "count")->v[0], "3");
	assert_string_equal(plan_facts(plan, "address")->v[0], path);
	plan_free(&plan);
	write_file("bad", "192.0.2.1\nlocal\033host\n10.0.0.1/8\n", path);
	assert_int_equal(plan_wish(&(struct wish){.address = {path}}, &plan), -EINVAL);
	_cleanup_buf_ struct buf wanted = {0};
	buf_printf(&wanted, "%s:2: 'local\\x1bhost' is not an address; %s:3: '10.0.0.1/8' has bits set behind its prefix",
	           path + 5, path + 5);
	assert_string_equal(plan_failure(plan), wanted.data);
	plan_free(&plan);
	snprintf(path, sizeof(path), "file:%s/none", stage_dir);
	assert_int_equal(plan_wish(&(struct wish){.address = {path}}, &plan), -ENOENT);
	plan_free(&plan);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* RESPOND_NFT_HOSTS: how many, to measure with. */
static void long_lists(void **state)
{
	(void)state;
	const char *wanted = getenv("RESPOND_NFT_HOSTS");
	unsigned n = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 100000;
	_cleanup_buf_ struct buf text = {0};
	char path[64];
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, "20.%u.%u.%u\n", i >> 16 & 255, i >> 8 & 255, i & 255);
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&text, "30.%u.%u.0/24\n", i >> 8, i & 255);
	write_file("long", text.data, path);
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	const struct wish w = {.address = {path}, .ttl = "24h", .lasting = true};
	double t0 = seconds();
	struct plan *plan = planned(&w);
	double t1 = seconds();
	struct change *c = plan_at(plan, 0);
	put_blobs(c);
	assert_int_equal(c->kind->apply(&host, c, &f.effect), 0);
	double t2 = seconds();
	assert_int_equal(state_of(c), CHANGE_AFTER);
	double t3 = seconds();
	if (!wanted) {
		assert_int_equal(count_elements("block4"), n);
		assert_int_equal(count_elements("block4-net"), 2000);
	}
	assert_int_equal(json_array_size(json_object_get(c->data, "addresses")), 10);
	_cleanup_buf_ struct buf detail = {0};
	assert_int_equal(c->kind->detail(c, &detail), 0);
	assert_non_null(strstr(detail.data, wanted ? "more\n" : "and 100990 more\n"));
	double t4 = seconds();
	struct plan *again = planned(&w);
	double t5 = seconds();
	assert_int_equal(pending(again), 0);
	assert_int_equal(revert(c, &f), 0);
	double t6 = seconds();
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	print_message("# %u hosts: plan %.2f s, apply %.2f s, probe %.2f s, plan again %.2f s, revert %.2f s\n", n, t1 - t0,
	              t2 - t1, t3 - t2, t5 - t4, t6 - t5);
	plan_free(&plan);
	plan_free(&again);
	fake_free(&f);
}

static void blind_without_privilege(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct plan *plan = NULL;
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		int r = plan_wish(&(struct wish){.address = {PEER}}, &plan);
		_exit(r == 0 && plan_count(plan) == 1 && host.blind.n == 1 &&
		                      strstr(host.blind.v[0], "cannot read the nftables ruleset")
		              ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	alarm(900); /* whatever goes wrong, it ends */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refused_transactions_change_nothing, new_namespace),
		cmocka_unit_test_setup(a_busy_ruleset_is_waited_out, new_namespace),
		cmocka_unit_test_setup(nothing_to_do, new_namespace),
		cmocka_unit_test_setup(lists_from_files, new_namespace),
		cmocka_unit_test_setup(long_lists, new_namespace),
		cmocka_unit_test_setup(blind_without_privilege, new_namespace),
	};
	return cmocka_run_group_tests_name("nft-lists", tests, stage_up, stage_down);
}
