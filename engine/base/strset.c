/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 16

static size_t hash(const char *text)
{
	uint64_t h = 14695981039346656037u;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

/* The slot that holds TEXT, or the free one where it would be. */
static uint32_t *find_slot(const struct strset *s, const char *text)
{
	for (size_t i = hash(text) & (s->n_slots - 1);; i = (i + 1) & (s->n_slots - 1))
		if (!s->slots[i] || strcmp(s->list.v[s->slots[i] - 1], text) == 0)
			return &s->slots[i];
}

/* Keeps at least half of the slots free. */
static int make_room(struct strset *s)
{
	if (s->list.n < s->n_slots / 2)
		return 0;
	if (s->list.n >= UINT32_MAX)
		return -ENOMEM;
	struct strset larger = {.list = s->list, .n_slots = s->n_slots ? 2 * s->n_slots : SLOTS_MIN};
	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < s->list.n; i++)
		*find_slot(&larger, s->list.v[i]) = (uint32_t)i + 1;
	free(s->slots);
	*s = larger;
	return 0;
}

int strset_add(struct strset *s, const char *text)
{
	int r = make_room(s);
	if (r < 0)
		return r;
	uint32_t *slot = find_slot(s, text);
	if (*slot)
		return 0;
	r = strv_add(&s->list, text);
	if (r < 0)
		return r;
	*slot = (uint32_t)s->list.n;
	return 1;
}

bool strset_has(const struct strset *s, const char *text)
{
	return s->n_slots && *find_slot(s, text);
}

void strset_free(struct strset *s)
{
	free(s->slots);
	strv_free(&s->list);
	*s = (struct strset){0};
}
