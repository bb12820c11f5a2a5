/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show.h"

#include "base/escape.h"
#include "core/near.h"
#include "print-json.h"
#include "session.h"

#include <errno.h>
#include <string.h>

int put_json(const struct printer *p, json_t *value)
{
	if (!value) {
		fputs("respond: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	json_dumpf(value, p->out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', p->out);
	json_decref(value);
	return EXIT_DONE;
}

static const char *cannot_look(int error)
{
	return error == -EACCES ? "only root may look into it" : strerror(-error);
}

static void print_deadlines(const struct printer *p, const struct run *run)
{
	int64_t confirm_by = run_confirm_by(run), deadline = run_deadline(run);
	char when[32];
	time_format(confirm_by ? confirm_by : deadline, when);
	if (confirm_by)
		print_styled(p, STYLE_YELLOW, ", to be confirmed until %s", when);
	else if (deadline)
		print_styled(p, STYLE_YELLOW, ", in force until %s", when);
}

static void print_run_line(const struct printer *p, const struct run *run)
{
	struct run_counts n = run_count(run);
	print_styled(p, STYLE_BOLD, "%s", run->id);
	/* Date and time of the RFC 3339 text; --format json has it whole. */
	const char *started = run->started ? run->started : "";
	print_styled(p, STYLE_PLAIN, "  %.10s %.8s  %-13s %3zu done", started, strlen(started) > 11 ? started + 11 : "",
	             run_word(run), n.done);
	if (n.held)
		print_styled(p, STYLE_PLAIN, ", %zu held", n.held);
	if (n.failed)
		print_styled(p, STYLE_RED, ", %zu failed", n.failed);
	if (n.refused)
		print_styled(p, STYLE_RED, ", %zu refused", n.refused);
	if (n.undone)
		print_styled(p, STYLE_PLAIN, ", %zu undone", n.undone);
	if (run->n_evidence)
		print_styled(p, STYLE_PLAIN, ", %zu item%s kept", run->n_evidence, run->n_evidence == 1 ? "" : "s");
	print_deadlines(p, run);
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, run->playbook ? run->playbook : "");
	print_styled(p, STYLE_PLAIN, "  %s\n", buf_text(&name));
}

static json_t *json_run_line(const struct run *run)
{
	struct run_counts n = run_count(run);
	json_t *status = run->status < 0 ? json_null() : json_integer(run->status);
	json_t *playbook = json_text(run->playbook ? run->playbook : "");
	json_t *started = json_text(run->started ? run->started : "");
	return json_pack("{ss so so so ss si si si so so}", "run", run->id, "playbook", playbook, "started", started, "status",
	                 status, "state", run_word(run), "done", (int)n.done, "undone", (int)n.undone, "evidence",
	                 (int)run->n_evidence, "confirm-by",
	                 json_ms(run_confirm_by(run)), "deadline", json_ms(run_deadline(run)));
}

int show_list(const struct printer *p, const struct engine *engine, bool json)
{
	_cleanup_strv_ struct strv ids = {0};
	int r = state_runs(engine->state, &ids);
	if (r < 0) {
		fprintf(stderr, "respond: %s/runs: %s\n", engine->state->dir, cannot_look(r));
		return EXIT_FAILED;
	}
	json_t *list = json_array();
	int status = EXIT_DONE;
	for (size_t i = 0; i < ids.n; i++) {
		struct run *run = NULL;
		_cleanup_buf_ struct buf why = {0};
		r = run_load(engine->state, ids.v[i], engine->parts->kinds, &run, &why);
		if (r < 0) {
			int failed = run_failed(ids.v[i], r, &why);
			status = failed > status ? failed : status;
			if (json)
				json_array_append_new(list, json_failure(ids.v[i], r, &why));
			continue;
		}
		if (json)
			json_array_append_new(list, json_run_line(run));
		else
			print_run_line(p, run);
		run_free(&run);
	}
	if (json)
		put_json(p, json_incref(list));
	else if (!ids.n)
		print_styled(p, STYLE_PLAIN, "No runs yet.\n");
	json_decref(list);
	return status;
}

static void print_entry_deadline(const struct printer *p, const struct run_entry *e)
{
	const struct deadlines *d = &e->change->deadlines;
	char when[32];
	if (!entry_deadline(e))
		return;
	if (d->confirm) {
		time_format(d->confirm, when);
		print_styled(p, STYLE_YELLOW, "; to be confirmed until %s", when);
	}
	if (d->ttl) {
		time_format(d->ttl, when);
		print_styled(p, STYLE_YELLOW, "; in force until %s", when);
	}
}

static void print_entry(const struct printer *p, const struct run_entry *e)
{
	print_change_line(p, e->change, "  ");
	print_styled(p, STYLE_DIM, "      %s: %s", e->change->step, outcome_word(e->outcome));
	if (e->note && *e->note)
		print_styled(p, STYLE_DIM, " (%s)", e->note);
	if (e->undo != UNDO_NONE)
		print_styled(p, STYLE_DIM, "; rollback: %s", undo_word(e->undo));
	if (e->undo_note && *e->undo_note)
		print_styled(p, STYLE_DIM, " (%s)", e->undo_note);
	print_entry_deadline(p, e);
	fputc('\n', p->out);
	print_detail(p, e->change, "      ");
}

static const char *text_of(const json_t *record, const char *field)
{
	const char *text = json_string_value(json_object_get(record, field));
	return text ? text : "";
}

/* ", by respond --recover, login uid 1000". */
static void print_operator(const struct printer *p, const json_t *operator)
{
	const char *by = text_of(operator, "by");
	const json_t *login = json_object_get(operator, "loginuid");
	if (strcmp(by, "deadline") == 0)
		print_styled(p, STYLE_PLAIN, ", by itself at its deadline");
	else if (strcmp(by, "recover") == 0)
		print_styled(p, STYLE_PLAIN, ", by respond --recover");
	else if (strcmp(by, "hook") == 0)
		print_styled(p, STYLE_PLAIN, ", by rule %s of %s", text_of(operator, "rule"), text_of(operator, "source"));
	if (json_is_integer(login))
		print_styled(p, STYLE_PLAIN, ", login uid %lld", (long long)json_integer_value(login));
}

/* What it was made by, where that was an alert. All of it is escaped; what the journal says of it
 * is not trusted to be. */
static void print_trigger(const struct printer *p, const json_t *operator)
{
	_cleanup_buf_ struct buf text = {0}, safe = {0};
	if (strcmp(text_of(operator, "by"), "hook") != 0)
		return;
	buf_printf(&text, "by rule %s of %s", text_of(operator, "rule"), text_of(operator, "source"));
	if (*text_of(operator, "values"))
		buf_printf(&text, ", %s", text_of(operator, "values"));
	if (*text_of(operator, "event"))
		buf_printf(&text, " (event: %s)", text_of(operator, "event"));
	if (*text_of(operator, "left-out"))
		buf_printf(&text, "; %s", text_of(operator, "left-out"));
	escape_controls(&safe, buf_text(&text), text.len);
	print_styled(p, STYLE_CYAN, "%s\n", buf_text(&safe));
}

/* What was done about the run since: "confirmed on 2026-11-25 03:14:15". */
static bool print_event(const struct printer *p, const struct run *run, const json_t *record)
{
	static const struct {
		const char *type, *words;
	} events[] = {
		{"confirmed", "confirmed"},
		{"recover", "recovered"},
		{"undo", "rolled back"},
		{"reapply", "put in force again"},
		{"purged", "purged from the vault"},
	};
	const char *type = text_of(record, "type"), *time = text_of(record, "time"), *step = text_of(record, "step");
	if (strcmp(type, "reapplied") == 0) {
		size_t id = (size_t)json_integer_value(json_object_get(record, "change"));
		print_styled(p, STYLE_PLAIN, "    %s: %s", id - 1 < run->n ? run->entries[id - 1].change->step : "?",
		             text_of(record, "result"));
		print_styled(p, STYLE_DIM, *text_of(record, "note") ? " (%s)\n" : "\n", text_of(record, "note"));
		return true;
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		if (strcmp(type, events[i].type) != 0)
			continue;
		print_styled(p, STYLE_CYAN, "  %s", events[i].words);
		print_styled(p, STYLE_PLAIN, " on %.10s %.8s", time, strlen(time) > 11 ? time + 11 : "");
		if (*step)
			print_styled(p, STYLE_PLAIN, ", step %s", step);
		if (strcmp(text_of(record, "how"), "keep") == 0)
			print_styled(p, STYLE_PLAIN, ", what was done is kept");
		print_operator(p, json_object_get(record, "operator"));
		size_t objects = json_array_size(json_object_get(record, "objects"));
		if (objects)
			print_styled(p, STYLE_PLAIN, ": %zu object%s", objects, objects == 1 ? "" : "s");
		fputc('\n', p->out);
		return true;
	}
	return false;
}

static void print_kept(const struct printer *p, const struct run_evidence *e)
{
	print_evidence(p, e->name, e->size, e->partial, e->lost, e->summary);
	print_styled(p, STYLE_DIM, "      %s: SHA-256 %s\n", e->step, e->lost ? "none" : e->sha256.hex);
}

/* Records that are no changes: refusals, steps that failed, residual. */
static void print_remark(const struct printer *p, const struct run *run, const json_t *record)
{
	static const char *const fields[] = {"step", "rule", "why", "what", "service", "note"};
	const char *type = json_string_value(json_object_get(record, "type"));
	if (print_event(p, run, record))
		return;
	if (strcmp(type, "refused") != 0 && strcmp(type, "failed") != 0 && strcmp(type, "residual") != 0 &&
	    strcmp(type, "reload") != 0)
		return;
	print_styled(p, strcmp(type, "reload") == 0 ? STYLE_DIM : STYLE_YELLOW, "  %s", type);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const char *value = json_string_value(json_object_get(record, fields[i]));
		if (value && *value)
			print_styled(p, STYLE_PLAIN, "%s %s", i ? ":" : "", value);
	}
	fputc('\n', p->out);
}

