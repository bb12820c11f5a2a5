/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/ledger-parts.h"

#include "core/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's times are rounded up by a minute at most (change/block.h). */
#define MARGIN_MS (120 * 1000)

const char *tally_word(enum tally tally)
{
	static const char *const words[] = {
		[TALLY_EVENTS] = "events",   [TALLY_UNMATCHED] = "unmatched", [TALLY_MATCHED] = "matched",
		[TALLY_RUNS] = "runs",       [TALLY_DRY] = "dry-runs",        [TALLY_COOLED] = "cooled",
		[TALLY_LIMITED] = "limited", [TALLY_REFUSED] = "refused",     [TALLY_FAILED] = "failed",
		[TALLY_UNDONE] = "undone",   [TALLY_NOTHING] = "nothing-done", [TALLY_MERGED] = "merged",
		[TALLY_DROPPED] = "dropped",
	};
	return tally < TALLIES ? words[tally] : "?";
}

static void key_free(struct ledger_key *k)
{
	free(k->rule);
	free(k->text);
	free(k->runs);
}

static void rule_free(struct ledger_rule *r)
{
	free(r->name);
	free(r->summary);
	free(r->refusal);
	free(r->recent);
}

void ledger_empty(struct ledger *l)
{
	for (size_t i = 0; i < l->n_rules; i++)
		rule_free(&l->rules[i]);
	for (size_t i = 0; i < l->n_keys; i++)
		key_free(&l->keys[i]);
	free(l->rules);
	free(l->keys);
	l->rules = NULL;
	l->keys = NULL;
	l->n_rules = l->n_keys = 0;
}

int ledger_new(struct ledger **ret)
{
	struct ledger *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->dir = l->lock = l->turn = -1;
	*ret = l;
	return 0;
}

void ledger_free(struct ledger **ledger)
{
	if (!*ledger)
		return;
	ledger_end_turn(*ledger);
	ledger_unlock(*ledger);
	close_fd(&(*ledger)->dir);
	ledger_empty(*ledger);
	free(*ledger);
	*ledger = NULL;
}

/* ---- finding ---------------------------------------------------------------------------- */

/* Where TEXT stands in an array of N members of SIZE that is sorted by what TEXT_OF gives. */
static size_t place(const void *v, size_t n, size_t size, const char *(*text_of)(const void *member), const char *text)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(text_of((const char *)v + middle * size), text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const char *rule_name(const void *member)
{
	return ((const struct ledger_rule *)member)->name;
}

static const char *key_text(const void *member)
{
	return ((const struct ledger_key *)member)->key;
}

static size_t rule_place(const struct ledger *l, const char *name)
{
	return place(l->rules, l->n_rules, sizeof(*l->rules), rule_name, name);
}

static size_t key_place(const struct ledger *l, const char *key)
{
	return place(l->keys, l->n_keys, sizeof(*l->keys), key_text, key);
}

const struct ledger_rule *ledger_rule_find(const struct ledger *l, const char *name)
{
	size_t at = rule_place(l, name);
	return at < l->n_rules && strcmp(l->rules[at].name, name) == 0 ? &l->rules[at] : NULL;
}

const struct ledger_key *ledger_find(const struct ledger *l, const char *key)
{
	size_t at = key_place(l, key);
	return at < l->n_keys && strcmp(l->keys[at].key, key) == 0 ? &l->keys[at] : NULL;
}

const struct ledger_rule *ledger_rule_at(const struct ledger *l, size_t i)
{
	return i < l->n_rules ? &l->rules[i] : NULL;
}

const struct ledger_key *ledger_key_at(const struct ledger *l, size_t i)
{
	return i < l->n_keys ? &l->keys[i] : NULL;
}

bool ledger_key_lives(const struct ledger_key *k, int64_t now_ms)
{
	for (size_t i = 0; i < k->n; i++)
		if (!k->runs[i].until || now_ms < k->runs[i].until + MARGIN_MS)
			return true;
	return k->open;
}

bool ledger_is_full(const struct ledger *l)
{
	return l->n_keys >= LEDGER_KEYS_MAX;
}

/* When all that was done of it is over by itself; INT64_MAX: it is not known to be. */
static int64_t ends_at(const struct ledger_key *k)
{
	int64_t last = k->open ? INT64_MAX : 0;
	for (size_t i = 0; i < k->n; i++)
		last = !k->runs[i].until ? INT64_MAX : k->runs[i].until > last ? k->runs[i].until : last;
	return last;
}

/* The key that ends the soonest; as many as there are: none does. */
static size_t soonest(const struct ledger *l)
{
	size_t at = l->n_keys;
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < l->n_keys; i++) {
		int64_t end = ends_at(&l->keys[i]);
		if (end >= first)
			continue;
		first = end;
		at = i;
	}
	return at;
}

