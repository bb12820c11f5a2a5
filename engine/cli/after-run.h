/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands about runs that there have been: confirm, recover, and the wait
 * for deadlines. Each prints what it has to say and gives the exit status.
 */
#ifndef RESPOND_CLI_AFTER_RUN_H
#define RESPOND_CLI_AFTER_RUN_H

#include "session.h"

int command_confirm(struct session *s);
int command_recover(struct session *s);
int command_await(struct session *s);

/* Says on standard error which runs were interrupted, and which should have been taken
 * back by now. Reads only. */
void session_notice(struct session *s);

/* Takes back what has a deadline that has passed, before anything else is done; the
 * configuration and the guard must be there. */
int keep_deadlines(struct session *s);

#endif
