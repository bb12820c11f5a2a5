/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/run-result.h"

void run_result_free(struct run_result *result)
{
	strv_free(&result->troubles);
	strv_free(&result->residual);
}

int result_add_trouble(struct run_result *result, const char *word, const char *step, const char *what,
                       const char *reason)
{
	_cleanup_buf_ struct buf line = {0};
	buf_printf(&line, "%s: %s%s%s", word, step ? step : "", step ? ": " : "", what);
	if (reason && *reason)
		buf_printf(&line, " (%s)", reason);
	return buf_error(&line) ? buf_error(&line) : strv_add(&result->troubles, line.data);
}

int result_add_failure(struct run_result *result, const struct change *c, enum outcome outcome, const char *note)
{
	_cleanup_buf_ struct buf line = {0};
	int r = c->kind->describe(c, &line);
	return r < 0 ? r : result_add_trouble(result, outcome_word(outcome), c->step, buf_text(&line), note);
}

/* "STEP: WHAT", once. */
static int add_left(struct run_result *result, const char *step, const char *what)
{
	_cleanup_buf_ struct buf line = {0};
	buf_printf(&line, "%s: %s", step, what);
	return buf_error(&line) ? buf_error(&line) : strv_add_new(&result->residual, line.data);
}

static int add_pending(struct run_result *result, const struct change *c)
{
	_cleanup_buf_ struct buf what = {0};
	int r = c->kind->describe(c, &what);
	return r < 0 ? r : add_left(result, c->step, buf_text(&what));
}

int result_add_residual(struct run_result *result, const struct round *round)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < plan_count(round->plan); i++)
		if (round_pending(round, i))
			r = add_pending(result, plan_at(round->plan, i));
	for (size_t s = 0; r == 0 && s < round->n_steps; s++) {
		const struct step_report *report = &round->steps[s];
		for (size_t i = 0; r == 0 && i < report->residuals.n; i++)
			r = add_left(result, report->step->name, report->residuals.v[i]);
	}
	return r;
}

int result_status(const struct run_result *result)
{
	bool altered = result->rolled_back ? undo_status(&result->undo) != 0 : result->done > 0;
	if (result->refused)
		return 4;
	if (result->failed || result->stopped || result->rolled_back)
		return altered ? 3 : 1;
	return result->residual.n ? 3 : 0;
}

const char *result_word(const struct run_result *result)
{
	if (result->rolled_back)
		return "rolled-back";
	return result->refused ? "refused" : result->failed ? "failed" : result->residual.n ? "residual" : "done";
}
