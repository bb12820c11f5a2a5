/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * net.block from arguments to packets. Every test has network namespaces of its own.
 */
#include "base/buf.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "change/nft-elements.h"
#include "change/nft-ranges.h"
#include "change/socket-destroy.h"
#include "core/action.h"
#include "core/vault.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PEER "203.0.113.67"
#define PEER6 "2001:db8:a::67"
#define US_MAC "02:00:00:00:00:01"
#define THEIR_MAC "02:00:00:00:00:02"

extern const struct action net_block;

static struct host host = {.root = -1, .proc = -1};
static char dir[] = "/tmp/respond-nft-XXXXXX";

static int run(const char *const argv[], struct buf *out)
{
	_cleanup_buf_ struct buf err = {0};
	int status = -1;
	int r = spawn_read(argv, 30000, out, &err, &status);
	if (r < 0 || status)
		print_message("%s %s: %d %d %s\n", argv[0], argv[1], r, status, buf_text(&err));
	return r < 0 ? r : status;
}

#define RUN(...) assert_int_equal(run((const char *const[]){__VA_ARGS__, NULL}, NULL), 0)
#define IP(...) RUN("/sbin/ip", __VA_ARGS__)

static void nft(const char *commands)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_close_ int fd = -1;
	char path[64];
	buf_puts(&text, commands);
	assert_int_equal(memory_file("nft", &text, &fd, path), 0);
	RUN("/usr/sbin/nft", "-f", path);
}

static char *ruleset(void)
{
	struct buf out = {0};
	assert_int_equal(run((const char *const[]){"/usr/sbin/nft", "-j", "list", "ruleset", NULL}, &out), 0);
	return buf_steal(&out);
}

static char *table(const char *name)
{
	struct buf out = {0};
	assert_int_equal(run((const char *const[]){"/usr/sbin/nft", "list", "table", "inet", name, NULL}, &out), 0);
	return buf_steal(&out);
}

/* What the engine's effect is to a change: a run, and what other runs hold. */
struct fake {
	struct effect effect;
	const char *other;   /* the id of another run, */
	struct strv held;    /* and the keys that it holds */
};

static const char *held_by(struct effect *effect, const char *key)
{
	struct fake *f = (struct fake *)effect;
	return strv_has(&f->held, key) ? f->other : NULL;
}

static void fake_init(struct fake *f, const char *id)
{
	*f = (struct fake){.effect = {.run = id, .held_by = held_by}};
}

static void fake_free(struct fake *f)
{
	buf_free(&f->effect.note);
	strv_free(&f->held);
}

static int add_key(void *ctx, const char *key)
{
	return strv_add(ctx, key);
}

static void hold(struct fake *f, const char *other, const struct change *c)
{
	f->other = other;
	assert_int_equal(c->kind->keys(&host, c, add_key, &f->held), 0);
}

static void set_list(struct args *args, const char *name, enum type type, const char *const *items)
{
	struct value v = {.type = type, .list = true};
	_cleanup_buf_ struct buf why = {0};
	for (; *items; items++)
		assert_int_equal(type_check(type, "in|out|forward", *items, &v.items, &why), 0);
	assert_int_equal(args_set(args, name, &v), 0);
	value_free(&v);
}

struct wish {
	const char *address[12], *direction[4], *port[4];
	const char *ttl;
	bool lasting; /* established = no */
};

static int plan_wish(const struct wish *w, struct plan **ret)
{
	struct args *args = NULL;
	assert_int_equal(args_new(&args), 0);
	set_list(args, "address", TYPE_ADDRESS, w->address);
	set_list(args, "direction", TYPE_CHOICE,
	         w->direction[0] ? w->direction : (const char *const[]){"in", "out", "forward", NULL});
	if (w->port[0])
		set_list(args, "port", TYPE_PORT, w->port);
	if (w->ttl)
		set_list(args, "ttl", TYPE_DURATION, (const char *const[]){w->ttl, NULL});
	set_list(args, "established", TYPE_YES_NO, (const char *const[]){w->lasting ? "no" : "yes", NULL});
	assert_int_equal(plan_new(ret), 0);
	assert_int_equal(plan_begin_step(*ret, "c2"), 0);
	int r = net_block.plan(&host, args, *ret);
	args_free(&args);
	return r;
}

