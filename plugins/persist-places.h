/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a program can be entered so that it is started again: by the boot, the clock, a
 * login, a device, the network, the package manager.
 */
#ifndef RESPOND_PLUGINS_PERSIST_PLACES_H
#define RESPOND_PLUGINS_PERSIST_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* How the files of a place are read, and what an entry is in them. */
enum format {
	FORMAT_CRONTAB_USER,   /* crontab-edit.h; named after its user */
	FORMAT_CRONTAB_SYSTEM,
	FORMAT_ANACRONTAB,
	FORMAT_JOB,            /* a script that runs as its owner: all of it is the entry */
	FORMAT_RUN_PARTS,      /* the same, run by root, if run-parts(8) likes its name */
	FORMAT_SCRIPT,         /* the same, whatever its name; lines of it where it is a package's */
	FORMAT_SHELL,          /* shell-edit.h: its lines */
	FORMAT_UNIT,           /* unit-file-edit.h: its settings, or all of it */
	FORMAT_DROP_IN,        /* the same */
	FORMAT_MANAGER,        /* the same, never all of it */
	FORMAT_DESKTOP,
	FORMAT_PLAIN,          /* line-edit.h */
	FORMAT_SUDOERS,
	FORMAT_UDEV,
	FORMAT_PRELOAD,
	FORMAT_MODULES,
	FORMAT_PAM,            /* pam-edit.h */
	FORMAT_PAM_CONF,
	FORMAT_APT,            /* apt-conf-edit.h */
};

#define PLACE_HOME 1u  /* the pattern is relative to the home directory of every user */
#define PLACE_OWN 2u   /* a file of this place is there for one thing: it goes when nothing else is left in it */

struct place {
	const char *pattern; /* as glob-walk.h takes it; ending in "/": every file of the directory */
	enum format format;
	unsigned flags;
	const char *what; /* "a shell's start file" */
};

/* Ended by a NULL pattern. Those of cron and at, and all others. */
extern const struct place cron_places[];
extern const struct place persist_places[];

/* Hooks in the directory of a repository; the pattern is relative to that. */
extern const struct place git_hook_place;

#endif