bool ledger_has_room(const struct ledger *l)
{
	return !ledger_is_full(l) || soonest(l) < l->n_keys;
}

size_t ledger_recent(const struct ledger *l, const char *rule, int64_t from_ms, int64_t to_ms)
{
	const struct ledger_rule *r = ledger_rule_find(l, rule);
	size_t n = 0;
	for (size_t i = 0; r && i < r->n_recent; i++)
		n += r->recent[i] > from_ms && r->recent[i] <= to_ms;
	return n;
}

bool ledger_has_news(const struct ledger *l)
{
	for (size_t i = 0; i < l->n_rules; i++)
		for (size_t t = 0; t < TALLIES; t++)
			if (l->rules[i].fresh[t])
				return true;
	return false;
}

/* ---- making ------------------------------------------------------------------------------ */

/* Room for one member at AT of an array; NULL: no memory. */
static void *open_gap(void *v, size_t n, size_t size, size_t at)
{
	char *more = reallocarray(v, n + 1, size);
	if (more)
		memmove(more + (at + 1) * size, more + at * size, (n - at) * size);
	return more;
}

struct ledger_rule *ledger_make_rule(struct ledger *l, const char *name)
{
	size_t at = rule_place(l, name);
	if (at < l->n_rules && strcmp(l->rules[at].name, name) == 0)
		return &l->rules[at];
	char *copy = l->n_rules < LEDGER_RULES_MAX ? strdup(name) : NULL;
	struct ledger_rule *v = copy ? open_gap(l->rules, l->n_rules, sizeof(*v), at) : NULL;
	if (!v) {
		free(copy);
		return NULL;
	}
	l->rules = v;
	l->n_rules++;
	v[at] = (struct ledger_rule){.name = copy};
	return &v[at];
}

struct ledger_key *ledger_make_key(struct ledger *l, const char *key, const char *rule)
{
	size_t at = key_place(l, key);
	if (at < l->n_keys && strcmp(l->keys[at].key, key) == 0)
		return &l->keys[at];
	char *copy = strlen(key) == LEDGER_KEY_LEN - 1 ? strdup(rule) : NULL;
	struct ledger_key *v = copy ? open_gap(l->keys, l->n_keys, sizeof(*v), at) : NULL;
	if (!v) {
		free(copy);
		return NULL;
	}
	l->keys = v;
	l->n_keys++;
	v[at] = (struct ledger_key){.rule = copy};
	memcpy(v[at].key, key, LEDGER_KEY_LEN);
	return &v[at];
}

int ledger_add_run(struct ledger_key *k, const char *run, int64_t until_ms)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->runs[i].id, run) == 0) {
			k->runs[i].until = until_ms;
			return 0;
		}
	struct ledger_run *v = reallocarray(k->runs, k->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	k->runs = v;
	snprintf(v[k->n].id, RUN_ID_LEN, "%s", run);
	v[k->n++].until = until_ms;
	return 0;
}

