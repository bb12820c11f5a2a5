/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * --export: a run and its evidence in one file.
 */
#ifndef RESPOND_CLI_EXPORT_H
#define RESPOND_CLI_EXPORT_H

#include "session.h"

int command_export(struct session *s);

#endif
