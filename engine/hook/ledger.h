/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What hooks have done: for each rule how often and when, and for each key (a rule and the values
 * that it was run with) which runs are in force. It is what cooldown, limit and undo go by.
 *
 * In the program's directory (core/state.h):
 *     hooks/ledger   one JSON object
 *     hooks/act      held from the decision to act until what came of it is in the ledger
 *     hooks/lock     held while the ledger is read and written
 *
 * Rules:
 *  1. The journals are the truth: a run says in its first record by which rule and key it was
 *     made. A ledger that is lost or damaged is made anew from them.
 *  2. A key is written down, open, before its run begins, and closed with what came of it. One
 *     that is found open by who holds "act" was left so by a program that ended in between: its
 *     runs are looked for in the journals, and the same may be done again at once.
 *  3. The file is replaced as a whole, by one that is on the disk.
 *  4. It is bounded: a key without a run in force goes when nothing depends on it any more. Where
 *     there are too many still, a new one takes the place of the one whose runs end the soonest by
 *     themselves: whoever has it filled up must not go unanswered for that.
 *  5. Counts that alter nothing wait for the next time it is written.
 */
#ifndef RESPOND_HOOK_LEDGER_H
#define RESPOND_HOOK_LEDGER_H

#include "core/run.h"
#include "core/state.h"

#define LEDGER_KEY_LEN 33 /* 32 hexadecimal digits and a NUL */
#define LEDGER_KEYS_MAX 50000
#define LEDGER_RULES_MAX 2000
#define LEDGER_RUNS_MAX 1000 /* of one key */
#define LEDGER_TEXT_MAX 500  /* bytes of what is kept to be read by people */

enum tally {
	TALLY_EVENTS,    /* of a source: what came in */
	TALLY_UNMATCHED, /* of a source: what no rule wanted */
	TALLY_MATCHED,
	TALLY_RUNS,
	TALLY_DRY,
	TALLY_COOLED,
	TALLY_LIMITED,
	TALLY_REFUSED,
	TALLY_FAILED,
	TALLY_UNDONE,
	TALLY_NOTHING, /* undo events that were about nothing that is in force */
	TALLY_MERGED,  /* of what lives: the same waited or ran already */
	TALLY_DROPPED, /* events that there was no room for */
	TALLIES,
};

const char *tally_word(enum tally tally); /* "events", "unmatched", ... */

struct ledger_rule {
	char *name; /* of the rule; "@wazuh" is the source itself */
	uint64_t saved[TALLIES], fresh[TALLIES]; /* both are what it comes to */
	int64_t matched; /* when, last, in ms since 1970; 0: never */
	char *summary;   /* of what; escaped */
	int64_t refused; /* the same of what was refused or failed */
	char *refusal;
	int64_t *recent; /* when runs were begun, oldest first: no more than the limit looks at */
	size_t n_recent;
};

struct ledger_run {
	char id[RUN_ID_LEN];
	int64_t until; /* when nothing of it is in force any more by itself, in ms; 0: not by itself */
};

struct ledger_key {
	char key[LEDGER_KEY_LEN];
	char *rule;
	char *text;    /* the values, for people; escaped */
	int64_t ran;   /* when a run was last begun, in ms since 1970; 0: it was taken back, or failed */
	int64_t shown; /* the same of a dry run */
	bool open;     /* what came of the last is not known yet */
	struct ledger_run *runs;
	size_t n;
};

struct ledger; /* opaque: in memory, and where it is kept */

/* ---- the state, pure ------------------------------------------------------------------- */

int ledger_new(struct ledger **ret);
void ledger_free(struct ledger **ledger);

/* What a file holds; -EBADMSG: no ledger. Counts that are not saved yet are kept, and so is what
 * is newer. */
int ledger_decode(struct ledger *ledger, const struct buf *bytes);
int ledger_encode(const struct ledger *ledger, struct buf *ret);

const struct ledger_key *ledger_find(const struct ledger *ledger, const char *key);
bool ledger_key_lives(const struct ledger_key *key, int64_t now_ms); /* has runs in force, or may have */
bool ledger_is_full(const struct ledger *ledger);
bool ledger_has_room(const struct ledger *ledger); /* for one more key, if need be in another one's place */

/* How many runs of the rule were begun in between. */
size_t ledger_recent(const struct ledger *ledger, const char *rule, int64_t from_ms, int64_t to_ms);

/* In the order of their names. */
const struct ledger_rule *ledger_rule_at(const struct ledger *ledger, size_t i); /* NULL: no more */
const struct ledger_rule *ledger_rule_find(const struct ledger *ledger, const char *name);
const struct ledger_key *ledger_key_at(const struct ledger *ledger, size_t i);

int ledger_count(struct ledger *ledger, const char *rule, enum tally tally);
int ledger_count_many(struct ledger *ledger, const char *rule, enum tally tally, uint64_t n);
int ledger_note_match(struct ledger *ledger, const char *rule, const char *summary, int64_t now_ms);
int ledger_note_refusal(struct ledger *ledger, const char *rule, const char *why, int64_t now_ms);

/* A run (or, not ENFORCE, a dry run) of the key begins. LIMIT: how many such moments the rule
 * looks at. */
int ledger_begin(struct ledger *ledger, const char *rule, const char *key, const char *text, bool enforce,
                 unsigned limit, int64_t now_ms);

/* What came of it: a run (NULL: it left none) in force until then; AGAIN: nothing that would be
 * done again in vain. */
int ledger_end(struct ledger *ledger, const char *key, const char *run, int64_t until_ms, bool again);

/* The run is not in force any more; and the same may be done again at once. */
int ledger_undone(struct ledger *ledger, const char *key, const char *run);

/* Lets go of what nothing depends on: keys whose last moment is longer ago than KEEP_MS says for
 * their rule, and that have no run in force. */
void ledger_prune(struct ledger *ledger, int64_t (*keep_ms)(void *ctx, const char *rule), void *ctx, int64_t now_ms);

/* Takes in what a run says of itself, if a hook made it. */
int ledger_take_run(struct ledger *ledger, const struct run *run);

/* When nothing of the run is in force any more by itself: in ms since 1970; 0: not by itself; -1:
 * nothing is that could be taken back. */
int64_t ledger_run_until(const struct run *run);

/* ---- where it is kept -------------------------------------------------------------------- */

/* Opens, making what is missing. RET_WHY: a sentence for a failure, or about a ledger that had to
 * be made anew. */
int ledger_open(const struct state *state, const struct change_kind *const *kinds, struct ledger **ret,
                struct buf *ret_why);

/* To look at only: an empty one where there is none. -EBADMSG: damaged. */
int ledger_open_to_read(const struct state *state, struct ledger **ret);

/* Reads it again if somebody has written it since. */
int ledger_refresh(struct ledger *ledger);

/* Between these two nobody else writes, and what is there is what was written last. */
int ledger_lock(struct ledger *ledger);
void ledger_unlock(struct ledger *ledger);
int ledger_save(struct ledger *ledger);
bool ledger_has_news(const struct ledger *ledger); /* counts that are not saved */

/* A ledger that is full asks the journals, once an hour at most, which of its runs are in force
 * still: others than hooks have taken some back. */
int ledger_sweep(struct ledger *ledger, int64_t now_ms);

/* The right to act; -EWOULDBLOCK after TIMEOUT_MS. What an earlier holder left open is closed from
 * the journals. */
int ledger_take_turn(struct ledger *ledger, int timeout_ms);
void ledger_end_turn(struct ledger *ledger);

#endif
