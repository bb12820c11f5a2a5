/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/playbook.h"

#include "base/escape.h"
#include "core/condition.h"
#include "core/ini.h"
#include "core/near.h"
#include "core/reference.h"

#include <errno.h>
#include <string.h>

int playbook_unknown_input(const struct playbook *playbook, const char *name, struct buf *why)
{
	struct near near = {.wanted = name};
	_cleanup_buf_ struct buf escaped = {0};
	escape_str(&escaped, name);
	buf_printf(why, "playbook '%s' has no input '%s'", playbook->name, buf_text(&escaped));
	for (size_t i = 0; i < playbook->n_inputs; i++)
		near_offer(&near, playbook->inputs[i].name);
	near_print(&near, why);
	const char *sep = ": it has ";
	for (size_t i = 0; i < playbook->n_inputs; i++, sep = ", ")
		buf_printf(why, "%s%s", sep, playbook->inputs[i].name);
	return -ENOENT;
}

static int list_items(const struct input *input, const char *text, struct strv *ret, struct buf *why)
{
	struct ini_element *v = NULL;
	size_t n = 0;
	if (!text[strspn(text, " \t")])
		return 0;
	int r = ini_split_list(text, &v, &n, why);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = type_check(input->type, input->choices, v[i].text, ret, why);
	ini_elements_free(v, n);
	return r;
}

static int take_items(struct input *input, struct strv *items, struct buf *why)
{
	if (input->required && !items->n) {
		buf_puts(why, "it is required and may not be empty");
		return -EINVAL;
	}
	strv_free(&input->value.items);
	input->value.items = *items;
	*items = (struct strv){0};
	input->has_value = input->given = true;
	return 0;
}

static int set_input(struct input *input, const char *text, struct buf *why)
{
	_cleanup_strv_ struct strv items = {0};
	if (input->given) {
		buf_printf(why, "it is set twice%s", input->list ? ": separate the elements of a list with commas" : "");
		return -EINVAL;
	}
	int r = input->list ? list_items(input, text, &items, why)
	                    : type_check(input->type, input->choices, text, &items, why);
	return r < 0 ? r : take_items(input, &items, why);
}

struct input *playbook_input(const struct playbook *playbook, const char *name)
{
	for (size_t i = 0; i < playbook->n_inputs; i++)
		if (strcmp(playbook->inputs[i].name, name) == 0)
			return &playbook->inputs[i];
	return NULL;
}

int playbook_set(struct playbook *playbook, const char *name, const char *value, struct buf *ret_why)
{
	_cleanup_buf_ struct buf why = {0};
	struct input *input = playbook_input(playbook, name);
	if (!input)
		return playbook_unknown_input(playbook, name, ret_why);
	int r = set_input(input, value, &why);
	if (r < 0 && why.len)
		buf_printf(ret_why, "input '%s': %s", name, buf_text(&why));
	return r;
}

int input_open_to_strangers(const struct input *input, struct buf *ret_why)
{
	if (input->type != TYPE_GLOB && input->type != TYPE_OPTION)
		return 0;
	buf_printf(ret_why, "input '%s' is of type %s: what somebody else chose cannot be one", input->name,
	           type_name(input->type, input->list));
	return -EINVAL;
}

/* A list of addresses in a file is for operators to name. */
static int refuse_file(const struct input *input, const char *text, struct buf *why)
{
	if ((input->type != TYPE_ADDRESS && input->type != TYPE_ENDPOINT) || strncmp(text, "file:", 5) != 0)
		return 0;
	buf_putc(why, '\'');
	escape_str(why, text);
	buf_puts(why, "' names a file: only the address itself is taken here");
	return -EINVAL;
}

static int accept_items(const struct input *input, const struct strv *items, struct strv *ret, struct buf *why)
{
	int r = input_open_to_strangers(input, why);
	if (r == 0 && !input->list && items->n != 1) {
		buf_printf(why, "it takes one value, and these are %zu", items->n);
		r = -EINVAL;
	}
	for (size_t i = 0; r == 0 && i < items->n; i++) {
		r = refuse_file(input, items->v[i], why);
		if (r == 0)
			r = type_check(input->type, input->choices, items->v[i], ret, why);
	}
	return r;
}

