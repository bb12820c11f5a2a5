/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one that writes: a run under way with its journal, the audit trail, and what
 * the engine gives to changes while they are applied or reverted. A record goes to
 * the journal and into the run's state by the same call, so the two never differ.
 */
#ifndef RESPOND_CORE_WRITER_H
#define RESPOND_CORE_WRITER_H

#include "base/fd.h"
#include "core/engine.h"
#include "core/holders.h"

struct writer {
	struct effect effect; /* what kinds are handed; the rest is the engine's */
	const struct engine *engine;
	struct run *run;
	struct journal *journal;
	struct trail *trail;
	struct holders *holders; /* read when first asked for */
	char temporary[RANDOM_NAME_LEN];
};

/* RUN, JOURNAL and TRAIL pass to the writer. */
void writer_init(struct writer *w, const struct engine *engine, struct run *run, struct journal *journal,
                 struct trail *trail);
void writer_end(struct writer *w);

/* Goes on with a run that there is: takes the lock (engine_lock()), opens its journal and
 * the audit trail. The caller ends the writer, closes the vault, and RET_LOCK last.
 * -ENOENT: the run never began to write; else as runner_run(). */
int writer_reopen(struct writer *w, struct engine *engine, const char *run, int *ret_lock, struct buf *ret_why);

int writer_log(struct writer *w, json_t *record); /* steals the reference; NULL: -ENOMEM */

/* Gives the change its number, stores its blobs in the vault and appends its intent;
 * the change passes to the run on success. */
int writer_intent(struct writer *w, struct change *change);

/* Makes the intents of N changes durable, sees that there is room for what will become of
 * them, and seals the journal, so that nobody cuts them off: nothing is changed before. The
 * vault first, then the journal. */
int writer_commit(struct writer *w, size_t n);

int writer_sync(struct writer *w);

/* Stores an item of evidence in the vault and logs it, unless the run has it already. What
 * cannot be stored is logged as lost, with the reason in EVIDENCE, and is no error. 1: the run
 * has gained it; 0: it had it, or it is lost. */
int writer_evidence(struct writer *w, struct evidence *evidence);

/* Readies the effect for the next apply, revert, settle or reapply of CHANGE. */
void writer_aim(struct writer *w, const struct change *change);

/* Seals the journal of a run or a rollback that has ended and is synced. */
int writer_seal(struct writer *w);

/* The id of another live run that holds KEY, or NULL. */
const char *writer_held_by(struct writer *w, const char *key);

/* Reloads each named service once and logs how it went; 0 or the first error. */
int writer_reload(struct writer *w, const struct strv *services);

void writer_warn(const struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void writer_phase(const struct writer *w, const char *what);

#endif
