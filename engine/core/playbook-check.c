/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/playbook-read.h"

#include "core/condition.h"
#include "core/reference.h"

#include <errno.h>
#include <string.h>

/* Every word that the one may hold is one that the other takes: 0, or -EINVAL. */
static int choices_within(const char *inner, const char *outer)
{
	_cleanup_strv_ struct strv ignored = {0};
	_cleanup_buf_ struct buf why = {0};
	_cleanup_free_ char *words = strdup(inner);
	char *save = NULL;
	int r = words ? 0 : -ENOMEM;
	for (char *word = words ? strtok_r(words, "|", &save) : NULL; word && r == 0; word = strtok_r(NULL, "|", &save))
		r = type_check(TYPE_CHOICE, outer, word, &ignored, &why);
	return r;
}

static int check_reference(const struct playbook *playbook, size_t step, const struct param *param,
                           const struct element *e, struct buf *why)
{
	struct declared d;
	int r = reference_declared(playbook, step, e, &d, why);
	if (r < 0)
		return r;
	_cleanup_buf_ struct buf name = {0};
	reference_print(e, &name);
	bool list = param->flags & PARAM_LIST;
	if (!type_fits(d.type, param->type)) {
		buf_printf(why, "'%s' is of type %s, not %s", buf_text(&name), type_name(d.type, d.list),
		           type_name(param->type, list));
		return -EINVAL;
	}
	if (d.list && !list) {
		buf_printf(why, "'%s' is a list (%s), but one value is wanted", buf_text(&name), type_name(d.type, true));
		return -EINVAL;
	}
	if (d.type == TYPE_CHOICE && param->type == TYPE_CHOICE)
		r = choices_within(d.choices, param->choices);
	if (r == -EINVAL)
		buf_printf(why, "'%s' may be one of %s, but only %s are taken here", buf_text(&name), d.choices,
		           param->choices);
	return r;
}

static int check_argument(const struct playbook *playbook, size_t step, const struct argument *a, struct diags *diags)
{
	if (a->n > 1 && !(a->param->flags & PARAM_LIST))
		diag_add(diags, a->line, "'%s': one value is wanted, not %zu: put a comma that is part of it in quotes",
		         a->param->name, a->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct element *e = &a->elements[i];
		_cleanup_strv_ struct strv ignored = {0};
		_cleanup_buf_ struct buf why = {0};
		int r = element_is_reference(e) ? check_reference(playbook, step, a->param, e, &why)
		                                : type_check(a->param->type, a->param->choices, e->text, &ignored, &why);
		if (r == -ENOMEM)
			return r;
		if (why.len)
			diag_add(diags, a->line, "'%s': %s", a->param->name, buf_text(&why));
	}
	return 0;
}

static bool is_given(const struct step *step, const struct param *param)
{
	for (size_t i = 0; i < step->n_arguments; i++)
		if (step->arguments[i].param == param)
			return true;
	return false;
}

static void check_required(const struct step *step, struct diags *diags)
{
	for (const struct param *p = step->action->params; p->name; p++)
		if ((p->flags & PARAM_REQUIRED) && !is_given(step, p))
			diag_add(diags, step->line, "step '%s' (%s) lacks '%s', which is required: %s", step->name,
			         step->action->name, p->name, p->help);
}

/* At least one of the parameters with FLAG; LACK says what is missing without. */
static void check_some(const struct step *step, unsigned flag, const char *lack, struct diags *diags)
{
	_cleanup_buf_ struct buf names = {0};
	for (const struct param *p = step->action->params; p->name; p++) {
		if (!(p->flags & flag))
			continue;
		if (is_given(step, p))
			return;
		buf_printf(&names, "%s%s", names.len ? ", " : "", p->name);
	}
	if (names.len)
		diag_add(diags, step->line, "step '%s' (%s) does not say %s: at least one of %s is required", step->name,
		         step->action->name, lack, buf_text(&names));
}

static int check_when(const struct playbook *playbook, size_t i, struct diags *diags)
{
	struct step *step = &playbook->steps[i];
	if (!step->when_text)
		return 0;
	_cleanup_buf_ struct buf why = {0};
	int r = condition_parse(step->when_text, playbook, i, &step->when, &why);
	if (why.len)
		diag_add(diags, step->when_line, "'when': %s", buf_text(&why));
	return r == -ENOMEM ? r : 0;
}

static int check_step(const struct playbook *playbook, size_t i, struct diags *diags)
{
	const struct step *step = &playbook->steps[i];
	int r = check_when(playbook, i, diags);
	if (!step->action)
		return r;
	for (size_t a = 0; r == 0 && a < step->n_arguments; a++)
		r = check_argument(playbook, i, &step->arguments[a], diags);
	check_required(step, diags);
	check_some(step, PARAM_MATCHER, "what to act on", diags);
	check_some(step, PARAM_SOME, "what is wanted", diags);
	return r;
}

int playbook_check(struct playbook *playbook, struct diags *diags)
{
	if (!playbook->n_steps)
		diag_add(diags, 0, "the playbook has no steps: write [step NAME]");
	for (size_t i = 0; i < playbook->n_steps; i++) {
		int r = check_step(playbook, i, diags);
		if (r < 0)
			return r;
	}
	return 0;
}
