/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What tells an intruder's entry from the others in a file: fixed texts, and the paths,
 * addresses and host names that it leads to. Pure.
 */
#ifndef RESPOND_PLUGINS_ENTRY_SEARCH_H
#define RESPOND_PLUGINS_ENTRY_SEARCH_H

#include "base/netaddr.h"
#include "base/slice.h"

/* Each list may be NULL: nothing of its kind is searched for. */
struct entry_search {
	const struct strv *texts; /* found anywhere */
	const struct strv *paths; /* absolute; found as whole words only, whatever /./ and // is in them */
	const struct strv *users; /* crontabs: entries of these only; none: of all */
	const struct strv *hosts; /* found as whole words, in any case */
	const struct strv *nets;  /* addresses and prefixes; found in any spelling */
};

/* Whether anything is searched for. */
bool search_is_empty(const struct entry_search *search);

/* Whether COMMAND holds, names or mentions what is searched for: 1, and what it was in
 * RET_WHY (may be NULL; the search's own text); 0; -ENOMEM. A percent sign may be
 * written \%, as crontab(5) wants it. */
int search_finds(const struct entry_search *search, struct slice command, const char **ret_why);

/* Whether the whole of LINE, blanks aside, is one of the texts. */
bool search_is_line(const struct entry_search *search, struct slice line, const char **ret_why);

/* Whether PATH stands in S as a whole word. */
bool names_path(struct slice s, const char *path);

/* Takes the next absolute path that stands in S as a word off its front: false when there
 * is none. */
bool take_path(struct slice *s, struct slice *ret);

#endif
