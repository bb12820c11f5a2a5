/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes, as proc(5) shows them and pidfds hold them.
 *
 * PROC is an fd of a mounted /proc of this program's own pid namespace. Everything
 * read from it may have been chosen by the process itself, and may be about another
 * process a moment later: what is signalled is held by pidfd first and identified
 * afterwards (proc_hold).
 *
 * A process that has gone is -ESRCH. What belongs to the memory or the files of a
 * process (executable, argv, environment, cwd, fds) is read from a live thread when
 * the main thread has ended and others have not; a kernel thread or a zombie has none
 * of it: -ENOENT (argv and environment: an empty list).
 */
#ifndef RESPOND_BASE_PROC_H
#define RESPOND_BASE_PROC_H

#include "base/proc-codec.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Every process (thread group), appended in ascending order as the kernel lists them. */
int proc_pids(int proc, struct pids *ret);

/* The pid that was given away last, thread ids included: what came after a scan. */
int proc_last_pid(int proc, pid_t *ret);

/* The process that has a lease on this file. -ESRCH: none that is known. */
int proc_lease_holder(int proc, const struct stat *file, pid_t *ret);

/* The children of a process, by all of its threads, appended. Complete only while
 * the process is stopped. */
int proc_children(int proc, pid_t pid, struct pids *ret);

int proc_stat(int proc, pid_t pid, struct proc_stat *ret);

/* Whether anything of it can still run: not when every thread is a zombie. */
bool proc_alive(int proc, const struct proc_stat *st);

int proc_status(int proc, pid_t pid, struct proc_status *ret);

/* The main thread's name, raw bytes, cheaper than proc_stat(). */
int proc_comm(int proc, pid_t pid, char ret[64]);

/* argv, raw; at most MAX bytes of it, *RET_CUT (may be NULL) tells whether there was more. */
int proc_cmdline(int proc, pid_t pid, size_t max, struct strv *ret, bool *ret_cut);

/* The names of the environment's variables; never their values, which may be secrets. */
int proc_environ_names(int proc, pid_t pid, size_t max, struct strv *ret);

int proc_cwd(int proc, pid_t pid, struct buf *ret);

/* The executable itself, whatever stands at its path by now: what /proc/PID/exe leads
 * to, not what it says. */
int proc_exe_stat(int proc, pid_t pid, struct stat *ret);
int proc_exe_open(int proc, pid_t pid, int *ret_fd);

/* What /proc/PID/exe says, with " (deleted)" taken off when the kernel added it:
 * when nothing links to the file, or that name no longer leads to it. Then
 * *RET_DELETED is true. A memfd reads "/memfd:NAME" and is deleted, too. The path is
 * the process's own: in a container it may name another file on the host. */
int proc_exe_path(int proc, pid_t pid, const struct stat *exe, struct buf *ret, bool *ret_deleted);

/* Whether PATH below ROOT is the very file EXE (device and inode). */
bool proc_exe_is_at(int root, const struct stat *exe, const char *path);

/* Visits the inodes of the sockets that the process has open (base/sockets.h). A
 * nonzero answer ends the visit and is returned. */
int proc_sockets(int proc, pid_t pid, int (*visit)(void *ctx, uint32_t inode), void *ctx);

/* Whether the process is in the control group CGROUP ("/system.slice/x.service") or one
 * below it, in any hierarchy. */
bool proc_in_cgroup(int proc, pid_t pid, const char *cgroup);

/* Whether it is in the cgroup of this unit, whatever slices that is below. */
bool proc_in_unit(int proc, pid_t pid, const char *unit);

/* The unit of systemd that the process is in: the outermost below the slices, so of what a user's
 * own manager runs "user@1000.service". -ENOENT: none. */
int proc_unit(int proc, pid_t pid, struct buf *ret);

/* CPU time used so far by all threads, in nanoseconds. */
int proc_cpu_ns(pid_t pid, uint64_t *ret);

/* Whose login the process comes from, as the kernel's audit keeps it, through su and sudo;
 * PROC_NO_LOGIN: nobody's (cron, boot, a kernel without it). */
#define PROC_NO_LOGIN ((uid_t)-1)
int proc_loginuid(int proc, pid_t pid, uid_t *ret);

/* The id of this boot, as /proc/sys/kernel/random/boot_id has it. */
int proc_boot_id(int proc, char ret[40]);

/* Which process: a pid alone may be somebody else's tomorrow, and a start time has a
 * resolution of 10 ms only. */
struct proc_identity {
	pid_t pid;
	uint64_t start;
	uint64_t dev, ino; /* of the executable; 0 where it could not be read */
	uint64_t unique;   /* the pidfd's inode: never reused within a boot; 0 before Linux 6.9 */
};

/* Who has this pid now. */
int proc_identify(int proc, pid_t pid, struct proc_identity *ret);

/* A pidfd of the process that ID describes. -ESRCH: it has gone, or the pid belongs
 * to another one (also the same one that executes another file now). */
int proc_hold(int proc, const struct proc_identity *id, int *ret_pidfd);

/* A pidfd of whoever has this pid, and who that is. */
int proc_hold_pid(int proc, pid_t pid, struct proc_identity *ret, int *ret_pidfd);

int proc_signal(int pidfd, int sig);

/* Whether all of its threads have ended. */
bool proc_ended(int pidfd);

/* -EXDEV when PROC is of another pid namespace than ours: no pid of it may be signalled. */
int proc_is_ours(int proc);

#endif
