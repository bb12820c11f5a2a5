/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/run.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const outcome_words[] = {
	[OUTCOME_UNKNOWN] = "unknown", [OUTCOME_DONE] = "done",     [OUTCOME_HELD] = "held",
	[OUTCOME_DRIFTED] = "drifted", [OUTCOME_FAILED] = "failed", [OUTCOME_PARTLY] = "partly",
	[OUTCOME_SKIPPED] = "skipped",
};
static const char *const undo_words[] = {
	[UNDO_NONE] = "none",       [UNDO_DONE] = "undone",           [UNDO_KEPT] = "kept",
	[UNDO_DRIFTED] = "drifted", [UNDO_FAILED] = "failed",         [UNDO_IMPOSSIBLE] = "impossible",
	[UNDO_REFUSED] = "refused",
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

const char *outcome_word(enum outcome outcome)
{
	return outcome_words[outcome];
}

const char *undo_word(enum undo undo)
{
	return undo_words[undo];
}

static int word_index(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; word && i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -EBADMSG;
}

int run_new(const char *id, struct run **ret)
{
	struct run *run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	snprintf(run->id, sizeof(run->id), "%s", id);
	run->status = -1;
	run->records = json_array();
	if (!run->records) {
		free(run);
		return -ENOMEM;
	}
	*ret = run;
	return 0;
}

void run_free(struct run **run)
{
	struct run *r = *run;
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		change_free(&r->entries[i].change);
		free(r->entries[i].note);
		free(r->entries[i].undo_note);
	}
	free(r->entries);
	run_evidence_free(r);
	free(r->playbook);
	free(r->started);
	free(r->ended);
	free(r->undo_scope.step);
	json_decref(r->records);
	free(r);
	*run = NULL;
}

bool entry_live(const struct run_entry *entry)
{
	switch (entry->outcome) {
	case OUTCOME_DRIFTED:
	case OUTCOME_FAILED:
	case OUTCOME_SKIPPED: return false;
	default: return entry->undo != UNDO_DONE && entry->undo != UNDO_KEPT;
	}
}

struct run_counts run_count(const struct run *run)
{
	struct run_counts n = {0};
	for (size_t i = 0; i < run->n; i++) {
		n.done += run->entries[i].outcome == OUTCOME_DONE;
		n.held += run->entries[i].outcome == OUTCOME_HELD;
		n.failed += run->entries[i].outcome == OUTCOME_FAILED || run->entries[i].outcome == OUTCOME_PARTLY;
		n.undone += run->entries[i].undo == UNDO_DONE;
		n.live += entry_live(&run->entries[i]) && !(run->entries[i].change->kind->flags & CHANGE_IRREVERSIBLE);
	}
	for (size_t i = 0; i < json_array_size(run->records); i++) {
		const char *type = json_string_value(json_object_get(json_array_get(run->records, i), "type"));
		n.refused += type && strcmp(type, "refused") == 0;
	}
	return n;
}

const char *run_word(const struct run *run)
{
	static const char *const words[] = {"done", "failed", "?", "partly done", "refused"};
	const struct run_counts n = run_count(run);
	if (run->undoing)
		return "rollback unfinished";
	if (n.undone)
		return n.live ? "partly undone" : "rolled back";
	if (!run->ended)
		return "unfinished";
	if (run->status == 4 && n.done + n.held)
		return words[3];
	return run->status >= 0 && run->status <= 4 ? words[run->status] : "?";
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a && (!b || a < b) ? a : b;
}

static bool waits(const struct run_entry *e)
{
	return entry_live(e) && e->undo == UNDO_NONE;
}

int64_t entry_deadline(const struct run_entry *entry)
{
	const struct deadlines *d = &entry->change->deadlines;
	return waits(entry) ? earlier(d->confirm, d->ttl) : 0;
}

int64_t run_deadline(const struct run *run)
{
	int64_t first = 0;
	for (size_t i = 0; i < run->n; i++)
		first = earlier(entry_deadline(&run->entries[i]), first);
	return first;
}

int64_t run_confirm_by(const struct run *run)
{
	int64_t first = 0;
	for (size_t i = 0; i < run->n; i++)
		if (waits(&run->entries[i]))
			first = earlier(run->entries[i].change->deadlines.confirm, first);
	return first;
}

bool run_open(const struct run *run)
{
	return !run->ended || run->undoing || run->reapplying || run->to_undo;
}

static int replace_text(char **field, const json_t *record, const char *name)
{
	char *text = NULL;
	int r = json_field_text(record, name, &text);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	free(*field);
	*field = text;
	return 0;
}

