/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The plan of one round: every step in order, then the guard over all of it. Reads
 * the host and writes nothing; a dry run is this and nothing else.
 */
#ifndef RESPOND_CORE_ROUND_H
#define RESPOND_CORE_ROUND_H

#include "core/engine.h"

enum step_state {
	STEP_PLANNED,
	STEP_SKIPPED,  /* its `when` did not hold */
	STEP_FAILED,   /* could not be planned: see failure */
	STEP_NOT_REACHED, /* an earlier step failed, and the policy is to stop */
};

struct step_report {
	const struct step *step;
	enum step_state state;
	char *failure;
	struct strv notes;
	struct strv residuals;
	size_t first, n; /* its changes in the plan */
	size_t first_evidence, n_evidence; /* what it wants kept */
	int64_t confirm_ms, ttl_ms; /* how long until they are taken back: unless the run is confirmed;
	                             * in any case. 0: not by themselves */
};

struct verdict {
	const char *rule; /* NULL: allowed */
	char *why;
};

struct round {
	struct plan *plan;
	struct step_report *steps;
	size_t n_steps;
	struct verdict *verdicts; /* one for each change of the plan */
	struct verdict whole;     /* the plan as a whole */
};

/* Plans PLAYBOOK once. The facts found are added to FACTS. 0 also when steps fail or
 * are refused (the reports say so); -errno when nothing could be planned at all. */
int round_plan(const struct engine *engine, const struct playbook *playbook, struct facts *facts,
               struct round **ret);
void round_free(struct round **round);

/* What would be done: a change that is neither held nor refused. */
bool round_pending(const struct round *round, size_t i);
size_t round_count_pending(const struct round *round);
size_t round_count_refused(const struct round *round); /* changes, and 1 for the whole */
size_t round_count_failed(const struct round *round);  /* steps */
size_t round_count_residual(const struct round *round);

/* Whether a step that failed or was refused forbids to go on: its policy is not
 * ON_FAILURE_CONTINUE. */
bool round_must_stop(const struct round *round);

/* Whether one of them asks for what was done to be taken back. Where the plan as a whole
 * is refused, the playbook's policy counts. */
bool round_must_undo(const struct round *round, const struct playbook *playbook);

#endif
