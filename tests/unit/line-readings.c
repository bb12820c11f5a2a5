/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line-readings.h"

static short longest(short x, short y)
{
	return x > y ? x : y;
}

void readings_make(struct readings *r, const int *a, size_t n, const int *b, size_t m)
{
	r->a = a, r->n = n;
	r->b = b, r->m = m;
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k <= m; k++)
			if (!i || !k)
				r->head[i][k] = 0;
			else if (a[i - 1] == b[k - 1])
				r->head[i][k] = (short)(r->head[i - 1][k - 1] + 1);
			else
				r->head[i][k] = longest(r->head[i - 1][k], r->head[i][k - 1]);
	for (size_t i = n + 1; i-- > 0;)
		for (size_t k = m + 1; k-- > 0;)
			if (i == n || k == m)
				r->tail[i][k] = 0;
			else if (a[i] == b[k])
				r->tail[i][k] = (short)(r->tail[i + 1][k + 1] + 1);
			else
				r->tail[i][k] = longest(r->tail[i + 1][k], r->tail[i][k + 1]);
	r->edits = n + m - 2 * (size_t)r->head[n][m];
}

static bool shortest(const struct readings *r, int common)
{
	return common == r->head[r->n][r->m];
}

/* Line I of the first text is line K of the second in some reading. */
static bool may_match(const struct readings *r, size_t i, size_t k)
{
	return i < r->n && k < r->m && r->a[i] == r->b[k] && shortest(r, r->head[i][k] + 1 + r->tail[i + 1][k + 1]);
}

static bool may_take_out(const struct readings *r, size_t i, size_t k)
{
	return i < r->n && shortest(r, r->head[i][k] + r->tail[i + 1][k]);
}

static bool may_put_in(const struct readings *r, size_t i, size_t k)
{
	return k < r->m && shortest(r, r->head[i][k] + r->tail[i][k + 1]);
}

bool readings_may_touch(const struct readings *r, size_t at)
{
	for (size_t k = 0; k <= r->m; k++)
		if (may_put_in(r, at, k) || may_take_out(r, at, k) || (at && may_take_out(r, at - 1, k)))
			return true;
	return false;
}

bool readings_must_touch(const struct readings *r, size_t at)
{
	for (size_t k = 0; k <= r->m; k++) {
		bool above = at ? k && may_match(r, at - 1, k - 1) : !k;
		bool below = at < r->n ? may_match(r, at, k) : k == r->m;
		if (above && below)
			return false;
	}
	return true;
}

int readings_place(const struct readings *r, size_t at)
{
	int place = -1;
	for (size_t k = 0; k <= r->m; k++) {
		if (!shortest(r, r->head[at][k] + r->tail[at][k]))
			continue;
		if (place >= 0)
			return -1;
		place = (int)k;
	}
	return place;
}
