/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A plan: the ordered changes of a round, and what planning found out on the way.
 * Actions write it; nothing in here touches the host.
 */
#ifndef RESPOND_CORE_PLAN_H
#define RESPOND_CORE_PLAN_H

#include "core/change.h"
#include "core/evidence.h"
#include "core/host.h"

struct plan;

/* Adds a change of the step that is being planned. DATA's reference is stolen, also
 * on failure. RET (may be NULL): the change, owned by the plan, to fill in further. */
int plan_change(struct plan *plan, const struct change_kind *kind, const char *target, json_t *data,
                struct change **ret);

/* Yields one value of a fact that the action declares; duplicates are dropped. */
int plan_fact(struct plan *plan, const char *fact, const char *value);
int plan_fact_number(struct plan *plan, const char *fact, long long value); /* replaces */

/* One line for people beside the step ("Match address 10.0.0.0/8: permitrootlogin yes -> no").
 * What comes from the host must be escaped by the caller. */
int plan_note(struct plan *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What is wrong on the host and cannot be put right by this step: it is reported as
 * residual, and the run's exit status says so. Escaped by the caller. */
int plan_residual(struct plan *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A file that the step would act on could not be read (host_unreadable()). What another process
 * keeps from us by a lease is left over: who wants to stay may do that. */
int plan_unreadable(struct plan *plan, struct host *host, const char *path, int error);

/* What the step saw and wants kept (core/evidence.h): BYTES, which are the plan's afterwards,
 * or a copy of the regular file behind FD, which the plan closes; both also on failure. NAME
 * is fit for a file name and the step's own. PARTIAL: there was more to see. What of the
 * summary comes from the host must be escaped by the caller. */
int plan_evidence(struct plan *plan, const char *name, struct buf *bytes, bool partial, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
int plan_evidence_file(struct plan *plan, const char *name, int fd, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Says why the step cannot be planned; returns ERROR (a -errno) for the action to return. */
int plan_fail(struct plan *plan, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The bytes that will stand at PATH once the changes planned so far are applied, so
 * that two steps may edit the same file: 1 and RET filled (a planned edit), 0 (ask
 * the host), or -ENOENT (a planned change takes the file away). */
int plan_file(const struct plan *plan, const char *path, struct buf *ret);

/* For the engine, the guard, the printer and tests. */
int plan_new(struct plan **ret);
void plan_free(struct plan **plan);
int plan_begin_step(struct plan *plan, const char *step);
size_t plan_count(const struct plan *plan);
struct change *plan_at(const struct plan *plan, size_t i);
struct change *plan_take(struct plan *plan, size_t i);     /* now the caller's; plan_at(i) is NULL afterwards */
void plan_drop_from(struct plan *plan, size_t n);           /* forgets the changes from the Nth on */
struct evidence_list *plan_evidences(struct plan *plan); /* of all steps so far */
const struct strv *plan_facts(const struct plan *plan, const char *fact); /* of the current step; NULL: none */
const struct strv *plan_notes(const struct plan *plan);     /* of the current step */
const struct strv *plan_residuals(const struct plan *plan); /* of the current step */
const char *plan_failure(const struct plan *plan);          /* of the current step; "" if none */

#endif
