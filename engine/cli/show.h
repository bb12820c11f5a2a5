/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What can be looked up without touching the host: runs, actions, rules.
 */
#ifndef RESPOND_CLI_SHOW_H
#define RESPOND_CLI_SHOW_H

#include "options.h"
#include "print.h"

/* Each prints, and gives the exit status. */
int show_list(const struct printer *p, const struct engine *engine, bool json);
int show_run(const struct printer *p, const struct engine *engine, const char *run, bool json);
int show_actions(const struct printer *p, const struct parts *parts, const char *name, bool json);
int show_rules(const struct printer *p, bool json);

/* Prints and frees it; EXIT_FAILED for NULL. */
int put_json(const struct printer *p, json_t *value);

#endif
