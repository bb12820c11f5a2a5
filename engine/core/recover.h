/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A run that was interrupted (the program killed, the host gone down) is brought to an
 * end from its journal.
 *
 *                 settle each open intent      "end"         undo, or keep
 *     unfinished ─────────────────────────▶ settled ─▶ ended ─────────────▶ sealed
 *
 * Rules:
 *  1. What is not recorded is found out: the kind puts in order what lies between its
 *     steps, then its probe tells before, after or drifted. Drift goes to a human.
 *  2. An intent is settled and recorded before anything is taken back.
 *  3. All of it may be interrupted in its turn, and done again.
 */
#ifndef RESPOND_CORE_RECOVER_H
#define RESPOND_CORE_RECOVER_H

#include "core/rollback.h"

enum recover_how {
	RECOVER_UNDO, /* take back what the run did; finish a rollback */
	RECOVER_KEEP, /* leave what it did in force and complete the record */
	RECOVER_DUE,  /* keep, but take back what has a deadline that has passed */
};

struct recovery {
	size_t done;      /* intents without an outcome: found to be in force */
	size_t not_begun; /* found not to be */
	size_t unclear;   /* neither: somebody has to look */
	bool dropped;     /* the run had not begun: nothing is left of it */
	bool ended;       /* there was nothing to recover */
	bool undone;      /* something was taken back: */
	struct undo_result undo;
};

/* Recovers one run; OPERATOR (reference stolen) says who asked. -EWOULDBLOCK: somebody is at work
 * on it; -EBADMSG and others with a sentence in RET_WHY. */
int recover_run(struct engine *engine, const char *run, enum recover_how how, json_t *operator,
                struct recovery *ret, struct buf *ret_why);

/* For who goes on with an interrupted run in another way: settles it and writes its end. */
int recover_settle(struct writer *w, enum recover_how how, json_t *operator, struct recovery *ret);

/* Takes back a run that is open in W, or what SCOPE has of it; of one that was interrupted, how
 * far it came is found out first. OPERATOR as above. */
int recover_rollback(struct writer *w, const struct undo_scope *scope, json_t *operator, struct undo_result *ret);

/* The exit status that the result stands for: 0, 1, 3 or 4. */
int recover_status(const struct recovery *recovery);

#endif
