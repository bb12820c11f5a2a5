/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Match lines of sshd_config(5): whether a connection meets them, and a connection
 * that does, so that `sshd -T -C` can be asked about every block. Pure: who exists and
 * who is in which group is asked of the caller.
 */
#ifndef RESPOND_PLUGINS_SSHD_MATCH_H
#define RESPOND_PLUGINS_SSHD_MATCH_H

#include "base/buf.h"

/* A connection, as `sshd -T -C` takes it. */
struct sshd_case {
	char *label; /* "default", "Match Address 10.0.0.0/8"; escaped */
	char *user;
	char *host;
	char *addr;
	char *laddr;
	char *lport;
	char *rdomain; /* NULL: none */
};

void sshd_case_free(struct sshd_case *c);

/* Nobody in particular, from nowhere in particular: USER, or a name that does not exist. */
int sshd_case_default(const char *user, struct sshd_case *ret);
int sshd_case_copy(const struct sshd_case *from, const char *user, struct sshd_case *ret);
bool sshd_case_same(const struct sshd_case *a, const struct sshd_case *b); /* but for the label */

/* What the caller knows about people. */
struct sshd_people {
	const struct strv *users;                          /* tried first, in order */
	int (*groups)(const char *user, struct strv *ret); /* names of the groups of a user */
};

/* The Match lines in force at one place: those of the files that include it, outermost
 * first, and its own; each a list of criterion, value, criterion, value. */
#define SSHD_CHAIN_MAX 17
struct sshd_chain {
	const struct strv *match[SSHD_CHAIN_MAX];
	size_t n;
};

/* 1 or 0; -ENOMEM. */
int sshd_chain_holds(const struct sshd_chain *chain, const struct sshd_case *c, const struct sshd_people *people);

/* Whether it asks for a criterion ("user", "address", ...). */
bool sshd_chain_asks(const struct sshd_chain *chain, const char *criterion);

/* A connection that meets all of the chain, best effort. -ENOENT: none was found, or
 * there is none. */
int sshd_case_derive(const struct sshd_chain *chain, const struct sshd_people *people, struct sshd_case *ret);

/* Whether TEXT matches the comma-separated list: 1, 0, or -1 for a "!pattern". */
int sshd_pattern_list(const char *list, const char *text, bool fold_case);
int sshd_address_list(const char *list, const char *address);

#endif
