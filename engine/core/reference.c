/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/reference.h"

#include "base/escape.h"
#include "core/ini.h"
#include "core/near.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

const char *const reference_reserved[] = {"and", "or", "not", NULL};

void element_clear(struct element *e)
{
	free(e->text);
	free(e->input);
	free(e->step);
	free(e->fact);
	*e = (struct element){0};
}

void elements_free(struct element *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		element_clear(&v[i]);
	free(v);
}

bool element_is_reference(const struct element *e)
{
	return e->input || e->step;
}

static size_t name_len(const char *text, size_t len)
{
	size_t n = 0;
	while (n < len && text[n] && strchr(NAME_CHARS, text[n]) && (n > 0 || (text[n] >= 'a' && text[n] <= 'z')))
		n++;
	return n;
}

int reference_parse(const char *text, size_t len, struct element *ret)
{
	size_t first = name_len(text, len);
	struct element e = {0};
	if (!first)
		return -EINVAL;
	if (first == len) {
		e.input = strndup(text, first);
	} else {
		size_t second = text[first] == '.' ? name_len(text + first + 1, len - first - 1) : 0;
		if (!second || first + 1 + second != len)
			return -EINVAL;
		e.step = strndup(text, first);
		e.fact = strndup(text + first + 1, second);
	}
	if (!e.input && !(e.step && e.fact)) {
		element_clear(&e);
		return -ENOMEM;
	}
	*ret = e;
	return 0;
}

int reference_print(const struct element *e, struct buf *ret)
{
	return e->input ? buf_puts(ret, e->input) : buf_printf(ret, "%s.%s", e->step, e->fact);
}

/* $${ stands for ${; a ${ that is left over is a reference where none can be. */
static int literal(const struct ini_element *from, char **ret, struct buf *why)
{
	_cleanup_buf_ struct buf text = {0};
	for (const char *p = from->text; *p; p++) {
		if (strncmp(p, "$${", 3) == 0) {
			buf_puts(&text, "${");
			p += 2;
		} else if (p[0] == '$' && p[1] == '{') {
			buf_putc(why, '\'');
			escape_str(why, from->text);
			buf_puts(why, from->quoted ? "' has a reference in quotes: write ${NAME} without quotes"
			                           : "' has a reference inside a text: ${NAME} must be the whole element");
			buf_puts(why, ", or $${ for a literal ${");
			return -EINVAL;
		} else {
			buf_putc(&text, *p);
		}
	}
	char *copy = buf_steal(&text);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int element_parse(const struct ini_element *from, struct element *ret, struct buf *why)
{
	const char *text = from->text;
	size_t len = strlen(text);
	bool whole = !from->quoted && len > 2 && strncmp(text, "${", 2) == 0 && strchr(text, '}') == text + len - 1;
	if (!whole)
		return literal(from, &ret->text, why);
	int r = reference_parse(text + 2, len - 3, ret);
	if (r == -EINVAL) {
		buf_putc(why, '\'');
		escape_str(why, text);
		buf_puts(why, "' is not a reference: write ${INPUT} or ${STEP.FACT}");
	}
	return r;
}

int elements_parse(const char *value, struct element **ret, size_t *ret_n, struct buf *ret_why)
{
	struct ini_element *from = NULL;
	size_t n = 0;
	int r = ini_split_list(value, &from, &n, ret_why);
	if (r < 0)
		return r;
	struct element *v = calloc(n, sizeof(*v));
	if (!v)
		r = -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = element_parse(&from[i], &v[i], ret_why);
	ini_elements_free(from, n);
	if (r < 0) {
		elements_free(v, v ? n : 0);
		return r;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

static const struct input *find_input(const struct playbook *playbook, const char *name)
{
	for (size_t i = 0; i < playbook->n_inputs; i++)
		if (strcmp(playbook->inputs[i].name, name) == 0)
			return &playbook->inputs[i];
	return NULL;
}

static int input_declared(const struct playbook *playbook, const struct element *e, struct declared *ret,
                          struct buf *why)
{
	const struct input *input = find_input(playbook, e->input);
	if (!input) {
		struct near near = {.wanted = e->input};
		for (size_t i = 0; i < playbook->n_inputs; i++)
			near_offer(&near, playbook->inputs[i].name);
		buf_printf(why, "there is no input '%s'", e->input);
		near_print(&near, why);
		return -EINVAL;
	}
	if (input->type == TYPE_COUNT_)
		return -EINVAL;
	*ret = (struct declared){.type = input->type, .list = input->list, .choices = input->choices};
	return 0;
}

static int no_step(const struct playbook *playbook, size_t step, const struct element *e, struct buf *why)
{
	struct near near = {.wanted = e->step};
	for (size_t i = 0; i < playbook->n_steps; i++) {
		const struct step *s = &playbook->steps[i];
		if (i < step)
			near_offer(&near, s->name);
		if (strcmp(s->name, e->step) != 0)
			continue;
		if (i == step)
			buf_printf(why, "'%s.%s' is a fact of this very step: only facts of earlier steps can be used", e->step,
			           e->fact);
		else
			buf_printf(why, "'%s.%s' is used before step '%s', which comes in line %u: only facts of earlier steps can "
			                "be used", e->step, e->fact, e->step, s->line);
		return -EINVAL;
	}
	buf_printf(why, "there is no step '%s'", e->step);
	near_print(&near, why);
	return -EINVAL;
}

static int no_fact(const struct step *step, const struct element *e, struct buf *why)
{
	struct near near = {.wanted = e->fact};
	buf_printf(why, "step '%s' (%s) yields no fact '%s'", step->name, step->action->name, e->fact);
	for (const struct fact_decl *f = step->action->facts; f && f->name; f++)
		near_offer(&near, f->name);
	near_print(&near, why);
	const char *sep = ": it has ";
	for (const struct fact_decl *f = step->action->facts; f && f->name; f++, sep = ", ")
		buf_printf(why, "%s%s", sep, f->name);
	return -EINVAL;
}

static int fact_declared(const struct playbook *playbook, size_t step, const struct element *e, struct declared *ret,
                         struct buf *why)
{
	for (size_t i = 0; i < step; i++) {
		const struct step *s = &playbook->steps[i];
		if (strcmp(s->name, e->step) != 0)
			continue;
		if (!s->action)
			return -EINVAL;
		const struct fact_decl *f = action_fact(s->action, e->fact);
		if (!f)
			return no_fact(s, e, why);
		*ret = (struct declared){.type = f->type, .list = f->type != TYPE_NUMBER};
		return 0;
	}
	return no_step(playbook, step, e, why);
}

int reference_declared(const struct playbook *playbook, size_t step, const struct element *e, struct declared *ret,
                       struct buf *ret_why)
{
	return e->input ? input_declared(playbook, e, ret, ret_why) : fact_declared(playbook, step, e, ret, ret_why);
}

const struct strv *reference_items(const struct playbook *playbook, const struct facts *facts, const struct element *e)
{
	static const struct strv none;
	if (e->input) {
		const struct input *input = find_input(playbook, e->input);
		return input && input->has_value ? &input->value.items : &none;
	}
	const struct strv *items = facts_get(facts, e->step, e->fact);
	return items ? items : &none;
}
