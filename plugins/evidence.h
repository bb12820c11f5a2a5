/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect: what the subjects (evidence-*.c) share. Each reads one subject of the
 * host, hands what it saw to the plan as evidence, and yields facts. Lists are bounded; what
 * did not fit is said to be missing (PARTIAL).
 */
#ifndef RESPOND_PLUGINS_EVIDENCE_H
#define RESPOND_PLUGINS_EVIDENCE_H

#include "core/action.h"

#include <sys/stat.h>

/* One run of the action. */
struct collection {
	struct host *host;
	struct plan *plan;
	const struct args *args;
	bool copy;         /* files that are evidence themselves, too */
	int64_t now;       /* seconds since 1970 */
	int64_t since;     /* the same: what happened before is of no interest */
	unsigned failures; /* so many failed logins from one address are an attack */
};

int evidence_processes(struct collection *c);
int evidence_sockets(struct collection *c);
int evidence_logins(struct collection *c);
int evidence_persistence(struct collection *c);
int evidence_keys(struct collection *c);
int evidence_files(struct collection *c);
int evidence_accounts(struct collection *c);
int evidence_modules(struct collection *c);
int evidence_mounts(struct collection *c);

/* Keeps VALUE (reference stolen, also on failure; NULL: -ENOMEM) as a document of this name. */
int evidence_document(struct collection *c, const char *name, json_t *value, bool partial, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The rows of a document: as many as fit, whatever somebody has put into each of them. */
struct evidence_rows {
	json_t *array;
	size_t bytes;
	bool partial; /* some did not fit */
};

/* Takes ITEM over (also on failure; NULL: -ENOMEM). 0 also when it does not fit. */
int evidence_row(struct evidence_rows *rows, json_t *item);

/* "2026-11-25T03:14:15+01:00" as this host's clock says it; null for 0. */
json_t *evidence_time(int64_t seconds);

/* What stat tells, as an object: type, mode, owner, size, times. */
json_t *evidence_stat(const struct stat *st);

/* The hash of the regular file behind FD, where it has at most MAX bytes: a string, or null. */
json_t *evidence_hash(int fd, off_t max);

#endif
