/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * crontab(5) and anacrontab(5) as cron reads them: which lines run something, and the
 * text without some of them. Pure: bytes in, bytes out.
 *
 * A line is blank, a comment, an environment setting (NAME = VALUE, tried first, as
 * cron does), an entry, or something that cron does not take. An entry is a schedule
 * (five fields, or one that begins with "@"), in system crontabs a user, and a command;
 * anacrontab has a period, a delay, a name and a command, and a backslash at the end of
 * a line joins the next one to it.
 */
#ifndef RESPOND_PLUGINS_CRONTAB_EDIT_H
#define RESPOND_PLUGINS_CRONTAB_EDIT_H

#include "entry-hits.h"
#include "entry-search.h"

enum crontab_form {
	CRONTAB_USER,   /* of one user: /var/spool/cron/crontabs/root */
	CRONTAB_SYSTEM, /* with a user in every entry: /etc/crontab, /etc/cron.d */
	CRONTAB_ANACRON,
};

/* TEXT without the entries and settings that SEARCH means: those whose command it finds,
 * and lines that as a whole are one of its texts. Every other byte stays, but a last
 * newline is added when something was removed: Debian's cron ignores the whole file
 * without. With users, settings of a system crontab stay: they belong to nobody. A line
 * that cron does not take for an entry is inert. */
int crontab_strip(enum crontab_form form, const struct buf *text, const struct entry_search *search,
                  struct buf *ret, struct hits *ret_hits);

/* Whether run-parts(8) and cron on Debian pass over a file of this name. */
bool cron_skips_name(const char *name);

#endif
