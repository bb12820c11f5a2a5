/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process-work.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static bool names_pid(const json_t *more, pid_t pid)
{
	const json_t *list = json_object_get(more, "processes");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_integer_value(json_object_get(json_array_get(list, i), "pid")) == pid)
			return true;
	return false;
}

static int grow(struct effect *effect, struct change *change, json_t *more)
{
	struct journal_stand_in *j = (struct journal_stand_in *)effect;
	int r = j->fails;
	if (r == 0 && j->refused && names_pid(more, j->refused))
		r = -EPERM;
	if (r == 0) {
		json_t *grown = json_object_get(change->data, "grown");
		if (!grown)
			json_object_set_new(change->data, "grown", grown = json_array());
		json_array_append(grown, more);
		j->announced += json_array_size(json_object_get(more, "processes"));
	}
	json_decref(more);
	return r;
}

void work_end(struct work *w)
{
	plan_free(&w->plan);
	args_free(&w->args);
	buf_free(&w->journal.effect.note);
}

void work_give(struct work *w, const char *name, const char *item)
{
	struct value value = {.type = TYPE_TEXT, .list = true};
	if (!w->args)
		assert_int_equal(args_new(&w->args), 0);
	if (item)
		strv_add(&value.items, item);
	assert_int_equal(args_set(w->args, name, &value), 0);
	value_free(&value);
}

void work_give_file(struct work *w, struct stage *s, const char *file)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", s->dir, file);
	work_give(w, "exe", path);
}

struct change *work_plan(struct stage *s, struct work *w, const struct action *action)
{
	plan_free(&w->plan);
	w->journal.effect.grow = grow;
	assert_int_equal(plan_new(&w->plan), 0);
	assert_int_equal(plan_begin_step(w->plan, "step"), 0);
	assert_int_equal(action->plan(&s->host, w->args, w->plan), 0);
	assert_true(plan_count(w->plan) <= 1);
	return plan_count(w->plan) ? plan_at(w->plan, 0) : NULL;
}

struct change *work_plan_tree(struct stage *s, struct work *w, const struct action *action, const char *file)
{
	work_give_file(w, s, file);
	work_give(w, "tree", "yes");
	struct change *c = work_plan(s, w, action);
	assert_non_null(c);
	return c;
}

int work_apply(struct stage *s, struct work *w, struct change *c)
{
	return c->kind->apply(&s->host, c, &w->journal.effect);
}

enum change_state work_probe(struct stage *s, const struct change *c)
{
	enum change_state state = CHANGE_DRIFTED;
	assert_int_equal(c->kind->probe(&s->host, c, &state), 0);
	return state;
}

const char *work_fact(struct work *w, const char *name)
{
	const struct strv *values = plan_facts(w->plan, name);
	return values && values->n ? values->v[0] : NULL;
}

const json_t *evidence_of(const struct change *c, pid_t pid)
{
	const json_t *grown = json_object_get(c->data, "grown");
	for (size_t i = 0; i < json_array_size(grown); i++) {
		const json_t *list = json_object_get(json_array_get(grown, i), "evidence");
		for (size_t k = 0; k < json_array_size(list); k++)
			if (json_integer_value(json_object_get(json_array_get(list, k), "pid")) == pid)
				return json_array_get(list, k);
	}
	return NULL;
}
