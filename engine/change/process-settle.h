/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What process.stop and process.kill leave when they are cut short: processes that were
 * stopped so that nobody restarts another, and of which nobody knows any more.
 *
 *  1. Stopped, and recorded: planned, or found on the way and announced.
 *  2. Stopped, and not announced yet: it matches the selection, or is the child of one
 *     that does or that is recorded.
 *  3. Killed, in part: the others are as in 1.
 *  4. After a reboot: none of them is there any more.
 */
#ifndef RESPOND_CHANGE_PROCESS_SETTLE_H
#define RESPOND_CHANGE_PROCESS_SETTLE_H

#include "core/change.h"

/* For change_kind.settle of both: continues them all, but not those that had been stopped
 * before or were left out, as recorded. Of those in 2 nobody can tell who stopped them: they
 * are continued. KEEP: just these, because the recorded ones are as they are meant to be. */
int processes_settle(struct host *host, const struct change *c, struct effect *effect, bool keep);

#endif
