/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A ledger as it is kept:
 *
 *     {"format": 1, "swept": MS,
 *      "rules": {NAME: {"counts": {WORD: N, ...}, "matched": MS, "summary": TEXT, "refused": MS,
 *                       "refusal": TEXT, "recent": [MS, ...]}, ...},
 *      "keys": {KEY: {"rule": NAME, "text": TEXT, "ran": MS, "shown": MS, "open": BOOLEAN,
 *                     "runs": {RUN: MS, ...}}, ...}}
 */
#include "hook/ledger-parts.h"

#include "base/escape.h"
#include "base/json-read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *text(const char *t)
{
	return t ? json_string(t) : json_null();
}

/* WHOLE, or where a part of it found no memory, nothing. */
static json_t *if_whole(json_t *whole, int bad)
{
	if (!bad)
		return whole;
	json_decref(whole);
	return NULL;
}

static json_t *encode_counts(const struct ledger_rule *r)
{
	json_t *counts = json_object();
	int bad = 0;
	for (size_t i = 0; i < TALLIES; i++) {
		uint64_t n = r->saved[i] + r->fresh[i];
		bad |= n ? json_object_set_new(counts, tally_word((enum tally)i), json_integer((json_int_t)n)) : 0;
	}
	return if_whole(counts, bad);
}

static json_t *encode_rule(const struct ledger_rule *r)
{
	json_t *recent = json_array();
	int bad = 0;
	for (size_t i = 0; i < r->n_recent; i++)
		bad |= json_array_append_new(recent, json_integer(r->recent[i]));
	return json_pack("{so sI so sI so so}", "counts", encode_counts(r), "matched", (json_int_t)r->matched, "summary",
	                 text(r->summary), "refused", (json_int_t)r->refused, "refusal", text(r->refusal), "recent",
	                 if_whole(recent, bad));
}

static json_t *encode_key(const struct ledger_key *k)
{
	json_t *runs = json_object();
	int bad = 0;
	for (size_t i = 0; i < k->n; i++)
		bad |= json_object_set_new(runs, k->runs[i].id, json_integer(k->runs[i].until));
	runs = if_whole(runs, bad);
	return json_pack("{ss so sI sI sb so}", "rule", k->rule, "text", text(k->text), "ran", (json_int_t)k->ran, "shown",
	                 (json_int_t)k->shown, "open", k->open, "runs", runs);
}

static int dump(const char *bytes, size_t len, void *buf)
{
	return buf_add(buf, bytes, len);
}

int ledger_encode(const struct ledger *l, struct buf *ret)
{
	json_t *rules = json_object(), *keys = json_object();
	int bad = 0;
	for (size_t i = 0; i < l->n_rules; i++)
		bad |= json_object_set_new(rules, l->rules[i].name, encode_rule(&l->rules[i]));
	for (size_t i = 0; i < l->n_keys; i++)
		bad |= json_object_set_new(keys, l->keys[i].key, encode_key(&l->keys[i]));
	_cleanup_json_ json_t *all = json_pack("{si sI so so}", "format", 1, "swept", (json_int_t)l->swept, "rules", rules,
	                                       "keys", keys);
	if (bad || !all || json_dump_callback(all, dump, ret, JSON_COMPACT) < 0)
		return -ENOMEM;
	return buf_putc(ret, '\n');
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A number that must be there and not be negative. */
static int take_number(const json_t *object, const char *name, int64_t *ret)
{
	const json_t *n = json_object_get(object, name);
	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return -EBADMSG;
	*ret = json_integer_value(n);
	return 0;
}

/* Text for people, or null: it is shown as it is, so it must have no control bytes. */
static int take_text(const json_t *object, const char *name, char **ret)
{
	const json_t *t = json_object_get(object, name);
	_cleanup_buf_ struct buf safe = {0};
	if (json_is_null(t))
		return 0;
	if (!json_is_string(t) || json_string_length(t) > LEDGER_TEXT_MAX)
		return -EBADMSG;
	if (escape_controls(&safe, json_string_value(t), json_string_length(t)) < 0)
		return -ENOMEM;
	if (strcmp(buf_text(&safe), json_string_value(t)) != 0)
		return -EBADMSG;
	*ret = strdup(json_string_value(t));
	return *ret ? 0 : -ENOMEM;
}

static int take_counts(const json_t *counts, struct ledger_rule *r)
{
	if (!json_is_object(counts))
		return -EBADMSG;
	for (size_t i = 0; i < TALLIES; i++) {
		int64_t n = 0;
		const char *word = tally_word((enum tally)i);
		if (json_object_get(counts, word) && take_number(counts, word, &n) < 0)
			return -EBADMSG;
		r->saved[i] = (uint64_t)n;
	}
	return 0;
}

static int take_recent(const json_t *recent, struct ledger_rule *r)
{
	size_t n = json_array_size(recent);
	if (!json_is_array(recent) || n > 1000)
		return -EBADMSG;
	r->recent = calloc(n + 1, sizeof(*r->recent));
	if (!r->recent)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!json_is_integer(json_array_get(recent, i)))
			return -EBADMSG;
		r->recent[r->n_recent++] = json_integer_value(json_array_get(recent, i));
	}
	return 0;
}

