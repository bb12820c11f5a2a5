/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The records of a journal, respond-journal(5), made. Each function gives a new
 * reference, NULL for no memory.
 */
#ifndef RESPOND_CORE_RECORD_H
#define RESPOND_CORE_RECORD_H

#include "core/engine.h"

/* A record of TYPE with the time and the given fields (an object whose reference is
 * stolen; NULL gives NULL). */
json_t *record_new(const char *type, json_t *fields);

/* When a record was made, in seconds since 1970. -EBADMSG. */
int record_time(const json_t *record, int64_t *ret);

/* KEY says under which one the journal is written. */
json_t *record_run(const struct journal_key *key, const struct playbook *playbook, const struct strv *allow, json_t *operator);
json_t *record_round(unsigned number);
json_t *record_refused(const struct change *change, const char *rule, const char *why); /* NULL: the whole plan */
json_t *record_intent(const struct change *change);
json_t *record_outcome(unsigned change, enum outcome outcome, const char *note);
json_t *record_reapplied(unsigned change, enum outcome outcome, const char *note);
json_t *record_evidence(const struct evidence *evidence, const struct sha256 *sha256); /* NULL: evidence->lost */
json_t *record_rollback(json_t *operator, const struct undo_scope *scope, const struct strv *allow); /* steals OPERATOR */
json_t *record_purged(const struct strv *objects, json_t *operator); /* steals OPERATOR */
json_t *record_undo(unsigned change, enum undo undo, const char *note);

#endif
