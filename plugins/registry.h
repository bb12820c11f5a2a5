/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the engine is handed: every action, service and proof there is. Adding one is
 * its file and a line in registry.c.
 */
#ifndef RESPOND_PLUGINS_REGISTRY_H
#define RESPOND_PLUGINS_REGISTRY_H

#include "core/action.h"
#include "core/guard.h"
#include "core/service.h"

extern const struct action *const actions[];   /* each NULL-ended */
extern const struct service *const services[];
extern const struct proof *const proofs[];

#endif
