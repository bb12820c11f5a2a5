/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/round.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void phase(const struct engine *engine, const char *what, const char *of)
{
	_cleanup_buf_ struct buf text = {0};
	buf_printf(&text, "%s%s", what ? what : "", of);
	if (engine->observer->phase)
		engine->observer->phase(engine->observer->ctx, what ? buf_text(&text) : NULL);
}

void round_free(struct round **round)
{
	struct round *r = *round;
	if (!r)
		return;
	for (size_t i = 0; i < r->n_steps; i++) {
		free(r->steps[i].failure);
		strv_free(&r->steps[i].notes);
		strv_free(&r->steps[i].residuals);
	}
	for (size_t i = 0; r->verdicts && i < plan_count(r->plan); i++)
		free(r->verdicts[i].why);
	free(r->whole.why);
	free(r->verdicts);
	free(r->steps);
	plan_free(&r->plan);
	free(r);
	*round = NULL;
}

/* What the step yielded goes to the facts: lists gather, numbers are those of this round. */
static int gather_facts(const struct step *step, const struct plan *plan, struct facts *facts)
{
	int r = 0;
	for (const struct fact_decl *d = step->action->facts; r == 0 && d->name; d++) {
		const struct strv *values = plan_facts(plan, d->name);
		for (size_t i = 0; r == 0 && values && i < values->n; i++)
			r = d->type == TYPE_NUMBER ? facts_set(facts, step->name, d->name, values->v[i])
			                           : facts_add(facts, step->name, d->name, values->v[i]);
	}
	return r;
}

static int step_failure(struct step_report *report, const char *why)
{
	report->state = STEP_FAILED;
	report->failure = strdup(why);
	return report->failure ? 0 : -ENOMEM;
}

static int plan_bound(const struct engine *engine, const struct args *args, struct plan *plan,
                      struct step_report *report)
{
	int r = report->step->action->plan(engine->host, args, plan);
	if (r == -ENOMEM)
		return r;
	strv_add_all(&report->notes, plan_notes(plan));
	strv_add_all(&report->residuals, plan_residuals(plan));
	if (strv_error(&report->notes) || strv_error(&report->residuals))
		return -ENOMEM;
	if (r == 0)
		return 0;
	const char *why = plan_failure(plan);
	return step_failure(report, *why ? why : strerror(-r));
}

/* An action that has its work end by itself is told when that is to be at the latest. */
static int cap_ttl(const struct engine *engine, const struct step *step, struct args *args)
{
	const struct param *param = action_param(step->action, "ttl");
	int64_t own = args_ms(args, "ttl", 0);
	if (!engine->ttl_ms || !param || param->type != TYPE_DURATION || (own && own <= engine->ttl_ms))
		return 0;
	_cleanup_(value_free) struct value value = {.type = TYPE_DURATION};
	int r = strv_addf(&value.items, "%lldms", (long long)engine->ttl_ms);
	return r < 0 ? r : args_set(args, "ttl", &value);
}

static int plan_step(const struct engine *engine, const struct playbook *playbook, struct facts *facts,
                     struct plan *plan, struct step_report *report)
{
	const struct step *step = report->step;
	bool wanted = true;
	int r = step_wanted(playbook, step, facts, &wanted);
	if (r < 0)
		return r;
	if (!wanted) {
		report->state = STEP_SKIPPED;
		return 0;
	}
	struct args *args = NULL;
	_cleanup_buf_ struct buf why = {0};
	r = plan_begin_step(plan, step->name);
	if (r == 0)
		r = step_bind(playbook, step, facts, &args, &why);
	if (r == -EINVAL)
		return step_failure(report, buf_text(&why));
	if (r == 0)
		r = cap_ttl(engine, step, args);
	if (r == 0)
		r = plan_bound(engine, args, plan, report);
	args_free(&args);
	return r < 0 ? r : gather_facts(step, plan, facts);
}

static bool can_be_undone(const struct plan *plan, const struct step_report *report)
{
	for (size_t i = report->first; i < report->first + report->n; i++)
		if (!(plan_at(plan, i)->kind->flags & CHANGE_IRREVERSIBLE))
			return true;
	return false;
}

/* What is to end by itself must be something that can. */
static int set_deadlines(const struct engine *engine, const struct plan *plan, struct step_report *report)
{
	if (report->state != STEP_PLANNED || !report->n)
		return 0;
	bool reversible = can_be_undone(plan, report);
	if (reversible)
		report->confirm_ms = engine_confirm_ms(engine, report->step);
	report->ttl_ms = reversible ? engine_ttl_ms(engine, report->step) : 0;
	return reversible || !report->step->ttl_ms ? 0 : step_failure(report, "it has a ttl, but what it does cannot be undone");
}

