/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guard: decides whether a change is allowed. It stands inside the engine, for
 * every way in, in dry runs and real ones, on apply and on undo.
 */
#ifndef RESPOND_CORE_GUARD_H
#define RESPOND_CORE_GUARD_H

#include "core/change.h"
#include "core/config.h"
#include "core/plan.h"

struct guard;

/* A condition on a whole plan that an action's subject brings along: "somebody can
 * still log in". WHY is filled when it returns -EPERM. */
struct proof {
	const char *rule; /* "login.last-way" */
	int (*check)(struct host *host, const struct plan *plan, struct buf *ret_why);
};

/* ALLOW: rules that the operator lifted for this run. CONFIG, PROOFS and ALLOW must
 * outlive the guard. */
int guard_new(struct host *host, const struct config *config, const struct proof *const *proofs,
              const struct strv *allow, struct guard **ret);
void guard_free(struct guard **guard);

/* 0: allowed. -EPERM: refused; RET_RULE (static text) names the rule and RET_WHY says
 * what, why, and what to do. Other -errno: could not be decided, which is a refusal too. */
int guard_change(struct guard *guard, const struct change *change, const char **ret_rule, struct buf *ret_why);

/* The same for taking a change back. Freeing an address or continuing a process hurts
 * nobody; only where a file is written counts: the kernel's filesystems, mount points,
 * this program's own files, protected paths; and a file that would give rights again. */
int guard_undo(struct guard *guard, const struct change *change, const char **ret_rule, struct buf *ret_why);

/* One subject by itself, judged as guard_change() judges each that a change names. */
int guard_subject(struct guard *guard, const struct subject *subject, const char **ret_rule, struct buf *ret_why);

/* The plan as a whole: the limits of the blast radius, and the proofs. */
int guard_plan(struct guard *guard, const struct plan *plan, const char **ret_rule, struct buf *ret_why);

/* What a change has found while it is applied (PART: a change of its kind with just
 * that): judged like a change, and counted with the plan's against the limits. */
int guard_growth(struct guard *guard, const struct change *part, const char **ret_rule, struct buf *ret_why);

/* Every rule with its help text, for --help and respond.conf(5); ended by a NULL name.
 * A rule that is fixed cannot be lifted. */
struct guard_rule {
	const char *name;
	bool fixed;
	const char *help;
};
extern const struct guard_rule guard_rules[];

#endif
