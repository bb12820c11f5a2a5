/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RESPOND_PLUGINS_UNIT_END_H
#define RESPOND_PLUGINS_UNIT_END_H

#include "core/action.h"

/* Plans that UNITS, whose files are about to go and whose names are checked, neither run nor
 * are started by any link. Of a template that are its instances that links start. */
int units_end_plan(struct host *host, struct plan *plan, const struct strv *units);

#endif
