/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/service.h"

#include <string.h>

bool service_reloads(const struct service *service)
{
	return service->daemon || service->reload || (service->units && service->units[0]);
}

const struct service *service_find(const struct service *const *services, const char *name)
{
	for (; *services; services++)
		if (strcmp((*services)->name, name) == 0)
			return *services;
	return NULL;
}