static void print_run(const struct printer *p, const struct run *run)
{
	print_run_line(p, run);
	const json_t *sha256 = json_object_get(run->head, "sha256"), *file = json_object_get(run->head, "file");
	if (json_is_string(file))
		print_styled(p, STYLE_DIM, "playbook %s, SHA-256 %s\n", json_string_value(file),
		             json_is_string(sha256) ? json_string_value(sha256) : "?");
	print_trigger(p, json_object_get(run->head, "operator"));
	for (size_t i = 0; i < run->n_evidence; i++)
		print_kept(p, &run->evidence[i]);
	for (size_t i = 0; i < run->n; i++)
		print_entry(p, &run->entries[i]);
	for (size_t i = 0; i < json_array_size(run->records); i++)
		print_remark(p, run, json_array_get(run->records, i));
	if (!run->ended)
		print_styled(p, STYLE_YELLOW, "This run did not end: respond --recover finds out what has no outcome.\n");
}

int show_run(const struct printer *p, const struct engine *engine, const char *id, bool json)
{
	struct run *run = NULL;
	_cleanup_buf_ struct buf why = {0};
	int r = run_load(engine->state, id, engine->parts->kinds, &run, &why);
	if (r < 0)
		return run_failed(id, r, &why);
	if (json)
		put_json(p, json_run(run));
	else
		print_run(p, run);
	run_free(&run);
	return EXIT_DONE;
}

