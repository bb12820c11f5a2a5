/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Takes a run back, newest change first, from its journal alone.
 *
 * Undo gives back the recorded prior state. What somebody else changed since is left
 * alone and named; what another run holds too stays in force; what cannot be undone
 * is reported once.
 */
#ifndef RESPOND_CORE_ROLLBACK_H
#define RESPOND_CORE_ROLLBACK_H

#include "core/writer.h"

/* What would become of a change, as far as probing tells. */
struct undo_item {
	const struct run_entry *entry;
	enum undo expect;
	char *why; /* may be NULL */
};

struct undo_plan {
	struct undo_item *v;
	size_t n;
};

/* Reads the host, writes nothing. */
int rollback_plan(const struct engine *engine, const struct run *run, const struct undo_scope *scope,
                  struct undo_plan *ret);
void undo_plan_free(struct undo_plan *plan);

struct undo_result {
	size_t done;       /* restored */
	size_t kept;       /* left in force because another run holds it */
	size_t drifted;
	size_t failed;
	size_t impossible;
	size_t refused;    /* by the guard */
};

/* Reverts; OPERATOR (reference stolen) says who asked. Goes on with a rollback that was
 * cut short when the run says so and SCOPE is that one's. The first -errno is one that
 * ended the rollback early; what single changes came to is in RET. */
int rollback_run(struct writer *w, const struct undo_scope *scope, json_t *operator, struct undo_result *ret);

/* The exit status that the result stands for: 0, 1, 3 or 4. */
int undo_status(const struct undo_result *result);

#endif
