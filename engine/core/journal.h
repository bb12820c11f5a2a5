/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The durable record of a run, written ahead of every change.
 *
 * Rules:
 *  1. No change is made before its intent, and its before-image in the vault, are
 *     durable: vault_sync(), then journal_append() of the intents, then journal_sync().
 *  2. Nor before there is room on the disk for its outcome: journal_reserve().
 *  3. Records are only ever appended. A torn tail is cut before the next record.
 *  4. One writer: the journal is locked for as long as it is open for writing; the lock
 *     dies with its holder. Readers take no lock and wait for nobody.
 *  5. A journal that does not chain, or is shorter than its seal says, is neither used
 *     nor appended to.
 *  6. What is open has a mark (core/state.h): it is made before the journal, and taken
 *     away after the seal is durable.
 *
 *              create               append, sync, seal    "end", seal
 *     (none) ─────────▶ run recorded ────────────▶ unfinished ───────▶ ended
 *                                                       ▲ │              │ "undo", "reapply"
 *                                       crash, then     │ │ "undo"       ▼
 *                                       "recover" ──────┘ └──────────▶ reopened
 *                                                                        │ "undo-end", "reapply-end",
 *                                                                        ▼ seal
 *                                                                      ended
 */
#ifndef RESPOND_CORE_JOURNAL_H
#define RESPOND_CORE_JOURNAL_H

#include "core/state.h"

struct journal;

/* Makes the run's directory, mark and journal. -EEXIST: there is such a run. -ENOSPC
 * before anything is changed when there is no room for it. */
int journal_create(const struct state *state, const char *run, struct journal **ret);

/* Opens an existing one to go on with it; RET_RECORDS as journal_decode(). It has its mark
 * from the first record that is appended on. -EWOULDBLOCK: another respond is working on
 * this run. -EBADMSG with the reason in RET_WHY. */
int journal_open(const struct state *state, const char *run, struct journal **ret, json_t **ret_records,
                 struct buf *ret_why);
void journal_close(struct journal **journal);

/* Reads without locking. RET_HEAD (may be NULL): the hash of the last line. -EBADMSG with
 * the reason in RET_WHY. */
int journal_read(const struct state *state, const char *run, json_t **ret_records, struct sha256 *ret_head,
                 struct buf *ret_why);

/* Whether somebody has it open for writing: 1, 0, or -errno. */
int journal_busy(const struct state *state, const char *run);

int journal_append(struct journal *journal, json_t *record); /* steals the reference, also on failure */
int journal_sync(struct journal *journal);

/* Lays out ROOM bytes behind the last record. -ENOSPC, -EDQUOT. */
int journal_reserve(struct journal *journal, size_t room);

/* Seals the journal as it is; all of it must be synced. Where there is no room for a seal,
 * the last one stands, and vouches for what it says. */
int journal_seal(struct journal *journal);

/* The run, or its rollback, has ended and is sealed: gives back the journal's space but for
 * ROOM bytes, which a rollback will want. DONE: nothing is to come either, the mark is
 * taken away. */
int journal_rest(struct journal *journal, size_t room, bool done);

const struct sha256 *journal_head(const struct journal *journal);
const struct journal_key *journal_key(const struct journal *journal);

#endif
