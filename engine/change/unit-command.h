/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind unit.command: what is done to a running unit and has no undo: it is
 * restarted, or it is stopped although nothing can start it again (transient units,
 * scopes, units whose file is gone).
 */
#ifndef RESPOND_CHANGE_UNIT_COMMAND_H
#define RESPOND_CHANGE_UNIT_COMMAND_H

#include "change/unit-codec.h"
#include "core/change.h"
#include "core/plan.h"

extern const struct change_kind unit_command_kind;

/* VERB: "restart" or "stop". WHY_FINAL: why there is no undo, for people. WITH: what
 * systemd does it to as well (unit-state.h; stolen), or NULL. */
int unit_command_plan(struct plan *plan, const char *verb, const struct unit_info *unit, const char *why_final,
                      json_t *with);

#endif
