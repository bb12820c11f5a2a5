/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules:
 *  1. Most events come to nothing: what the ledger in memory says is enough for those.
 *  2. Whoever is to act takes the turn first, and decides again: somebody else may have done the
 *     same a moment ago.
 *  3. The ledger knows of a run before it begins.
 */
#include "hook/handle.h"

#include "base/clock.h"
#include "base/escape.h"
#include "core/recover.h"
#include "core/runner.h"
#include "core/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is no longer than this ago is kept, though no run is in force: at least as long as the
 * cooldown of its rule. */
#define KEEP_MS (10 * 60 * 1000)

struct work {
	struct hook *hook;
	const struct event *event;
	struct decision decision;
	struct buf why;
	struct buf left_out;
	struct hook_result result;
};

static int worse(int a, int b)
{
	return b > a ? b : a;
}

/* "@wazuh": no rule can be named so. */
static int count_source(struct hook *h, enum tally tally)
{
	_cleanup_buf_ struct buf name = {0};
	int r = buf_printf(&name, "@%s", h->source->name);
	return r < 0 ? r : ledger_count(h->ledger, name.data, tally);
}

static int decide_now(struct hook *h, const struct event *event, struct decision *ret)
{
	decision_free(ret);
	return decide(h->rules, h->source, event, h->ledger, realtime_ms(), ret);
}

static bool is_open(const struct ledger *ledger, const struct decision *d)
{
	const struct ledger_key *k = d->binding.text ? ledger_find(ledger, d->binding.key) : NULL;
	return k && k->open;
}

/* What is being done at this moment is not done again; what was left open, by a program that ended
 * in between, is: who has the turn knows, since nobody is at work then. */
static int decide_first(struct hook *h, const struct event *event, struct decision *ret)
{
	int r = decide_now(h, event, ret);
	if (r < 0 || ret->verdict != EVENT_COOLED || !is_open(h->ledger, ret))
		return r;
	r = ledger_take_turn(h->ledger, 0);
	ledger_end_turn(h->ledger);
	return r < 0 ? (r == -EWOULDBLOCK ? 0 : r) : decide_now(h, event, ret);
}

static int64_t keep_ms(void *ctx, const char *name)
{
	const struct rule *rule = rules_find(ctx, name);
	return rule && rule->cooldown_ms > KEEP_MS ? rule->cooldown_ms : KEEP_MS;
}

/* ---- telling ---------------------------------------------------------------------------- */

static int note(struct work *w, enum tally tally, const char *refusal)
{
	struct ledger *l = w->hook->ledger;
	const char *rule = w->decision.rule->name;
	int r = ledger_count(l, rule, tally);
	return r == 0 && refusal && *refusal ? ledger_note_refusal(l, rule, refusal, realtime_ms()) : r;
}

static int note_match(struct work *w)
{
	_cleanup_buf_ struct buf text = {0};
	const struct rule *rule = w->decision.rule;
	int r = event_summary(rule, w->event, &text);
	if (w->decision.binding.text && *w->decision.binding.text)
		r = buf_printf(&text, "%s%s", text.len ? ": " : "", w->decision.binding.text);
	if (r == 0)
		r = ledger_count(w->hook->ledger, rule->name, TALLY_MATCHED);
	return r < 0 ? r : ledger_note_match(w->hook->ledger, rule->name, buf_text(&text), realtime_ms());
}

static int note_arrival(struct work *w)
{
	int r = count_source(w->hook, TALLY_EVENTS);
	return r == 0 && w->decision.rule ? note_match(w) : r;
}

static int note_idle(struct work *w)
{
	const char *why = buf_text(&w->decision.why);
	switch (w->decision.verdict) {
	case EVENT_UNMATCHED: return count_source(w->hook, TALLY_UNMATCHED);
	case EVENT_REFUSED: w->result.status = 4; return note(w, TALLY_REFUSED, why);
	case EVENT_COOLED: return note(w, TALLY_COOLED, NULL);
	case EVENT_LIMITED: w->result.status = 4; return note(w, TALLY_LIMITED, why);
	default: return note(w, TALLY_NOTHING, NULL);
	}
}

static void tell(struct work *w)
{
	w->result.event = w->event;
	w->result.decision = &w->decision;
	w->result.why = buf_text(&w->why);
	w->result.left_out = buf_text(&w->left_out);
	if (w->hook->told)
		w->hook->told(w->hook->ctx, &w->result);
}

/* ---- acting ------------------------------------------------------------------------------ */