static int plan_steps(const struct engine *engine, const struct playbook *playbook, struct facts *facts,
                      struct round *round)
{
	bool stopped = false;
	for (size_t i = 0; i < playbook->n_steps; i++) {
		struct step_report *report = &round->steps[round->n_steps++];
		report->step = &playbook->steps[i];
		report->first = plan_count(round->plan);
		report->first_evidence = plan_evidences(round->plan)->n;
		if (stopped) {
			report->state = STEP_NOT_REACHED;
			continue;
		}
		phase(engine, "planning ", report->step->name);
		int r = plan_step(engine, playbook, facts, round->plan, report);
		report->n = plan_count(round->plan) - report->first;
		report->n_evidence = plan_evidences(round->plan)->n - report->first_evidence;
		if (r == 0)
			r = set_deadlines(engine, round->plan, report);
		if (r < 0)
			return r;
		if (report->state == STEP_FAILED) {
			plan_drop_from(round->plan, report->first);
			report->n = 0;
		}
		stopped = report->state == STEP_FAILED && report->step->on_failure != ON_FAILURE_CONTINUE;
	}
	return 0;
}

static int judge(int r, const char *rule, struct buf *why, struct verdict *ret)
{
	if (r == 0)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (!why->len)
		buf_printf(why, "the guard could not decide: %s", strerror(-r));
	ret->rule = rule ? rule : "guard.undecided";
	ret->why = strdup(buf_text(why));
	return ret->why ? 0 : -ENOMEM;
}

static int judge_all(const struct engine *engine, struct round *round)
{
	size_t n = plan_count(round->plan);
	round->verdicts = calloc(n ? n : 1, sizeof(*round->verdicts));
	if (!round->verdicts)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_buf_ struct buf why = {0};
		const char *rule = NULL;
		int g = guard_change(engine->guard, plan_at(round->plan, i), &rule, &why);
		r = judge(g, rule, &why, &round->verdicts[i]);
	}
	if (r < 0)
		return r;
	_cleanup_buf_ struct buf why = {0};
	const char *rule = NULL;
	int g = guard_plan(engine->guard, round->plan, &rule, &why);
	return judge(g, rule, &why, &round->whole);
}

int round_plan(const struct engine *engine, const struct playbook *playbook, struct facts *facts, struct round **ret)
{
	struct round *round = calloc(1, sizeof(*round));
	if (!round)
		return -ENOMEM;
	round->steps = calloc(playbook->n_steps ? playbook->n_steps : 1, sizeof(*round->steps));
	int r = round->steps ? plan_new(&round->plan) : -ENOMEM;
	if (r == 0)
		r = plan_steps(engine, playbook, facts, round);
	if (r == 0) {
		phase(engine, "asking the guard", "");
		r = judge_all(engine, round);
	}
	phase(engine, NULL, "");
	if (r < 0)
		round_free(&round);
	else
		*ret = round;
	return r;
}

bool round_pending(const struct round *round, size_t i)
{
	const struct change *c = plan_at(round->plan, i);
	return c && !c->held && !round->verdicts[i].rule && !round->whole.rule;
}

size_t round_count_pending(const struct round *round)
{
	size_t n = 0;
	for (size_t i = 0; i < plan_count(round->plan); i++)
		n += round_pending(round, i);
	return n;
}

size_t round_count_refused(const struct round *round)
{
	size_t n = round->whole.rule != NULL;
	for (size_t i = 0; i < plan_count(round->plan); i++)
		n += round->verdicts[i].rule != NULL;
	return n;
}

size_t round_count_failed(const struct round *round)
{
	size_t n = 0;
	for (size_t i = 0; i < round->n_steps; i++)
		n += round->steps[i].state == STEP_FAILED;
	return n;
}

size_t round_count_residual(const struct round *round)
{
	size_t n = 0;
	for (size_t i = 0; i < round->n_steps; i++)
		n += round->steps[i].residuals.n;
	return n;
}

static bool in_trouble(const struct round *round, const struct step_report *report)
{
	bool trouble = report->state == STEP_FAILED;
	for (size_t i = report->first; i < report->first + report->n; i++)
		trouble |= round->verdicts[i].rule != NULL;
	return trouble;
}

bool round_must_stop(const struct round *round)
{
	bool stop = round->whole.rule != NULL;
	for (size_t s = 0; s < round->n_steps; s++)
		stop |= round->steps[s].step->on_failure != ON_FAILURE_CONTINUE && in_trouble(round, &round->steps[s]);
	return stop;
}

bool round_must_undo(const struct round *round, const struct playbook *playbook)
{
	bool undo = round->whole.rule && playbook->on_failure == ON_FAILURE_ROLLBACK;
	for (size_t s = 0; s < round->n_steps; s++)
		undo |= round->steps[s].step->on_failure == ON_FAILURE_ROLLBACK && in_trouble(round, &round->steps[s]);
	return undo;
}
