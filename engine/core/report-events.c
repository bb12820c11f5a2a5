/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The timeline: the records in their order, in phases.
 */
#include "core/report-parts.h"

#include "base/escape.h"
#include "core/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct line {
	struct report *report;
	bool open;           /* the last phase goes on */
	bool run_ended;
	size_t intents;      /* how many the last event stands for; 0: it stands for none */
	unsigned grown;      /* the change whose growth the last event is about; 0: it is not */
};

static int64_t time_ms(const json_t *record)
{
	const char *text = json_string_value(json_object_get(record, "time"));
	const char *fraction = text ? strchr(text, '.') : NULL;
	int64_t s = 0;
	if (record_time(record, &s) < 0)
		return 0;
	return s * 1000 + (fraction ? strtol(fraction + 1, NULL, 10) % 1000 : 0);
}

static void begin(struct line *line, const char *title, const json_t *record)
{
	struct report *r = line->report;
	struct report_phase *v = report_more(r, r->phases, &r->n_phases, sizeof(*v));
	if (!v)
		return;
	r->phases = v;
	v += r->n_phases - 1;
	*v = (struct report_phase){
		.title = title,
		.about = report_safe(r, NULL),
		.author = report_author(r, json_object_get(record, "operator")),
		.first = r->n_events,
	};
	line->open = true;
}

static struct report_event *add(struct line *line, const json_t *record, enum report_tone tone, const char *word)
{
	struct report *r = line->report;
	if (!line->open)
		begin(line, line->run_ended ? "Afterwards" : "End of the run", NULL);
	line->intents = line->grown = 0;
	struct report_event *v = report_more(r, r->events, &r->n_events, sizeof(*v));
	if (!v || !r->n_phases)
		return NULL;
	r->events = v;
	r->phases[r->n_phases - 1].n++;
	v += r->n_events - 1;
	*v = (struct report_event){
		.time = report_shown(r, record, "time"),
		.ms = time_ms(record),
		.tone = tone,
		.word = word,
		.step = report_shown(r, record, "step"),
		.text = report_safe(r, NULL),
		.note = report_safe(r, NULL),
	};
	return v;
}

/* Steals TEXT; *FIELD is one of an event, or NULL where there was no memory for it. */
static void set(char **field, char *text)
{
	free(*field);
	*field = text;
}

static void say(struct line *line, const json_t *record, enum report_tone tone, const char *word, char *text, char *note)
{
	struct report_event *e = add(line, record, tone, word);
	if (!e) {
		free(text);
		free(note);
		return;
	}
	set(&e->text, text);
	set(&e->note, note);
}

static char *nothing(struct line *line)
{
	return report_safe(line->report, NULL);
}

static void say_of_change(struct line *line, const json_t *record, enum report_tone tone, const char *word)
{
	struct report *r = line->report;
	json_int_t id = json_integer_value(json_object_get(record, "change"));
	struct report_event *e = add(line, record, tone, word);
	if (!e || id < 1 || (size_t)id > r->run->n)
		return;
	e->change = (unsigned)id;
	set(&e->step, report_safe(r, r->run->entries[id - 1].change->step));
	set(&e->text, report_safe(r, r->changes[id - 1].what));
	set(&e->note, report_said(r, record, "note"));
}

static const char *text_of(const json_t *record, const char *field)
{
	const char *text = json_string_value(json_object_get(record, field));
	return text ? text : "";
}

static void on_run(struct line *line, const json_t *record)
{
	begin(line, "Run", record);
	say(line, record, REPORT_PLAIN, "began", report_printf(line->report, "playbook %s", line->report->playbook), nothing(line));
}

static void on_round(struct line *line, const json_t *record)
{
	long long n = json_integer_value(json_object_get(record, "round"));
	say(line, record, n > 1 ? REPORT_WARN : REPORT_PLAIN, "round",
	    report_printf(line->report, n > 1 ? "%lld: something was still there, or had come back" : "%lld", n), nothing(line));
}

