/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sources.h"

#include <string.h>

const struct source *const sources[] = {
	NULL,
};

const struct source *source_find(const char *name)
{
	for (size_t i = 0; sources[i]; i++)
		if (strcmp(sources[i]->name, name) == 0)
			return sources[i];
	return NULL;
}
