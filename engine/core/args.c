/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct arg {
	char *name;
	struct value value;
};

struct args {
	struct arg *v;
	size_t n;
};

int args_new(struct args **ret)
{
	struct args *args = calloc(1, sizeof(*args));
	if (!args)
		return -ENOMEM;
	*ret = args;
	return 0;
}

void args_free(struct args **args)
{
	if (!*args)
		return;
	for (size_t i = 0; i < (*args)->n; i++) {
		free((*args)->v[i].name);
		value_free(&(*args)->v[i].value);
	}
	free((*args)->v);
	free(*args);
	*args = NULL;
}

static int replace(struct value *old, const struct value *value)
{
	struct value copy = {.type = value->type, .list = value->list};
	if (strv_add_all(&copy.items, &value->items) < 0) {
		value_free(&copy);
		return -ENOMEM;
	}
	value_free(old);
	*old = copy;
	return 0;
}

int args_set(struct args *args, const char *name, const struct value *value)
{
	struct value *old = (struct value *)args_get(args, name);
	if (old)
		return replace(old, value);
	struct arg *v = reallocarray(args->v, args->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	args->v = v;
	struct arg arg = {.name = strdup(name), .value = {.type = value->type, .list = value->list}};
	if (!arg.name || strv_add_all(&arg.value.items, &value->items) < 0) {
		free(arg.name);
		value_free(&arg.value);
		return -ENOMEM;
	}
	args->v[args->n++] = arg;
	return 0;
}

const struct value *args_get(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->n; i++)
		if (strcmp(args->v[i].name, name) == 0)
			return &args->v[i].value;
	return NULL;
}

bool args_has(const struct args *args, const char *name)
{
	return args_get(args, name) != NULL;
}

const struct strv *args_list(const struct args *args, const char *name)
{
	static const struct strv none;
	const struct value *value = args_get(args, name);
	return value ? &value->items : &none;
}

const char *args_text(const struct args *args, const char *name)
{
	const struct strv *items = args_list(args, name);
	return items->n ? items->v[0] : NULL;
}

bool args_yes(const struct args *args, const char *name)
{
	const char *text = args_text(args, name);
	return text && value_yes(text);
}

int64_t args_ms(const struct args *args, const char *name, int64_t missing)
{
	const char *text = args_text(args, name);
	return text ? value_ms(text) : missing;
}
