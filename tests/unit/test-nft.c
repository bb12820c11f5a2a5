/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table that net.block keeps: what is in force, for how long, for whom, and the way back.
 */
#include "net-stage.h"

#include "change/nft-ranges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOREIGN \
	"table inet fw {\n" \
	"	set known { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }\n" \
	"	chain input { type filter hook input priority 0; policy accept;\n" \
	"		ct state established,related accept\n" \
	"		ip saddr " PEER " accept\n" \
	"	}\n" \
	"}\n" \
	"table ip nat { chain post { type nat hook postrouting priority 100; }; }\n"

static void ruleset_is_as_before(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	nft(FOREIGN);
	_cleanup_free_ char *before = ruleset(), *foreign = table("fw");
	const struct wish w = {.address = {PEER, "198.51.100.0/24", PEER6, "2001:db8:b::/48"}, .ttl = "24h"};
	struct plan *plan = planned(&w);
	_cleanup_free_ char *planned_only = ruleset();
	assert_string_equal(planned_only, before);
	assert_int_equal(plan_count(plan), 1);
	_cleanup_buf_ struct buf text = {0};
	assert_int_equal(plan_at(plan, 0)->kind->describe(plan_at(plan, 0), &text), 0);
	assert_string_equal(text.data, "block 4 addresses: 198.51.100.0/24, " PEER ", 2001:db8:a::67, ... (in, out, forward) for 24h");
	apply_all(plan, &f);
	_cleanup_free_ char *foreign_after = table("fw"), *ours = table("respond");
	assert_string_equal(foreign_after, foreign);
	assert_non_null(strstr(ours, "comment \"made by respond(8)\""));
	assert_non_null(strstr(ours, "ip saddr @block4 counter packets 0 bytes 0 drop comment \"from block4\""));
	assert_non_null(strstr(ours, "ip6 daddr @block6-net counter packets 0 bytes 0 drop"));
	assert_true(strstr(ours, PEER " timeout 1d expires 23h59m") || strstr(ours, PEER " timeout 1d expires 1d"));
	assert_non_null(strstr(ours, "comment \"run run-a\""));
	assert_non_null(strstr(ours, "hook forward priority raw - 10; policy accept;"));
	struct plan *again = planned(&w);
	assert_int_equal(plan_count(again), 1);
	assert_int_equal(pending(again), 0);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_int_equal(state_of(plan_at(plan, 0)), CHANGE_BEFORE);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&plan);
	plan_free(&again);
	fake_free(&f);
}

/* An undo that ended between its two transactions has left all but the elements. */
static void an_empty_skeleton_goes(void **state)
{
	(void)state;
	struct fake a, b;
	fake_init(&a, "run-a");
	fake_init(&b, "run-b");
	_cleanup_free_ char *before = ruleset();
	const struct wish w = {.address = {PEER}}, other = {.address = {"198.51.100.1"}};
	struct plan *p = blocked(&w, &a);
	struct change *c = plan_at(p, 0);
	assert_int_equal(c->kind->settle(&host, c, &a.effect), 0); /* in force: it stays */
	assert_int_equal(state_of(c), CHANGE_AFTER);
	nft("delete element inet respond block4 { " PEER " }\n");
	assert_int_equal(state_of(c), CHANGE_BEFORE);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(c->kind->settle(&host, c, &a.effect), 0);
		_cleanup_free_ char *after = ruleset();
		assert_string_equal(after, before);
	}
	/* What another run has put there is no empty one. */
	struct plan *q = blocked(&other, &b);
	assert_int_equal(c->kind->settle(&host, c, &a.effect), 0);
	assert_int_equal(state_of(plan_at(q, 0)), CHANGE_AFTER);
	assert_int_equal(state_of(c), CHANGE_BEFORE);
	plan_free(&p);
	plan_free(&q);
	fake_free(&a);
	fake_free(&b);
}

static void two_runs_hold_one_address(void **state)
{
	(void)state;
	struct fake a, b;
	fake_init(&a, "run-a");
	fake_init(&b, "run-b");
	_cleanup_free_ char *before = ruleset();
	const struct wish wa = {.address = {PEER, "192.0.2.7"}}, wb = {.address = {PEER, "198.51.100.1"}};
	struct plan *pa = blocked(&wa, &a), *pb = blocked(&wb, &b);
	assert_int_equal(plan_count(pb), 2);
	assert_true(plan_at(pb, 0)->held);
	hold(&a, "run-b", plan_at(pb, 0));
	hold(&a, "run-b", plan_at(pb, 1));
	assert_int_equal(revert(plan_at(pa, 0), &a), 0);
	assert_string_equal(buf_text(&a.effect.note), "1 of 2 kept: run run-b holds them too");
	_cleanup_free_ char *kept = table("respond");
	assert_non_null(strstr(kept, PEER " comment"));
	assert_null(strstr(kept, "192.0.2.7"));
	assert_int_equal(state_of(plan_at(pb, 0)), CHANGE_AFTER);
	/* The one that only held it takes it away, once it is the last. */
	assert_int_equal(revert(plan_at(pb, 1), &b), 0);
	assert_int_equal(revert(plan_at(pb, 0), &b), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&pa);
	plan_free(&pb);
	fake_free(&a);
	fake_free(&b);
}

