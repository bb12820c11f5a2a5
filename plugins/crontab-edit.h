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

#include "base/buf.h"

enum crontab_form {
	CRONTAB_USER,   /* of one user: /var/spool/cron/crontabs/root */
	CRONTAB_SYSTEM, /* with a user in every entry: /etc/crontab, /etc/cron.d */
	CRONTAB_ANACRON,
};

/* What is looked for. An entry is meant when its command holds one of the texts, when
 * the whole line is one of them, or when its command names one of the paths. */
struct cron_search {
	const struct strv *texts;
	const struct strv *paths; /* absolute; found as whole words only */
	const struct strv *users; /* empty: of every user */
};

enum crontab_found {
	CRONTAB_ENTRY,
	CRONTAB_SETTING, /* an environment setting: it acts on every entry below it */
	CRONTAB_INERT,   /* matches, but cron does not take it for an entry: it stays */
};

struct crontab_hit {
	enum crontab_found what;
	unsigned line;   /* from 1 */
	bool hidden;     /* holds a carriage return or another control byte, so that it looks
	                  * different on a terminal */
	size_t at, len;  /* in the text; without the newline */
};

struct crontab_hits {
	struct crontab_hit *v;
	size_t n;
	bool newline_added; /* the last line that stays had none: Debian's cron ignores the whole file then */
};

void crontab_hits_free(struct crontab_hits *hits);

/* TEXT without the entries and settings that SEARCH means; every other byte stays, but
 * a last newline is added when something was removed. With users, settings of a system
 * crontab stay: they belong to nobody. */
int crontab_strip(enum crontab_form form, const struct buf *text, const struct cron_search *search,
                  struct buf *ret, struct crontab_hits *ret_hits);

/* Whether a line of a script other than a comment holds what is searched for. */
int script_mentions(const struct buf *script, const struct cron_search *search, bool *ret);

/* Whether run-parts(8) and cron on Debian pass over a file of this name. */
bool cron_skips_name(const char *name);

#endif
