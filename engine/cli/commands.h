/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands that work on the host: plan, run, and the way back. Each prints what
 * it has to say and gives the exit status.
 */
#ifndef RESPOND_CLI_COMMANDS_H
#define RESPOND_CLI_COMMANDS_H

#include "session.h"

int command_plan(struct session *s);
int command_run(struct session *s);
int command_rollback_plan(struct session *s);
int command_rollback(struct session *s);

/* In verify-commands.c. */
int command_verify(struct session *s);
int command_reapply(struct session *s);

/* --report; in report-commands.c. */
int command_report(struct session *s);

/* --vault with its words; in vault-commands.c. */
int command_vault(struct session *s);

/* STATUS, or EXIT_FAILED, said, where the vault's quota would end a run of the plan. */
int quota_status(struct session *s, const struct round *round, int status);

#endif
