/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is to be done, and in what order: alerts and undos wait here for their run. Pure: it
 * starts nothing.
 *
 * A piece of work is known by its rule and its key (the bound values), and does or undoes.
 *
 *  1. What is asked for while the very same waits or runs is merged with it, unless the
 *     opposite was asked for in between. Where both wait, the opposite is merged, too: of a
 *     key there are at most one piece that runs and two that wait.
 *  2. Work of one key is started in the order in which it was asked for, and never two at a time.
 *  3. Rules take turns, so that a flood of one does not starve the others; within a rule the
 *     oldest that may be started comes first.
 *  4. A rule has at most PER_RULE pieces waiting, and all together at most BYTES_MAX. What does not
 *     fit is dropped and counted: of a rule an alert goes before an undo, the newest first; and
 *     for a rule that has no more than its share of the bytes, of the one that has most.
 */
#ifndef RESPOND_HOOK_QUEUE_H
#define RESPOND_HOOK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work_kind { WORK_DO, WORK_UNDO };

struct work {
	enum work_kind kind;
	char *key;
	void *load;       /* the caller's: given back to the queue's drop() */
	size_t bytes;     /* that it occupies, about */
	uint64_t merged;  /* how often it was asked for again */
	bool running;
	uint64_t hash;
	struct queue_rule *rule;
	struct work *next, *previous;
};

struct queue_rule {
	char *name;
	struct work *first, *last; /* in the order in which it was asked for, those that run among them */
	size_t n_waiting;
	size_t bytes;
	uint64_t merged, dropped, dropped_undos; /* pieces, since the caller last took note, and set them to 0 */
	struct queue_rule *next;
};

struct queue {
	unsigned runs;        /* at once */
	size_t per_rule;
	size_t bytes_max;
	void (*drop)(void *load);
	struct queue_rule *rules;
	struct queue_rule *turn; /* whose turn it was last; NULL: nobody's */
	size_t n_waiting, n_running;
	size_t bytes;
};

enum queue_verdict { QUEUE_TAKEN, QUEUE_MERGED, QUEUE_DROPPED };

/* LOAD passes to the queue, which hands it to drop() at once where it is merged or dropped.
 * A verdict, or -ENOMEM (LOAD is dropped). */
int queue_put(struct queue *queue, const char *rule, const char *key, enum work_kind kind, void *load, size_t bytes);

/* What was asked for last of this key, and waits or runs. */
bool queue_newest(const struct queue *queue, const char *rule, const char *key, enum work_kind *ret);

/* The next piece of work that may be started, marked as running; NULL: none now. */
struct work *queue_start(struct queue *queue);

/* It could not be started after all, and waits again. */
void queue_put_back(struct queue *queue, struct work *work);

/* It has ended: it is gone. */
void queue_end(struct queue *queue, struct work *work);

/* Drops, counted, all that waits. */
void queue_drop_waiting(struct queue *queue);

void queue_free(struct queue *queue);

#endif