/* What is kept for another run ends when that one wanted it to end. */
static void kept_ends_when_the_other_run_wants(void **state)
{
	(void)state;
	struct fake brief, lasting;
	fake_init(&brief, "run-brief");
	fake_init(&lasting, "run-lasting");
	const struct wish w = {.address = {PEER, "198.51.100.0/24", PEER6, "2001:db8:b::/48"}};
	struct wish timed = w;
	timed.ttl = "1h";
	struct plan *pb = blocked(&timed, &brief), *pl = blocked(&w, &lasting);
	_cleanup_free_ char *for_ever = table("respond");
	assert_null(strstr(for_ever, "expires"));
	hold(&lasting, "run-brief", plan_at(pb, 0));
	for (int again = 0; again < 2; again++) { /* twice is the same */
		assert_int_equal(revert(plan_at(pl, 0), &lasting), -EBUSY);
		assert_int_equal(strstr(buf_text(&lasting.effect.note), "4 of 4 shortened") != NULL, !again);
		_cleanup_free_ char *kept = table("respond");
		size_t n = 0;
		for (const char *p = kept; (p = strstr(p, "expires ")); p++)
			n++;
		assert_int_equal(n, 6); /* each prefix also as the range that it stands for */
		assert_true(strstr(kept, "expires 59m") || strstr(kept, "expires 1h"));
		assert_non_null(strstr(kept, "comment \"run run-brief\""));
		assert_null(strstr(kept, "run-lasting"));
		assert_int_equal(state_of(plan_at(pb, 0)), CHANGE_AFTER);
	}
	plan_free(&pb);
	plan_free(&pl);
	fake_free(&brief);
	fake_free(&lasting);
}

static void all_kept_is_busy(void **state)
{
	(void)state;
	struct fake a;
	fake_init(&a, "run-a");
	struct plan *pa = blocked(&(struct wish){.address = {PEER}}, &a);
	_cleanup_free_ char *before = ruleset();
	hold(&a, "run-b", plan_at(pa, 0));
	assert_int_equal(revert(plan_at(pa, 0), &a), -EBUSY);
	assert_string_equal(buf_text(&a.effect.note), "kept: run run-b holds it too");
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&pa);
	fake_free(&a);
}

/* The prefix's ten minutes. */
static void prefix_runs_out(void)
{
	time_runs_out("block4-net", "198.51.100.0/24", "10m");
	time_runs_out("block4-asked", "198.51.100.0 . 0x18", "10m");
}

static void time_runs_out_and_is_renewed(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	const struct wish brief = {.address = {PEER, "198.51.100.0/24"}, .ttl = "10m"};
	struct plan *plan = blocked(&brief, &f);
	struct plan *longer = planned(&(struct wish){.address = {PEER}, .ttl = "1h"});
	assert_int_equal(pending(longer), 1);
	apply_all(longer, &f);
	assert_string_equal(buf_text(&f.effect.note), "1 of 1 renewed");
	struct plan *shorter = planned(&(struct wish){.address = {PEER}, .ttl = "30m"});
	assert_int_equal(pending(shorter), 0);
	struct plan *forever = planned(&(struct wish){.address = {PEER}});
	assert_int_equal(pending(forever), 1);
	prefix_runs_out();
	_cleanup_free_ char *now = table("respond");
	assert_non_null(strstr(now, PEER " timeout 1h"));
	assert_null(strstr(now, "198.51.100.0"));
	struct plan *anew = planned(&brief);
	assert_int_equal(pending(anew), 1);
	apply_all(anew, &f);
	prefix_runs_out();
	hold(&f, "run-b", plan_at(longer, 0));
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_string_equal(buf_text(&f.effect.note), "1 of 2 kept: run run-b holds them too; 1 of 2 no longer blocked");
	strv_free(&f.held);
	/* Whose time has run out by the clock holds nothing. */
	assert_int_equal(json_object_set_new(plan_at(shorter, 0)->data, "until", json_integer(1000000000)), 0);
	hold(&f, "run-c", plan_at(shorter, 0));
	assert_int_equal(f.held.n, 0);
	assert_int_equal(revert(plan_at(longer, 0), &f), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&plan);
	plan_free(&longer);
	plan_free(&shorter);
	plan_free(&forever);
	plan_free(&anew);
	fake_free(&f);
}