/* The ledger as it is now, altered by CHANGE, and on the disk. */
static int in_ledger(struct work *w, int (*change)(struct work *w))
{
	struct ledger *l = w->hook->ledger;
	int r = ledger_lock(l);
	if (r == 0)
		r = change(w);
	if (r == 0) {
		ledger_prune(l, keep_ms, (void *)w->hook->rules, realtime_ms());
		r = ledger_save(l);
	}
	ledger_unlock(l);
	return r;
}

static int begin(struct work *w)
{
	struct decision *d = &w->decision;
	int r = decide_now(w->hook, w->event, d);
	if (r < 0 || (d->verdict != EVENT_RUN && d->verdict != EVENT_DRY))
		return r;
	return ledger_begin(w->hook->ledger, d->rule->name, d->binding.key, d->binding.text, d->rule->enforce,
	                    d->rule->limit, realtime_ms());
}

/* Why it could not be; passes -ENOMEM on. */
static int cannot(struct work *w, const char *what, int error)
{
	if (error == -ENOMEM)
		return error;
	if (w->why.len) {
		_cleanup_buf_ struct buf safe = {0};
		escape_controls(&safe, w->why.data, w->why.len);
		buf_reset(&w->why);
		buf_printf(&w->why, "%s: %s", what, buf_text(&safe));
	} else {
		buf_printf(&w->why, "%s: %s", what, strerror(-error));
	}
	w->result.status = worse(w->result.status, error == -ENOTSUP ? 4 : 1);
	return buf_error(&w->why);
}

/* The guard of the moment, the rule's values in its playbook, and its ttl. */
static int ready(struct work *w)
{
	struct engine *e = w->hook->engine;
	const struct rule *rule = w->decision.rule;
	guard_free(&e->guard);
	host_forget(e->host);
	e->confirm_ms = -1;
	e->ttl_ms = rule->ttl_ms;
	int r = guard_new(e->host, e->config, e->parts->proofs, e->allow, &e->guard);
	if (r < 0 || w->decision.verdict == EVENT_UNDO)
		return r;
	r = binding_leave_out(&w->decision.binding, rule, e->guard, &w->left_out);
	return r < 0 ? r : binding_apply(&w->decision.binding, rule, &w->why);
}

static json_t *operator_of(struct work *w)
{
	_cleanup_buf_ struct buf summary = {0};
	const struct decision *d = &w->decision;
	json_t *who = w->hook->operator("hook");
	int bad = event_summary(d->rule, w->event, &summary);
	json_t *how = json_pack("{ss ss ss ss ss}", "source", w->hook->source->name, "rule", d->rule->name, "key",
	                        d->binding.key, "values", d->binding.text, "event", buf_text(&summary));
	if (w->left_out.len)
		bad |= json_object_set_new(how, "left-out", json_string(w->left_out.data));
	bad |= json_object_update_new(who, how);
	if (!bad)
		return who;
	json_decref(who);
	return NULL;
}

/* What is in force of the run that was made, by its journal. */
static int find_until(struct work *w, const char *id, int64_t *ret)
{
	_cleanup_buf_ struct buf why = {0};
	struct run *run = NULL;
	int r = run_load(w->hook->engine->state, id, w->hook->engine->parts->kinds, &run, &why);
	*ret = r < 0 ? 0 : ledger_run_until(run);
	run_free(&run);
	return r == -ENOMEM ? r : 0;
}

static int end_run(struct work *w)
{
	const struct run_result *run = w->result.run;
	const char *id = run && run->id[0] ? run->id : NULL;
	bool vain = !run || (run->status == 1 && !run->done);
	int64_t until = -1;
	int r = id ? find_until(w, id, &until) : 0;
	if (r == 0)
		r = ledger_end(w->hook->ledger, w->decision.binding.key, id, until, vain);
	if (r == 0)
		r = note(w, TALLY_RUNS, NULL);
	const char *trouble = w->why.len ? w->why.data : run && run->troubles.n ? run->troubles.v[0] : "";
	if (r == 0 && w->result.status)
		r = note(w, w->result.status == 4 ? TALLY_REFUSED : TALLY_FAILED, trouble);
	else if (r == 0 && w->left_out.len)
		r = note(w, TALLY_REFUSED, w->left_out.data);
	return r;
}

static int do_run(struct work *w, struct run_result *run)
{
	struct hook *h = w->hook;
	int r = ready(w);
	json_t *who = r == 0 ? operator_of(w) : NULL;
	if (r == 0 && !who)
		return -ENOMEM;
	if (r == 0)
		r = runner_run(h->engine, w->decision.rule->playbook, who, run, &w->why);
	if (r == 0 || run->id[0])
		w->result.run = run;
	w->result.status = r == 0 ? run->status : 1;
	return r < 0 ? cannot(w, "the run could not go on", r) : 0;
}

