/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of events: decided by the rules, done once, and put into the ledger. The same for
 * a message that starts the program and for one of thousands that a reader is fed.
 */
#ifndef RESPOND_HOOK_HANDLE_H
#define RESPOND_HOOK_HANDLE_H

#include "core/run-result.h"
#include "hook/decide.h"

/* What was done about an event. */
struct hook_result {
	const struct event *event;
	const struct decision *decision;
	const struct round *round;    /* EVENT_DRY: what would be done; NULL: it could not be planned */
	const struct run_result *run; /* EVENT_RUN; NULL: it could not begin */
	const char *left_out;         /* which addresses were left out, and why; "" for none; escaped */
	size_t undone;                /* EVENT_UNDO: runs taken back, */
	struct undo_result undo;      /* and what that came to */
	const char *why;              /* why something could not be done; "" for nothing to say; escaped */
	int status;                   /* the exit status that it stands for: 0, 1, 3 or 4 */
};

struct hook {
	struct engine *engine;        /* without a guard: each run has its own */
	const struct source *source;
	const struct rules *rules;    /* may be exchanged between two calls */
	struct ledger *ledger;
	bool waited;                  /* events were noted when they came, hook_note() */
	json_t *(*operator)(const char *by);
	int (*before)(void *ctx);     /* before anything is altered; an exit status; may be NULL */
	void (*told)(void *ctx, const struct hook_result *result); /* may be NULL */
	void *ctx;
};

/* A program that lives keeps one of these: it may read the rules anew (rules_load()) and exchange
 * them between two calls, writes what was counted now and then (hook_flush()), and shares the
 * ledger with every other that is started meanwhile. */

/* Of a rule that says so: takes out of lists of addresses what the guard would refuse, so that one
 * that is protected does not keep thousands from being blocked; how many, and why the first, goes
 * to RET_TOLD. Where all are, they stay, and the run is refused as a whole. */
int binding_leave_out(struct binding *binding, const struct rule *rule, struct guard *guard, struct buf *ret_told);

/* Handles each event in its turn, and goes on where one fails. RET_STATUS: the worst that came of
 * them. -errno: there is no memory, or the ledger cannot be used; what was not handled is not. */
int hook_handle(struct hook *hook, const struct events *events, int *ret_status);
int hook_handle_event(struct hook *hook, const struct event *event, int *ret_status);

/* The verdict on the event if it were handled now, or -errno. Counts nothing. */
int hook_verdict(struct hook *hook, const struct event *event);

/* Whoever sent the event says that it has been acted upon already: it is counted as such. */
int hook_declined(struct hook *hook, const struct event *event);

/* For who lets events wait before they are handled: what the rules and the ledger say now, not
 * counted, where what is being done at this moment counts as done; and the event counted as one
 * that came, and, unless it WAITS, for what it comes to. Who handles it in the end has
 * hook->waited set. */
int hook_decide(struct hook *hook, const struct event *event, struct decision *ret);
int hook_note(struct hook *hook, const struct event *event, struct decision *decision, bool waits);

/* N messages that were no events of the source: counted, and WHY of the last kept. */
int hook_refused(struct hook *hook, uint64_t n, const char *why);

/* Writes what has been counted since; where there is nothing, nothing. */
int hook_flush(struct hook *hook);

#endif
