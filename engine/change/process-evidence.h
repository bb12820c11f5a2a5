/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is kept of a process before it is killed, since a kill has no undo: argv,
 * names of the environment's variables, parents, sockets, the hash of the executable,
 * and a copy of it in the vault when its file is gone. The rest (user, cwd, identity)
 * is in its record.
 */
#ifndef RESPOND_CHANGE_PROCESS_EVIDENCE_H
#define RESPOND_CHANGE_PROCESS_EVIDENCE_H

#include "change/process-freeze.h"

/* Gathers evidence of the held processes from FIRST on and announces it by
 * effect->grow() as {"evidence": [...]}. What cannot be had is said in the evidence
 * itself and is no error. */
int evidence_keep(struct freeze *f, size_t first);

#endif
