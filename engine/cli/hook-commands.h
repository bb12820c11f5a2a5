/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What detection sources start: events that meet the rules. The configuration says who may do
 * what here: no service of PAM is asked.
 */
#ifndef RESPOND_CLI_HOOK_COMMANDS_H
#define RESPOND_CLI_HOOK_COMMANDS_H

#include "session.h"

#include "hook/handle.h"

int command_hook(struct session *s);    /* --hook SOURCE */
int command_explain(struct session *s); /* --hook SOURCE --explain: alters and writes nothing */
int command_hooks(struct session *s);   /* --hooks */

/* The rules, all of them; EXIT_USAGE, said, where something is wrong. */
int session_rules(struct session *s, struct rules *ret);

/* What the command line names; EXIT_USAGE, said, where there is none of that name. */
int session_source(const struct session *s, const struct source **ret);

/* What hooks have done; what had to be made is made. */
int session_ledger(struct session *s, struct ledger **ret);

#endif
