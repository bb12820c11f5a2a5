/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The program's own directory on the host, root's alone (0700):
 *     key            what the records of this host are authenticated with (0400)
 *     lock           held while the host is being changed
 *     runs/RUN/      the journal of a run, and its seal
 *     pending/RUN    an empty file while that run is not done with: it did not end, is
 *                    being taken back, or has a deadline ahead
 *     vault/         core/vault.h
 *     hooks/         hook/ledger.h
 *
 * Rules:
 *  1. The journals are the only truth. A mark in pending/ is an index to them: it is
 *     durable before the journal begins, and goes when there is nothing to come.
 *  2. The key is made once, whole, and never replaced.
 *  3. A directory that somebody else owns or could write to, or that is reached by a
 *     symbolic link, is not used: -EPERM, -ELOOP, -ENOTDIR.
 */
#ifndef RESPOND_CORE_STATE_H
#define RESPOND_CORE_STATE_H

#include "base/buf.h"
#include "core/journal-codec.h"

#include <stdbool.h>
#include <stdint.h>

struct state {
	int root;    /* as host->root */
	char *dir;   /* "/var/lib/respond" */
};

/* "20261123-210831-4f1c": UTC, and four hexadecimal digits that count 65536ths of a
 * second, so that ids sort in the order of time. */
void run_id_new(char ret[RUN_ID_LEN]);
bool run_id_valid(const char *text);
void run_id_at(int64_t ms, char ret[RUN_ID_LEN]); /* the first of that moment */

/* Makes what is missing: the directories and the key; -EPERM as state_key(). */
int state_prepare(const struct state *state);

/* The key of a run. -ENOKEY: the host has none; -EPERM: its file is not root's alone. */
int state_key(const struct state *state, const char *run, struct journal_key *ret);

/* The directory of a run; made, with its mark in pending/, by the second: -EEXIST. */
int state_open_run(const struct state *state, const char *run, int *ret_dir);
int state_make_run(const struct state *state, const char *run, int *ret_dir);

/* hooks/; made, where it is missing, by MAKE. */
int state_open_hooks(const struct state *state, bool make, int *ret_dir);

/* Removes a run that had not begun: a directory with an empty journal, or none. */
int state_drop_run(const struct state *state, const char *run);

/* The ids of all runs, oldest first. */
int state_runs(const struct state *state, struct strv *ret);

/* The run that TEXT means: an id, the start of exactly one id, or "last".
 * -ENOENT, -ENOTUNIQ. */
int state_find_run(const struct state *state, const char *text, char ret[RUN_ID_LEN]);

/* The marks: the ids of those that there are, oldest first; one made, durably; one taken
 * away (should it come back after a crash, that does no harm). */
int state_pending(const struct state *state, struct strv *ret);
int state_mark(const struct state *state, const char *run);
bool state_marked(const struct state *state, const char *run);
int state_unmark(const struct state *state, const char *run);

/* A process that waits for the deadlines of a run holds its mark, so that there is one.
 * -ENOENT: there is no mark; -EWOULDBLOCK: somebody holds it. */
int state_hold_mark(const struct state *state, const char *run, int *ret_fd);

/* Takes the one lock under which hosts are changed; it dies with its holder. Waits at
 * most TIMEOUT_MS, then -EWOULDBLOCK. */
int state_lock(const struct state *state, int timeout_ms, int *ret_fd);

#endif
