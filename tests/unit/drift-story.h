/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random stories of one file: what it was, what we made of it, and what others made of
 * that, with every line's author known. The same seed and number tell the same story.
 *
 * Lines come from small alphabets, so that equal ones repeat and adjoin; with LF, CRLF or
 * both, long ones, any byte; files may be empty or lack the last newline. Every line that
 * others put in carries a tag that occurs nowhere else.
 */
#ifndef RESPOND_TESTS_DRIFT_STORY_H
#define RESPOND_TESTS_DRIFT_STORY_H

#include "base/buf.h"

#include <stdint.h>

#define STORY_LINES 127
#define STORY_PUTS 24

/* A text as numbers: equal lines have equal ones. */
struct text {
	int v[STORY_LINES];
	size_t n;
};

/* What others do to our lines; a "touched" boundary is one where our edit is (line-readings.h). */
enum intent {
	INTENT_APART,   /* put in at boundaries, take out and replace between boundaries, that we did not touch */
	INTENT_OVERLAP, /* the same at one that we did */
	INTENT_BOTH,
	INTENTS
};

struct story {
	enum intent intent;
	struct text before, after, current;
	struct text wanted;    /* INTENT_APART: their edits made to `before` */
	int from[STORY_LINES]; /* of after's lines: the line of `before` that it is, or -1: ours */
	bool drop[STORY_LINES];
	struct {
		int v[STORY_PUTS];
		size_t n;
	} put[STORY_LINES + 1]; /* at the boundaries of after */
	size_t kept;            /* lines of after that others left */
	unsigned letters, style, serial;
	uint64_t seed;
};

void story_make(struct story *s, uint64_t seed, unsigned number);

/* The boundary of `before` that AT of `after` is, by our script; -1 where we touched it. */
int story_place(const struct story *s, size_t at);

/* The lines as bytes and back; numbers are good until the next story. */
void text_bytes(const struct text *t, struct buf *ret);
void text_split(const struct buf *bytes, struct text *ret);
bool text_is_tag(int line);

#endif
