/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What logrotate has made of a log: auth.log.2.gz, secure-20260101.
 */
#ifndef RESPOND_PLUGINS_ROTATED_LOGS_H
#define RESPOND_PLUGINS_ROTATED_LOGS_H

#include "base/buf.h"
#include "core/host.h"

#include <stdint.h>

/* The paths of those of /var/log/NAME that were written to at SINCE or later, the oldest first,
 * without NAME.1, which is not packed as a rule. *RET_CUT is set where there are more than that. */
int rotated_logs(struct host *host, const char *name, int64_t since, struct strv *ret_paths, bool *ret_cut);

#endif
