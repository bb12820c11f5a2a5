/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A playbook, and after "----" lines of NAME=VALUE as --set takes them. A playbook that
 * is taken can be run: its steps bind with and without facts, to values of the types
 * that their actions ask for.
 */
#include "fuzz.h"

#include "core/playbook.h"
#include "registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_facts_ _cleanup_(facts_free)

static void set_inputs(struct playbook *playbook, struct fuzz_input *in)
{
	while (in->left) {
		_cleanup_free_ char *line = fuzz_line(in);
		_cleanup_buf_ struct buf why = {0};
		char *value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = '\0';
		int r = playbook_set(playbook, line, value, &why);
		MUST(r == 0 || ((r == -EINVAL || r == -ENOENT) && why.len));
		MUST(fuzz_printable(&why, false));
	}
}

/* Gives what is required and still missing. */
static void set_the_rest(struct playbook *playbook)
{
	for (size_t i = 0; i < playbook->n_inputs; i++) {
		const struct input *input = &playbook->inputs[i];
		_cleanup_strv_ struct strv value = {0};
		_cleanup_buf_ struct buf why = {0};
		if (!input->required || input->has_value)
			continue;
		fuzz_example(input->type, input->choices, &value);
		MUST(playbook_set(playbook, input->name, value.v[0], &why) == 0);
	}
}

static void add_facts(const struct step *step, struct facts *facts)
{
	for (const struct fact_decl *f = step->action->facts; f && f->name; f++) {
		_cleanup_strv_ struct strv value = {0};
		fuzz_example(f->type, NULL, &value);
		MUST(facts_add(facts, step->name, f->name, value.v[0]) == 0);
	}
}

static void has_its_type(const struct args *args, const struct param *p)
{
	const struct value *value = args_get(args, p->name);
	if (!value)
		return;
	MUST(value->type == p->type);
	for (size_t i = 0; i < value->items.n; i++) {
		_cleanup_strv_ struct strv again = {0};
		_cleanup_buf_ struct buf why = {0};
		MUST(type_check(p->type, p->choices, value->items.v[i], &again, &why) == 0);
		MUST(strcmp(again.v[0], value->items.v[i]) == 0);
	}
}

static void steps_bind(const struct playbook *playbook, struct facts *facts, bool yield)
{
	for (size_t i = 0; i < playbook->n_steps; i++) {
		const struct step *step = &playbook->steps[i];
		_cleanup_(args_free) struct args *args = NULL;
		_cleanup_buf_ struct buf why = {0};
		bool wanted = false;
		MUST(step_wanted(playbook, step, facts, &wanted) == 0);
		MUST(wanted || step->when);
		int r = step_bind(playbook, step, facts, &args, &why);
		MUST(r == 0 || (r == -EINVAL && why.len && fuzz_printable(&why, false)));
		for (const struct param *p = step->action->params; r == 0 && p->name; p++)
			has_its_type(args, p);
		if (yield)
			add_facts(step, facts);
	}
}

static void can_be_run(struct playbook *playbook, struct fuzz_input *in)
{
	_cleanup_buf_ struct buf why = {0};
	_cleanup_facts_ struct facts *none = NULL, *facts = NULL;
	MUST(facts_new(&none) == 0 && facts_new(&facts) == 0);
	set_inputs(playbook, in);
	set_the_rest(playbook);
	MUST(playbook_ready(playbook, &why) == 0);
	steps_bind(playbook, none, false);
	steps_bind(playbook, facts, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_part(&in), told = {0};
	_cleanup_(playbook_free) struct playbook *playbook = NULL;
	struct diags diags = {0};
	int r = playbook_parse("x\n.pb", &bytes, actions, &playbook, &diags);
	MUST(r == (diags.n ? -EINVAL : 0));
	MUST(!playbook == (r < 0));
	MUST(diags_print(&diags, &told) == 0);
	MUST(fuzz_printable(&told, true));
	diags_free(&diags);
	if (playbook)
		can_be_run(playbook, &in);
	return 0;
}
