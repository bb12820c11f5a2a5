/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-stage.h"

#include "base/clock.h"
#include "base/spawn.h"
#include "change/nft-layout.h"
#include "core/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct action net_block;

struct host host = {.root = -1, .proc = -1};
char stage_dir[] = "/tmp/respond-net-XXXXXX";

int run(const char *const argv[], struct buf *out)
{
	_cleanup_buf_ struct buf err = {0};
	int status = -1;
	int r = spawn_read(argv, 120000, out, &err, &status);
	if (r < 0 || status)
		print_message("%s %s: %d %d %s\n", argv[0], argv[1], r, status, buf_text(&err));
	return r < 0 ? r : status;
}

void nft(const char *commands)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_close_ int fd = -1;
	char path[64];
	buf_puts(&text, commands);
	assert_int_equal(memory_file("nft", &text, &fd, path), 0);
	RUN("/usr/sbin/nft", "-f", path);
}

char *ruleset(void)
{
	struct buf out = {0};
	assert_int_equal(run((const char *const[]){"/usr/sbin/nft", "-j", "list", "ruleset", NULL}, &out), 0);
	return buf_steal(&out);
}

char *table(const char *name)
{
	struct buf out = {0};
	assert_int_equal(run((const char *const[]){"/usr/sbin/nft", "list", "table", "inet", name, NULL}, &out), 0);
	return buf_steal(&out);
}

static const char *held_by(struct effect *effect, const char *key)
{
	struct fake *f = (struct fake *)effect;
	return strv_has(&f->held, key) ? f->other : NULL;
}

static int64_t held_until(struct effect *effect, const char *key)
{
	(void)key;
	return ((struct fake *)effect)->until;
}

void fake_init(struct fake *f, const char *id)
{
	*f = (struct fake){.effect = {.run = id, .held_by = held_by, .held_until = held_until}};
}

void fake_free(struct fake *f)
{
	buf_free(&f->effect.note);
	strv_free(&f->held);
}

static int add_key(void *ctx, const char *key)
{
	return strv_add(ctx, key);
}

void hold(struct fake *f, const char *other, const struct change *c)
{
	f->other = other;
	f->until = c->kind->until ? c->kind->until(c) : 0;
	assert_int_equal(c->kind->keys(&host, c, add_key, &f->held), 0);
}

void set_list(struct args *args, const char *name, enum type type, const char *const *items)
{
	struct value v = {.type = type, .list = true};
	_cleanup_buf_ struct buf why = {0};
	for (; *items; items++)
		assert_int_equal(type_check(type, "in|out|forward", *items, &v.items, &why), 0);
	assert_int_equal(args_set(args, name, &v), 0);
	value_free(&v);
}

int plan_wish(const struct wish *w, struct plan **ret)
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

struct plan *planned(const struct wish *w)
{
	struct plan *plan = NULL;
	int r = plan_wish(w, &plan);
	if (r)
		print_message("plan: %d %s\n", r, plan_failure(plan));
	assert_int_equal(r, 0);
	return plan;
}

size_t pending(const struct plan *plan)
{
	size_t n = 0;
	for (size_t i = 0; i < plan_count(plan); i++)
		n += !plan_at(plan, i)->held;
	return n;
}

enum change_state state_of(const struct change *c)
{
	enum change_state state = CHANGE_DRIFTED;
	assert_int_equal(c->kind->probe(&host, c, &state), 0);
	return state;
}

void put_blobs(const struct change *c)
{
	for (size_t i = 0; i < c->n_blobs; i++)
		assert_int_equal(vault_put(host.vault, &c->blobs[i].bytes, &(struct sha256){0}), 0);
}

void apply_all(struct plan *plan, struct fake *f)
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

int revert(const struct change *c, struct fake *f)
{
	struct change *copy = decoded(c);
	buf_reset(&f->effect.note);
	int r = c->kind->revert(&host, copy, &f->effect);
	if (r && r != -EBUSY)
		print_message("revert: %d %s\n", r, buf_text(&f->effect.note));
	change_free(&copy);
	return r;
}

struct plan *blocked(const struct wish *w, struct fake *f)
{
	struct plan *plan = planned(w);
	apply_all(plan, f);
	return plan;
}

int new_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) < 0 ? -1 : run((const char *const[]){"/sbin/ip", "link", "set", "lo", "up", NULL}, NULL);
}

size_t count_elements(const char *set)
{
	struct nft_elements all = {0};
	assert_int_equal(nft_elements(&respond_table, set, 0, &all), 0);
	size_t n = all.n;
	nft_elements_free(&all);
	return n;
}

void time_runs_out(const char *set, const char *element, const char *ttl)
{
	_cleanup_buf_ struct buf commands = {0}, made = {0};
	_cleanup_free_ char *now = table("respond");
	size_t before = count_elements(set);
	assert_int_equal(buf_printf(&made, " timeout %s expires ", ttl), 0);
	assert_non_null(strstr(now, buf_text(&made)));
	buf_printf(&commands,
	           "delete element inet respond %s { %s }\n"
	           "add element inet respond %s { %s timeout %s expires 50ms comment \"run run-a\" }\n",
	           set, element, set, element, ttl);
	nft(buf_text(&commands));
	for (int i = 0; i < 6000 && count_elements(set) >= before; i++)
		sleep_ms(10);
	assert_true(count_elements(set) < before);
}

int stage_up(void **state)
{
	(void)state;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];
	if (!mkdtemp(stage_dir) || host_open("/", &host) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/vault", stage_dir);
	return vault_open(root, path, &host.vault);
}

int stage_down(void **state)
{
	(void)state;
	vault_close(&host.vault);
	host_close(&host);
	return run((const char *const[]){"/bin/rm", "-rf", "--", stage_dir, NULL}, NULL);
}
