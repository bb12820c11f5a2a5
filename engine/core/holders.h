/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which live runs hold what others may hold too (an address that is blocked): asked
 * of the journals when something is to be taken back. The journals are the only truth.
 */
#ifndef RESPOND_CORE_HOLDERS_H
#define RESPOND_CORE_HOLDERS_H

#include "core/run.h"

struct holders;

/* Reads the journals of all runs but EXCEPT. One that cannot be read is passed over:
 * its id goes to RET_UNREADABLE. */
int holders_load(const struct state *state, struct host *host, const struct change_kind *const *kinds,
                 const char *except, struct holders **ret, struct strv *ret_unreadable);
void holders_free(struct holders **holders);

/* The id of a run that holds KEY, NULL if none does. */
const char *holders_find(const struct holders *holders, const char *key);

/* Until when the one that holds KEY longest does, in seconds since 1970; 0: for ever. */
int64_t holders_until(const struct holders *holders, const char *key);

#endif