static int replay_run(struct run *run, const json_t *record)
{
	int r = replace_text(&run->playbook, record, "playbook");
	if (r == 0)
		r = replace_text(&run->started, record, "time");
	run->head = json_array_get(run->records, 0);
	return r;
}

static int replay_round(struct run *run, const json_t *record)
{
	run->round = (unsigned)json_integer_value(json_object_get(record, "round"));
	return 0;
}

static int decode_change(const json_t *record, const struct change_kind *const *kinds, struct change **ret)
{
	_cleanup_free_ char *target = NULL, *service = NULL;
	const char *kind_name = json_string_value(json_object_get(record, "kind"));
	const char *step = json_string_value(json_object_get(record, "step"));
	json_t *data = json_object_get(record, "data");
	const struct change_kind *kind = kind_name ? change_kind_find(kinds, kind_name) : NULL;
	if (kind_name && !kind)
		return -ENOTSUP;
	int r = kind && step && json_is_object(data) ? json_field_text(record, "target", &target) : -EBADMSG;
	if (r == 0 && json_is_string(json_object_get(record, "service")))
		r = json_field_text(record, "service", &service);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	struct change *c = NULL;
	r = change_new(kind, step, target, json_deep_copy(data), &c);
	if (r < 0)
		return r;
	c->held = json_is_true(json_object_get(record, "held"));
	c->deadlines.confirm = json_integer_value(json_object_get(record, "confirm-by"));
	c->deadlines.ttl = json_integer_value(json_object_get(record, "ttl-until"));
	c->service = service;
	service = NULL;
	c->id = (unsigned)json_integer_value(json_object_get(record, "change"));
	*ret = c;
	return 0;
}

static int replay_intent(struct run *run, const json_t *record, struct change *live,
                         const struct change_kind *const *kinds)
{
	struct change *change = live;
	int r = live ? 0 : decode_change(record, kinds, &change);
	if (r < 0)
		return r;
	if (change->id != run->n + 1)
		r = -EBADMSG;
	struct run_entry *v = r == 0 ? reallocarray(run->entries, run->n + 1, sizeof(*v)) : NULL;
	if (!v) {
		if (!live)
			change_free(&change);
		return r < 0 ? r : -ENOMEM;
	}
	run->entries = v;
	v[run->n++] = (struct run_entry){.change = change, .round = run->round,
	                                 .outcome = change->held ? OUTCOME_HELD : OUTCOME_UNKNOWN};
	return 0;
}

static struct run_entry *entry_of(const struct run *run, const json_t *record)
{
	json_int_t id = json_integer_value(json_object_get(record, "change"));
	return id >= 1 && (size_t)id <= run->n ? &run->entries[id - 1] : NULL;
}

static int replay_grow(struct run *run, const json_t *record)
{
	struct run_entry *e = entry_of(run, record);
	json_t *more = json_object_get(record, "more");
	if (!e || !json_is_object(more))
		return -EBADMSG;
	json_t *grown = json_object_get(e->change->data, "grown");
	if (!grown) {
		grown = json_array();
		if (json_object_set_new(e->change->data, "grown", grown) < 0)
			return -ENOMEM;
	}
	return json_array_append(grown, more) < 0 ? -ENOMEM : 0;
}

static int replay_outcome(struct run *run, const json_t *record)
{
	struct run_entry *e = entry_of(run, record);
	int i = word_index(outcome_words, COUNT(outcome_words), json_string_value(json_object_get(record, "result")));
	if (!e || i < 0)
		return -EBADMSG;
	e->outcome = (enum outcome)i;
	return replace_text(&e->note, record, "note");
}

static int replay_undone(struct run *run, const json_t *record)
{
	struct run_entry *e = entry_of(run, record);
	int i = word_index(undo_words, COUNT(undo_words), json_string_value(json_object_get(record, "result")));
	if (!e || i < 0)
		return -EBADMSG;
	e->undo = (enum undo)i;
	e->undo_open = false;
	return replace_text(&e->undo_note, record, "note");
}

static int replay_undo_intent(struct run *run, const json_t *record)
{
	struct run_entry *e = entry_of(run, record);
	if (!e)
		return -EBADMSG;
	e->undo_open = true;
	return 0;
}

static int replay_again_intent(struct run *run, const json_t *record)
{
	struct run_entry *e = entry_of(run, record);
	if (!e)
		return -EBADMSG;
	e->again_open = true;
	return 0;
}

/* The outcome of the first time stays: that it is in force again is all there is to it. */
static int replay_again(struct run *run, const json_t *record)
{
	struct run_entry *e = entry_of(run, record);
	if (!e)
		return -EBADMSG;
	e->again_open = false;
	return 0;
}

