/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process as it is planned, journaled and shown: who it is (identity), what it runs
 * and for whom. The changes about processes hold them as
 *
 *     "boot"       the boot that these pids belong to
 *     "select"     what they were selected by (change/process-select.h)
 *     "processes"  an array of records
 *     "login"      true, where they are login sessions that are ended as such
 *     "left-out"   who is selected, too, and not touched: stopped already, or taken by an
 *                  earlier step; an array of identities
 *     "evidence"   an array, process.kill only (change/process-evidence.h)
 *     "grown"      an array of objects with "processes" or "evidence", which the engine
 *                  keeps: what was found while the change was applied
 */
#ifndef RESPOND_CHANGE_PROCESS_RECORD_H
#define RESPOND_CHANGE_PROCESS_RECORD_H

#include "base/proc.h"
#include "base/users.h"
#include "core/change.h"

#define PROCESS_ARGV_MAX 4096 /* bytes of argv that a record keeps */

struct process {
	struct proc_identity id;
	pid_t ppid;
	uid_t uid;        /* effective */
	bool direct;      /* selected itself; otherwise a descendant of one that was */
	bool stopped;     /* already, when it was read */
	char comm[64];
	struct strv argv;
	bool argv_cut;
	char *user;
	char *exe;        /* what /proc/PID/exe says; "" where it cannot be read */
	bool deleted;     /* nothing is at exe any more, or it is a memfd */
	char *cwd;
};

struct processes {
	struct process *v;
	size_t n;
	size_t cap;
};

/* -ESRCH: has gone. -ENOENT: a kernel thread, or dead and not yet reaped. */
int process_read(struct host *host, const struct users *users, pid_t pid, struct process *ret);

/* As ps(1) would show it: comm, or argv[0] of one that dresses up as a kernel thread. */
const char *process_name(const struct process *process);
bool process_poses_as_kernel(const struct process *process);

/* Takes over the process (also on failure). */
int processes_add(struct processes *list, struct process *process);
void process_free(struct process *process);
void processes_free(struct processes *list);
#define _cleanup_processes_ _cleanup_(processes_free)

json_t *process_to_json(const struct process *process); /* new reference, NULL for no memory */
int process_from_json(const json_t *json, struct process *ret);

/* All of them, "grown" ones too. -EINVAL: not a change's data. */
int processes_of(const struct change *change, struct processes *ret);

/* Just who it is, and back. */
json_t *identity_to_json(const struct proc_identity *id); /* new reference, NULL for no memory */
int identity_from_json(const json_t *json, struct proc_identity *ret);

/* A list of raw strings as JSON, and back. */
json_t *json_texts(const struct strv *list);
int json_texts_get(const json_t *array, struct strv *ret);

/* Whether the recorded pids still mean anything: 1 in the same boot, 0 after it. */
int process_same_boot(struct host *host, const struct change *change);

#endif
