/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files below /proc, for base/proc.c only.
 */
#ifndef RESPOND_BASE_PROC_PLACE_H
#define RESPOND_BASE_PROC_PLACE_H

#include "base/buf.h"

#include <dirent.h>
#include <sys/types.h>

/* Where a file about a process or one of its threads is, below /proc. */
struct place {
	char path[64];
};

struct place place_of(pid_t pid, const char *name);
struct place place_of_thread(pid_t pid, pid_t tid, const char *name);

/* What a failure to reach something below PID means: the process may just have gone. */
int place_failure(int proc, pid_t pid, int error);

/* At most MAX bytes; *RET_CUT (may be NULL) tells whether there was more. */
int place_read(int proc, const struct place *at, size_t max, struct buf *ret, bool *ret_cut);

/* A file that the kernel writes in one piece: one read has it all. */
int place_read_record(int proc, const struct place *at, struct buf *ret);

/* Visits the entries of a directory that are numbers, and closes it. A nonzero answer
 * ends the visit and is returned. */
int place_visit(int dirfd, int (*visit)(void *ctx, DIR *dir, pid_t number), void *ctx);

#endif