static void on_intent(struct line *line, const json_t *record)
{
	size_t n = line->intents + 1;
	struct report *r = line->report;
	if (n == 1)
		say(line, record, REPORT_PLAIN, "planned", nothing(line), nothing(line));
	line->intents = n;
	if (!r->n_events)
		return;
	struct report_event *e = &r->events[r->n_events - 1];
	set(&e->step, nothing(line));
	set(&e->text, report_printf(r, "%zu change%s, with what is needed to undo what can be undone", n,
	                            n == 1 ? "" : "s"));
}

/* Several in a row about one change are one line. */
static void on_grow(struct line *line, const json_t *record)
{
	unsigned change = (unsigned)json_integer_value(json_object_get(record, "change"));
	struct report *r = line->report;
	if (line->grown == change)
		return;
	say_of_change(line, record, REPORT_PLAIN, "looked at");
	line->grown = change;
	if (r->error || !r->n_events)
		return;
	set(&r->events[r->n_events - 1].text, report_printf(r, "what belongs to change %u: evidence of it was kept", change));
}

static enum report_tone tone_of(const char *word)
{
	static const struct {
		const char *word;
		enum report_tone tone;
	} tones[] = {
		{"done", REPORT_GOOD},     {"undone", REPORT_GOOD},     {"held", REPORT_PLAIN},  {"kept", REPORT_PLAIN},
		{"failed", REPORT_BAD},    {"partly", REPORT_BAD},      {"refused", REPORT_BAD}, {"drifted", REPORT_WARN},
		{"skipped", REPORT_WARN},  {"impossible", REPORT_WARN},
	};
	for (size_t i = 0; i < sizeof(tones) / sizeof(*tones); i++)
		if (strcmp(word, tones[i].word) == 0)
			return tones[i].tone;
	return REPORT_WARN;
}

/* The words are those of the journal, which lives as long as the report. */
static void on_result(struct line *line, const json_t *record)
{
	const char *word = text_of(record, "result");
	say_of_change(line, record, tone_of(word), word);
}

static void on_reload(struct line *line, const json_t *record)
{
	long long error = json_integer_value(json_object_get(record, "error"));
	bool failed = error && error != -ESRCH;
	struct report *r = line->report;
	char *note = report_said(r, record, "note");
	if (note && !*note && failed)
		set(&note, report_safe(r, strerror((int)-error)));
	say(line, record, failed ? REPORT_BAD : REPORT_GOOD, error ? "not reloaded" : "reloaded", report_shown(r, record, "service"), note);
}

static void on_failed(struct line *line, const json_t *record)
{
	say(line, record, REPORT_BAD, "not planned", report_said(line->report, record, "why"), nothing(line));
}

static void on_refused(struct line *line, const json_t *record)
{
	struct report *r = line->report;
	const char *target = text_of(record, "target");
	char *what = *target ? report_printf(r, "%s", target) : report_safe(r, "the plan as a whole");
	_cleanup_free_ char *why = report_said(r, record, "why");
	say(line, record, REPORT_BAD, "refused", what, report_printf(r, "%s: %s", text_of(record, "rule"), why ? why : ""));
}

static void on_residual(struct line *line, const json_t *record)
{
	say(line, record, REPORT_WARN, "left", report_said(line->report, record, "what"), nothing(line));
}

/* Of the step's own name for what it kept, and why it could not be kept. */
static void on_evidence(struct line *line, const json_t *record)
{
	struct report *r = line->report;
	const char *lost = text_of(record, "lost");
	say(line, record, *lost ? REPORT_WARN : REPORT_GOOD, *lost ? "not kept" : "kept", report_shown(r, record, "name"),
	    *lost ? report_shown(r, record, "lost") : report_shown(r, record, "summary"));
}

static void on_end(struct line *line, const json_t *record)
{
	long long status = json_integer_value(json_object_get(record, "status"));
	enum report_tone tone = status == 0 ? REPORT_GOOD : status == 3 ? REPORT_WARN : REPORT_BAD;
	say(line, record, tone, "ended", report_printf(line->report, "exit status %lld", status), nothing(line));
	line->run_ended |= strcmp(text_of(record, "type"), "end") == 0;
	line->open = false;
}

static void on_confirmed(struct line *line, const json_t *record)
{
	begin(line, "Confirmation", record);
	say(line, record, REPORT_GOOD, "confirmed", report_safe(line->report, "what waited for it stays in force"), nothing(line));
	line->open = false;
}