static struct plan *planned(const struct wish *w)
{
	struct plan *plan = NULL;
	int r = plan_wish(w, &plan);
	if (r)
		print_message("plan: %d %s\n", r, plan_failure(plan));
	assert_int_equal(r, 0);
	return plan;
}

static size_t pending(const struct plan *plan)
{
	size_t n = 0;
	for (size_t i = 0; i < plan_count(plan); i++)
		n += !plan_at(plan, i)->held;
	return n;
}

static enum change_state state_of(const struct change *c)
{
	enum change_state state = CHANGE_DRIFTED;
	assert_int_equal(c->kind->probe(&host, c, &state), 0);
	return state;
}

static void put_blobs(const struct change *c)
{
	for (size_t i = 0; i < c->n_blobs; i++)
		assert_int_equal(vault_put(host.vault, &c->blobs[i].bytes, &(struct sha256){0}), 0);
}

static void apply_all(struct plan *plan, struct fake *f)
{
	for (size_t i = 0; i < plan_count(plan); i++) {
		struct change *c = plan_at(plan, i);
		put_blobs(c);
		if (c->held)
			continue;
		assert_int_equal(state_of(c), CHANGE_BEFORE);
		int r = c->kind->apply(&host, c, &f->effect);
		if (r)
			print_message("apply: %d %s\n", r, buf_text(&f->effect.note));
		assert_int_equal(r, 0);
		assert_int_equal(state_of(c), CHANGE_AFTER);
	}
}

/* As the journal would give it back: nothing but target, data and vault. */
static struct change *decoded(const struct change *c)
{
	struct change *copy = NULL;
	assert_int_equal(change_new(c->kind, c->step, c->target, json_deep_copy(c->data), &copy), 0);
	copy->held = c->held;
	return copy;
}

static int revert(const struct change *c, struct fake *f)
{
	struct change *copy = decoded(c);
	buf_reset(&f->effect.note);
	int r = c->kind->revert(&host, copy, &f->effect);
	if (r && r != -EBUSY)
		print_message("revert: %d %s\n", r, buf_text(&f->effect.note));
	change_free(&copy);
	return r;
}

static struct plan *blocked(const struct wish *w, struct fake *f)
{
	struct plan *plan = planned(w);
	apply_all(plan, f);
	return plan;
}

static int new_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) < 0 ? -1 : run((const char *const[]){"/sbin/ip", "link", "set", "lo", "up", NULL}, NULL);
}

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
	assert_non_null(strstr(ours, PEER " timeout 1d expires 23h59m"));
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

static void nap(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

static void time_runs_out_and_is_renewed(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, "run-a");
	_cleanup_free_ char *before = ruleset();
	const struct wish brief = {.address = {PEER, "198.51.100.0/24"}, .ttl = "1s"};
	struct plan *plan = blocked(&brief, &f);
	struct plan *longer = planned(&(struct wish){.address = {PEER}, .ttl = "1h"});
	assert_int_equal(pending(longer), 1);
	apply_all(longer, &f);
	assert_string_equal(buf_text(&f.effect.note), "1 of 1 renewed");
	struct plan *shorter = planned(&(struct wish){.address = {PEER}, .ttl = "30m"});
	assert_int_equal(pending(shorter), 0);
	struct plan *forever = planned(&(struct wish){.address = {PEER}});
	assert_int_equal(pending(forever), 1);
	nap(1500);
	_cleanup_free_ char *now = table("respond");
	assert_non_null(strstr(now, PEER " timeout 1h"));
	assert_null(strstr(now, "198.51.100.0"));
	struct plan *anew = planned(&brief);
	assert_int_equal(pending(anew), 1);
	apply_all(anew, &f);
	nap(1500);
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

static size_t count_elements(const char *set)
{
	struct nft_elements all = {0};
	assert_int_equal(nft_elements(&respond_table, set, 0, &all), 0);
	size_t n = all.n;
	nft_elements_free(&all);
	return n;
}

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
	snprintf(path, 64, "file:%s/%s", dir, name);
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
	snprintf(path, sizeof(path), "file:%s/none", dir);
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

/* Traffic: the attacker 203.0.113.67 and an inner host 192.0.2.9, with us between them. */
struct net {
	int attacker, us, inner;
};

static void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static void set_sysctl(const char *path, const char *value)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, value, strlen(value)), 0);
}

