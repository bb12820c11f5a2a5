/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A real run: rounds of plan, guard, intents, apply, probe and outcomes, until
 * planning again yields nothing. Decides when, and in what order.
 */
#ifndef RESPOND_CORE_RUNNER_H
#define RESPOND_CORE_RUNNER_H

#include "core/rollback.h"
#include "core/round.h"

struct run_result {
	char id[RUN_ID_LEN];  /* "" when there was nothing to journal */
	unsigned rounds;      /* that altered something */
	size_t done;
	size_t held;
	size_t evidence;      /* items kept */
	size_t refused;
	size_t failed;        /* changes, reloads, and steps that could not be planned */
	size_t unplanned;     /* of the failed: steps that the last plan had to do without */
	size_t partly;        /* of the failed: changes that were begun, and are not as before */
	size_t drifted;       /* changes that came too late, in any round; nothing was altered by them */
	size_t skipped;       /* changes that were not begun, because the run stopped before them */
	struct strv troubles; /* what was refused, failed or could not be planned, with its reason; escaped */
	struct strv residual; /* what is still there after the last round; escaped */
	bool stopped;         /* by on-failure or by a signal */
	bool signalled;       /* it was a signal */
	bool rolled_back;     /* by on-failure = rollback; undo says how it went */
	struct undo_result undo;
	int64_t deadline;     /* when the first change is taken back by itself, in ms since 1970; 0: none is */
	int64_t confirm_by;   /* when, unless the run is confirmed before */
	int status;           /* the exit status: 0, 1, 3 or 4 */
};

/* OPERATOR (reference stolen) says who asked. Takes the lock, opens the vault and the
 * audit trail. -EWOULDBLOCK: another respond is at work; -ENOTSUP: audit is required
 * and the kernel takes no records; both with a sentence in RET_WHY, before any change.
 * Another -errno: the run could not go on, RET says how far it came. */
int runner_run(struct engine *engine, const struct playbook *playbook, json_t *operator, struct run_result *ret,
               struct buf *ret_why);
void run_result_free(struct run_result *result);

#endif
