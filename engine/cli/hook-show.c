/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-show.h"

#include "base/clock.h"
#include "base/escape.h"
#include "core/run-result.h"
#include "print-json.h"

#include <string.h>

#define SHOWN_BYTES 200 /* of a field */

static const char *text_or(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

/* ---- what became of it ------------------------------------------------------------------ */

static void print_run_words(const struct printer *p, const struct hook_result *result)
{
	const struct run_result *run = result->run;
	if (!run) {
		print_styled(p, STYLE_RED, "%s", text_or(result->why, "it could not begin"));
		return;
	}
	if (!run->id[0] && !result->status) {
		print_styled(p, STYLE_GREEN, "there was nothing to do");
		return;
	}
	print_styled(p, result->status ? STYLE_YELLOW : STYLE_GREEN, "run %s: %zu done", text_or(run->id, "(none)"),
	             run->done);
	if (run->held)
		print_styled(p, STYLE_PLAIN, ", %zu in force before", run->held);
	if (run->refused)
		print_styled(p, STYLE_RED, ", %zu refused", run->refused);
	if (run->failed)
		print_styled(p, STYLE_RED, ", %zu failed", run->failed);
	for (size_t i = 0; i < run->troubles.n; i++)
		print_styled(p, STYLE_RED, "; %s", run->troubles.v[i]);
	if (*result->why)
		print_styled(p, STYLE_RED, "; %s", result->why);
}

static void print_undo_words(const struct printer *p, const struct hook_result *result)
{
	const struct undo_result *u = &result->undo;
	if (!result->undone) {
		print_styled(p, *result->why ? STYLE_RED : STYLE_PLAIN, "%s", text_or(result->why, "it was taken back already"));
		return;
	}
	print_styled(p, result->status ? STYLE_YELLOW : STYLE_GREEN, "%zu run%s taken back: %zu restored", result->undone,
	             result->undone == 1 ? "" : "s", u->done);
	if (u->kept)
		print_styled(p, STYLE_PLAIN, ", %zu held by other runs, too", u->kept);
	if (u->impossible)
		print_styled(p, STYLE_PLAIN, ", %zu that cannot be undone", u->impossible);
	if (u->drifted + u->failed + u->refused)
		print_styled(p, STYLE_RED, ", %zu drifted, %zu failed, %zu refused", u->drifted, u->failed, u->refused);
	if (*result->why)
		print_styled(p, STYLE_RED, "; %s", result->why);
}

static void print_dry_words(const struct printer *p, const struct hook_result *result)
{
	if (!result->round) {
		print_styled(p, STYLE_RED, "%s", text_or(result->why, "it could not be planned"));
		return;
	}
	print_styled(p, STYLE_PLAIN, "%zu change%s would be made; none is, because the rule's mode is dry-run",
	             round_count_pending(result->round), round_count_pending(result->round) == 1 ? "" : "s");
	size_t refused = round_count_refused(result->round);
	if (refused)
		print_styled(p, STYLE_YELLOW, "; %zu would be refused", refused);
}

void print_hook_result(const struct printer *p, const struct hook_result *result)
{
	const struct decision *d = result->decision;
	if (d->rule)
		print_styled(p, STYLE_BOLD, "rule %s: ", d->rule->name);
	if (d->binding.text && *d->binding.text)
		print_styled(p, STYLE_PLAIN, "%s: ", d->binding.text);
	switch (d->verdict) {
	case EVENT_UNMATCHED: print_styled(p, STYLE_DIM, "no rule wants this event"); break;
	case EVENT_REFUSED: print_styled(p, STYLE_RED, "refused: %s", buf_text(&d->why)); break;
	case EVENT_COOLED: print_styled(p, STYLE_DIM, "not again: %s", buf_text(&d->why)); break;
	case EVENT_LIMITED: print_styled(p, STYLE_RED, "refused: %s", buf_text(&d->why)); break;
	case EVENT_NOTHING_DONE: print_styled(p, STYLE_DIM, "nothing is in force that could be taken back"); break;
	case EVENT_DRY: print_dry_words(p, result); break;
	case EVENT_RUN: print_run_words(p, result); break;
	case EVENT_UNDO: print_undo_words(p, result); break;
	default: break;
	}
	if (*result->left_out)
		print_styled(p, STYLE_YELLOW, "; %s", result->left_out);
	fputc('\n', p->out);
}

static json_t *text_of(const char *text)
{
	return text && *text ? json_text(text) : json_null();
}

static json_t *escaped(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

json_t *json_hook_result(const struct hook_result *result)
{
	const struct decision *d = result->decision;
	const char *why = d->why.len ? d->why.data : result->why;
	json_t *plan = result->round ? json_round(result->round) : json_null();
	return json_pack("{ss so so so so so so so si}", "verdict", event_verdict_word(d->verdict), "rule",
	                 d->rule ? json_string(d->rule->name) : json_null(), "values", escaped(d->binding.text), "why",
	                 escaped(why), "left-out", escaped(result->left_out), "plan", plan, "run",
	                 result->run ? json_result(result->run) : json_null(), "undo",
	                 d->verdict == EVENT_UNDO ? json_undo_result(&result->undo) : json_null(), "status", result->status);
}

/* ---- what would become of it --------------------------------------------------------------- */

/* At most so much of it, and no half character. */
static void cut(const char *text, struct buf *ret)
{
	size_t len = strlen(text), shown = len < SHOWN_BYTES ? len : SHOWN_BYTES;
	while (shown < len && shown && (text[shown] & 0xc0) == 0x80)
		shown--;
	escape_text(ret, text, shown);
	if (shown < len)
		buf_printf(ret, "... (%zu bytes)", len);
}

static void print_field(const struct printer *p, const struct field *f)
{
	_cleanup_buf_ struct buf name = {0}, text = {0};
	escape_str(&name, f->name);
	if (f->type == FIELD_LIST) {
		for (size_t i = 0; i < f->items.n && i < 10; i++) {
			buf_puts(&text, i ? ", " : "");
			cut(f->items.v[i], &text);
		}
		if (f->items.n > 10)
			buf_printf(&text, " and %zu more", f->items.n - 10);
	} else {
		cut(f->text, &text);
	}
	print_styled(p, STYLE_CYAN, "  %s", buf_text(&name));
	print_styled(p, STYLE_PLAIN, " = %s", buf_text(&text));
	print_styled(p, STYLE_DIM, "  (%s)\n", field_type_word(f->type));
}

static void print_rules(const struct printer *p, const struct explanation *x)
{
	for (size_t i = 0; i < x->rules->n; i++) {
		const struct rule *rule = &x->rules->v[i];
		_cleanup_buf_ struct buf why = {0};
		if (rule->source != x->source)
			continue;
		bool decides = x->decision->rule == rule, matches = rule_matches(rule, x->event, &why);
		print_styled(p, decides ? STYLE_GREEN : STYLE_DIM, "  rule %s (%s:%u): ", rule->name, rule->file, rule->line);
		if (decides)
			print_styled(p, STYLE_GREEN, "this one%s\n", x->decision->verdict == EVENT_UNDO ||
			             x->decision->verdict == EVENT_NOTHING_DONE ? ", to take back" : "");
		else
			print_styled(p, STYLE_DIM, "%s\n", matches ? "matches, too; the first one has it" : buf_text(&why));
		if (decides)
			return;
	}
	print_styled(p, STYLE_YELLOW, "  no rule wants it\n");
}

static void print_verdict(const struct printer *p, const struct explanation *x)
{
	const struct decision *d = x->decision;
	print_styled(p, STYLE_BOLD, "  %s", event_verdict_word(d->verdict));
	if (d->why.len)
		print_styled(p, STYLE_YELLOW, ": %s", d->why.data);
	fputc('\n', p->out);
	if (d->binding.text && *d->binding.text)
		print_styled(p, STYLE_PLAIN, "  with %s\n", d->binding.text);
	for (size_t i = 0; d->verdict == EVENT_UNDO && x->key && i < x->key->n; i++)
		print_styled(p, STYLE_PLAIN, "  run %s would be taken back\n", x->key->runs[i].id);
	if (d->rule && (d->verdict == EVENT_RUN || d->verdict == EVENT_DRY))
		print_styled(p, STYLE_PLAIN, "  playbook %s, %s\n", d->rule->playbook->file,
		             d->rule->enforce ? "which would be run" : "which would be planned only: the rule's mode is dry-run");
}

void print_explanation(const struct printer *p, const struct explanation *x, const struct host *host)
{
	print_styled(p, STYLE_BOLD, "Event of %s\n", x->source->name);
	for (size_t i = 0; i < x->event->n; i++)
		print_field(p, &x->event->v[i]);
	print_styled(p, STYLE_BOLD, "Rules\n");
	print_rules(p, x);
	if (!x->decision->rule)
		return;
	print_styled(p, STYLE_BOLD, "Verdict\n");
	print_verdict(p, x);
	if (*x->left_out)
		print_styled(p, STYLE_YELLOW, "  %s\n", x->left_out);
	if (x->why && *x->why)
		print_styled(p, STYLE_RED, "  it cannot be planned: %s\n", x->why);
	if (!x->round)
		return;
	print_styled(p, STYLE_BOLD, "Plan\n");
	print_round(p, x->round);
	print_blind(p, host);
	print_plan_summary(p, x->round, host);
}

static json_t *json_field(const struct field *f)
{
	json_t *list;
	switch (f->type) {
	case FIELD_NUMBER: return json_integer(f->number);
	case FIELD_YES_NO: return json_boolean(f->number);
	case FIELD_EMPTY: return json_null();
	case FIELD_LIST:
		list = json_array();
		for (size_t i = 0; i < f->items.n; i++)
			json_array_append_new(list, json_text(f->items.v[i]));
		return list;
	default: return json_text(f->text);
	}
}

static json_t *json_event(const struct event *event)
{
	json_t *o = json_object();
	for (size_t i = 0; i < event->n; i++) {
		_cleanup_buf_ struct buf name = {0};
		escape_str(&name, event->v[i].name);
		json_object_set_new(o, buf_text(&name), json_field(&event->v[i]));
	}
	return o;
}

json_t *json_explanation(const struct explanation *x, const struct host *host)
{
	const struct decision *d = x->decision;
	json_t *rules = json_array(), *runs = json_array();
	for (size_t i = 0; i < x->rules->n; i++) {
		const struct rule *rule = &x->rules->v[i];
		_cleanup_buf_ struct buf why = {0};
		if (rule->source != x->source)
			continue;
		bool matches = rule_matches(rule, x->event, &why);
		json_array_append_new(rules, json_pack("{ss ss si sb so}", "rule", rule->name, "file", rule->file, "line",
		                                       (int)rule->line, "matches", matches, "why", escaped(buf_text(&why))));
	}
	for (size_t i = 0; d->verdict == EVENT_UNDO && x->key && i < x->key->n; i++)
		json_array_append_new(runs, json_string(x->key->runs[i].id));
	return json_pack("{so so ss so so so so so so so so}", "event", json_event(x->event), "rules", rules, "verdict",
	                 event_verdict_word(d->verdict), "rule", d->rule ? json_string(d->rule->name) : json_null(), "values",
	                 escaped(d->binding.text), "why", d->why.len ? escaped(d->why.data) : escaped(x->why), "playbook",
	                 d->rule ? text_of(d->rule->playbook->file) : json_null(), "mode",
	                 d->rule ? json_string(d->rule->enforce ? "enforce" : "dry-run") : json_null(), "left-out",
	                 escaped(x->left_out), "runs", runs, "plan",
	                 x->round ? json_plan(d->rule->playbook, x->round, host, 0) : json_null());
}
