/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host that a run reads and changes: what production opens as "/" and tests
 * open as they like.
 */
#ifndef RESPOND_CORE_HOST_H
#define RESPOND_CORE_HOST_H

#include "base/buf.h"

#include <stdbool.h>

struct packages;
struct vault;

struct host {
	int root;            /* O_PATH fd of the root directory */
	int proc;            /* fd of its procfs: a private one where that is permitted */
	struct vault *vault; /* NULL while nothing may be written: planning, dry run, --check */
	struct packages *packages; /* NULL until host_package_of() is first asked */
	struct strv blind;   /* what could not be seen, one sentence each: shown with every plan */
};

int host_open(const char *root, struct host *ret);
void host_close(struct host *host);

/* Forgets what was read of it and kept: for who lives longer than a run. */
void host_forget(struct host *host);

/* Whether it is the host that this program runs on: its daemons and name services can be
 * asked, too. */
bool host_is_this(const struct host *host);

/* The name of the package that owns PATH, resolved as for packages_owner(); the lists are
 * read once for each host. -ENOENT: none does. */
int host_package_of(struct host *host, const char *path, struct buf *ret_name);

/* Notes, once, that something could not be looked at, e.g. ("cannot read %s: %s", ...).
 * What comes from the host must be escaped by the caller. */
int host_blind(struct host *host, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same of a file that could not be opened or read, with why; PATH as it is. */
int host_unreadable(struct host *host, const char *path, int error);

/* The sentence for it, appended: which process has a lease on the file, if that is why. */
int host_why_unreadable(const struct host *host, const char *path, int error, struct buf *ret);

#endif
