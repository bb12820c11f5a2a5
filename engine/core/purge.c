/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/purge.h"

#include "base/clock.h"
#include "core/record.h"
#include "core/writer.h"

#include <errno.h>
#include <string.h>

bool purge_takes(const struct vault_object *object, int64_t now, int64_t age_ms)
{
	int64_t since = vault_object_free_since(object);
	return S_ISREG(object->stat.st_mode) && since >= 0 && since <= now && now - since >= (age_ms + 999) / 1000;
}

struct purge {
	struct engine *engine;
	struct vault_usage usage;
	bool *goes; /* by object */
	struct trail *trail;
	json_t *operator;
	struct buf *why;
};

static void purge_end(struct purge *p)
{
	vault_usage_free(&p->usage);
	free(p->goes);
	trail_close(&p->trail);
	json_decref(p->operator);
}

static int choose(struct purge *p, int64_t age_ms)
{
	int64_t now = realtime_ms() / 1000; /* time() may lag behind the records */
	if (p->usage.unreadable.n) {
		buf_printf(p->why, "nothing is purged: it is not known what run %s", p->usage.unreadable.v[0]);
		return -EBADMSG;
	}
	p->goes = calloc(p->usage.n + 1, sizeof(*p->goes));
	for (size_t i = 0; p->goes && i < p->usage.n; i++)
		p->goes[i] = purge_takes(&p->usage.v[i], now, age_ms);
	return p->goes ? 0 : -ENOMEM;
}

/* The runs that lose something. */
static int affected_runs(const struct purge *p, struct strv *ret)
{
	for (size_t i = 0; i < p->usage.n; i++)
		for (size_t k = 0; p->goes[i] && k < p->usage.v[i].n; k++)
			strv_add_new(ret, p->usage.v[i].uses[k].run);
	return strv_error(ret);
}

static int lost_by(const struct purge *p, const char *run, struct strv *ret)
{
	for (size_t i = 0; i < p->usage.n; i++)
		for (size_t k = 0; p->goes[i] && k < p->usage.v[i].n; k++)
			if (strcmp(p->usage.v[i].uses[k].run, run) == 0)
				strv_add_new(ret, p->usage.v[i].sha256.hex);
	return strv_error(ret);
}

static int open_run(struct purge *p, const char *id, struct writer *ret)
{
	struct journal *journal = NULL;
	struct run *run = NULL;
	json_t *records = NULL;
	int r = journal_open(p->engine->state, id, &journal, &records, p->why);
	if (r == 0)
		r = run_new(id, &run);
	for (size_t i = 0; r == 0 && i < json_array_size(records); i++)
		r = run_replay(run, json_array_get(records, i), NULL, p->engine->parts->kinds);
	json_decref(records);
	if (r == 0) {
		writer_init(ret, p->engine, run, journal, NULL);
		return 0;
	}
	journal_close(&journal);
	run_free(&run);
	return r;
}

/* The journal is closed without a new seal: on a disk that is full there may be no room
 * for one before the objects have gone. */
static int record_loss(struct purge *p, const char *id)
{
	struct writer w;
	_cleanup_strv_ struct strv lost = {0};
	int r = lost_by(p, id, &lost);
	if (r == 0)
		r = open_run(p, id, &w);
	if (r < 0)
		return r;
	r = writer_log(&w, record_purged(&lost, json_incref(p->operator)));
	if (r == 0)
		r = writer_sync(&w);
	writer_end(&w);
	return r;
}

static int seal(struct purge *p, const char *id)
{
	struct writer w;
	int r = open_run(p, id, &w);
	if (r < 0)
		return r;
	r = writer_seal(&w);
	writer_end(&w);
	return r;
}

static int remove_objects(struct purge *p, struct purge_result *ret)
{
	struct vault *vault = p->engine->host->vault;
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->usage.n; i++) {
		const struct vault_object *o = &p->usage.v[i];
		if (!p->goes[i])
			continue;
		r = vault_remove(vault, o->sha256.hex);
		int audited = trail_purge(p->trail, o->sha256.hex, r == 0);
		if (r == 0) {
			strv_add(&ret->objects, o->sha256.hex);
			ret->bytes += (uint64_t)o->stat.st_blocks * 512;
			ret->live += vault_object_live(o);
		}
		r = r < 0 ? r : audited;
	}
	int synced = vault_sync(vault);
	return r < 0 ? r : synced;
}

static int each(struct purge *p, const struct strv *runs, int (*act)(struct purge *p, const char *id))
{
	for (size_t i = 0; i < runs->n; i++) {
		int r = act(p, runs->v[i]);
		if (r == 0)
			continue;
		if (!p->why->len)
			buf_printf(p->why, "the journal of run %s: %s", runs->v[i], strerror(-r));
		return r;
	}
	return 0;
}

static int purge(struct purge *p, int64_t age_ms, struct purge_result *ret)
{
	_cleanup_strv_ struct strv runs = {0};
	struct vault *vault = p->engine->host->vault;
	int r = vault_sweep(vault);
	if (r == 0)
		r = vault_usage_load(p->engine->state, vault, p->engine->parts->kinds, &p->usage);
	if (r == 0)
		r = choose(p, age_ms);
	if (r == 0)
		r = affected_runs(p, &runs);
	if (r == 0)
		r = each(p, &runs, record_loss);
	if (r < 0)
		return r;
	r = remove_objects(p, ret);
	int sealed = each(p, &runs, seal);
	return r < 0 ? r : sealed;
}

int purge_run(struct engine *engine, int64_t age_ms, json_t *operator, struct purge_result *ret, struct buf *ret_why)
{
	_cleanup_(purge_end) struct purge p = {.engine = engine, .operator = operator, .why = ret_why};
	_cleanup_close_ int lock = -1;
	_cleanup_buf_ struct buf note = {0};
	*ret = (struct purge_result){0};
	int r = trail_open(engine->config->audit_required, &p.trail, &note);
	if (r < 0)
		return buf_puts(ret_why, buf_text(&note)), r;
	if (note.len && engine->observer->warning)
		engine->observer->warning(engine->observer->ctx, note.data);
	r = engine_lock(engine, &lock, ret_why);
	if (r < 0)
		return r;
	r = purge(&p, age_ms, ret);
	vault_close(&engine->host->vault);
	return r;
}

void purge_result_free(struct purge_result *result)
{
	strv_free(&result->objects);
}
