/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vault-usage.h"

#include "core/record.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what a change names ---------------------------------------------------- */

struct walk {
	int (*visit)(void *ctx, const char *sha256_hex, const char *key);
	void *ctx;
};

/* What a change has made is on the host, and not for the vault to keep. */
static bool is_result(const char *key)
{
	return strcmp(key, "after") == 0;
}

static int walk_value(const struct walk *w, const char *key, const json_t *value)
{
	const char *name, *text = json_string_value(value);
	json_t *member;
	size_t i;
	int r = 0;
	if (text)
		return sha256_is_hex(text) && !is_result(key) ? w->visit(w->ctx, text, key) : 0;
	json_object_foreach((json_t *)value, name, member)
		if (r == 0)
			r = walk_value(w, name, member);
	json_array_foreach(value, i, member)
		if (r == 0)
			r = walk_value(w, key, member);
	return r;
}

int change_objects(const struct change *change, int (*visit)(void *ctx, const char *sha256_hex, const char *key),
                   void *ctx)
{
	const struct walk w = {.visit = visit, .ctx = ctx};
	if (change->kind->flags & CHANGE_IN_PLACE)
		return 0;
	return walk_value(&w, "", change->data);
}

/* The fields under which the kinds keep hashes. Of an executable the hash alone may be
 * kept as evidence. */
static const struct field {
	const char *key, *what;
	bool always; /* the object must be there */
} fields[] = {
	{"before", "before-image", true},
	{"sha256", "quarantined file", true},
	{"list", "list", true},
	{"exe-sha256", "executable", false},
};
static const struct field any_field = {"", "object", false};

static const struct field *field_of(const char *key)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return &any_field;
}

const char *object_word(const char *key, bool *ret_always)
{
	const struct field *field = field_of(key);
	if (ret_always)
		*ret_always = field->always;
	return field->what;
}

/* ---- what was purged --------------------------------------------------------- */