static int set_text(char **field, const char *text)
{
	size_t len = strlen(text), cut = len < LEDGER_TEXT_MAX ? len : LEDGER_TEXT_MAX;
	while (cut < len && cut && (text[cut] & 0xc0) == 0x80)
		cut--;
	char *copy = strndup(text, cut);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int ledger_count_many(struct ledger *l, const char *rule, enum tally tally, uint64_t n)
{
	struct ledger_rule *r = n ? ledger_make_rule(l, rule) : NULL;
	if (r)
		r->fresh[tally] += n;
	return r || !n || l->n_rules >= LEDGER_RULES_MAX ? 0 : -ENOMEM;
}

int ledger_count(struct ledger *l, const char *rule, enum tally tally)
{
	return ledger_count_many(l, rule, tally, 1);
}

int ledger_note_match(struct ledger *l, const char *rule, const char *summary, int64_t now_ms)
{
	struct ledger_rule *r = ledger_make_rule(l, rule);
	if (!r)
		return l->n_rules >= LEDGER_RULES_MAX ? 0 : -ENOMEM;
	r->matched = now_ms;
	return set_text(&r->summary, summary);
}

int ledger_note_refusal(struct ledger *l, const char *rule, const char *why, int64_t now_ms)
{
	struct ledger_rule *r = ledger_make_rule(l, rule);
	if (!r)
		return l->n_rules >= LEDGER_RULES_MAX ? 0 : -ENOMEM;
	r->refused = now_ms;
	return set_text(&r->refusal, why);
}

static int add_recent(struct ledger_rule *r, unsigned limit, int64_t now_ms)
{
	size_t keep = limit ? limit - 1 : 0, drop = r->n_recent > keep ? r->n_recent - keep : 0;
	if (drop)
		memmove(r->recent, r->recent + drop, (r->n_recent - drop) * sizeof(*r->recent));
	r->n_recent -= drop;
	int64_t *v = reallocarray(r->recent, r->n_recent + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->recent = v;
	v[r->n_recent++] = now_ms;
	return 0;
}

static void make_room(struct ledger *l)
{
	size_t at = ledger_is_full(l) ? soonest(l) : l->n_keys;
	if (at == l->n_keys)
		return;
	key_free(&l->keys[at]);
	memmove(&l->keys[at], &l->keys[at + 1], (l->n_keys - at - 1) * sizeof(*l->keys));
	l->n_keys--;
}

int ledger_begin(struct ledger *l, const char *rule, const char *key, const char *text, bool enforce,
                 unsigned limit, int64_t now_ms)
{
	if (!ledger_find(l, key))
		make_room(l);
	struct ledger_rule *r = ledger_make_rule(l, rule);
	struct ledger_key *k = r ? ledger_make_key(l, key, rule) : NULL;
	if (!k)
		return r || l->n_rules < LEDGER_RULES_MAX ? -ENOMEM : -ENOSPC;
	*(enforce ? &k->ran : &k->shown) = now_ms;
	k->open = k->open || enforce;
	int n = add_recent(r, limit, now_ms);
	return n < 0 ? n : set_text(&k->text, text);
}

/* Of too many runs the oldest goes: what it holds, newer ones hold, too. */
static void drop_oldest(struct ledger_key *k)
{
	if (k->n < LEDGER_RUNS_MAX)
		return;
	memmove(k->runs, k->runs + 1, (k->n - 1) * sizeof(*k->runs));
	k->n--;
}

int ledger_end(struct ledger *l, const char *key, const char *run, int64_t until_ms, bool again)
{
	struct ledger_key *k = (struct ledger_key *)ledger_find(l, key);
	if (!k)
		return -ENOENT;
	k->open = false;
	if (again)
		k->ran = 0;
	if (!run || until_ms < 0)
		return 0;
	drop_oldest(k);
	return ledger_add_run(k, run, until_ms);
}

int ledger_undone(struct ledger *l, const char *key, const char *run)
{
	struct ledger_key *k = (struct ledger_key *)ledger_find(l, key);
	if (!k)
		return -ENOENT;
	k->ran = 0;
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->runs[i].id, run) == 0) {
			memmove(&k->runs[i], &k->runs[i + 1], (k->n - i - 1) * sizeof(*k->runs));
			k->n--;
			return 0;
		}
	return -ENOENT;
}

/* Runs that are over are let go, too. */
static void prune_runs(struct ledger_key *k, int64_t now_ms)
{
	size_t kept = 0;
	for (size_t i = 0; i < k->n; i++)
		if (!k->runs[i].until || now_ms < k->runs[i].until + MARGIN_MS)
			k->runs[kept++] = k->runs[i];
	k->n = kept;
}

void ledger_prune(struct ledger *l, int64_t (*keep_ms)(void *ctx, const char *rule), void *ctx, int64_t now_ms)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n_keys; i++) {
		struct ledger_key *k = &l->keys[i];
		int64_t last = k->ran > k->shown ? k->ran : k->shown, keep = keep_ms(ctx, k->rule);
		prune_runs(k, now_ms);
		if (k->open || k->n || (last && last <= now_ms && now_ms - last < keep)) {
			struct ledger_key moved = *k;
			l->keys[kept++] = moved;
		} else {
			key_free(k);
		}
	}
	l->n_keys = kept;
}

/* ---- journals ------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
	return a && (!b || a < b) ? a : b;
}

int64_t ledger_run_until(const struct run *run)
{
	int64_t last = -1;
	for (size_t i = 0; i < run->n; i++) {
		const struct run_entry *e = &run->entries[i];
		const struct change *c = e->change;
		if (!entry_live(e) || c->kind->flags & CHANGE_IRREVERSIBLE)
			continue;
		int64_t until = earlier(c->deadlines.ttl, c->kind->until ? c->kind->until(c) * 1000 : 0);
		if (!until)
			return 0;
		last = until > last ? until : last;
	}
	return last;
}

static const char *text_of(const json_t *record, const char *field)
{
	const char *text = json_string_value(json_object_get(record, field));
	return text ? text : "";
}

int ledger_take_run(struct ledger *l, const struct run *run)
{
	const json_t *who = json_object_get(run->head, "operator");
	const char *key = text_of(who, "key"), *rule = text_of(who, "rule");
	int64_t until = ledger_run_until(run);
	if (strcmp(text_of(who, "by"), "hook") != 0 || strlen(key) != LEDGER_KEY_LEN - 1 || !*rule || until < 0)
		return 0;
	struct ledger_key *k = ledger_make_key(l, key, rule);
	int r = !k ? -ENOMEM : k->text ? 0 : set_text(&k->text, text_of(who, "values"));
	return r < 0 ? r : ledger_add_run(k, run->id, until);
}
