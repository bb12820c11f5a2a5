/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A run: what its journal says, record by record. A run that is under way and one
 * that is read back next year are the same structure, because both come about by
 * replaying records.
 */
#ifndef RESPOND_CORE_RUN_H
#define RESPOND_CORE_RUN_H

#include "core/change.h"
#include "core/journal.h"

/* What became of a change. The words are the journal's. */
enum outcome {
	OUTCOME_UNKNOWN, /* an intent without an outcome: probe tells */
	OUTCOME_DONE,
	OUTCOME_HELD,    /* was in force before; this run holds it too */
	OUTCOME_DRIFTED, /* the host was no longer what the plan saw; nothing was altered */
	OUTCOME_FAILED,  /* the host is as it was before */
	OUTCOME_PARTLY,  /* begun and not finished: the note says what is left */
	OUTCOME_SKIPPED, /* not begun, because the run stopped before it */
};

enum undo {
	UNDO_NONE, /* not tried */
	UNDO_DONE,
	UNDO_KEPT,       /* another run holds it */
	UNDO_DRIFTED,    /* somebody changed it since; left alone */
	UNDO_FAILED,
	UNDO_IMPOSSIBLE, /* irreversible */
	UNDO_REFUSED,    /* by the guard */
};

const char *outcome_word(enum outcome outcome);
const char *undo_word(enum undo undo);

/* What a rollback is about. */
struct undo_scope {
	char *step;  /* only the changes of this step; NULL: of all */
	int64_t due; /* only what must be taken back by then, in milliseconds since 1970; 0: all */
};

struct run_entry {
	struct change *change;
	unsigned round;
	enum outcome outcome;
	char *note;
	enum undo undo;
	char *undo_note;
	bool undo_open;  /* it was about to be reverted, and what came of it is not recorded */
	bool again_open; /* the same of being put in force again */
};

/* An item of evidence that the run kept (core/evidence.h), or could not. */
struct run_evidence {
	char *step;
	char *name;
	char *summary; /* escaped */
	char *time;    /* RFC 3339 with zone */
	struct sha256 sha256; /* its object in the vault; "" where it could not be kept: */
	char *lost;    /* why; NULL where it was */
	int64_t size;
	bool partial;
	unsigned round;
};

struct run {
	char id[RUN_ID_LEN];
	char *playbook;         /* its name, or the file's where it has none */
	char *started;          /* RFC 3339 with zone */
	char *ended;            /* NULL: unfinished */
	int status;             /* exit status of the run; -1: unfinished */
	bool undoing;           /* a rollback has begun and not ended: */
	struct undo_scope undo_scope;
	bool reapplying;        /* the same of putting changes in force again */
	bool to_undo;           /* recovery has brought it to an end in order to take it back, and not begun to */
	json_t *head;           /* the "run" record */
	json_t *records;        /* all of them */
	struct sha256 journal_head; /* of its last line, where it was read back; "" otherwise */
	struct run_entry *entries;
	size_t n;
	struct run_evidence *evidence;
	size_t n_evidence;
	unsigned round;
};

int run_new(const char *id, struct run **ret);
void run_free(struct run **run);

/* Takes one record in (its own reference). LIVE: the change of an "intent" that was
 * just planned (ownership passes on success), or NULL to decode it. -EBADMSG: a
 * record that makes no sense; -ENOTSUP: a change kind that this version does not know. */
int run_replay(struct run *run, json_t *record, struct change *live, const struct change_kind *const *kinds);

int run_load(const struct state *state, const char *id, const struct change_kind *const *kinds, struct run **ret,
             struct buf *ret_why);

/* The item of this step, name and content that the run has: by its hash, or, where SHA256 is
 * NULL, one that could not be kept. NULL: none. */
const struct run_evidence *run_find_evidence(const struct run *run, const char *step, const char *name,
                                             const struct sha256 *sha256);

/* For run.c. */
int run_evidence_replay(struct run *run, const json_t *record);
void run_evidence_free(struct run *run);

struct run_counts {
	size_t done, undone, held;
	size_t failed;  /* or were not finished */
	size_t refused; /* changes and plans, by the guard */
	size_t live; /* in force still, of those that can be undone */
};

struct run_counts run_count(const struct run *run);

/* What became of it, in a word or two: "done", "partly undone", "unfinished". A run is
 * "refused" when nothing was done; else it is "partly done". */
const char *run_word(const struct run *run);

/* Whether the change is in force, as far as the journal knows. */
bool entry_live(const struct run_entry *entry);

/* When the change must be taken back by itself, in milliseconds since 1970. 0: it need
 * not, or that was tried already. */
int64_t entry_deadline(const struct run_entry *entry);

/* The same for the first change of the run to which it happens; and for the first that a
 * confirmation would keep in force. */
int64_t run_deadline(const struct run *run);
int64_t run_confirm_by(const struct run *run);

/* Whether the run did not end, or what has begun on it since did not: somebody is at
 * work on it now (journal_busy()), or was interrupted. */
bool run_open(const struct run *run);

#endif
