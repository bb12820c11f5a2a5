/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Unit files of systemd (systemd.syntax(7)) and desktop entries: which settings run or load
 * what is searched for, and the text without them. Pure: bytes in, bytes out.
 */
#ifndef RESPOND_PLUGINS_UNIT_FILE_EDIT_H
#define RESPOND_PLUGINS_UNIT_FILE_EDIT_H

#include "entry-hits.h"
#include "entry-search.h"

enum unit_form {
	UNIT_FILE,     /* a unit, or a drop-in of one */
	UNIT_DESKTOP,  /* XDG: Exec and TryExec of [Desktop Entry] */
};

/* What the settings that go mean for the file. */
struct unit_verdict {
	bool purpose; /* what it is there for goes: what it starts, and nothing is left to start */
	bool empty;   /* nothing is left that has an effect on the unit */
};

/* TEXT without the settings whose value SEARCH finds; every other byte stays. Names and
 * descriptions are no settings that do something. An assignment of nothing, which resets a
 * list for what is set behind it, goes with the last of that. */
int unit_file_strip(enum unit_form form, const struct buf *text, const struct entry_search *search,
                    struct buf *ret, struct hits *ret_hits, struct unit_verdict *ret_verdict);

/* The values of KEY in SECTION, in order; an empty one forgets those before. */
int unit_file_values(const struct buf *text, const char *section, const char *key, struct strv *ret);

#endif