static void prefixes_overlap(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	struct plan *narrow = blocked(&(struct wish){.address = {"198.51.100.0/26", "2001:db8:b:1::/64"}, .ttl = "1h"}, &f);
	_cleanup_free_ char *with_narrow = table("respond");
	assert_non_null(strstr(with_narrow, "198.51.100.0/26 timeout 1h"));
	struct plan *wide = blocked(&(struct wish){.address = {"198.51.100.0/24", "2001:db8:b::/48"}}, &f);
	_cleanup_free_ char *with_wide = table("respond");
	assert_non_null(strstr(with_wide, "198.51.100.0/24 comment"));
	assert_non_null(strstr(with_wide, "2001:db8:b::/48 comment"));
	assert_null(strstr(with_wide, "198.51.100.0/26 "));
	/* A narrower one that ends sooner adds nothing that is in force, but it is remembered. */
	struct plan *inner = blocked(&(struct wish){.address = {"198.51.100.128/25"}, .ttl = "2h"}, &f);
	assert_int_equal(revert(plan_at(wide, 0), &f), 0);
	_cleanup_free_ char *without_wide = table("respond");
	assert_non_null(strstr(without_wide, "198.51.100.0/26 timeout "));
	assert_non_null(strstr(without_wide, "198.51.100.128/25 timeout "));
	assert_non_null(strstr(without_wide, "2001:db8:b:1::/64 timeout "));
	assert_int_equal(revert(plan_at(narrow, 0), &f), 0);
	assert_int_equal(revert(plan_at(inner, 0), &f), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&narrow);
	plan_free(&wide);
	plan_free(&inner);
	fake_free(&f);
}

static void prefixes_at_the_edges(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	const struct wish w = {.address = {"0.0.0.0/8", "255.0.0.0/8", "10.0.0.0/25", "10.0.0.128/25", "::/16", "ffff::/16",
	                                   "10.0.1.0/24"}};
	struct plan *plan = blocked(&w, &f);
	struct plan *again = planned(&w);
	assert_int_equal(pending(again), 0);
	_cleanup_free_ char *now = table("respond");
	assert_non_null(strstr(now, "255.0.0.0/8 comment"));
	assert_non_null(strstr(now, "10.0.0.128/25 comment"));
	struct plan *split = blocked(&(struct wish){.address = {"10.0.0.0/16"}, .ttl = "1h"}, &f);
	_cleanup_free_ char *with_split = table("respond");
	assert_non_null(strstr(with_split, "10.0.2.0-10.0.255.255 timeout 1h"));
	assert_int_equal(revert(plan_at(split, 0), &f), 0);
	_cleanup_free_ char *without = table("respond");
	assert_null(strstr(without, "10.0.2.0"));
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&plan);
	plan_free(&again);
	plan_free(&split);
	fake_free(&f);
}

static void groups_come_and_go_alone(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	struct plan *all = blocked(&(struct wish){.address = {PEER}}, &f);
	_cleanup_free_ char *before = ruleset();
	struct plan *ports = blocked(&(struct wish){.address = {PEER, "198.51.100.0/24"}, .direction = {"in", "forward"}, .port = {"22", "80"}}, &f);
	assert_int_equal(plan_count(ports), 2);
	_cleanup_free_ char *now = table("respond");
	assert_non_null(strstr(now, "tcp dport 22 ip saddr @block4-in-forward-p22 "));
	assert_non_null(strstr(now, "udp dport 80 ip6 daddr @block6-in-forward-p80-net "));
	_cleanup_buf_ struct buf text = {0};
	plan_at(ports, 1)->kind->describe(plan_at(ports, 1), &text);
	assert_string_equal(text.data, "block 2 addresses: 198.51.100.0/24, " PEER " (in, forward; port 80)");
	assert_int_equal(revert(plan_at(ports, 1), &f), 0);
	assert_int_equal(revert(plan_at(ports, 0), &f), 0);
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&all);
	plan_free(&ports);
	fake_free(&f);
}

