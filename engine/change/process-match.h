/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The matchers of processes, one row each, in the order of what they cost to ask.
 */
#ifndef RESPOND_CHANGE_PROCESS_MATCH_H
#define RESPOND_CHANGE_PROCESS_MATCH_H

#include "base/hash.h"
#include "base/proc.h"
#include "base/users.h"
#include "change/process-sockets.h"

enum {
	MATCH_PID,
	MATCH_EXE,
	MATCH_DELETED_EXE,
	MATCH_NAME,
	MATCH_USER,
	MATCH_PARENT,
	MATCH_CMDLINE,
	MATCH_EXE_SHA256,
	MATCH_CONNECTS_TO,
	MATCH_CPU_ABOVE, /* asked of all that are left at once: takes a sample */
	MATCH_COUNT,
};

struct hashed {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec ctime;
	struct sha256 sha256;
};

/* What the matchers share over one or more scans. */
struct match {
	struct host *host;
	uid_t *uids; /* of the users asked for */
	size_t n_uids;
	struct hashed *hashes;
	size_t n_hashes;
	uint32_t *inodes; /* sorted: the sockets that lead to an endpoint asked for */
	size_t n_inodes;
	pid_t parent; /* whose name was asked for last, and whether it matched */
	int parent_matched;
};

struct matcher {
	const char *name; /* argument, and field of the selector's JSON */
	/* Before every scan; may be NULL. -errno with a sentence in RET_WHY. */
	int (*prepare)(struct match *match, const struct strv *wanted, struct buf *ret_why);
	/* 1, 0 or -errno; -ENOENT: it has nothing of the kind. */
	int (*ask)(struct match *match, pid_t pid, const struct strv *wanted);
};

extern const struct matcher matchers[MATCH_COUNT];

bool match_is_number(const char *text); /* a parent given by pid */
void match_free(struct match *match);

/* Leaves those in PIDS that use more than PERCENT of a core. */
int match_cpu_above(struct pids *pids, unsigned percent);

#endif
