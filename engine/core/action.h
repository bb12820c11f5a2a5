/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An action is what a step does, by name. It reads the host and plans changes; it
 * never alters the host and does not know whether it is a dry run.
 */
#ifndef RESPOND_CORE_ACTION_H
#define RESPOND_CORE_ACTION_H

#include "core/args.h"
#include "core/host.h"
#include "core/plan.h"

#define PARAM_REQUIRED 1u
#define PARAM_LIST 2u
#define PARAM_MATCHER 4u /* at least one of the action's matchers must be given */
#define PARAM_SOME 8u    /* at least one of those with this flag must be given */

struct param {
	const char *name;
	enum type type;
	unsigned flags;
	const char *fallback; /* default, in playbook spelling; NULL: none */
	const char *choices;  /* TYPE_CHOICE: "in|out|forward" */
	const char *help;
};

struct fact_decl {
	const char *name;
	enum type type; /* facts are lists, except those of TYPE_NUMBER */
	const char *help;
};

struct action {
	const char *name; /* as playbooks say it: "subject.verb" */
	const char *summary;
	const struct param *params;     /* ended by a NULL name */
	const struct fact_decl *facts;  /* ended by a NULL name */
	int (*plan)(struct host *host, const struct args *args, struct plan *plan);
	const char *const *techniques;  /* of MITRE ATT&CK that it remedies: "T1053.003 Scheduled Task/Job: Cron";
	                                 * ended by NULL. NULL: it remedies none by itself */
	bool looks;                     /* and plans no change, ever */
};

const struct action *action_find(const struct action *const *actions, const char *name);
const struct param *action_param(const struct action *action, const char *name);
const struct fact_decl *action_fact(const struct action *action, const char *name);

#endif
