/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/writer.h"

#include "base/escape.h"
#include "core/record.h"
#include "core/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OUTCOME_ROOM 1536 /* bytes that the record of an outcome takes at most */
#define OTHER_ROOM 32768  /* the end, what is residual, reloads */

static struct writer *writer_of(struct effect *effect)
{
	return (struct writer *)effect; /* its first member */
}

/* What has grown is judged like a change of its own, of the same kind. */
static int grow_allowed(struct writer *w, const struct change *change, json_t *more, struct buf *ret_why)
{
	struct change part = *change;
	part.data = more;
	const char *rule = NULL;
	int r = guard_growth(w->engine->guard, &part, &rule, ret_why);
	if (r == 0)
		return 0;
	const char *name = rule ? rule : "guard.undecided";
	json_t *record = record_refused(change, name, buf_text(ret_why));
	if (record)
		json_object_set(record, "more", more);
	int logged = writer_log(w, record);
	int told = trail_refusal(w->trail, w->run->id, change, name);
	return logged < 0 ? logged : told < 0 ? told : -EPERM;
}

static int grow(struct effect *effect, struct change *change, json_t *more)
{
	struct writer *w = writer_of(effect);
	_cleanup_buf_ struct buf why = {0};
	int r = grow_allowed(w, change, more, &why);
	if (r == 0)
		r = writer_log(w, record_new("grow", json_pack("{si sO}", "change", (int)change->id, "more", more)));
	json_decref(more);
	return r == 0 ? writer_sync(w) : r;
}

static const char *held_by(struct effect *effect, const char *key)
{
	return writer_held_by(writer_of(effect), key);
}

static int check(struct effect *effect, const struct change *change, const struct buf *content)
{
	const struct engine *engine = writer_of(effect)->engine;
	const struct service *service = change->service ? service_find(engine->parts->services, change->service) : NULL;
	if (!service || !service->check)
		return 0;
	return service->check(engine->host, change->target, content, &effect->note);
}

static int64_t held_until(struct effect *effect, const char *key)
{
	const struct holders *holders = writer_of(effect)->holders;
	return holders ? holders_until(holders, key) : 0;
}

void writer_init(struct writer *w, const struct engine *engine, struct run *run, struct journal *journal,
                 struct trail *trail)
{
	*w = (struct writer){
		.effect = {.run = run->id, .grow = grow, .held_by = held_by, .held_until = held_until, .check = check},
		.engine = engine,
		.run = run,
		.journal = journal,
		.trail = trail,
	};
}

void writer_end(struct writer *w)
{
	buf_free(&w->effect.note);
	holders_free(&w->holders);
	journal_close(&w->journal);
	trail_close(&w->trail);
	run_free(&w->run);
}

static int replay_all(struct run *run, const json_t *records, const struct change_kind *const *kinds)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(records); i++)
		r = run_replay(run, json_array_get(records, i), NULL, kinds);
	return r;
}

int writer_reopen(struct writer *w, struct engine *engine, const char *id, int *ret_lock, struct buf *ret_why)
{
	_cleanup_close_ int lock = -1;
	struct trail *trail = NULL;
	struct journal *journal = NULL;
	struct run *run = NULL;
	json_t *records = NULL;
	_cleanup_buf_ struct buf note = {0};
	int r = trail_open(engine->config->audit_required, &trail, &note);
	if (r < 0)
		return buf_puts(ret_why, buf_text(&note)), r;
	r = engine_lock(engine, &lock, ret_why);
	if (r == 0)
		r = journal_open(engine->state, id, &journal, &records, ret_why);
	if (r == 0)
		r = run_new(id, &run);
	if (r == 0)
		r = replay_all(run, records, engine->parts->kinds);
	json_decref(records);
	if (r < 0) {
		if (!ret_why->len)
			buf_printf(ret_why, "the journal of run %s cannot be used: %s", id, strerror(-r));
		vault_close(&engine->host->vault);
		journal_close(&journal);
		run_free(&run);
		trail_close(&trail);
		return r;
	}
	writer_init(w, engine, run, journal, trail);
	if (note.len)
		writer_warn(w, "%s", note.data);
	*ret_lock = lock;
	lock = -1;
	return 0;
}

static int log_record(struct writer *w, json_t *record, struct change *live)
{
	if (!record)
		return -ENOMEM;
	int r = journal_append(w->journal, json_incref(record));
	if (r == 0)
		r = run_replay(w->run, record, live, w->engine->parts->kinds);
	json_decref(record);
	return r;
}

