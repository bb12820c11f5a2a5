/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sources.h"

#include <string.h>

extern const struct source source_wazuh;
extern const struct source source_json;

const struct source *const sources[] = {
	&source_wazuh,
	&source_json,
	NULL,
};

const struct source *source_find(const char *name)
{
	for (size_t i = 0; sources[i]; i++)
		if (strcmp(sources[i]->name, name) == 0)
			return sources[i];
	return NULL;
}
