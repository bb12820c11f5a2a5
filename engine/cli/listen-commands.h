/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ways in which respond lives on and takes events as they come.
 */
#ifndef RESPOND_CLI_LISTEN_COMMANDS_H
#define RESPOND_CLI_LISTEN_COMMANDS_H

#include "session.h"

#include "hook/source.h"

/* Keeps the socket that systemd hands over to this process, from which it is not inherited any
 * further: how many descriptors behind the standard ones are kept. Before the environment is
 * cleared. */
unsigned listen_keep_socket(void);

int command_listen(struct session *s); /* --listen */

/* --hook SOURCE --follow FILE, and a source that starts us once. */
int command_live(struct session *s, const struct source *source);

#endif