static json_t *json_action(const struct action *a)
{
	json_t *params = json_array(), *facts = json_array();
	for (const struct param *q = a->params; q->name; q++)
		json_array_append_new(params, json_pack("{ss ss sb sb sb ss* ss* ss}", "name", q->name, "type",
		                                        type_name(q->type, q->flags & PARAM_LIST), "required",
		                                        !!(q->flags & PARAM_REQUIRED), "matcher",
		                                        !!(q->flags & PARAM_MATCHER), "some", !!(q->flags & PARAM_SOME),
		                                        "default", q->fallback, "choices", q->choices, "help", q->help));
	for (const struct fact_decl *f = a->facts; f->name; f++)
		json_array_append_new(facts, json_pack("{ss ss ss}", "name", f->name, "type",
		                                       type_name(f->type, f->type != TYPE_NUMBER), "help", f->help));
	json_t *techniques = json_array();
	for (const char *const *t = a->techniques; t && *t; t++)
		json_array_append_new(techniques, json_string(*t));
	return json_pack("{ss ss so so so}", "name", a->name, "summary", a->summary, "arguments", params, "facts", facts,
	                 "techniques", techniques);
}

static void print_param(const struct printer *p, const struct param *q)
{
	print_styled(p, STYLE_PLAIN, "  %-14s %-18s %s", q->name, type_name(q->type, q->flags & PARAM_LIST), q->help);
	if (q->choices)
		print_styled(p, STYLE_DIM, " [%s]", q->choices);
	if (q->flags & PARAM_REQUIRED)
		print_styled(p, STYLE_YELLOW, " (required)");
	else if (q->flags & PARAM_SOME)
		print_styled(p, STYLE_YELLOW, " (at least one of those marked so)");
	else if (q->fallback)
		print_styled(p, STYLE_DIM, " (default: %s)", q->fallback);
	fputc('\n', p->out);
}

