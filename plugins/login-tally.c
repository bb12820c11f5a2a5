/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "login-tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void table_free(struct tally_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].key);
	free(t->v);
	free(t->slots);
	*t = (struct tally_table){0};
}

void tally_free(struct tally *tally)
{
	table_free(&tally->addresses);
	table_free(&tally->users);
	free(tally->successes);
	*tally = (struct tally){0};
}

/* FNV-1a. The table is small and bounded: who makes its keys collide gains little. */
static uint32_t hash_of(const char *key)
{
	uint32_t h = 2166136261u;
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h;
}

/* The slot of KEY, or the free one where it belongs. */
static size_t slot_of(const struct tally_table *t, const char *key)
{
	size_t at = hash_of(key) & (t->n_slots - 1);
	while (t->slots[at] && strcmp(t->v[t->slots[at] - 1].key, key) != 0)
		at = (at + 1) & (t->n_slots - 1);
	return at;
}

static int make_room(struct tally_table *t)
{
	if (t->n < t->cap)
		return 0;
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct tally_row *v = reallocarray(t->v, cap, sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->v = v;
	uint32_t *slots = calloc(cap * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = cap * 2;
	t->cap = cap;
	for (size_t i = 0; i < t->n; i++)
		t->slots[slot_of(t, t->v[i].key)] = (uint32_t)i + 1;
	return 0;
}

/* NULL with *RET_ERROR 0 when the table is full. */
static struct tally_row *row_of(struct tally_table *t, const char *key, int *ret_error)
{
	*ret_error = make_room(t);
	if (*ret_error < 0)
		return NULL;
	size_t at = slot_of(t, key);
	if (t->slots[at])
		return &t->v[t->slots[at] - 1];
	if (t->n == TALLY_ROWS_MAX) {
		t->full = true;
		return NULL;
	}
	t->v[t->n] = (struct tally_row){.key = strdup(key)};
	if (!t->v[t->n].key) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	t->slots[at] = (uint32_t)++t->n;
	return &t->v[t->n - 1];
}

const struct tally_row *tally_find(const struct tally_table *t, const char *key)
{
	size_t at = t->n_slots ? slot_of(t, key) : 0;
	return t->n_slots && t->slots[at] ? &t->v[t->slots[at] - 1] : NULL;
}

/* The failures that an accepted login has before it. */
static unsigned count(struct tally_row *row, const struct login *login)
{
	unsigned before = row->streak;
	if (!row->first)
		row->first = login->time;
	row->last = login->time;
	if (login->accepted) {
		row->accepted += login->times;
		row->streak = 0;
		row->worst = before > row->worst ? before : row->worst;
	} else if (login->key) {
		row->refused += login->times;
	} else {
		row->failed += login->times;
		row->streak += login->times;
	}
	return before;
}

bool tally_is_breach(const struct tally *tally, const struct tally_success *success)
{
	return success->failed_before >= tally->threshold;
}

bool tally_is_attack(const struct tally *tally, const struct tally_row *row)
{
	return row->failed >= tally->threshold;
}

/* Gives up the older half of the successes that came after no attack. */
static void forget(struct tally *t)
{
	size_t kept = 0, half = t->n_successes / 2;
	for (size_t i = 0; i < t->n_successes; i++)
		if (i >= half || tally_is_breach(t, &t->successes[i]))
			t->successes[kept++] = t->successes[i];
	t->forgot = true;
	t->n_successes = kept == t->n_successes ? kept / 2 : kept; /* breaches alone: the first have said it */
}

static int add_success(struct tally *t, const struct login *login, unsigned before)
{
	if (t->n_successes == TALLY_SUCCESSES_MAX)
		forget(t);
	if (t->n_successes == t->cap_successes) {
		size_t cap = t->cap_successes ? t->cap_successes * 2 : 64;
		struct tally_success *v = reallocarray(t->successes, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		t->successes = v;
		t->cap_successes = cap;
	}
	t->successes[t->n_successes++] = (struct tally_success){.login = *login, .failed_before = before};
	return 0;
}

int tally_add(struct tally *tally, const struct login *login)
{
	char address[NETADDR_TEXT_LEN];
	unsigned before = 0;
	int r = 0;
	struct tally_row *user = row_of(&tally->users, login->user, &r);
	if (user) {
		count(user, login);
		user->invalid = login->invalid;
	}
	if (r == 0 && login->has_address) {
		netaddr_format(&login->address, address);
		struct tally_row *row = row_of(&tally->addresses, address, &r);
		if (row)
			before = count(row, login);
	}
	if (r < 0)
		return r;
	if (!login->accepted) {
		tally->failed += login->times;
		return 0;
	}
	tally->accepted += login->times;
	return add_success(tally, login, before);
}

static int by_failures(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;
	if (x->failed != y->failed)
		return x->failed < y->failed ? 1 : -1;
	return strcmp(x->key, y->key);
}

void tally_sort(struct tally_table *t)
{
	if (!t->n)
		return;
	qsort(t->v, t->n, sizeof(*t->v), by_failures);
	memset(t->slots, 0, t->n_slots * sizeof(*t->slots));
	for (size_t i = 0; i < t->n; i++)
		t->slots[slot_of(t, t->v[i].key)] = (uint32_t)i + 1;
}
