/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an apply or a revert of a file.edit or file.move has left that was cut short.
 */
#ifndef RESPOND_CHANGE_FILE_SETTLE_H
#define RESPOND_CHANGE_FILE_SETTLE_H

#include "core/change.h"

typedef int (*settle_fn)(struct host *host, const struct change *c, struct effect *effect);

/* change_kind.settle of the two. */
int file_edit_settle(struct host *host, const struct change *c, struct effect *effect);
int file_move_settle(struct host *host, const struct change *c, struct effect *effect);

/* For the beginning of apply and revert: if anything stands under the change's temporary
 * names, SETTLE is called, and what it has to leave there is renamed out of the way.
 * 0 or -errno. */
int file_ready(struct host *host, const struct change *c, struct effect *effect, settle_fn settle);

#endif
