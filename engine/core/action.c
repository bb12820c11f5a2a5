/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/action.h"

#include <string.h>

const struct action *action_find(const struct action *const *actions, const char *name)
{
	for (; *actions; actions++)
		if (strcmp((*actions)->name, name) == 0)
			return *actions;
	return NULL;
}

const struct param *action_param(const struct action *action, const char *name)
{
	for (const struct param *p = action->params; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

const struct fact_decl *action_fact(const struct action *action, const char *name)
{
	for (const struct fact_decl *f = action->facts; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}