int input_accept(const struct input *input, const struct strv *items, struct strv *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf why = {0};
	_cleanup_strv_ struct strv spelt = {0};
	int r = accept_items(input, items, &spelt, &why);
	if (r < 0 && why.len)
		buf_printf(ret_why, "input '%s': %s", input->name, buf_text(&why));
	if (r < 0)
		return r;
	*ret = spelt;
	spelt = (struct strv){0};
	return 0;
}

int playbook_give(struct playbook *playbook, const char *name, const struct strv *items, struct buf *ret_why)
{
	_cleanup_strv_ struct strv spelt = {0};
	struct input *input = playbook_input(playbook, name);
	if (!input)
		return playbook_unknown_input(playbook, name, ret_why);
	int r = input_accept(input, items, &spelt, ret_why);
	return r < 0 ? r : take_items(input, &spelt, ret_why);
}

int playbook_ready(const struct playbook *playbook, struct buf *ret_why)
{
	size_t missing = 0;
	for (size_t i = 0; i < playbook->n_inputs; i++) {
		const struct input *input = &playbook->inputs[i];
		if (!input->required || input->has_value)
			continue;
		buf_printf(ret_why, "%sinput '%s' is required: add --set %s=VALUE (%s%s%s)", missing++ ? "; " : "", input->name,
		           input->name, type_name(input->type, input->list), input->help ? ", " : "",
		           input->help ? input->help : "");
	}
	return missing ? -EINVAL : 0;
}

static const struct declared *declared_as(const struct playbook *playbook, const struct step *step,
                                          const struct element *e, struct declared *d, struct buf *why)
{
	size_t number = (size_t)(step - playbook->steps);
	return reference_declared(playbook, number, e, d, why) < 0 ? NULL : d;
}

static int bind_reference(const struct playbook *playbook, const struct step *step, const struct facts *facts,
                          const struct param *param, const struct element *e, struct strv *ret, struct buf *why)
{
	struct declared d;
	if (!declared_as(playbook, step, e, &d, why))
		return -EINVAL;
	const struct strv *items = reference_items(playbook, facts, e);
	for (size_t i = 0; i < items->n; i++) {
		int r = type_convert(d.type, param->type, items->v[i], ret);
		if (r == -EINVAL) {
			buf_putc(why, '\'');
			escape_str(why, items->v[i]);
			buf_printf(why, "' of '%s' cannot stand for a value of type %s", e->input ? e->input : e->fact,
			           type_name(param->type, false));
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int bind_elements(const struct playbook *playbook, const struct step *step, const struct facts *facts,
                         const struct param *param, const struct element *v, size_t n, struct args *args,
                         struct buf *why)
{
	_cleanup_(value_free) struct value value = {.type = param->type, .list = param->flags & PARAM_LIST};
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = element_is_reference(&v[i])
		            ? bind_reference(playbook, step, facts, param, &v[i], &value.items, why)
		            : type_check(param->type, param->choices, v[i].text, &value.items, why);
	return r < 0 ? r : args_set(args, param->name, &value);
}

static int bind_param(const struct playbook *playbook, const struct step *step, const struct facts *facts,
                      const struct param *param, struct args *args, struct buf *why)
{
	for (size_t i = 0; i < step->n_arguments; i++) {
		const struct argument *a = &step->arguments[i];
		if (a->param == param)
			return bind_elements(playbook, step, facts, param, a->elements, a->n, args, why);
	}
	if (!param->fallback)
		return 0;
	struct element *v = NULL;
	size_t n = 0;
	int r = elements_parse(param->fallback, &v, &n, why);
	if (r == 0)
		r = bind_elements(playbook, step, facts, param, v, n, args, why);
	elements_free(v, n);
	return r;
}

int step_bind(const struct playbook *playbook, const struct step *step, const struct facts *facts, struct args **ret,
              struct buf *ret_why)
{
	_cleanup_(args_free) struct args *args = NULL;
	int r = args_new(&args);
	for (const struct param *p = step->action->params; r == 0 && p->name; p++) {
		_cleanup_buf_ struct buf why = {0};
		r = bind_param(playbook, step, facts, p, args, &why);
		if (r < 0 && why.len)
			buf_printf(ret_why, "'%s': %s", p->name, buf_text(&why));
	}
	if (r < 0)
		return r;
	*ret = args;
	args = NULL;
	return 0;
}

int step_wanted(const struct playbook *playbook, const struct step *step, const struct facts *facts, bool *ret)
{
	if (step->when)
		return condition_holds(step->when, playbook, facts, ret);
	*ret = true;
	return 0;
}