static int ns_new(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	IP("link", "set", "lo", "up");
	set_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "0"); /* addresses count at once */
	set_sysctl("/proc/sys/net/ipv6/conf/default/dad_transmits", "0");
	return fd;
}

static void link_up(int us, int other, const char *name, const char *v4, const char *v6, const char *other4,
                    const char *other6)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), other);
	enter(us);
	IP("link", "add", name, "address", US_MAC, "type", "veth", "peer", "name", "eth", "address", THEIR_MAC, "netns",
	   path);
	IP("addr", "add", v4, "dev", name);
	IP("-6", "addr", "add", v6, "dev", name, "nodad");
	IP("link", "set", name, "up");
	enter(other);
	IP("addr", "add", other4, "dev", "eth");
	IP("-6", "addr", "add", other6, "dev", "eth", "nodad");
	IP("link", "set", "eth", "up");
}

static void route_via(int ns, const char *v4, const char *v6)
{
	enter(ns);
	IP("route", "add", "default", "via", v4);
	IP("-6", "route", "add", "default", "via", v6);
}

static void net_up(struct net *net)
{
	net->attacker = ns_new();
	net->inner = ns_new();
	net->us = ns_new();
	link_up(net->us, net->attacker, "out", "203.0.113.1/24", "2001:db8:a::1/64", PEER "/24", PEER6 "/64");
	link_up(net->us, net->inner, "in", "192.0.2.1/24", "2001:db8:c::1/64", "192.0.2.9/24", "2001:db8:c::9/64");
	route_via(net->attacker, "203.0.113.1", "2001:db8:a::1");
	route_via(net->inner, "192.0.2.1", "2001:db8:c::1");
	/* A neighbour that is blocked is not told our address by neighbour discovery either: here that is known. */
	enter(net->attacker);
	IP("-6", "neigh", "add", "2001:db8:a::1", "lladdr", US_MAC, "dev", "eth", "nud", "permanent");
	enter(net->us);
	IP("-6", "neigh", "add", PEER6, "lladdr", THEIR_MAC, "dev", "out", "nud", "permanent");
	set_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	set_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	nft("table inet fw { chain input { type filter hook input priority 0; policy accept; ct state established accept; };\n"
	    " chain forward { type filter hook forward priority 0; policy accept; ct state established accept; }; }\n");
}

static void net_down(struct net *net)
{
	close(net->attacker);
	close(net->us);
	close(net->inner);
}

static socklen_t fill(const char *address, uint16_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){0};
	if (strchr(address, ':')) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		return sizeof(*in6);
	}
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
	return sizeof(*in);
}

