/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pam.d(5) and pam.conf(5): which lines name a module that does not belong there, and the
 * text without them. Pure: bytes in, bytes out.
 *
 * A line that goes must not open or close a door: "[success=2 default=ignore]" counts the
 * lines that it skips, so where the line stood among those the count is corrected, and
 * where the count cannot be told (something is included in between) the line is told and
 * stays. A module that a package installed is never taken out by its name: a
 * stack without pam_unix.so lets nobody in, or everybody.
 */
#ifndef RESPOND_PLUGINS_PAM_EDIT_H
#define RESPOND_PLUGINS_PAM_EDIT_H

#include "entry-hits.h"
#include "entry-search.h"

enum pam_form {
	PAM_D,    /* /etc/pam.d: the file is the service */
	PAM_CONF, /* /etc/pam.conf: each line begins with the service */
};

/* What the host says about the modules that a file names. */
struct pam_modules {
	const struct strv *foreign; /* as they are written: no package's, or not where modules belong */
	const struct strv *meant;   /* those of them whose file is searched for */
};

/* The modules that TEXT names, as they are written, each once. */
int pam_list_modules(enum pam_form form, const struct buf *text, struct strv *ret);

/* TEXT without the lines that load a foreign module and are meant, or that SEARCH finds in
 * the arguments of any module. */
int pam_strip(enum pam_form form, const struct buf *text, const struct entry_search *search,
              const struct pam_modules *modules, struct buf *ret, struct hits *ret_hits);

#endif
