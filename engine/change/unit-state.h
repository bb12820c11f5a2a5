/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind unit.state: whether a unit of the service manager runs, and by which
 * links it is enabled, aliased or masked. Undo gives back exactly these links, and starts
 * what ran or stops what did not: a unit that ran without being enabled does so again.
 */
#ifndef RESPOND_CHANGE_UNIT_STATE_H
#define RESPOND_CHANGE_UNIT_STATE_H

#include "change/unit-codec.h"
#include "change/unit-links.h"
#include "core/change.h"
#include "core/plan.h"

extern const struct change_kind unit_state_kind;

/* What is to become of a unit. */
struct unit_plan {
	const char *verb;             /* "stop", "disable", "mask", "enable": the name of the deed */
	const char *unit;             /* its real name */
	const char *file;             /* its file, or its script; "": none is known */
	const char *state;            /* "enabled, running": what it is now, for people */
	const char *cgroup;           /* "" where that is not known */
	bool script;                  /* the service manager is init.d's scripts, not systemd */
	const struct unit_links *take, *make;
	json_t *with;                 /* what systemd stops with it (stolen), or NULL: [[unit, file, cgroup], ...] */
	enum { UNIT_UP_KEPT, UNIT_STARTED, UNIT_STOPPED } up;
};

/* Visits what is stopped with a unit: the guard judges that change by it, too. */
int unit_visit_carried(const json_t *with, subject_fn visit, void *ctx);

int unit_state_plan(struct host *host, struct plan *plan, const struct unit_plan *what, struct change **ret);

#endif
