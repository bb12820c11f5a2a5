/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind pam.contain: users and addresses on the list that pam_respond(8) reads,
 * and refuses at every service of PAM that has it. Its data: {
 *     "who": ["user mallory", "address 203.0.113.0/24", ...],
 *     "ttl": 86400000,       in milliseconds, only when it ends by itself
 *     "until": 1764100800,   in seconds since 1970, rounded up to a minute; with ttl
 * }
 *
 * Two runs may contain the same: undoing one leaves the other's. The list is replaced by a
 * rename, so that a login sees all of it or all of the one before.
 */
#ifndef RESPOND_CHANGE_PAM_CONTAIN_H
#define RESPOND_CHANGE_PAM_CONTAIN_H

#include "core/change.h"
#include "core/plan.h"

#define PAM_CONTAIN_MAX 4096 /* of one change */

extern const struct change_kind pam_contain_kind;

/* Plans to contain WHO ("user NAME", "address ADDRESS") for TTL_MS (0: without end). What is
 * contained long enough already is held by this run, too. -E2BIG: more than a change takes. */
int pam_contain_plan(struct host *host, struct plan *plan, const struct strv *who, int64_t ttl_ms);

/* Whether the plan, or the list as it is, contains USER: 1, 0 or -errno. */
int pam_contains(struct host *host, const struct plan *plan, const char *user);

#endif
