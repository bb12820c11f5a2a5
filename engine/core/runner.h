/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A real run: rounds of plan, guard, intents, apply, probe and outcomes, until
 * planning again yields nothing. Decides when, and in what order.
 */
#ifndef RESPOND_CORE_RUNNER_H
#define RESPOND_CORE_RUNNER_H

#include "core/run-result.h"

/* OPERATOR (reference stolen) says who asked. Takes the lock, opens the vault and the
 * audit trail. -EWOULDBLOCK: another respond is at work; -ENOTSUP: audit is required
 * and the kernel takes no records; both with a sentence in RET_WHY, before any change.
 * Another -errno: the run could not go on, RET says how far it came. */
int runner_run(struct engine *engine, const struct playbook *playbook, json_t *operator, struct run_result *ret,
               struct buf *ret_why);

#endif
