/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same for machines: one JSON object (or array) on standard output. Strings that
 * come from the host are escaped as respond-journal(5) says. Each gives a new
 * reference, NULL for no memory.
 */
#ifndef RESPOND_CLI_PRINT_JSON_H
#define RESPOND_CLI_PRINT_JSON_H

#include "core/rollback.h"
#include "core/round.h"
#include "core/runner.h"

json_t *json_ms(int64_t ms); /* a time in milliseconds since 1970; null for 0 */
json_t *json_failure(const char *run, int error, const struct buf *why); /* of a run that cannot be read */
json_t *json_round(const struct round *round);
json_t *json_plan(const struct playbook *playbook, const struct round *round, const struct host *host, int status);
json_t *json_result(const struct run_result *result);
json_t *json_undo_plan(const struct undo_plan *plan);
json_t *json_undo_result(const struct undo_result *result);
json_t *json_run(const struct run *run);

#endif
