/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the actions on units share: the list of units that a step names is gone through,
 * each as systemd, its file or its script shows it, and the deed of the action plans what
 * becomes of it.
 */
#ifndef RESPOND_UNIT_JOB_H
#define RESPOND_UNIT_JOB_H

#include "change/unit-links.h"
#include "change/unit-manager.h"
#include "core/action.h"
#include "base/strset.h"

struct deed;

struct unit_job {
	struct host *host;
	struct plan *plan;
	const struct deed *deed;
	bool now;            /* it is stopped or started as well */
	bool quiet;          /* yields no facts: those are the caller's */
	bool systemd;        /* which runs here */
	struct strset names; /* to do; those that Also= names come to the end */
	struct strset seen;  /* by their real names */
	struct strset ended; /* those whose stop or restart is planned */
	long long count;
};

/* One unit, as far as it is known. */
struct unit_target {
	const struct unit_info *info;
	const char *file; /* unit file or script; "" */
	bool script;      /* of init.d, and systemd does not run */
	bool up;
	struct buf shown; /* its name, escaped */
	struct buf state; /* what it is now, in a word or two */
	struct unit_links take, make; /* for the deed to fill */
};

struct deed {
	const char *verb;
	bool ends;       /* with now = yes the unit is stopped, otherwise started */
	bool asks;       /* whether the unit runs matters even without now = yes */
	int (*plan_unit)(struct unit_job *job, struct unit_target *t);
	int (*plan_script)(struct unit_job *job, struct unit_target *t);
};

/* unit.disable's, for other actions: what starts the unit is taken away. */
extern const struct deed unit_disable_deed;

/* The plan function of an action: DEED for each unit of the argument "unit". */
int unit_job_run(struct host *host, const struct args *args, struct plan *plan, const struct deed *deed);

/* The same for UNITS, whose names are checked; the caller has filled in the rest of JOB. */
int unit_job_plan(struct unit_job *job, const struct strv *units);

/* Plan the unit to be stopped, after all that systemd would stop with it: each one is a
 * change of its own, which the guard sees and the undo gives back. Final where nothing
 * could start it again. */
int unit_plan_stop(struct unit_job *job, struct unit_target *t);

/* Plan the links in T, and with now = yes that it stops or starts. */
int unit_plan_links(struct unit_job *job, struct unit_target *t);

/* Plan the restart of the unit, after all that systemd would restart with it. */
int unit_plan_restart(struct unit_job *job, struct unit_target *t);

/* The units that [Install] names beside are done, too. */
struct unit_install;
int unit_add_also(struct unit_job *job, const struct unit_target *t, const struct unit_install *install);

/* TEXT escaped, in RET. */
const char *unit_shown(struct buf *ret, const char *text);

#endif
