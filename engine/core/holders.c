/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/holders.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct hold {
	char *key;
	char run[RUN_ID_LEN]; /* the one that holds it longest */
	int64_t until;        /* 0: for ever */
};

struct holders {
	void *tree; /* tsearch(3) of struct hold by key */
	/* Of the change that is being read. */
	char run[RUN_ID_LEN];
	int64_t until;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct hold *)a)->key, ((const struct hold *)b)->key);
}

static void hold_free(void *p)
{
	struct hold *hold = p;
	free(hold->key);
	free(hold);
}

void holders_free(struct holders **holders)
{
	if (!*holders)
		return;
	tdestroy((*holders)->tree, hold_free);
	free(*holders);
	*holders = NULL;
}

static struct hold *find(const struct holders *holders, const char *key)
{
	struct hold wanted = {.key = (char *)key};
	void *found = tfind(&wanted, (void *const *)&holders->tree, by_key);
	return found ? *(struct hold **)found : NULL;
}

static bool lasts_longer(int64_t a, int64_t b)
{
	return b && (!a || a > b);
}

static void set_hold(struct hold *hold, const struct holders *holders)
{
	memcpy(hold->run, holders->run, sizeof(hold->run));
	hold->until = holders->until;
}

static int add_hold(void *ctx, const char *key)
{
	struct holders *holders = ctx;
	struct hold *hold = find(holders, key);
	if (hold) {
		if (lasts_longer(holders->until, hold->until))
			set_hold(hold, holders);
		return 0;
	}
	hold = calloc(1, sizeof(*hold));
	if (!hold)
		return -ENOMEM;
	set_hold(hold, holders);
	hold->key = strdup(key);
	if (!hold->key || !tsearch(hold, &holders->tree, by_key)) {
		hold_free(hold);
		return -ENOMEM;
	}
	return 0;
}

static int add_run(struct holders *holders, struct host *host, const struct run *run)
{
	memcpy(holders->run, run->id, sizeof(holders->run));
	int r = 0;
	for (size_t i = 0; r == 0 && i < run->n; i++) {
		const struct run_entry *e = &run->entries[i];
		if (!entry_live(e) || !e->change->kind->keys)
			continue;
		holders->until = e->change->kind->until ? e->change->kind->until(e->change) : 0;
		r = e->change->kind->keys(host, e->change, add_hold, holders);
	}
	return r;
}

int holders_load(const struct state *state, struct host *host, const struct change_kind *const *kinds,
                 const char *except, struct holders **ret, struct strv *ret_unreadable)
{
	struct holders *holders = calloc(1, sizeof(*holders));
	_cleanup_strv_ struct strv runs = {0};
	int r = holders ? state_runs(state, &runs) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < runs.n; i++) {
		if (strcmp(runs.v[i], except) == 0)
			continue;
		_cleanup_buf_ struct buf why = {0};
		struct run *run = NULL;
		r = run_load(state, runs.v[i], kinds, &run, &why);
		if (r == 0)
			r = add_run(holders, host, run);
		if (r < 0 && r != -ENOMEM)
			r = strv_add(ret_unreadable, runs.v[i]);
		run_free(&run);
	}
	if (r < 0)
		holders_free(&holders);
	else
		*ret = holders;
	return r;
}

const char *holders_find(const struct holders *holders, const char *key)
{
	const struct hold *hold = find(holders, key);
	return hold ? hold->run : NULL;
}

int64_t holders_until(const struct holders *holders, const char *key)
{
	const struct hold *hold = find(holders, key);
	return hold ? hold->until : 0;
}
