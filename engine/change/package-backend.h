/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the package managers: what each of them does, and what they share.
 */
#ifndef RESPOND_CHANGE_PACKAGE_BACKEND_H
#define RESPOND_CHANGE_PACKAGE_BACKEND_H

#include "change/package-manager.h"

struct package_backend {
	const char *name;        /* in journals: "apt", "dnf" */
	const char *programs[4]; /* all of them must be there, */
	const char *database[4]; /* and one of these files, with something in it */
	const char *refresh, *repair; /* commands, for people */
	/* As in change/package-manager.h. */
	int (*show)(const struct strv *names, struct package_set *ret, struct buf *ret_why);
	int (*plan)(const struct strv *names, struct package_set *ret, struct buf *ret_why);
	int (*fetch)(const struct package_set *wanted, struct buf *ret_why);
	int (*install)(const struct package_set *wanted, struct buf *ret_why);
	int (*remove)(const struct package_set *set, struct buf *ret_why);
	int (*settle)(const struct package_set *set, struct buf *ret_why);
	/* What there is, for packages_compare(). */
	int (*list)(struct buf *ret, struct buf *ret_why);
};

extern const struct package_backend apt_backend, dnf_backend;

#define ASK_TIMEOUT_MS 60000
#define FETCH_TIMEOUT_MS 600000

/* One command with its arguments. */
#define ARGS_MAX 512 /* packages with what they need */
struct argv {
	const char *v[ARGS_MAX + 1];
	size_t n;
	struct strv texts; /* those that are made for it */
};

void argv_free(struct argv *a);
#define _cleanup_argv_ _cleanup_(argv_free)

/* The arguments must outlive it. 0, or -E2BIG. */
void argv_set(struct argv *a, const char *const *words);
#define argv_init(a, ...) argv_set(a, (const char *const[]){__VA_ARGS__, NULL})
int argv_add(struct argv *a, const char *word);
int argv_add_names(struct argv *a, const struct package_set *set);

/* How it went; of what the program says, errors begin with PREFIX. */
int packages_explain(int r, int status, const char *prefix, const char *what, const struct buf *err, struct buf *why);

/* Runs it and reads what it says (OUT may be NULL). -EIO: it failed. */
int packages_ask(const struct argv *a, int timeout_ms, const char *prefix, const char *what, struct buf *out,
                 struct buf *why);

/* Runs it, to its end even where respond is ended before. Daemons that a package starts may keep the
 * output open: it is not read, LOGS tell. -EBUSY: what an earlier call has run still does; -ETIMEDOUT:
 * this does, and goes on. */
int packages_do(const struct argv *a, const char *what, const char *logs, struct buf *why);

/* REMOVE is what would go for it: -EPERM. */
int packages_tell_others(const struct package_set *remove, struct buf *why);

/* Where a name stands for others, or is the pattern of some: it is not there itself. 0, -ENOENT. */
int packages_check_there(const struct strv *names, const struct package_set *install, struct buf *why);

/* Waits until nobody has locked the file. -EBUSY: somebody still has. */
int packages_await_lock(const char *path, struct buf *why);

#endif