static int act_run(struct work *w)
{
	struct run_result run = {0};
	int r = do_run(w, &run), kept = in_ledger(w, end_run);
	tell(w);
	w->result.run = NULL;
	run_result_free(&run);
	return r < 0 ? r : kept;
}

/* ---- taking back -------------------------------------------------------------------------- */

static void add_undo(struct undo_result *sum, const struct undo_result *u)
{
	sum->done += u->done;
	sum->kept += u->kept;
	sum->drifted += u->drifted;
	sum->failed += u->failed;
	sum->impossible += u->impossible;
	sum->refused += u->refused;
}

/* Of a run that somebody has taken back already, or that never began, nothing is left to do. */
static int undo_one(struct work *w, const char *id, bool *ret_over)
{
	struct writer writer;
	_cleanup_close_ int lock = -1;
	struct undo_result undo = {0};
	struct engine *e = w->hook->engine;
	int r = writer_reopen(&writer, e, id, &lock, &w->why);
	if (r == -ENOENT) {
		buf_reset(&w->why);
		*ret_over = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (run_open(writer.run) || ledger_run_until(writer.run) >= 0) {
		json_t *who = operator_of(w);
		r = who ? recover_rollback(&writer, &(struct undo_scope){0}, who, &undo) : -ENOMEM;
		add_undo(&w->result.undo, &undo);
		w->result.undone += r == 0;
	}
	*ret_over = r == 0 && ledger_run_until(writer.run) < 0;
	writer_end(&writer);
	vault_close(&e->host->vault);
	return r;
}

/* Those of the key at this moment, the newest first. */
static int undo_all(struct work *w, struct strv *ret_over)
{
	_cleanup_strv_ struct strv ids = {0};
	const struct ledger_key *k = ledger_find(w->hook->ledger, w->decision.binding.key);
	for (size_t i = 0; k && i < k->n; i++)
		strv_add(&ids, k->runs[i].id);
	int r = strv_error(&ids);
	for (size_t i = ids.n; r == 0 && i-- > 0;) {
		bool over = false;
		int u = undo_one(w, ids.v[i], &over);
		r = u < 0 ? cannot(w, ids.v[i], u) : over ? strv_add(ret_over, ids.v[i]) : 0;
	}
	return r;
}

static int forget_undone(struct work *w, const struct strv *over)
{
	struct ledger *l = w->hook->ledger;
	int r = ledger_lock(l);
	for (size_t i = 0; r == 0 && i < over->n; i++) {
		r = ledger_undone(l, w->decision.binding.key, over->v[i]);
		r = r == -ENOENT ? 0 : r;
	}
	if (r == 0)
		r = note(w, w->result.undone ? TALLY_UNDONE : TALLY_NOTHING, NULL);
	if (r == 0 && w->result.status)
		r = note(w, w->result.status == 4 ? TALLY_REFUSED : TALLY_FAILED, buf_text(&w->why));
	if (r == 0)
		r = ledger_save(l);
	ledger_unlock(l);
	return r;
}

static int act_undo(struct work *w)
{
	_cleanup_strv_ struct strv over = {0};
	int r = ready(w);
	if (r == 0)
		r = undo_all(w, &over);
	const struct undo_result *u = &w->result.undo;
	w->result.status = worse(w->result.status, u->refused ? 4 : u->failed + u->drifted ? 3 : 0);
	int kept = forget_undone(w, &over);
	tell(w);
	return r < 0 ? r : kept;
}

/* ---- planning ------------------------------------------------------------------------------- */

static int act_dry(struct work *w)
{
	struct facts *facts = NULL;
	struct round *round = NULL;
	int r = ready(w);
	if (r == 0)
		r = facts_new(&facts);
	if (r == 0)
		r = round_plan(w->hook->engine, w->decision.rule->playbook, facts, &round);
	if (r < 0)
		r = cannot(w, "it could not be planned", r);
	w->result.round = round;
	if (r == 0)
		r = note(w, TALLY_DRY, NULL);
	tell(w);
	w->result.round = NULL;
	round_free(&round);
	facts_free(&facts);
	return r;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool acts(enum verdict_on_event verdict)
{
	return verdict == EVENT_RUN || verdict == EVENT_UNDO;
}

/* With the turn. What was decided without it may have been done by now. */
static int take_turn(struct work *w)
{
	struct hook *h = w->hook;
	int status = h->before ? h->before(h->ctx) : 0;
	int r = status ? 0 : ledger_take_turn(h->ledger, (int)h->engine->config->lock_wait_ms);
	if (status)
		buf_puts(&w->why, "what had to be done before could not be");
	if (r == -EWOULDBLOCK)
		buf_puts(&w->why, "another hook is at work; it was waited for in vain");
	if (status || r < 0) {
		r = cannot(w, "nothing was done", status ? -EBUSY : r);
		if (r == 0)
			r = note(w, TALLY_FAILED, buf_text(&w->why));
		tell(w);
		return r;
	}
	r = in_ledger(w, begin);
	if (r == 0 && w->decision.verdict == EVENT_RUN)
		r = act_run(w);
	else if (r == 0 && w->decision.verdict == EVENT_UNDO)
		r = act_undo(w);
	else if (r == 0 && (r = note_idle(w)) == 0)
		tell(w);
	ledger_end_turn(h->ledger);
	return r;
}

static int act(struct work *w)
{
	if (acts(w->decision.verdict))
		return take_turn(w);
	int r = w->decision.verdict == EVENT_DRY ? in_ledger(w, begin) : 0;
	if (r == 0 && w->decision.verdict == EVENT_DRY)
		return act_dry(w);
	if (r == 0)
		r = note_idle(w);
	if (r == 0)
		tell(w);
	return r;
}

/* Before anything is refused because the ledger is full. */
static int sweep(struct hook *h)
{
	if (!ledger_is_full(h->ledger))
		return 0;
	ledger_prune(h->ledger, keep_ms, (void *)h->rules, realtime_ms());
	return ledger_has_room(h->ledger) ? 0 : ledger_sweep(h->ledger, realtime_ms());
}

int hook_handle_event(struct hook *h, const struct event *event, int *ret_status)
{
	struct work w = {.hook = h, .event = event};
	int r = ledger_refresh(h->ledger);
	if (r == 0)
		r = sweep(h);
	if (r == 0)
		r = decide_first(h, event, &w.decision);
	if (r == 0 && !h->waited)
		r = note_arrival(&w);
	if (r == 0)
		r = act(&w);
	if (r == 0)
		*ret_status = worse(*ret_status, w.result.status);
	decision_free(&w.decision);
	buf_free(&w.why);
	buf_free(&w.left_out);
	return r;
}

int hook_handle(struct hook *hook, const struct events *events, int *ret_status)
{
	int r = 0;
	*ret_status = 0;
	for (size_t i = 0; r == 0 && i < events->n; i++)
		r = hook_handle_event(hook, &events->v[i], ret_status);
	return r;
}

int hook_decide(struct hook *h, const struct event *event, struct decision *ret)
{
	int r = ledger_refresh(h->ledger);
	return r < 0 ? r : decide_now(h, event, ret);
}

int hook_verdict(struct hook *h, const struct event *event)
{
	_cleanup_decision_ struct decision d = {0};
	int r = ledger_refresh(h->ledger);
	if (r == 0)
		r = decide_first(h, event, &d);
	return r < 0 ? r : (int)d.verdict;
}

int hook_declined(struct hook *h, const struct event *event)
{
	struct work w = {.hook = h, .event = event};
	int r = decide_now(h, event, &w.decision);
	if (r == 0)
		r = note_arrival(&w);
	if (r == 0 && w.decision.rule)
		r = note(&w, TALLY_COOLED, NULL);
	decision_free(&w.decision);
	return r;
}

int hook_note(struct hook *h, const struct event *event, struct decision *decision, bool waits)
{
	struct work w = {.hook = h, .event = event, .decision = *decision};
	int r = note_arrival(&w);
	if (r == 0 && !waits)
		r = note_idle(&w);
	if (r == 0 && !waits)
		tell(&w);
	*decision = w.decision;
	buf_free(&w.why);
	return r;
}

int hook_refused(struct hook *h, uint64_t n, const char *why)
{
	_cleanup_buf_ struct buf name = {0};
	int r = buf_printf(&name, "@%s", h->source->name);
	if (r == 0)
		r = ledger_count_many(h->ledger, name.data, TALLY_REFUSED, n);
	return r < 0 ? r : ledger_note_refusal(h->ledger, name.data, why, realtime_ms());
}

int hook_flush(struct hook *h)
{
	if (!ledger_has_news(h->ledger))
		return 0;
	int r = ledger_lock(h->ledger);
	if (r == 0)
		r = ledger_save(h->ledger);
	ledger_unlock(h->ledger);
	return r;
}
