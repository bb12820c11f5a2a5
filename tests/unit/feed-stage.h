/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A directory to feed lines from, and the lines that were taken.
 */
#ifndef RESPOND_TESTS_FEED_STAGE_H
#define RESPOND_TESTS_FEED_STAGE_H

#include "base/buf.h"
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct stage {
	char dir[64]; /* has log/ */
	int root;     /* the same, open */
	struct buf taken;
};

int stage_make(void **state);
int stage_remove(void **state);
#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_remove)

/* To a file of the directory, which is made if need be. */
void append(struct stage *s, const char *file, const char *text);

/* Takes a line: TAKEN, a struct buf, becomes "a|b|c|". */
void note(void *taken, struct slice line);

/* Only these lines were taken since the last time. */
void assert_taken(struct buf *taken, const char *expected);

#endif
