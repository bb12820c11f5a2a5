/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind process.stop: processes, and what has grown from them since, stopped
 * (SIGSTOP). Undo continues those that ran before; the ones that stood still already
 * stay as they were.
 */
#ifndef RESPOND_CHANGE_PROCESS_STOP_H
#define RESPOND_CHANGE_PROCESS_STOP_H

#include "core/change.h"

extern const struct change_kind process_stop_kind;

#endif
