/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Takes out of the vault what nobody needs any longer.
 *
 * Rules:
 *  1. What an open run (core/run.h) refers to, or one that is to be taken back at a time
 *     that is set, is never taken; nor is the list of a block that is in force.
 *  2. What else a run refers to may go when that run, and every other that refers to it,
 *     ended, and was last taken back or put in force again, at least the given age ago;
 *     what no run refers to when it came in that long ago.
 *  3. While there is a journal that cannot be read, nothing goes: it might be needed there.
 *  4. The journals of all runs that refer to an object say, durably, that it was purged
 *     before it is removed. Where the purge is cut short in between, the object is there
 *     still: it can be used, and the next purge takes it.
 */
#ifndef RESPOND_CORE_PURGE_H
#define RESPOND_CORE_PURGE_H

#include "core/engine.h"
#include "core/vault-usage.h"

/* Whether the object may go at NOW (seconds since 1970) if the age is AGE_MS. */
bool purge_takes(const struct vault_object *object, int64_t now, int64_t age_ms);

struct purge_result {
	struct strv objects; /* that were removed */
	uint64_t bytes;      /* that they occupied */
	size_t live;         /* changes that cannot be taken back any longer */
};

/* OPERATOR (reference stolen) says who asked. Takes the lock. -errno with a sentence in
 * RET_WHY; RET tells in any case what went. */
int purge_run(struct engine *engine, int64_t age_ms, json_t *operator, struct purge_result *ret, struct buf *ret_why);
void purge_result_free(struct purge_result *result);

#endif
