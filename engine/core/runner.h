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
	size_t refused;
	size_t failed;        /* changes, and steps that could not be planned */
	struct strv residual; /* what is still there after the last round; escaped */
	bool stopped;         /* by on-failure = stop or by a signal */
	bool rolled_back;     /* by on-failure = rollback; undo says how it went */
	struct undo_result undo;
	int status;           /* the exit status: 0, 1, 3 or 4 */
};

/* OPERATOR (reference stolen) says who asked. Takes the lock, opens the vault and the
 * audit trail. -EWOULDBLOCK: another respond is at work; -ENOTSUP: audit is required
 * and the kernel takes no records; both with a sentence in RET_WHY, before any change.
 * Another -errno: the run could not go on, RET says how far it came. */
int runner_run(struct engine *engine, const struct playbook *playbook, json_t *operator, struct run_result *ret,
               struct buf *ret_why);
void run_result_free(struct run_result *result);

/* Opens the vault to read, for a rollback that is only planned; the host has none when
 * there is none. The caller closes host->vault. */
int runner_open_to_read(struct engine *engine);

/* Opens what a rollback needs, in the same way; the caller ends the writer. RET_LOCK is
 * held until it is closed. */
int runner_reopen(struct engine *engine, const char *run, struct writer *ret, int *ret_lock, struct buf *ret_why);

#endif