static int decode_rule(struct ledger *l, const char *name, const json_t *o)
{
	struct ledger_rule *r = ledger_make_rule(l, name);
	int error = r ? take_counts(json_object_get(o, "counts"), r) : l->n_rules >= LEDGER_RULES_MAX ? -EBADMSG : -ENOMEM;
	if (error == 0)
		error = take_number(o, "matched", &r->matched);
	if (error == 0)
		error = take_text(o, "summary", &r->summary);
	if (error == 0)
		error = take_number(o, "refused", &r->refused);
	if (error == 0)
		error = take_text(o, "refusal", &r->refusal);
	return error < 0 ? error : take_recent(json_object_get(o, "recent"), r);
}

static int take_runs(const json_t *runs, struct ledger_key *k)
{
	const char *id;
	json_t *until;
	int error = json_is_object(runs) && json_object_size(runs) <= LEDGER_RUNS_MAX ? 0 : -EBADMSG;
	json_object_foreach((json_t *)runs, id, until) {
		if (error == 0 && (!run_id_valid(id) || !json_is_integer(until) || json_integer_value(until) < 0))
			error = -EBADMSG;
		if (error == 0)
			error = ledger_add_run(k, id, json_integer_value(until));
	}
	return error;
}

static bool is_key(const char *text)
{
	return strlen(text) == LEDGER_KEY_LEN - 1 && strspn(text, "0123456789abcdef") == LEDGER_KEY_LEN - 1;
}

static int decode_key(struct ledger *l, const char *key, const json_t *o)
{
	const json_t *open = json_object_get(o, "open");
	char *rule = NULL;
	int error = is_key(key) && json_is_boolean(open) ? take_text(o, "rule", &rule) : -EBADMSG;
	if (error == 0 && !rule)
		error = -EBADMSG;
	struct ledger_key *k = error == 0 ? ledger_make_key(l, key, rule) : NULL;
	free(rule);
	if (!k)
		return error < 0 ? error : -ENOMEM;
	k->open = json_is_true(open);
	error = take_text(o, "text", &k->text);
	if (error == 0)
		error = take_number(o, "ran", &k->ran);
	if (error == 0)
		error = take_number(o, "shown", &k->shown);
	return error < 0 ? error : take_runs(json_object_get(o, "runs"), k);
}

static int decode_all(struct ledger *l, const json_t *all)
{
	json_t *rules = json_object_get(all, "rules"), *keys = json_object_get(all, "keys"), *o;
	const char *name;
	int error = json_integer_value(json_object_get(all, "format")) == 1 && json_is_object(rules) && json_is_object(keys)
	                    ? 0 : -EBADMSG;
	if (error == 0)
		error = take_number(all, "swept", &l->swept);
	json_object_foreach(rules, name, o)
		error = error < 0 ? error : decode_rule(l, name, o);
	json_object_foreach(keys, name, o)
		error = error < 0 ? error : decode_key(l, name, o);
	return error;
}

static void take_newer(int64_t *at, char **what, int64_t *old_at, char **old_what)
{
	if (*old_at <= *at)
		return;
	char *less = *what;
	*at = *old_at;
	*what = *old_what;
	*old_what = less;
}

int ledger_merge(struct ledger *l, struct ledger *old)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < old->n_rules; i++) {
		struct ledger_rule *from = &old->rules[i], *to = ledger_make_rule(l, from->name);
		if (!to) {
			error = l->n_rules >= LEDGER_RULES_MAX ? 0 : -ENOMEM;
			continue;
		}
		memcpy(to->fresh, from->fresh, sizeof(to->fresh));
		take_newer(&to->matched, &to->summary, &from->matched, &from->summary);
		take_newer(&to->refused, &to->refusal, &from->refused, &from->refusal);
	}
	ledger_empty(old);
	return error;
}

/* Names come out of JSON in any order: adding each in its place is a move of what is behind it. */
int ledger_decode(struct ledger *l, const struct buf *bytes)
{
	_cleanup_json_ json_t *all = NULL;
	struct ledger read = {.dir = -1, .lock = -1, .turn = -1};
	int error = json_read(buf_text(bytes), bytes->len, 0, &all, NULL);
	if (error == 0)
		error = decode_all(&read, all);
	if (error == 0)
		error = ledger_merge(&read, l);
	if (error < 0) {
		ledger_empty(&read);
		return error == -ENOMEM ? error : -EBADMSG;
	}
	l->rules = read.rules;
	l->n_rules = read.n_rules;
	l->keys = read.keys;
	l->n_keys = read.n_keys;
	l->swept = read.swept;
	return 0;
}