static bool list_has(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

const char *run_purged(const struct run *run, const char *sha256_hex)
{
	for (size_t i = json_array_size(run->records); i-- > 0;) {
		const json_t *record = json_array_get(run->records, i);
		const char *type = json_string_value(json_object_get(record, "type"));
		if (type && strcmp(type, "purged") == 0 && list_has(json_object_get(record, "objects"), sha256_hex))
			return json_string_value(json_object_get(record, "time"));
	}
	return NULL;
}

struct search {
	const struct run *run;
	const struct vault *vault;
	const char *found;
};

static int look_for_purged(void *ctx, const char *sha256_hex, const char *key)
{
	struct search *s = ctx;
	(void)key;
	if (!s->vault || !vault_names(s->vault, sha256_hex))
		s->found = run_purged(s->run, sha256_hex);
	return s->found != NULL;
}

const char *change_purged(const struct run *run, const struct change *change, const struct vault *vault)
{
	struct search s = {.run = run, .vault = vault};
	change_objects(change, look_for_purged, &s);
	return s.found;
}

struct check {
	const struct run *run;
	struct vault *vault;
	const char *when;
};

static int check_object(void *ctx, const char *sha256_hex, const char *key)
{
	struct check *check = ctx;
	_cleanup_close_ int fd = -1;
	int r = vault_open_object(check->vault, sha256_hex, &fd);
	if (r != -ENOENT)
		return r;
	check->when = run_purged(check->run, sha256_hex);
	return check->when ? -ENODATA : field_of(key)->always ? -ENOENT : 0;
}

int change_kept(const struct run *run, const struct change *change, struct vault *vault, const char **ret_when)
{
	struct check check = {.run = run, .vault = vault};
	int r = change_objects(change, check_object, &check);
	if (r == -ENODATA)
		*ret_when = check.when;
	return r;
}

/* ---- who needs what ------------------------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
	return strcasecmp(((const struct vault_object *)a)->sha256.hex, ((const struct vault_object *)b)->sha256.hex);
}

static bool is_object_name(const char *name)
{
	if (!sha256_is_hex(name))
		return false;
	for (; *name; name++)
		if (isupper((unsigned char)*name))
			return false;
	return true;
}

static int add_object(void *ctx, const char *name, const struct stat *st)
{
	struct vault_usage *usage = ctx;
	if (!is_object_name(name))
		return strv_add(&usage->strangers, name);
	struct vault_object *v = reallocarray(usage->v, usage->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	usage->v = v;
	v[usage->n] = (struct vault_object){.stat = *st};
	memcpy(v[usage->n++].sha256.hex, name, SHA256_HEX_LEN + 1);
	return 0;
}

struct reader {
	struct vault_usage *usage;
	const struct run *run;
	const struct run_entry *entry;
	bool open;
	int64_t ended;
};

/* Of what is in force and other runs may hold too, the list is needed to know who does. */
static bool shares(const struct run_entry *e)
{
	const struct change_kind *kind = e->change->kind;
	int64_t until = kind->until ? kind->until(e->change) : 0;
	return kind->keys && entry_live(e) && (!until || until > (int64_t)time(NULL));
}

/* STEP and TARGET are copied. An object that is not there has no use. */
static int add_use(const struct reader *r, const char *sha256_hex, const char *step, const char *target,
                   const struct object_use *use)
{
	struct vault_object wanted = {0};
	memcpy(wanted.sha256.hex, sha256_hex, SHA256_HEX_LEN + 1);
	struct vault_object *o = r->usage->n ? bsearch(&wanted, r->usage->v, r->usage->n, sizeof(*o), by_hash) : NULL;
	const struct object_use *last = o && o->n ? &o->uses[o->n - 1] : NULL;
	if (!o || (last && use->change && last->change == use->change && strcmp(last->run, r->run->id) == 0))
		return 0;
	struct object_use *v = reallocarray(o->uses, o->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	o->uses = v;
	v[o->n] = *use;
	v[o->n].ended = r->ended;
	v[o->n].step = strdup(step);
	v[o->n].target = strdup(target);
	json_incref(use->meta);
	memcpy(v[o->n].run, r->run->id, RUN_ID_LEN);
	o->n++;
	return v[o->n - 1].step && v[o->n - 1].target ? 0 : -ENOMEM;
}

static int add_change_use(void *ctx, const char *sha256_hex, const char *key)
{
	const struct reader *r = ctx;
	const struct change *c = r->entry->change;
	const struct object_use use = {
		.open = r->open || shares(r->entry),
		.live = entry_live(r->entry) && !(c->kind->flags & CHANGE_IRREVERSIBLE),
		.change = c->id,
		.what = field_of(key)->what,
		.meta = json_object_get(c->data, "meta"),
	};
	return add_use(r, sha256_hex, c->step, c->target, &use);
}

static int add_evidence_use(const struct reader *r, const struct run_evidence *e)
{
	const struct object_use use = {.open = r->open, .what = "evidence"};
	return e->lost ? 0 : add_use(r, e->sha256.hex, e->step, e->name, &use);
}

/* When something was last done about the run; that it lost an object is nothing. */
static int64_t last_done(const struct run *run)
{
	for (size_t i = json_array_size(run->records); i-- > 0;) {
		const json_t *record = json_array_get(run->records, i);
		const char *type = json_string_value(json_object_get(record, "type"));
		int64_t s;
		if (type && strcmp(type, "purged") != 0)
			return record_time(record, &s) == 0 ? s : INT64_MAX;
	}
	return INT64_MAX;
}

static int add_run(struct vault_usage *usage, const struct run *run)
{
	struct reader reader = {.usage = usage, .run = run, .ended = last_done(run)};
	reader.open = run_open(run) || run_deadline(run) || reader.ended == INT64_MAX;
	int r = 0;
	for (size_t i = 0; r == 0 && i < run->n; i++) {
		reader.entry = &run->entries[i];
		r = change_objects(reader.entry->change, add_change_use, &reader);
	}
	for (size_t i = 0; r == 0 && i < run->n_evidence; i++)
		r = add_evidence_use(&reader, &run->evidence[i]);
	return r;
}

static int read_runs(const struct state *state, const struct change_kind *const *kinds, struct vault_usage *usage)
{
	_cleanup_strv_ struct strv ids = {0};
	int r = state_runs(state, &ids);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		_cleanup_buf_ struct buf why = {0};
		struct run *run = NULL;
		r = run_load(state, ids.v[i], kinds, &run, &why);
		if (r == 0)
			r = add_run(usage, run);
		else if (r != -ENOMEM)
			r = strv_addf(&usage->unreadable, "%s: %s", ids.v[i], why.len ? why.data : strerror(-r));
		run_free(&run);
	}
	return r;
}

int vault_usage_load(const struct state *state, struct vault *vault, const struct change_kind *const *kinds,
                     struct vault_usage *ret)
{
	struct vault_usage usage = {0};
	int r = vault ? vault_visit(vault, add_object, &usage) : 0;
	if (r == 0)
		r = read_runs(state, kinds, &usage);
	if (r < 0)
		vault_usage_free(&usage);
	else
		*ret = usage;
	return r;
}

void vault_usage_free(struct vault_usage *usage)
{
	for (size_t i = 0; i < usage->n; i++) {
		for (size_t k = 0; k < usage->v[i].n; k++) {
			free(usage->v[i].uses[k].step);
			free(usage->v[i].uses[k].target);
			json_decref(usage->v[i].uses[k].meta);
		}
		free(usage->v[i].uses);
	}
	free(usage->v);
	strv_free(&usage->strangers);
	strv_free(&usage->unreadable);
	*usage = (struct vault_usage){0};
}

int vault_usage_find(const struct vault_usage *usage, const char *text, const struct vault_object **ret)
{
	const struct vault_object *found = NULL;
	for (size_t i = 0; *text && i < usage->n; i++) {
		if (strncasecmp(usage->v[i].sha256.hex, text, strlen(text)) != 0)
			continue;
		if (found)
			return -ENOTUNIQ;
		found = &usage->v[i];
	}
	if (!found)
		return -ENOENT;
	*ret = found;
	return 0;
}

int64_t vault_object_free_since(const struct vault_object *object)
{
	int64_t since = object->stat.st_ctim.tv_sec;
	for (size_t i = 0; i < object->n; i++) {
		if (object->uses[i].open)
			return -1;
		if (object->uses[i].ended > since)
			since = object->uses[i].ended;
	}
	return since;
}

size_t vault_object_live(const struct vault_object *object)
{
	size_t n = 0;
	for (size_t i = 0; i < object->n; i++)
		n += object->uses[i].live;
	return n;
}