static int replay_confirmed(struct run *run, const json_t *record)
{
	(void)record;
	for (size_t i = 0; i < run->n; i++)
		run->entries[i].change->deadlines.confirm = 0;
	return 0;
}

static int replay_end(struct run *run, const json_t *record)
{
	run->status = (int)json_integer_value(json_object_get(record, "status"));
	return replace_text(&run->ended, record, "time");
}

static int replay_recover(struct run *run, const json_t *record)
{
	const char *how = json_string_value(json_object_get(record, "how"));
	bool interrupted = !run->ended || run->to_undo;
	run->to_undo = interrupted && how && strcmp(how, "rollback") == 0;
	return 0;
}

static int replay_undo(struct run *run, const json_t *record)
{
	free(run->undo_scope.step);
	run->undo_scope = (struct undo_scope){.due = json_integer_value(json_object_get(record, "due"))};
	run->undoing = true;
	run->to_undo = false;
	if (!json_is_string(json_object_get(record, "step")))
		return 0;
	return replace_text(&run->undo_scope.step, record, "step");
}

/* An intent without a word about what came of it (recovery gave it up) is none any more. */
static int replay_undo_end(struct run *run, const json_t *record)
{
	(void)record;
	run->undoing = false;
	for (size_t i = 0; i < run->n; i++)
		run->entries[i].undo_open = false;
	return 0;
}

static int replay_reapply(struct run *run, const json_t *record)
{
	(void)record;
	run->reapplying = true;
	return 0;
}

static int replay_reapply_end(struct run *run, const json_t *record)
{
	(void)record;
	run->reapplying = false;
	for (size_t i = 0; i < run->n; i++)
		run->entries[i].again_open = false;
	return 0;
}

/* Kept in the list of records for people to read; they do not alter the state. */
static int replay_remark(struct run *run, const json_t *record)
{
	(void)run, (void)record;
	return 0;
}

int run_replay(struct run *run, json_t *record, struct change *live, const struct change_kind *const *kinds)
{
	static const struct {
		const char *type;
		int (*replay)(struct run *run, const json_t *record);
	} types[] = {
		{"run", replay_run},
		{"round", replay_round},
		{"evidence", run_evidence_replay},
		{"grow", replay_grow},
		{"outcome", replay_outcome},
		{"end", replay_end},
		{"confirmed", replay_confirmed},
		{"undo", replay_undo},
		{"undo-intent", replay_undo_intent},
		{"undone", replay_undone},
		{"undo-end", replay_undo_end},
		{"reapply", replay_reapply},
		{"reapply-intent", replay_again_intent},
		{"reapplied", replay_again},
		{"reapply-end", replay_reapply_end},
		{"failed", replay_remark},
		{"recover", replay_recover},
		{"refused", replay_remark},
		{"reload", replay_remark},
		{"purged", replay_remark},
		{"residual", replay_remark},
	};
	const char *type = json_string_value(json_object_get(record, "type"));
	if (!type || (json_array_size(run->records) == 0) != (strcmp(type, "run") == 0))
		return -EBADMSG;
	if (json_array_append(run->records, record) < 0)
		return -ENOMEM;
	if (strcmp(type, "intent") == 0)
		return replay_intent(run, record, live, kinds);
	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(type, types[i].type) == 0)
			return types[i].replay(run, record);
	return -ENOTSUP;
}

static void explain(int error, size_t seq, struct buf *ret_why)
{
	if (error == -ENOTSUP)
		buf_printf(ret_why, "record %zu is of a kind that this version of respond does not know", seq);
	else if (error == -EBADMSG)
		buf_printf(ret_why, "record %zu makes no sense", seq);
}

int run_load(const struct state *state, const char *id, const struct change_kind *const *kinds, struct run **ret,
             struct buf *ret_why)
{
	json_t *records = NULL;
	struct sha256 head = {0};
	int r = journal_read(state, id, &records, &head, ret_why);
	if (r < 0 && r != -ENOENT) /* not begun before the end of the program: empty */
		return r;
	struct run *run = NULL;
	r = run_new(id, &run);
	if (r == 0)
		run->journal_head = head;
	for (size_t i = 0; r == 0 && i < json_array_size(records); i++) {
		r = run_replay(run, json_array_get(records, i), NULL, kinds);
		if (r < 0)
			explain(r, i + 1, ret_why);
	}
	json_decref(records);
	if (r < 0)
		run_free(&run);
	else
		*ret = run;
	return r;
}
