/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/near.h"

#include <string.h>

#define LONGEST 64

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

/* Levenshtein's distance, one row at a time; long names are far from everything. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	unsigned row[LONGEST + 1];
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned above = row[j];
			row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

void near_offer(struct near *near, const char *name)
{
	unsigned d = distance(near->wanted, name);
	size_t len = strlen(near->wanted);
	if (d > (len > 5 ? 2u : 1u) || (near->best && d >= near->distance))
		return;
	near->best = name;
	near->distance = d;
}

int near_print(const struct near *near, struct buf *ret)
{
	return near->best ? buf_printf(ret, " (did you mean '%s'?)", near->best) : buf_error(ret);
}
