/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All of the shortest ways to read the difference of two texts, for tests: where equal
 * lines repeat there are several, and no content tells which one was meant. Slow and
 * plain on purpose, and by another way than base/line-diff.c: a table of the longest
 * common subsequences of every head and every tail.
 *
 * The places of a text with N lines are the N + 1 boundaries between its lines, 0 being
 * its start. An edit that takes out line I touches the boundaries I and I + 1; one that
 * puts lines in at a boundary touches that one.
 */
#ifndef RESPOND_TESTS_LINE_READINGS_H
#define RESPOND_TESTS_LINE_READINGS_H

#include <stdbool.h>
#include <stddef.h>

#define READINGS_MAX 127 /* lines of a text; a line is a number, equal lines have equal ones */

struct readings {
	size_t n, m; /* lines of the two texts */
	const int *a, *b;
	short head[READINGS_MAX + 1][READINGS_MAX + 1]; /* longest common subsequence of a[0, i) and b[0, k) */
	short tail[READINGS_MAX + 1][READINGS_MAX + 1]; /* of a[i, n) and b[k, m) */
	size_t edits; /* lines taken out and put in, at least */
};

void readings_make(struct readings *r, const int *a, size_t n, const int *b, size_t m);

/* Whether the boundary AT of the first text is touched in any of them, and in all. */
bool readings_may_touch(const struct readings *r, size_t at);
bool readings_must_touch(const struct readings *r, size_t at);

/* The boundary of the second text where AT of the first one is found; -1 where readings differ. */
int readings_place(const struct readings *r, size_t at);

#endif
