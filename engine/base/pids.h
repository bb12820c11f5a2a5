/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A list of process ids.
 */
#ifndef RESPOND_BASE_PIDS_H
#define RESPOND_BASE_PIDS_H

#include "base/buf.h"

#include <sys/types.h>

struct pids {
	pid_t *v;
	size_t n;
	size_t cap;
};

int pids_add(struct pids *p, pid_t pid);
bool pids_has(const struct pids *p, pid_t pid);
void pids_free(struct pids *p);
#define _cleanup_pids_ _cleanup_(pids_free)

#endif
