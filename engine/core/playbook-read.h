/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The two passes over a playbook: what stands in its sections, and whether the steps
 * fit together. Both report everything that is wrong and go on; only -ENOMEM ends them.
 */
#ifndef RESPOND_CORE_PLAYBOOK_READ_H
#define RESPOND_CORE_PLAYBOOK_READ_H

#include "core/ini.h"
#include "core/playbook.h"

int playbook_read(const struct ini *ini, const struct action *const *actions, struct playbook *playbook,
                  struct diags *diags);
int playbook_check(struct playbook *playbook, struct diags *diags);

#endif
