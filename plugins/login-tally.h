/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Logins, counted by address and by user, in bounded memory however many there are: an
 * attacker with a million addresses fills the table, which is said, and no more. Logins are
 * added in the order of time. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_LOGIN_TALLY_H
#define RESPOND_PLUGINS_LOGIN_TALLY_H

#include "sshd-log-parse.h"

#define TALLY_ROWS_MAX 16384
#define TALLY_SUCCESSES_MAX 4096

struct tally_row {
	char *key;          /* an address, or a user's name (raw bytes) */
	unsigned failed;    /* by what can be guessed: passwords */
	unsigned refused;   /* by what cannot: keys */
	unsigned accepted;
	unsigned streak;    /* failed since the last time it was accepted */
	unsigned worst;     /* the longest streak that an accepted login ended */
	bool invalid;       /* of a user: there is no such account */
	int64_t first, last;
};

struct tally_table {
	struct tally_row *v;
	size_t n, cap;
	uint32_t *slots;
	size_t n_slots;
	bool full; /* some found no place */
};

/* A login that succeeded. */
struct tally_success {
	struct login login;
	unsigned failed_before; /* from its address, since that was last accepted */
};

struct tally {
	unsigned threshold; /* so many failures are an attack; at least 1 */
	struct tally_table addresses, users;
	struct tally_success *successes; /* the newest; those after an attack in any case */
	size_t n_successes, cap_successes;
	bool forgot; /* some successes */
	unsigned long long failed, accepted;
};

/* 0 or -ENOMEM. */
int tally_add(struct tally *tally, const struct login *login);
void tally_free(struct tally *tally);

/* Whether the address of the row made an attack; whether a success came after one. */
bool tally_is_attack(const struct tally *tally, const struct tally_row *row);
bool tally_is_breach(const struct tally *tally, const struct tally_success *success);

const struct tally_row *tally_find(const struct tally_table *table, const char *key);

/* The rows with the most failures first. */
void tally_sort(struct tally_table *table);

#endif
