/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-show.h"

#include "base/clock.h"
#include "base/escape.h"

#include <string.h>

#define KEYS_SHOWN 10

static uint64_t count_of(const struct ledger_rule *r, enum tally tally)
{
	return r ? r->saved[tally] + r->fresh[tally] : 0;
}

/* For people; tally_word() is for machines. Of one and of several. */
static const char *count_words(enum tally tally, uint64_t n)
{
	static const struct {
		const char *one, *several;
	} words[] = {
		[TALLY_EVENTS] = {"event", "events"},
		[TALLY_UNMATCHED] = {"that no rule wanted", "that no rule wanted"},
		[TALLY_MATCHED] = {"event matched", "events matched"},
		[TALLY_RUNS] = {"run", "runs"},
		[TALLY_DRY] = {"only planned", "only planned"},
		[TALLY_COOLED] = {"in a cooldown", "in a cooldown"},
		[TALLY_LIMITED] = {"over the limit", "over the limit"},
		[TALLY_REFUSED] = {"refused", "refused"},
		[TALLY_FAILED] = {"failed", "failed"},
		[TALLY_UNDONE] = {"taken back", "taken back"},
		[TALLY_NOTHING] = {"with nothing to take back", "with nothing to take back"},
		[TALLY_MERGED] = {"merged with another", "merged with others"},
		[TALLY_DROPPED] = {"dropped", "dropped"},
	};
	return n == 1 ? words[tally].one : words[tally].several;
}

static void print_counts(const struct printer *p, const struct ledger_rule *r, const char *indent)
{
	size_t n = 0;
	for (size_t i = 0; i < TALLIES; i++) {
		unsigned long long count = count_of(r, (enum tally)i);
		if (count)
			print_styled(p, STYLE_PLAIN, "%s%llu %s", n++ ? ", " : indent, count,
			             count_words((enum tally)i, count));
	}
	if (n)
		fputc('\n', p->out);
}

static void print_moments(const struct printer *p, const struct ledger_rule *r, const char *indent)
{
	char when[32];
	if (r && r->matched) {
		time_format(r->matched, when);
		print_styled(p, STYLE_DIM, "%slast match %s%s%s\n", indent, when, r->summary && *r->summary ? ": " : "",
		             r->summary ? r->summary : "");
	}
	if (r && r->refused) {
		time_format(r->refused, when);
		print_styled(p, STYLE_YELLOW, "%slast refusal %s: %s\n", indent, when, r->refusal ? r->refusal : "");
	}
}

static void print_key(const struct printer *p, const struct ledger_key *k, int64_t now_ms)
{
	print_styled(p, STYLE_PLAIN, "    in force: %s", k->text && *k->text ? k->text : "(no values)");
	for (size_t i = 0; i < k->n; i++) {
		char when[32];
		if (k->runs[i].until && k->runs[i].until < now_ms)
			continue;
		print_styled(p, STYLE_DIM, "%srun %s", i ? ", " : ": ", k->runs[i].id);
		if (!k->runs[i].until)
			continue;
		time_format(k->runs[i].until, when);
		print_styled(p, STYLE_DIM, " until %s", when);
	}
	fputc('\n', p->out);
}

static void print_keys(const struct printer *p, const struct ledger *ledger, const char *rule, int64_t now_ms)
{
	size_t n = 0;
	const struct ledger_key *k;
	for (size_t i = 0; (k = ledger_key_at(ledger, i)); i++)
		if (strcmp(k->rule, rule) == 0 && k->n && ledger_key_lives(k, now_ms) && n++ < KEYS_SHOWN)
			print_key(p, k, now_ms);
	if (n > KEYS_SHOWN)
		print_styled(p, STYLE_PLAIN, "    and %zu more\n", n - KEYS_SHOWN);
}

static void print_terms(const struct printer *p, const struct rule *rule)
{
	_cleanup_buf_ struct buf text = {0};
	buf_puts(&text, rule->cooldown_ms ? "cooldown " : "no cooldown");
	if (rule->cooldown_ms)
		span_format(rule->cooldown_ms, &text);
	buf_printf(&text, ", limit %u/", rule->limit);
	span_format(rule->limit_ms, &text);
	if (rule->ttl_ms) {
		buf_puts(&text, ", ttl ");
		span_format(rule->ttl_ms, &text);
	}
	print_styled(p, STYLE_DIM, "    %s; %s:%u\n", buf_text(&text), rule->file, rule->line);
	for (size_t i = 0; i < rule->match.n; i++)
		print_styled(p, STYLE_DIM, "    match %s = %s\n", rule->match.v[i].field, rule->match.v[i].text);
	for (size_t i = 0; i < rule->undo.n; i++)
		print_styled(p, STYLE_DIM, "    undo-on %s = %s\n", rule->undo.v[i].field, rule->undo.v[i].text);
}

