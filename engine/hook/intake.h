/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From messages to what is to be done: parsed in confined children, a batch at a time, decided
 * by the rules, and what there is to do queued. What comes to nothing is counted here; whoever
 * does the rest counts that.
 */
#ifndef RESPOND_HOOK_INTAKE_H
#define RESPOND_HOOK_INTAKE_H

#include "hook/confine.h"
#include "hook/handle.h"
#include "hook/queue.h"

#define INTAKE_QUEUE_BYTES (64 * 1024 * 1024)
#define INTAKE_SOURCES 32

/* What waits in the queue: the event, which is decided about anew when it is its turn. */
struct errand {
	const struct source *source;
	struct event event;
};

/* What people are told at most once in a while: how often it happened, and the first time. */
struct remark {
	uint64_t n;
	struct buf first;
};

struct intake {
	struct hook *hook;         /* its source is that of the batch */
	struct queue queue;
	struct confined parsers[INTAKE_SOURCES];
	size_t n_parsers;
	struct slice batch[CONFINE_MANY];
	size_t n;
	struct parsed parsed[CONFINE_MANY];
	uint64_t messages, events;
	struct remark unreadable;    /* messages, since the caller last took note with remark_clear() */
	struct remark declined;      /* events that a rule wanted and could not take, or that were too many for it */
	int error;                   /* -ENOMEM and the like, since then */
};

void remark_clear(struct remark *remark);

void intake_init(struct intake *intake, struct hook *hook);
void intake_free(struct intake *intake);

/* A message, which stays where it is until the batch is done. */
void intake_take(struct intake *intake, const struct source *source, struct slice message);
void intake_done(struct intake *intake);

#endif
