/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toy-stage.h"

#include "base/spawn.h"
#include "core/vault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct toy toy;

static void trace(char what, int cell)
{
	size_t n = strlen(toy.order);
	snprintf(toy.order + n, sizeof(toy.order) - n, "%c%d ", what, cell);
}

static int cell_of(const struct change *c)
{
	return (int)json_integer_value(json_object_get(c->data, "cell"));
}

static int toy_probe(struct host *host, const struct change *c, enum change_state *ret)
{
	(void)host;
	int v = toy.value[cell_of(c)];
	if (toy.hidden[cell_of(c)])
		return -EACCES;
	*ret = v == 1 ? CHANGE_AFTER : v == 0 ? CHANGE_BEFORE : CHANGE_DRIFTED;
	return 0;
}

static int toy_apply(struct host *host, struct change *c, struct effect *effect)
{
	(void)host;
	int cell = cell_of(c);
	trace('a', cell);
	if (toy.fails[cell])
		return buf_puts(&effect->note, "it is stuck"), -EIO;
	if (toy.drifts[cell]) {
		toy.drifts[cell] = false;
		return -ESTALE;
	}
	if (toy.grows)
		toy.grow_answer = effect->grow(effect, c, json_pack("{si}", "cell", 8));
	toy.value[cell] = 1;
	return 0;
}

static int toy_revert(struct host *host, const struct change *c, struct effect *effect)
{
	(void)host;
	int cell = cell_of(c);
	char key[16];
	snprintf(key, sizeof(key), "cell %d", cell);
	trace('r', cell);
	if (effect->held_by(effect, key))
		return -EBUSY;
	if (toy.stays[cell])
		return buf_puts(&effect->note, "it does not come off"), -EIO;
	if (toy.value[cell] > 1)
		return -ESTALE;
	toy.value[cell] = 0;
	return 0;
}

static int toy_settle(struct host *host, const struct change *c, struct effect *effect)
{
	(void)host, (void)effect;
	trace('s', cell_of(c));
	return 0;
}

static int toy_describe(const struct change *c, struct buf *ret)
{
	return buf_printf(ret, "set cell %d", cell_of(c));
}

static int toy_keys(struct host *host, const struct change *c, int (*visit)(void *ctx, const char *key), void *ctx)
{
	(void)host;
	char key[16];
	snprintf(key, sizeof(key), "cell %d", cell_of(c));
	return visit(ctx, key);
}

/* Cell 9 is init: the guard never lets go of it. */
static int toy_subjects(const struct change *c, subject_fn visit, void *ctx)
{
	struct subject s = {.type = SUBJECT_PROCESS, .pid = cell_of(c) == 9 ? 1 : 2147483647};
	return cell_of(c) == 9 ? visit(ctx, &s) : 0;
}

const struct change_kind toy_set = {
	.name = "toy.set", .mark = '+', .audit_type = 2200, .audit_undo_type = 2200,
	.probe = toy_probe, .apply = toy_apply, .revert = toy_revert, .describe = toy_describe,
	.settle = toy_settle, .subjects = toy_subjects, .keys = toy_keys,
};

const struct change_kind toy_burn = {
	.name = "toy.burn", .mark = '!', .flags = CHANGE_IRREVERSIBLE, .audit_type = 2200,
	.probe = toy_probe, .apply = toy_apply, .settle = toy_settle, .describe = toy_describe, .subjects = toy_subjects,
};

static int plan_cells(const struct args *args, struct plan *plan, const struct change_kind *kind)
{
	const struct strv *cells = args_list(args, "cell");
	int r = 0;
	for (size_t i = 0; r == 0 && i < cells->n; i++) {
		int cell = atoi(cells->v[i]);
		if (toy.value[cell] && toy.respawns[cell] > 0) {
			toy.respawns[cell]--;
			toy.value[cell] = 0;
		}
		r = plan_fact(plan, "cell", cells->v[i]);
		struct change *c = NULL;
		if (r == 0 && (toy.value[cell] == 0 || (toy.value[cell] == 1 && kind->keys)))
			r = plan_change(plan, kind, cells->v[i], json_pack("{si}", "cell", cell), &c);
		if (c) {
			c->held = toy.value[cell] == 1;
			c->service = args_has(args, "service") ? strdup(args_yes(args, "service") ? "toyd" : "toyd-config") : NULL;
		}
	}
	return r;
}

static int plan_set(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host;
	return plan_cells(args, plan, &toy_set);
}

static int plan_burn(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host;
	return plan_cells(args, plan, &toy_burn);
}

static int plan_broken(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host, (void)args;
	plan_change(plan, &toy_set, "7", json_pack("{si}", "cell", 7), NULL);
	return plan_fail(plan, -EIO, "the disk is on fire");
}

/* Can be planned only until it has been done. */
static int plan_brittle(struct host *host, const struct args *args, struct plan *plan)
{
	const char *cell = args_list(args, "cell")->v[0];
	return toy.value[atoi(cell)] ? plan_fail(plan, -EIO, "cell %s has burst", cell) : plan_set(host, args, plan);
}

