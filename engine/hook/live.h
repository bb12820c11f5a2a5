/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lives on and acts on events as they come: lines of standard input, of a file that is
 * followed, of peers on a socket.
 *
 *     bytes ─▶ lines ─▶ confined parser ─▶ decide ─▶ queue ─▶ a child for each run
 *
 *  1. Nothing is waited for but everything at once: peers, files, children, signals, time.
 *  2. Memory is bounded: a line, a batch, the queue. What does not fit is dropped and counted,
 *     and told: once a second at most.
 *  3. What a run does, it does in a child, by the very function that a single event has
 *     (respond --hook): it takes its turn, decides anew, acts and writes down what came of it.
 *  4. SIGHUP: the rules are read again; where they are wrong, the old ones stay. SIGTERM and
 *     SIGINT: nothing more is read, what waits is done within LIVE_STOP_MS, what is left then is
 *     dropped and told, and what runs is waited for; not, after a second one. When standard
 *     input is all there is, its end is the end, once all is done.
 */
#ifndef RESPOND_HOOK_LIVE_H
#define RESPOND_HOOK_LIVE_H

#include "hook/follow.h"
#include "hook/intake.h"
#include "hook/listen.h"
#include "hook/worker.h"

#define LIVE_STOP_MS 10000
#define LIVE_TICK_MS 1000

struct live {
	struct intake intake;
	/* Where events come from; each may be missing: */
	const struct source *source; /* of INPUT and FOLLOW */
	int input;                   /* -1 */
	struct follow *follow;
	struct listener *listener;   /* its take(), going(), too_long() and ctx are set here */
	/* Who does the rest: */
	int (*act)(void *ctx, struct errand *errand); /* in a child; the exit status */
	int (*reload)(void *ctx);                     /* SIGHUP; it has told what is wrong */
	void (*tell)(void *ctx, const char *text);    /* a line, escaped, for the log */
	void *ctx;
	/* The rest is ours. */
	struct feed feed;
	struct workers workers;
	int signals;
	bool stopping, cut;
	int64_t stop_at, tick_at;
	int start_error;
	uint64_t too_long, noted_too_long, noted_refused;
};

/* From here on SIGHUP, SIGINT and SIGTERM wait for live_run(): to be called first of all, since
 * whoever has started us may send one at any time. */
void live_hold_signals(void);

/* Until there is nothing more to come. 0 or -errno: it could not go on. */
int live_run(struct live *live);

#endif
