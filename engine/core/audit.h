/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The audit trail: one record for every change, refusal and undo, in the kernel's
 * audit log (auditd(8)) and beside it one line in syslog (authpriv).
 *
 * A record counts as audited only when the kernel says that auditing is on and takes
 * the record: libaudit answers a send with success while auditing is off too.
 * Opening a trail connects to the kernel's audit and to syslog, so a dry run has none.
 */
#ifndef RESPOND_CORE_AUDIT_H
#define RESPOND_CORE_AUDIT_H

#include "core/change.h"

struct trail;

/* REQUIRED: -ENOTSUP with a sentence in RET_WHY when the kernel takes no records; the
 * caller must not act then. Otherwise 0 always, and RET_WHY stays empty or says why
 * there will be syslog only: to be told to the operator once. */
int trail_open(bool required, struct trail **ret, struct buf *ret_why);
void trail_close(struct trail **trail);

/* Whether the kernel takes records, as far as is known. */
bool trail_active(const struct trail *trail);

/* The recorders. TRAIL may be NULL: nothing is recorded. 0; or, only when the trail is
 * required, -errno because the kernel did not take the record. Syslog gets its line
 * in either case. */
int trail_begin(struct trail *trail, const char *run, const char *playbook, const char *sha256_hex);
int trail_change(struct trail *trail, const char *run, const struct change *change, bool success);
int trail_undo(struct trail *trail, const char *run, const struct change *change, bool success);

/* An object of the vault that no run needs any longer was removed. */
int trail_purge(struct trail *trail, const char *sha256_hex, bool success);

/* CHANGE is NULL when the plan as a whole was refused. */
int trail_refusal(struct trail *trail, const char *run, const struct change *change, const char *rule);

/* HEAD: the journal's head hash, so that a log kept elsewhere vouches for the journal.
 * OUTCOME: one word ("done", "residual", "rolled-back"). */
int trail_end(struct trail *trail, const char *run, const char *outcome, const char *head, bool success);

#endif