int writer_log(struct writer *w, json_t *record)
{
	return log_record(w, record, NULL);
}

int writer_intent(struct writer *w, struct change *change)
{
	for (size_t i = 0; i < change->n_blobs; i++) {
		struct sha256 stored;
		int r = vault_put(w->engine->host->vault, &change->blobs[i].bytes, &stored);
		if (r < 0)
			return r;
	}
	change->id = (unsigned)w->run->n + 1;
	return log_record(w, record_intent(change), change);
}

int writer_commit(struct writer *w, size_t n)
{
	int r = journal_reserve(w->journal, n * OUTCOME_ROOM + OTHER_ROOM);
	if (r == 0)
		r = writer_sync(w);
	return r < 0 ? r : journal_seal(w->journal);
}

static int store(struct writer *w, const struct evidence *e, struct sha256 *ret)
{
	struct vault *vault = w->engine->host->vault;
	return e->fd >= 0 ? vault_put_fd(vault, e->fd, ret) : vault_put(vault, &e->bytes, ret);
}

int writer_evidence(struct writer *w, struct evidence *e)
{
	struct sha256 sha256;
	int r = e->lost ? 0 : store(w, e, &sha256);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		e->lost = r == -ENOSPC   ? "there is no room for it in the vault"
		          : r == -EDQUOT ? "the vault's quota is reached"
		                         : strerror(-r);
	const struct sha256 *stored = e->lost ? NULL : &sha256;
	if (run_find_evidence(w->run, e->step, e->name, stored))
		return 0;
	r = writer_log(w, record_evidence(e, stored));
	return r < 0 ? r : stored != NULL;
}

int writer_sync(struct writer *w)
{
	int r = vault_sync(w->engine->host->vault);
	return r < 0 ? r : journal_sync(w->journal);
}

void writer_aim(struct writer *w, const struct change *change)
{
	char label[32];
	struct sha256 name;
	buf_reset(&w->effect.note);
	int n = snprintf(label, sizeof(label), "temporary %u", change->id);
	hmac_sha256_hex(journal_key(w->journal)->bytes, label, (size_t)n, &name);
	snprintf(w->temporary, sizeof(w->temporary), ".respond-%.16s", name.hex);
	w->effect.temporary = w->temporary;
	w->effect.done = change->id && change->id <= w->run->n && w->run->entries[change->id - 1].outcome == OUTCOME_DONE;
}

/* A rollback will want an intent and an outcome for each change. */
int writer_seal(struct writer *w)
{
	int r = journal_seal(w->journal);
	if (r < 0)
		return r;
	return journal_rest(w->journal, w->run->n * OUTCOME_ROOM + OTHER_ROOM, !run_open(w->run) && !run_deadline(w->run));
}

const char *writer_held_by(struct writer *w, const char *key)
{
	if (!w->holders) {
		_cleanup_strv_ struct strv unreadable = {0};
		if (holders_load(w->engine->state, w->engine->host, w->engine->parts->kinds, w->run->id, &w->holders,
		                 &unreadable) < 0)
			return NULL;
		for (size_t i = 0; i < unreadable.n; i++)
			writer_warn(w, "the journal of run %s cannot be read: what it holds is not known", unreadable.v[i]);
	}
	return holders_find(w->holders, key);
}

static int reload_one(struct writer *w, const char *name)
{
	const struct engine *engine = w->engine;
	const struct service *service = service_find(engine->parts->services, name);
	if (!service || !service_reloads(service))
		return 0;
	_cleanup_buf_ struct buf note = {0};
	writer_phase(w, "reloading");
	int error = engine->parts->reload(engine->host, service, &note);
	writer_phase(w, NULL);
	int r = writer_log(w, record_new("reload", json_pack("{ss si so}", "service", name, "error", error, "note",
	                                                     json_text(buf_text(&note)))));
	if (engine->observer->reloaded)
		engine->observer->reloaded(engine->observer->ctx, name, error, buf_text(&note));
	return r < 0 ? r : error == -ESRCH ? 0 : error;
}

int writer_reload(struct writer *w, const struct strv *services)
{
	int first = 0;
	for (size_t i = 0; i < services->n; i++) {
		int r = reload_one(w, services->v[i]);
		first = first < 0 ? first : r;
	}
	return first;
}

void writer_warn(const struct writer *w, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (w->engine->observer->warning)
		w->engine->observer->warning(w->engine->observer->ctx, buf_text(&text));
}

void writer_phase(const struct writer *w, const char *what)
{
	if (w->engine->observer->phase)
		w->engine->observer->phase(w->engine->observer->ctx, what);
}
