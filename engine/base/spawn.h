/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Run a program of the system and read what it says. No shell, no PATH search, no
 * inherited environment: argv[0] is an absolute path; the child gets
 * PATH=/usr/sbin:/usr/bin:/sbin:/bin and LC_ALL=C, /dev/null as standard input,
 * "/" as its directory, and no other open file.
 */
#ifndef RESPOND_BASE_SPAWN_H
#define RESPOND_BASE_SPAWN_H

#include "base/buf.h"

/* Runs argv and waits at most TIMEOUT_MS, then kills it and returns -ETIMEDOUT.
 * RET_OUT and RET_ERR (either may be NULL) get at most 1 MiB each.
 * RET_STATUS gets the exit status, or 128 plus the signal that ended it.
 * -ENOENT: no such program. */
int spawn_read(const char *const argv[], int timeout_ms, struct buf *ret_out, struct buf *ret_err, int *ret_status);

/* The same, with at most MAX bytes of each: what it says beyond that is dropped. */
int spawn_read_at_most(const char *const argv[], int timeout_ms, size_t max, struct buf *ret_out, struct buf *ret_err,
                       int *ret_status);

/* The same as spawn_read() for a program that writes what nobody needs: it finds the directory SCRATCH empty,
 * and what it writes there is in memory and gone with it. It fails also where there is no such directory, or
 * where the kernel does not grant this (-EPERM, -EACCES, ...): the program was not run then. */
int spawn_read_scratch(const char *const argv[], const char *scratch, int timeout_ms, struct buf *ret_out,
                       struct buf *ret_err, int *ret_status);

/* The same for a program that leaves others running: nothing of what it or they say is
 * read, and only its own end is waited for. */
int spawn_wait(const char *const argv[], int timeout_ms, int *ret_status);

/* The same for what must not be cut off in the middle: in a session of its own it outlives this
 * process, and what still runs at the deadline is left at it (-ETIMEDOUT). LOCK, open for
 * writing, stays open in it: the program itself, and nothing that it starts, holds it
 * locked (fcntl(2), F_SETLK) until it ends. -EAGAIN: somebody else does. */
int spawn_through(const char *const argv[], int lock, int timeout_ms, int *ret_status);

/* How it went, as these return it: 0, or R or -EIO with "WHAT failed: " and why in RET_WHY, the
 * first line of what it wrote to ERR where there is one. */
int spawn_explain(int r, int status, const char *what, const struct buf *err, struct buf *ret_why);

/* Starts argv (PATH is the file to execute) in a session of its own, with the same fixed
 * environment and all three standard descriptors on /dev/null, and does not wait: it
 * outlives this process. 0 or -errno. */
int spawn_apart(const char *path, const char *const argv[]);

/* A sealed memory file with these bytes, readable by a child that opens
 * "/proc/PID/fd/N" for the PID and N written to ret_path: for programs that read
 * their configuration by name. The caller closes the fd. 0 or -errno. */
int memory_file(const char *name, const struct buf *bytes, int *ret_fd, char ret_path[64]);

#endif
