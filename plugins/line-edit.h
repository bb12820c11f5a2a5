/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Configuration files with one entry a line, or some entries a line: the text without those
 * that a search means. Pure: bytes in, bytes out.
 */
#ifndef RESPOND_PLUGINS_LINE_EDIT_H
#define RESPOND_PLUGINS_LINE_EDIT_H

#include "entry-hits.h"
#include "entry-search.h"

enum line_form {
	LINES_PLAIN,   /* "#" begins a comment: modules-load.d, dpkg.cfg.d, inittab, environment */
	LINES_SUDOERS, /* sudoers(5): a backslash joins lines, "#include" and "#1000" are no comments */
	LINES_UDEV,    /* udev(7): only what a rule runs counts; it goes alone where the rule does more */
	LINES_WORDS,   /* ld.so.preload: blanks and colons separate entries, each goes alone */
	LINES_MODULES, /* modules-load.d(5): ";" begins a comment, too; "-" and "_" in names are one */
};

/* TEXT without the entries; every other byte stays. Further searched-for paths and module
 * names that the caller has found out by itself come with SEARCH. */
int lines_strip(enum line_form form, const struct buf *text, const struct entry_search *search, struct buf *ret,
                struct hits *ret_hits);

/* The entries of ld.so.preload as they are written. */
int preload_entries(const struct buf *text, struct strv *ret);

#endif
