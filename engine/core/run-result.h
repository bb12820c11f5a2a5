/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a run has come to: counted and told as it goes on.
 */
#ifndef RESPOND_CORE_RUN_RESULT_H
#define RESPOND_CORE_RUN_RESULT_H

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

void run_result_free(struct run_result *result);

/* Adds "WORD: STEP: WHAT (REASON)" to the troubles; STEP and REASON may be NULL. */
int result_add_trouble(struct run_result *result, const char *word, const char *step, const char *what,
                       const char *reason);

/* The same of a change that was not made, or in part. */
int result_add_failure(struct run_result *result, const struct change *change, enum outcome outcome,
                       const char *note);

/* What the last plan still wants, and what steps say they cannot put right. */
int result_add_residual(struct run_result *result, const struct round *round);

/* The exit status: 0, 1, 3 or 4; and the word that goes into the audit trail. */
int result_status(const struct run_result *result);
const char *result_word(const struct run_result *result);

#endif