static int listen_on(int ns, const char *address, uint16_t port)
{
	struct sockaddr_storage a;
	enter(ns);
	socklen_t len = fill(address, port, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

static int connect_within(int ns, const char *address, uint16_t port, int ms)
{
	struct sockaddr_storage a;
	enter(ns);
	socklen_t len = fill(address, port, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
	socklen_t error_len = sizeof(error);
	connect(fd, (struct sockaddr *)&a, len);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	bool done = poll(&p, 1, ms) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 && !error;
	if (done)
		return fd;
	close(fd);
	return -1;
}

static int connect_from(int ns, const char *address, uint16_t port)
{
	return connect_within(ns, address, port, 3000);
}

/* Silence for a moment is enough to call it blocked; what is open has time to answer. */
static bool can_connect(int ns, const char *address, uint16_t port, bool expected)
{
	int fd = connect_within(ns, address, port, expected ? 3000 : 150);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static const struct {
	const char *direction, *peer, *v4, *v6; /* peer: who connects, to whom */
} ways[] = {
	{"in", "attacker", "203.0.113.1", "2001:db8:a::1"},
	{"out", "us", PEER, PEER6},
	{"forward", "attacker", "192.0.2.9", "2001:db8:c::9"},
	{"forward", "inner", PEER, PEER6},
};

static int ns_of(const struct net *net, const char *who)
{
	return strcmp(who, "us") == 0 ? net->us : strcmp(who, "inner") == 0 ? net->inner : net->attacker;
}

static void check_ways(const struct net *net, const char *blocked_direction, uint16_t port)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		/* A block of what comes in also ends the answers to what goes out, and the reverse. */
		bool forward = strcmp(ways[i].direction, "forward") == 0;
		bool is_blocked = blocked_direction && (strcmp(blocked_direction, "all") == 0 ||
		                                     forward == (strcmp(blocked_direction, "forward") == 0));
		int ns = ns_of(net, ways[i].peer);
		bool v4 = can_connect(ns, ways[i].v4, port, !is_blocked), v6 = can_connect(ns, ways[i].v6, port, !is_blocked);
		if (v4 == is_blocked || v6 == is_blocked)
			print_message("%s blocked: %s to %s: %d, to %s: %d\n", blocked_direction ? blocked_direction : "nothing",
			              ways[i].peer, ways[i].v4, v4, ways[i].v6, v6);
		assert_int_equal(v4, !is_blocked);
		assert_int_equal(v6, !is_blocked);
	}
}

static void packets_are_dropped(void **state)
{
	(void)state;
	static const char *const directions[] = {"in", "out", "forward", "all"};
	static const char *const targets[][2] = {{PEER, PEER6}, {"203.0.113.64/26", "2001:db8:a::40/122"}};
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int a = listen_on(net.attacker, "::", 3333), b = listen_on(net.us, "::", 3333), c = listen_on(net.inner, "::", 3333);
	check_ways(&net, NULL, 3333);
	for (size_t d = 0; d < 4; d++)
		for (size_t t = 0; t < 2; t++) {
			struct wish w = {.address = {targets[t][0], targets[t][1]}};
			if (d < 3)
				w.direction[0] = directions[d];
			enter(net.us);
			struct plan *plan = blocked(&w, &f);
			check_ways(&net, directions[d], 3333);
			enter(net.us);
			assert_int_equal(revert(plan_at(plan, 0), &f), 0);
			plan_free(&plan);
		}
	check_ways(&net, NULL, 3333);
	close(a);
	close(b);
	close(c);
	net_down(&net);
	fake_free(&f);
}

static void one_port_is_dropped(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int fds[] = {listen_on(net.us, "::", 22), listen_on(net.us, "::", 80), listen_on(net.attacker, "::", 22),
	             listen_on(net.attacker, "::", 80), listen_on(net.inner, "::", 22)};
	enter(net.us);
	struct plan *plan = blocked(&(struct wish){.address = {PEER, PEER6}, .direction = {"in", "forward"}, .port = {"22"}}, &f);
	assert_false(can_connect(net.attacker, "203.0.113.1", 22, false));
	assert_false(can_connect(net.attacker, "2001:db8:a::1", 22, false));
	assert_false(can_connect(net.attacker, "192.0.2.9", 22, false));
	assert_false(can_connect(net.inner, PEER6, 22, false));
	assert_true(can_connect(net.attacker, "203.0.113.1", 80, true));
	assert_true(can_connect(net.us, PEER, 22, true)); /* out is not in the block */
	assert_true(can_connect(net.inner, PEER, 80, true));
	enter(net.us);
	assert_int_equal(revert(plan_at(plan, 0), &f), 0);
	assert_true(can_connect(net.attacker, "203.0.113.1", 22, true));
	for (size_t i = 0; i < 5; i++)
		close(fds[i]);
	plan_free(&plan);
	net_down(&net);
	fake_free(&f);
}

/* What the owner of an ended connection gets. */
static bool is_aborted(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;
	return poll(&p, 1, 1000) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) < 0 &&
	       (errno == ECONNABORTED || errno == ECONNRESET);
}

static void connections_are_ended(void **state)
{
	(void)state;
	struct net net;
	struct fake f;
	fake_init(&f, "run-a");
	net_up(&net);
	int theirs = listen_on(net.attacker, "::", 3333), ours = listen_on(net.us, "::", 3333);
	int honest = listen_on(net.inner, "::", 3333);
	int out4 = connect_from(net.us, PEER, 3333), out6 = connect_from(net.us, PEER6, 3333);
	int kept = connect_from(net.us, "192.0.2.9", 3333);
	int mapped_client = connect_from(net.attacker, "203.0.113.1", 3333);
	int mapped = accept4(ours, NULL, NULL, SOCK_CLOEXEC); /* its peer is ::ffff:203.0.113.67 */
	assert_true(out4 >= 0);
	assert_true(out6 >= 0);
	assert_true(kept >= 0);
	assert_true(mapped_client >= 0);
	assert_true(mapped >= 0);
	enter(net.us);
	struct plan *before = planned(&(struct wish){.address = {PEER, PEER6}, .lasting = true});
	assert_int_equal(plan_count(before), 1);
	const struct wish w = {.address = {"203.0.113.0/25", PEER6}};
	struct plan *plan = planned(&w);
	assert_int_equal(plan_count(plan), 2);
	struct change *end = plan_at(plan, 1);
	assert_ptr_equal(end->kind, &socket_destroy_kind);
	_cleanup_buf_ struct buf text = {0}, detail = {0};
	end->kind->describe(end, &text);
	assert_string_equal(text.data, "end 3 connections with 2 addresses: 203.0.113.0/25, " PEER6);
	end->kind->detail(end, &detail);
	char line[64];
	snprintf(line, sizeof(line), " - " PEER ":3333, process %d (test-nft)\n", getpid());
	assert_non_null(strstr(detail.data, line));
	apply_all(plan, &f);
	assert_true(is_aborted(out4));
	assert_true(is_aborted(out6));
	assert_true(is_aborted(mapped));
	assert_false(can_connect(net.us, PEER, 3333, false));
	assert_int_equal(send(kept, "x", 1, MSG_NOSIGNAL), 1);
	struct pollfd p = {.fd = kept, .events = POLLIN | POLLRDHUP};
	assert_int_equal(poll(&p, 1, 100), 0);
	enter(net.us);
	struct plan *again = planned(&w);
	assert_int_equal(pending(again), 0);
	const int fds[] = {theirs, ours, honest, out4, out6, kept, mapped_client, mapped};
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
	plan_free(&before);
	plan_free(&plan);
	plan_free(&again);
	net_down(&net);
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

static int group_setup(void **state)
{
	(void)state;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];
	if (!mkdtemp(dir) || host_open("/", &host) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/vault", dir);
	return vault_open(root, path, &host.vault);
}

static int group_teardown(void **state)
{
	(void)state;
	vault_close(&host.vault);
	host_close(&host);
	return run((const char *const[]){"/bin/rm", "-rf", "--", dir, NULL}, NULL);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	alarm(120); /* whatever goes wrong, it ends */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_match_counting),
		cmocka_unit_test_setup(ruleset_is_as_before, new_namespace),
		cmocka_unit_test_setup(two_runs_hold_one_address, new_namespace),
		cmocka_unit_test_setup(all_kept_is_busy, new_namespace),
		cmocka_unit_test_setup(time_runs_out_and_is_renewed, new_namespace),
		cmocka_unit_test_setup(prefixes_overlap, new_namespace),
		cmocka_unit_test_setup(prefixes_at_the_edges, new_namespace),
		cmocka_unit_test_setup(groups_come_and_go_alone, new_namespace),
		cmocka_unit_test_setup(others_interfere, new_namespace),
		cmocka_unit_test_setup(what_others_put_in_stays, new_namespace),
		cmocka_unit_test_setup(refused_transactions_change_nothing, new_namespace),
		cmocka_unit_test_setup(a_busy_ruleset_is_waited_out, new_namespace),
		cmocka_unit_test_setup(nothing_to_do, new_namespace),
		cmocka_unit_test_setup(lists_from_files, new_namespace),
		cmocka_unit_test_setup(long_lists, new_namespace),
		cmocka_unit_test_setup(blind_without_privilege, new_namespace),
		cmocka_unit_test(packets_are_dropped),
		cmocka_unit_test(one_port_is_dropped),
		cmocka_unit_test(connections_are_ended),
	};
	return cmocka_run_group_tests_name("nft", tests, group_setup, group_teardown);
}
