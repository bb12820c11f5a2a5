/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/playbook.h"

#include "base/strset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fact {
	char *step;
	char *name;
	struct strset values;
};

struct facts {
	struct fact *v;
	size_t n;
};

int facts_new(struct facts **ret)
{
	struct facts *facts = calloc(1, sizeof(*facts));
	if (!facts)
		return -ENOMEM;
	*ret = facts;
	return 0;
}

static void fact_free(struct fact *f)
{
	free(f->step);
	free(f->name);
	strset_free(&f->values);
}

void facts_free(struct facts **facts)
{
	if (!*facts)
		return;
	for (size_t i = 0; i < (*facts)->n; i++)
		fact_free(&(*facts)->v[i]);
	free((*facts)->v);
	free(*facts);
	*facts = NULL;
}

static struct fact *find(const struct facts *facts, const char *step, const char *name)
{
	for (size_t i = 0; i < facts->n; i++)
		if (strcmp(facts->v[i].step, step) == 0 && strcmp(facts->v[i].name, name) == 0)
			return &facts->v[i];
	return NULL;
}

static struct fact *find_or_add(struct facts *facts, const char *step, const char *name)
{
	struct fact *f = find(facts, step, name);
	if (f)
		return f;
	struct fact *v = reallocarray(facts->v, facts->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	facts->v = v;
	struct fact fresh = {.step = strdup(step), .name = strdup(name)};
	if (!fresh.step || !fresh.name) {
		fact_free(&fresh);
		return NULL;
	}
	v[facts->n] = fresh;
	return &v[facts->n++];
}

int facts_add(struct facts *facts, const char *step, const char *name, const char *value)
{
	struct fact *f = find_or_add(facts, step, name);
	int r = f ? strset_add(&f->values, value) : -ENOMEM;
	return r < 0 ? r : 0;
}

int facts_set(struct facts *facts, const char *step, const char *name, const char *value)
{
	struct fact *f = find_or_add(facts, step, name);
	if (!f)
		return -ENOMEM;
	strset_free(&f->values);
	int r = strset_add(&f->values, value);
	return r < 0 ? r : 0;
}

const struct strv *facts_get(const struct facts *facts, const char *step, const char *name)
{
	const struct fact *f = find(facts, step, name);
	return f ? &f->values.list : NULL;
}
