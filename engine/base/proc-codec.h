/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What files of proc(5) say. Most of it was chosen by the process itself. Pure: no I/O.
 * -EINVAL where the text is not what such a file holds.
 */
#ifndef RESPOND_BASE_PROC_CODEC_H
#define RESPOND_BASE_PROC_CODEC_H

#include "base/pids.h"

#include <stdint.h>

struct proc_stat {
	pid_t pid;
	pid_t ppid;
	pid_t pgrp;
	pid_t session;
	int tty;            /* device number of the controlling terminal, 0: none */
	char state;         /* R S D T t Z X I */
	bool kthread;       /* PF_KTHREAD: no name and no empty argv can claim that */
	unsigned threads;   /* including the main thread, even when that one has ended */
	uint64_t cpu_ticks; /* utime + stime */
	uint64_t start;     /* ticks after boot */
	char comm[64];      /* raw bytes */
};

/* /proc/PID/stat */
int proc_stat_decode(const struct buf *text, struct proc_stat *ret);

struct proc_status {
	uid_t uid;    /* real */
	uid_t euid;   /* effective */
	pid_t tgid;   /* not the pid asked for: that is a thread, no process; 0: not told */
	pid_t tracer; /* 0: none */
};

/* /proc/PID/status */
int proc_status_decode(const struct buf *text, struct proc_status *ret);

/* /proc/PID/comm */
void proc_comm_decode(const struct buf *text, char ret[64]);

/* /proc/PID/cmdline and /proc/PID/environ, appended; of the latter the names only. */
int proc_cmdline_decode(const struct buf *text, struct strv *ret);
int proc_environ_decode(const struct buf *text, struct strv *ret);

/* /proc/PID/task/TID/children, appended. */
int proc_children_decode(const struct buf *text, struct pids *ret);

/* /proc/loadavg: the pid that was given away last. */
int proc_last_pid_decode(const struct buf *text, pid_t *ret);

/* /proc/locks: the process that has a lease on a file. -ESRCH: none that can be seen from here. */
int proc_lease_decode(const struct buf *text, dev_t dev, ino_t ino, pid_t *ret);

/* /proc/sys/kernel/random/boot_id */
int proc_boot_id_decode(const struct buf *text, char ret[40]);

/* What a link in /proc/PID/fd says: the inode of a socket. */
int proc_socket_decode(const char *text, uint32_t *ret);

#endif
