/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What main hands to the engine, and what the engine tells while it works.
 */
#ifndef RESPOND_CORE_ENGINE_H
#define RESPOND_CORE_ENGINE_H

#include "core/action.h"
#include "core/audit.h"
#include "core/config.h"
#include "core/guard.h"
#include "core/playbook.h"
#include "core/run.h"
#include "core/service.h"

#include <signal.h>

struct round;

/* Tables, each ended by NULL. */
struct parts {
	const struct action *const *actions;
	const struct change_kind *const *kinds;
	const struct service *const *services;
	const struct proof *const *proofs;
	int (*reload)(struct host *host, const struct service *service, struct buf *ret_note);
	/* Starts what waits for the deadlines of a run, apart from this process. 0 or -errno.
	 * NULL: nothing does, and they are kept when respond is next started. */
	int (*await)(const char *run);
};

/* Who listens. Every function may be NULL. */
struct observer {
	void *ctx;
	void (*phase)(void *ctx, const char *what); /* what is being done now, NULL: nothing; to be copied */
	/* Planned, not yet applied; ACTS: it will be, in part at least, else it is the last look. */
	void (*round)(void *ctx, unsigned number, const struct round *round, bool acts);
	void (*outcome)(void *ctx, const struct change *change, enum outcome outcome, const char *note);
	void (*undone)(void *ctx, const struct change *change, enum undo undo, const char *note);
	void (*reloaded)(void *ctx, const char *service, int error, const char *note);
	void (*wait)(void *ctx, int64_t ms); /* the run lets time pass before it looks again */
	void (*warning)(void *ctx, const char *text);
};

struct engine {
	const struct parts *parts;
	struct host *host;
	const struct config *config;
	const struct strv *allow; /* guard rules that the operator lifted */
	struct guard *guard;
	const struct state *state;
	const struct observer *observer;
	const volatile sig_atomic_t *stop; /* set by a signal: end after the change that is being made */
	int64_t ttl_ms; /* after what time all that can be is taken back at the latest; 0: as the playbook says */
	int64_t confirm_ms; /* within what time the operator wants to confirm; 0: not at all; -1: as the playbook says */
};

/* Within what time a step wants to be confirmed, in ms; 0: it does not. */
int64_t engine_confirm_ms(const struct engine *engine, const struct step *step);

/* After what time it is taken back in any case, in ms; 0: it is not, or its action sees to that
 * by its own argument "ttl". */
int64_t engine_ttl_ms(const struct engine *engine, const struct step *step);

/* Opens the vault to read, for what is only looked at; the host has none when there is
 * none. The caller closes host->vault. */
int engine_open_to_read(struct engine *engine);

/* Makes the program's directory where it is missing, takes the one lock under which
 * hosts are changed, and opens the vault. The lock is held until RET_LOCK is closed.
 * -EWOULDBLOCK: another respond is at work. All with a sentence in RET_WHY. */
int engine_lock(struct engine *engine, int *ret_lock, struct buf *ret_why);

#endif