static bool has_matchers(const struct action *a)
{
	for (const struct param *q = a->params; q->name; q++)
		if (q->flags & PARAM_MATCHER)
			return true;
	return false;
}

static void print_params(const struct printer *p, const struct action *a, unsigned matcher)
{
	for (const struct param *q = a->params; q->name; q++)
		if ((q->flags & PARAM_MATCHER) == matcher)
			print_param(p, q);
}

static void print_action(const struct printer *p, const struct action *a)
{
	print_styled(p, STYLE_BOLD, "%s", a->name);
	print_styled(p, STYLE_PLAIN, "  %s\n", a->summary);
	if (has_matchers(a)) {
		print_styled(p, STYLE_BOLD, "\nMatchers");
		print_styled(p, STYLE_DIM, " (at least one; a list means any of, several matchers mean all of)\n");
		print_params(p, a, PARAM_MATCHER);
	}
	print_styled(p, STYLE_BOLD, "\nArguments\n");
	if (a->params->name)
		print_params(p, a, 0);
	else
		print_styled(p, STYLE_DIM, "  none\n");
	print_styled(p, STYLE_BOLD, "\nFacts\n");
	for (const struct fact_decl *f = a->facts; f->name; f++)
		print_styled(p, STYLE_PLAIN, "  %-14s %-18s %s\n", f->name, type_name(f->type, f->type != TYPE_NUMBER),
		             f->help);
	if (a->techniques)
		print_styled(p, STYLE_BOLD, "\nRemedies\n");
	for (const char *const *t = a->techniques; t && *t; t++)
		print_styled(p, STYLE_PLAIN, "  %s\n", *t);
}

static int no_such_action(const struct parts *parts, const char *name)
{
	_cleanup_buf_ struct buf text = {0};
	struct near near = {.wanted = name};
	for (const struct action *const *a = parts->actions; *a; a++)
		near_offer(&near, (*a)->name);
	escape_str(&text, name);
	near_print(&near, &text);
	fprintf(stderr, "respond: there is no action %s; respond --actions lists them\n", buf_text(&text));
	return EXIT_USAGE;
}

static int longest_name(const struct parts *parts)
{
	size_t longest = 0;
	for (const struct action *const *a = parts->actions; *a; a++)
		longest = strlen((*a)->name) > longest ? strlen((*a)->name) : longest;
	return (int)longest;
}

int show_actions(const struct printer *p, const struct parts *parts, const char *name, bool json)
{
	const struct action *one = name ? action_find(parts->actions, name) : NULL;
	if (name && !one)
		return no_such_action(parts, name);
	if (one && json)
		return put_json(p, json_action(one));
	if (one) {
		print_action(p, one);
		return EXIT_DONE;
	}
	json_t *list = json_array();
	for (const struct action *const *a = parts->actions; *a; a++) {
		if (json)
			json_array_append_new(list, json_action(*a));
		else
			print_styled(p, STYLE_PLAIN, "%-*s  %s\n", longest_name(parts), (*a)->name, (*a)->summary);
	}
	if (json)
		return put_json(p, list);
	json_decref(list);
	print_styled(p, STYLE_DIM, "\nrespond --actions NAME shows arguments, types, defaults and facts.\n");
	return EXIT_DONE;
}

int show_rules(const struct printer *p, bool json)
{
	json_t *list = json_array();
	for (const struct guard_rule *r = guard_rules; r->name; r++) {
		if (json)
			json_array_append_new(list, json_pack("{ss sb ss}", "name", r->name, "fixed", r->fixed,
			                                      "help", r->help));
		else
			print_styled(p, STYLE_PLAIN, "%-22s %s%s\n", r->name, r->help,
			             r->fixed ? " (cannot be lifted)" : "");
	}
	if (json)
		return put_json(p, list);
	json_decref(list);
	return EXIT_DONE;
}
