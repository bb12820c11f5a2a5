/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The durable record of a run, written ahead of every change.
 *
 * Rules:
 *  1. No change is made before its intent, and its before-image in the vault, are
 *     durable: vault_sync(), then journal_append() of the intents, then journal_sync().
 *  2. Records are only ever appended. A torn tail is cut before the next record.
 *  3. One writer: the journal is locked (flock) for as long as it is open for writing.
 *  4. A journal that does not chain is never appended to.
 *
 *              create                 append, sync              "end"
 *     (none) ─────────▶ run recorded ────────────▶ unfinished ─────────▶ ended
 *                                                                 open     │ "undo"
 *                                                     undoing ◀────────────┘
 *                                                        │ "undo-end"
 *                                                        ▼
 *                                                      ended
 */
#ifndef RESPOND_CORE_JOURNAL_H
#define RESPOND_CORE_JOURNAL_H

#include "base/buf.h"
#include "core/journal-codec.h"

#include <jansson.h>

#define RUN_ID_LEN 24

/* Where runs live: an fd of STATE/runs; see state_open(). */
struct state {
	int root;    /* as host->root */
	char *dir;   /* "/var/lib/respond" */
};

struct journal;

/* "20261123-210831-4f1c": UTC, and four hexadecimal digits that count 65536ths of a
 * second, so that ids sort in the order of time. */
void run_id_new(char ret[RUN_ID_LEN]);
bool run_id_valid(const char *text);

/* Makes STATE and STATE/runs (0700) where they are missing. */
int state_prepare(const struct state *state);

/* Makes STATE/runs/RUN/journal. -EEXIST: there is such a run. -ENOSPC before anything is
 * changed when there is no room for it. */
int journal_create(const struct state *state, const char *run, struct journal **ret);

/* Opens an existing one to go on with it; RET_RECORDS as journal_decode(). -EWOULDBLOCK:
 * another respond is working on this run. */
int journal_open(const struct state *state, const char *run, struct journal **ret, json_t **ret_records,
                 struct buf *ret_why);
void journal_close(struct journal **journal);

/* Reads without locking. -EBADMSG with the reason in RET_WHY. RET_HEAD may be NULL. */
int journal_read(const struct state *state, const char *run, json_t **ret_records, struct sha256 *ret_head,
                 struct buf *ret_why);

int journal_append(struct journal *journal, json_t *record); /* steals the reference, also on failure */
int journal_sync(struct journal *journal);
const struct sha256 *journal_head(const struct journal *journal);

/* The ids of all runs, oldest first. */
int state_runs(const struct state *state, struct strv *ret);

/* The run that TEXT means: an id, the start of exactly one id, or "last".
 * -ENOENT, -ENOTUNIQ. */
int state_find_run(const struct state *state, const char *text, char ret[RUN_ID_LEN]);

/* Takes the one lock under which hosts are changed; it dies with its holder. Waits at
 * most TIMEOUT_MS, then -EWOULDBLOCK. */
int state_lock(const struct state *state, int timeout_ms, int *ret_fd);

#endif
