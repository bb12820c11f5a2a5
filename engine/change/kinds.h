/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every change kind: the only list of them.
 */
#ifndef RESPOND_CHANGE_KINDS_H
#define RESPOND_CHANGE_KINDS_H

#include "core/change.h"

extern const struct change_kind *const change_kinds[]; /* NULL-ended */

#endif
