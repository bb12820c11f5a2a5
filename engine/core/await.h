/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Waits for the deadlines of a run: what the small process does that is left behind by a
 * run with such changes. Reads the journal only, and takes no lock.
 */
#ifndef RESPOND_CORE_AWAIT_H
#define RESPOND_CORE_AWAIT_H

#include "core/run.h"

/* Returns when the next deadline of the run has passed (1), or when there is none any
 * more (0): confirmed, taken back. A clock that is set, or a host that slept, is heeded.
 * -EBADMSG and others as run_load(). */
int await_deadline(const struct state *state, const char *run, const struct change_kind *const *kinds,
                   struct buf *ret_why);

#endif