static void others_interfere(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	const struct wish w = {.address = {PEER, "198.51.100.0/24"}};
	struct plan *plan = blocked(&w, &f);
	nft("flush table inet respond\n"); /* the elements stay, without effect */
	assert_int_equal(state_of(plan_at(plan, 0)), CHANGE_DRIFTED);
	struct plan *again = planned(&w);
	assert_int_equal(pending(again), 1);
	struct change *c = plan_at(again, 0);
	assert_int_equal(c->kind->apply(&host, c, &f.effect), 0);
	assert_int_equal(state_of(c), CHANGE_AFTER);
	nft("flush set inet respond block4-net\n"); /* the prefix is asked for, but not in force */
	struct plan *third = planned(&w);
	assert_int_equal(pending(third), 1);
	c = plan_at(third, pending(third) == plan_count(third) ? 0 : 1);
	assert_int_equal(c->kind->apply(&host, c, &f.effect), 0);
	nft("flush ruleset\n");
	assert_int_equal(state_of(plan_at(plan, 0)), CHANGE_BEFORE);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_string_equal(buf_text(&f.effect.note), "2 of 2 no longer blocked");
	plan_free(&plan);
	plan_free(&again);
	plan_free(&third);
	fake_free(&f);
}

static void what_others_put_in_stays(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	struct plan *plan = blocked(&(struct wish){.address = {PEER}}, &f);
	nft("add chain inet respond theirs\nadd rule inet respond theirs counter\n");
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	_cleanup_free_ char *left = table("respond");
	assert_non_null(strstr(left, "chain theirs"));
	assert_null(strstr(left, "block4"));
	plan_free(&plan);
	nft("delete table inet respond\nadd table inet respond\n");
	_cleanup_free_ char *before = ruleset();
	assert_int_equal(plan_wish(&(struct wish){.address = {PEER}}, &plan), -EEXIST);
	assert_non_null(strstr(plan_failure(plan), "did not make"));
	_cleanup_free_ char *after = ruleset();
	assert_string_equal(after, before);
	plan_free(&plan);
	fake_free(&f);
}

/* Ranges against counting on fingers: all prefixes of a small network. */
static void ranges_match_counting(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct asked asked[6];
		int64_t best[64] = {0};
		size_t n = 0;
		for (unsigned len = 26; len <= 31; len++) { /* in order: wider first, at one address */
			struct asked a = {.net = {.family = AF_INET, .prefix = len, .bytes = {10, 0, 0, 0}}};
			unsigned size = 1u << (32 - len), first = (unsigned)rand() % (64 / size) * size;
			a.net.bytes[3] = (uint8_t)first;
			a.left_ms = rand() % 4 ? (1 + rand() % 3) * 100000 : LEFT_FOREVER;
			for (unsigned i = first; i < first + size; i++)
				best[i] = a.left_ms > best[i] ? a.left_ms : best[i];
			size_t at = n++;
			for (; at && netaddr_cmp(&asked[at - 1].net, &a.net) > 0; at--)
				asked[at] = asked[at - 1];
			asked[at] = a;
		}
		struct ranges ranges = {0};
		assert_int_equal(ranges_make(asked, n, &ranges), 0);
		int64_t made[64] = {0};
		for (size_t i = 0; i < ranges.n; i++)
			for (unsigned k = ranges.v[i].first[3]; k <= ranges.v[i].last[3]; k++) {
				assert_int_equal(made[k], 0); /* no overlap */
				made[k] = ranges.v[i].left_ms;
			}
		assert_memory_equal(made, best, sizeof(best));
		for (size_t i = 0; i < n; i++)
			assert_true(ranges_cover(&ranges, &asked[i].net, asked[i].left_ms));
		ranges_free(&ranges);
	}
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	alarm(600); /* whatever goes wrong, it ends */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_match_counting),
		cmocka_unit_test_setup(ruleset_is_as_before, new_namespace),
		cmocka_unit_test_setup(an_empty_skeleton_goes, new_namespace),
		cmocka_unit_test_setup(two_runs_hold_one_address, new_namespace),
		cmocka_unit_test_setup(kept_ends_when_the_other_run_wants, new_namespace),
		cmocka_unit_test_setup(all_kept_is_busy, new_namespace),
		cmocka_unit_test_setup(time_runs_out_and_is_renewed, new_namespace),
		cmocka_unit_test_setup(prefixes_overlap, new_namespace),
		cmocka_unit_test_setup(prefixes_at_the_edges, new_namespace),
		cmocka_unit_test_setup(groups_come_and_go_alone, new_namespace),
		cmocka_unit_test_setup(others_interfere, new_namespace),
		cmocka_unit_test_setup(what_others_put_in_stays, new_namespace),
	};
	return cmocka_run_group_tests_name("nft", tests, stage_up, stage_down);
}