static void on_recover(struct line *line, const json_t *record)
{
	const char *how = text_of(record, "how");
	begin(line, "Recovery", record);
	say(line, record, REPORT_WARN, "recovered",
	    report_safe(line->report, strcmp(how, "keep") == 0 ? "it was interrupted; what was done is kept"
	                                                       : "it was interrupted; what had begun was looked at"),
	    nothing(line));
}

static void add_list(struct buf *text, const char *before, const json_t *list)
{
	const json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
		buf_printf(text, "%s%s", i ? ", " : before, json_string_value(item) ? json_string_value(item) : "");
}

static void on_undo(struct line *line, const json_t *record)
{
	struct report *r = line->report;
	const char *step = text_of(record, "step");
	int64_t due = json_integer_value(json_object_get(record, "due"));
	_cleanup_buf_ struct buf about = {0};
	buf_puts(&about, *step ? "only step " : due ? "only what was due" : "of everything");
	buf_puts(&about, step);
	add_list(&about, "; lifted: ", json_object_get(record, "allow"));
	begin(line, "Rollback", record);
	if (r->n_phases)
		set(&r->phases[r->n_phases - 1].about, report_safe(r, buf_text(&about)));
	say(line, record, REPORT_PLAIN, "began", report_safe(r, "newest change first"), nothing(line));
}

static void on_reapply(struct line *line, const json_t *record)
{
	begin(line, "Put in force again", record);
	say(line, record, REPORT_PLAIN, "began", report_safe(line->report, "what was no longer in force"), nothing(line));
}

static void on_purged(struct line *line, const json_t *record)
{
	size_t n = json_array_size(json_object_get(record, "objects"));
	begin(line, "Purge of the vault", record);
	say(line, record, REPORT_WARN, "purged", report_printf(line->report, "%zu object%s", n, n == 1 ? "" : "s"), nothing(line));
	line->open = false;
}

static void on_nothing(struct line *line, const json_t *record)
{
	(void)line, (void)record;
}

/* Of a type that came after this was written: what it says, field by field. */
static void on_other(struct line *line, const json_t *record)
{
	static const char *const frame[] = {"seq", "prev", "synced", "mac", "type", "time", "step", "operator"};
	_cleanup_buf_ struct buf text = {0};
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)record, name, value)
	{
		bool known = false;
		for (size_t i = 0; i < sizeof(frame) / sizeof(*frame); i++)
			known |= strcmp(name, frame[i]) == 0;
		if (!known && json_is_string(value))
			buf_printf(&text, "%s%s: %s", text.len ? ", " : "", name, json_string_value(value));
		else if (!known && json_is_integer(value))
			buf_printf(&text, "%s%s: %lld", text.len ? ", " : "", name, (long long)json_integer_value(value));
	}
	say(line, record, REPORT_PLAIN, text_of(record, "type"), report_safe(line->report, buf_text(&text)), nothing(line));
}

void report_events(struct report *report)
{
	static const struct {
		const char *type;
		void (*make)(struct line *line, const json_t *record);
	} types[] = {
		{"run", on_run},           {"round", on_round},         {"intent", on_intent},
		{"grow", on_grow},         {"outcome", on_result},      {"reload", on_reload},
		{"failed", on_failed},     {"refused", on_refused},     {"residual", on_residual},
		{"evidence", on_evidence}, {"end", on_end},             {"confirmed", on_confirmed},
		{"recover", on_recover},   {"undo", on_undo},           {"undo-intent", on_nothing},
		{"undone", on_result},     {"undo-end", on_end},        {"reapply", on_reapply},
		{"reapply-intent", on_nothing}, {"reapplied", on_result}, {"reapply-end", on_end},
		{"purged", on_purged},
	};
	struct line line = {.report = report};
	size_t i;
	const json_t *record;
	json_array_foreach(report->run->records, i, record)
	{
		const char *type = text_of(record, "type");
		size_t t = 0;
		while (t < sizeof(types) / sizeof(*types) && strcmp(type, types[t].type) != 0)
			t++;
		(t < sizeof(types) / sizeof(*types) ? types[t].make : on_other)(&line, record);
		if (report->error)
			return;
	}
}
