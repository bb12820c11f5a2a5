/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a reader of a file's format has found in it: the entries that a search means. Pure.
 */
#ifndef RESPOND_PLUGINS_ENTRY_HITS_H
#define RESPOND_PLUGINS_ENTRY_HITS_H

#include "base/slice.h"

enum hit_type {
	HIT_ENTRY,   /* runs, loads or grants something: it is taken out */
	HIT_SETTING, /* a setting that acts on the entries below it: it is taken out */
	HIT_INERT,   /* matches, but what reads the file does nothing with it: it stays */
	HIT_COMMENT, /* matches in a comment only: it stays */
	HIT_STUCK,   /* cannot be taken out alone without breaking what is around it: it stays */
};

struct hit {
	enum hit_type what;
	unsigned line;   /* from 1 */
	bool hidden;     /* slice_is_hidden() */
	size_t at, len;  /* in the text; without the newline */
	const char *why; /* what of the search was found, or NULL; as long-lived as the search */
};

struct hits {
	struct hit *v;
	size_t n;
	size_t taken;       /* how many of them are taken out */
	size_t live;        /* entries that do something and stay */
	bool newline_added; /* the last line that stays had none */
};

/* WHERE lies in TEXT. */
int hits_add(struct hits *hits, enum hit_type what, const struct buf *text, struct slice where, const char *why);
void hits_free(struct hits *hits);
#define _cleanup_hits_ _cleanup_(hits_free)

/* Whether hits of this type are taken out. */
bool hit_goes(enum hit_type what);

#endif