static void print_rule(const struct printer *p, const struct rule *rule, const struct ledger *ledger, int64_t now_ms)
{
	const struct ledger_rule *r = ledger_rule_find(ledger, rule->name);
	print_styled(p, STYLE_BOLD, "  %s", rule->name);
	print_styled(p, rule->enforce ? STYLE_GREEN : STYLE_YELLOW, "  %s", rule->enforce ? "enforce" : "dry-run");
	print_styled(p, STYLE_PLAIN, "  %s\n", rule->playbook->file);
	print_terms(p, rule);
	print_counts(p, r, "    ");
	print_moments(p, r, "    ");
	print_keys(p, ledger, rule->name, now_ms);
}

static const struct ledger_rule *source_counts(const struct ledger *ledger, const struct source *source)
{
	_cleanup_buf_ struct buf name = {0};
	return buf_printf(&name, "@%s", source->name) < 0 ? NULL : ledger_rule_find(ledger, name.data);
}

static size_t count_rules(const struct rules *rules, const struct source *source)
{
	size_t n = 0;
	for (size_t i = 0; i < rules->n; i++)
		n += rules->v[i].source == source;
	return n;
}

void print_hooks(const struct printer *p, const struct rules *rules, const struct source *const *sources,
                 const struct ledger *ledger, int64_t now_ms)
{
	for (size_t s = 0; sources[s]; s++) {
		const struct ledger_rule *r = source_counts(ledger, sources[s]);
		size_t n = count_rules(rules, sources[s]);
		if (!n && !r)
			continue;
		print_styled(p, STYLE_BOLD, "%s", sources[s]->name);
		print_styled(p, STYLE_DIM, "  %s\n", sources[s]->summary);
		print_counts(p, r, "  ");
		print_moments(p, r, "  ");
		for (size_t i = 0; i < rules->n; i++)
			if (rules->v[i].source == sources[s])
				print_rule(p, &rules->v[i], ledger, now_ms);
	}
	if (!rules->n)
		print_styled(p, STYLE_PLAIN, "There are no rules: respond-hooks(5) says how to write one.\n");
}

/* ---- for machines ---------------------------------------------------------------------------- */

static json_t *ms(int64_t at)
{
	return at ? json_integer(at) : json_null();
}

static json_t *text(const char *t)
{
	return t ? json_string(t) : json_null();
}

static json_t *json_counts(const struct ledger_rule *r)
{
	json_t *o = json_object();
	for (size_t i = 0; i < TALLIES; i++)
		json_object_set_new(o, tally_word((enum tally)i), json_integer((json_int_t)count_of(r, (enum tally)i)));
	return json_pack("{so so so so so}", "counts", o, "last-match", ms(r ? r->matched : 0), "last-match-of",
	                 text(r ? r->summary : NULL), "last-refusal", ms(r ? r->refused : 0), "last-refusal-why",
	                 text(r ? r->refusal : NULL));
}

static json_t *json_keys(const struct ledger *ledger, const char *rule, int64_t now_ms)
{
	json_t *list = json_array();
	const struct ledger_key *k;
	for (size_t i = 0; (k = ledger_key_at(ledger, i)); i++) {
		if (strcmp(k->rule, rule) != 0 || !k->n || !ledger_key_lives(k, now_ms))
			continue;
		json_t *runs = json_array();
		for (size_t n = 0; n < k->n; n++)
			json_array_append_new(runs, json_pack("{ss so}", "run", k->runs[n].id, "until", ms(k->runs[n].until)));
		json_array_append_new(list, json_pack("{ss so so}", "key", k->key, "values", text(k->text), "runs", runs));
	}
	return list;
}

static json_t *json_matchers(const struct matchers *m)
{
	json_t *o = json_object();
	for (size_t i = 0; i < m->n; i++)
		json_object_set_new(o, m->v[i].field, json_text(m->v[i].text));
	return o;
}

static json_t *json_rule(const struct rule *rule, const struct ledger *ledger, int64_t now_ms)
{
	json_t *o = json_counts(ledger_rule_find(ledger, rule->name));
	json_t *more = json_pack("{ss ss ss si ss so so so sI si sI sI so}", "rule", rule->name, "source",
	                         rule->source->name, "file", rule->file, "line", (int)rule->line, "mode", rule->enforce ? "enforce" : "dry-run",
	                         "match", json_matchers(&rule->match), "undo-on", json_matchers(&rule->undo), "playbook",
	                         json_text(rule->playbook->file), "cooldown-ms", (json_int_t)rule->cooldown_ms, "limit",
	                         (int)rule->limit, "limit-ms", (json_int_t)rule->limit_ms, "ttl-ms",
	                         (json_int_t)rule->ttl_ms, "in-force", json_keys(ledger, rule->name, now_ms));
	if (json_object_update_missing_new(o, more) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *json_hooks(const struct rules *rules, const struct source *const *sources, const struct ledger *ledger,
                   int64_t now_ms)
{
	json_t *list = json_array(), *by_source = json_object();
	for (size_t i = 0; i < rules->n; i++)
		json_array_append_new(list, json_rule(&rules->v[i], ledger, now_ms));
	for (size_t s = 0; sources[s]; s++)
		json_object_set_new(by_source, sources[s]->name, json_counts(source_counts(ledger, sources[s])));
	return json_pack("{so so}", "sources", by_source, "rules", list);
}
