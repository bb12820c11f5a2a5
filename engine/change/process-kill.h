/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind process.kill: processes, and what has grown from them since, stopped
 * until none can restart another, put on record, and killed. It cannot be undone.
 *
 * -EINPROGRESS from apply: all are signalled, and some have not ended yet, because
 * they are traced or the kernel holds them; the note names them.
 */
#ifndef RESPOND_CHANGE_PROCESS_KILL_H
#define RESPOND_CHANGE_PROCESS_KILL_H

#include "core/change.h"

extern const struct change_kind process_kill_kind;

#endif
