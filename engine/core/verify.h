/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether what runs did is still in force: each change is probed, the journal's chain
 * and the objects in the vault are checked. And puts in force again what is not, in the
 * journal of the run that did it the first time: a rollback takes both back.
 */
#ifndef RESPOND_CORE_VERIFY_H
#define RESPOND_CORE_VERIFY_H

#include "core/writer.h"

enum verdict_on_change {
	VERIFY_IN_FORCE,
	VERIFY_DRIFTED, /* no longer, or not all of it */
	VERIFY_UNKNOWN, /* it cannot be found out */
	VERIFY_DAMAGED, /* what undoing it needs is not what it was in the vault, or not there */
};

struct verify_item {
	const struct run_entry *entry;
	enum verdict_on_change verdict;
	char *why; /* may be NULL */
};

struct verification {
	struct verify_item *v;
	size_t n;
	size_t in_force, drifted, unknown, damaged;
};

/* The changes of RUN that should be in force. Reads only; the host's vault must be open
 * where objects are to be checked. */
int verify_run(const struct engine *engine, const struct run *run, struct verification *ret);
void verification_free(struct verification *verification);

struct reapply_result {
	size_t done, drifted, failed, refused;
};

/* Puts in force again what has drifted; OPERATOR (reference stolen) says who asked. */
int verify_reapply(struct writer *w, json_t *operator, struct reapply_result *ret);

#endif
