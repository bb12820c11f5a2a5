/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For ledger*.c: what a ledger is in memory.
 */
#ifndef RESPOND_HOOK_LEDGER_PARTS_H
#define RESPOND_HOOK_LEDGER_PARTS_H

#include "hook/ledger.h"

#include <sys/stat.h>

struct ledger {
	struct ledger_rule *rules; /* by name */
	size_t n_rules;
	struct ledger_key *keys;   /* by key */
	size_t n_keys;
	int64_t swept; /* when it was last asked which runs are in force, in ms since 1970 */
	/* Of ledger-file.c. */
	const struct state *state;
	const struct change_kind *const *kinds;
	int dir, lock, turn; /* -1: not open, not held */
	bool read;           /* a file was read, and this was it: */
	struct stat stat;
};

/* Everything but where it is kept. */
void ledger_empty(struct ledger *ledger);

/* The one that there is, or a new one. NULL: no memory; of a rule, there may also be too many. */
struct ledger_rule *ledger_make_rule(struct ledger *ledger, const char *name);
struct ledger_key *ledger_make_key(struct ledger *ledger, const char *key, const char *rule);
int ledger_add_run(struct ledger_key *key, const char *run, int64_t until_ms);

/* What was counted, and not saved, goes on top of what is read: from OLD, which is emptied. */
int ledger_merge(struct ledger *ledger, struct ledger *old);

#endif