static const struct param toy_params[] = {
	{.name = "cell", .type = TYPE_NUMBER, .flags = PARAM_LIST, .help = "cells"},
	{.name = "service", .type = TYPE_YES_NO, .help = "whether toyd cares"},
	{0},
};
static const struct fact_decl toy_facts[] = {{.name = "cell", .type = TYPE_TEXT, .help = "cells"}, {0}};
const struct action toy_set_action = {"toy.set", "set cells", toy_params, toy_facts, plan_set, NULL, false};
static const struct action burn_action = {"toy.burn", "set cells for good", toy_params, toy_facts, plan_burn, NULL, false};
static const struct action broken_action = {"toy.broken", "fail", toy_params, toy_facts, plan_broken, NULL, false};
static const struct action brittle_action = {"toy.brittle", "fail later", toy_params, toy_facts, plan_brittle, NULL, false};

static const struct service toyd = {.name = "toyd", .daemon = "/usr/sbin/toyd"};
static const struct service toyd_config = {.name = "toyd-config"}; /* checks edits only */

static int toy_reload(struct host *host, const struct service *service, struct buf *note)
{
	(void)host, (void)service, (void)note;
	toy.reloads++;
	return toy.reload_error;
}

static int toy_await(const char *run)
{
	(void)run;
	toy.waiters++;
	return 0;
}

static const struct parts parts = {
	.actions = (const struct action *const[]){&toy_set_action, &burn_action, &broken_action, &brittle_action, NULL},
	.kinds = (const struct change_kind *const[]){&toy_set, &toy_burn, NULL},
	.services = (const struct service *const[]){&toyd, &toyd_config, NULL},
	.proofs = (const struct proof *const[]){NULL},
	.reload = toy_reload,
	.await = toy_await,
};

int bench_make(void **state)
{
	return bench_make_of(&parts, state);
}

int bench_make_of(const struct parts *of, void **state)
{
	memset(&toy, 0, sizeof(toy));
	struct bench *b = calloc(1, sizeof(*b));
	strcpy(b->dir, "/tmp/test-toy-XXXXXX");
	if (!mkdtemp(b->dir) || host_open("/", &b->host) < 0)
		return -1;
	snprintf(b->sub, sizeof(b->sub), "%s/respond", b->dir);
	b->state = (struct state){.root = b->host.root, .dir = b->sub};
	_cleanup_(diags_free) struct diags diags = {0};
	if (config_load(b->host.root, "/nonexistent.conf", &b->config, &diags) < 0)
		return -1;
	b->engine = (struct engine){.parts = of, .host = &b->host, .config = &b->config, .allow = &b->allow,
	                            .state = &b->state, .observer = &b->observer, .stop = &b->stop, .confirm_ms = -1};
	*state = b;
	return guard_new(&b->host, &b->config, of->proofs, &b->allow, &b->engine.guard);
}

int bench_drop(void **state)
{
	struct bench *b = *state;
	guard_free(&b->engine.guard);
	config_free(&b->config);
	host_close(&b->host);
	run_result_free(&b->result);
	const char *argv[] = {"/bin/rm", "-rf", b->dir, NULL};
	int r = spawn_read(argv, 60000, NULL, NULL, NULL);
	free(b);
	return r;
}

struct playbook *parse(const struct bench *b, const char *text)
{
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	struct playbook *playbook = NULL;
	_cleanup_(diags_free) struct diags diags = {0};
	_cleanup_buf_ struct buf said = {0};
	int r = playbook_parse("toy.pb", &bytes, b->engine.parts->actions, &playbook, &diags);
	diags_print(&diags, &said);
	assert_string_equal(buf_text(&said), "");
	assert_int_equal(r, 0);
	return playbook;
}

json_t *somebody(void)
{
	return json_pack("{ss}", "by", "test");
}

int try_text(struct bench *b, const char *text, struct buf *ret_why)
{
	struct playbook *playbook = parse(b, text);
	run_result_free(&b->result);
	int r = runner_run(&b->engine, playbook, somebody(), &b->result, ret_why);
	playbook_free(&playbook);
	return r;
}

int run_text(struct bench *b, const char *text)
{
	_cleanup_buf_ struct buf why = {0};
	int r = try_text(b, text, &why);
	assert_string_equal(buf_text(&why), "");
	return r;
}

struct undo_result roll_back(struct bench *b, const char *id, const char *step)
{
	struct writer w;
	struct undo_result result;
	int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(writer_reopen(&w, &b->engine, id, &lock, &why), 0);
	assert_int_equal(rollback_run(&w, &(struct undo_scope){.step = (char *)step}, somebody(), &result), 0);
	writer_end(&w);
	vault_close(&b->host.vault);
	close(lock);
	return result;
}

struct run *load(struct bench *b, const char *id)
{
	struct run *run = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(run_load(&b->state, id, b->engine.parts->kinds, &run, &why), 0);
	return run;
}
