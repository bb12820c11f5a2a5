/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A sweep through places (persist-places.h) for an intruder's entries.
 *
 *  1. Nothing that is found is run or loaded. A FIFO, a device, a file that is too large, a
 *     link that an attacker could have made are not read.
 *  2. Only the entry goes. A file goes as a whole where it is nothing but the entry: a
 *     script in a directory of scripts, a unit of its own, a drop-in.
 *  3. What a package owns is not taken away. Below /etc, where such files are there to be
 *     edited, their lines may go; elsewhere the package is named for people to reinstall.
 *  4. What is entered goes before what it leads to: timers before the units that they start,
 *     these before lines of files, those before scripts. A unit is stopped, and the links
 *     that start it are taken, before its file goes.
 */
#ifndef RESPOND_PLUGINS_FOOTHOLD_H
#define RESPOND_PLUGINS_FOOTHOLD_H

#include "base/fd.h"
#include "base/strset.h"
#include "base/users.h"
#include "core/action.h"
#include "entry-hits.h"
#include "entry-search.h"
#include "persist-places.h"

/* What becomes of a file. */
enum deed {
	DEED_NONE,  /* nothing is to be done to it */
	DEED_EDIT,  /* entries are taken out */
	DEED_TAKE,  /* it goes as a whole */
	DEED_LEAVE, /* people must see to it: why is in `trouble` */
};

/* What is found first goes first. */
enum turn { TURN_TRIGGER, TURN_UNIT, TURN_ENTRY, TURN_FILE };

struct found {
	const struct place *place;
	char *path;      /* resolved */
	char *name;      /* its last component, as it was found */
	char *shown;     /* as it was found, escaped */
	char *unit;      /* of which it is the file or a drop-in, or NULL */
	char *owner;     /* the package, or NULL */
	uid_t uid;       /* in whose home it was found; 0 */
	bool named;      /* searched for by its own path */
	time_t changed;
	enum deed deed;
	enum turn turn;
	struct buf before, after;
	struct hits hits;
	const char *trouble;
	char *starts;    /* the unit that it starts: a timer's, a path's, a socket's; or NULL */
	char *why;       /* the unit that goes and that it would start, or NULL */
};

struct sweep {
	struct host *host;
	struct plan *plan;
	struct entry_search search;
	int64_t since;     /* only files that were changed at this time or later; 0: all */
	bool acts;         /* plans changes, and what is left is residual: otherwise it only tells */
	bool tells;        /* says of each entry where it is and why it is meant */
	struct users users;
	struct strset seen; /* resolved paths */
	struct strset module_dirs; /* where there are modules of PAM, once they were looked for */
	bool has_module_dirs;
	struct strset compared; /* modules that were compared with what their package installed */
	struct found *v;
	size_t n;
	size_t count;
};

/* Looks at all files of the places. */
int sweep_places(struct sweep *s, const struct place *places);
int sweep_repositories(struct sweep *s, const struct strv *trees);

/* Says what was found, plans what becomes of it, yields the facts "file", "path", "unit"
 * (where YIELDS) and counts. */
int sweep_finish(struct sweep *s);
void sweep_free(struct sweep *s);

/* One sentence for people: residual where the sweep acts, otherwise a note. */
int sweep_tell(struct sweep *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a package owns tells nothing about who wrote an entry: such paths of PATHS are
 * reported, the others go to RET. -EINVAL for "/". */
int sweep_keep_telling(struct sweep *s, const struct strv *paths, struct strv *ret);

/* Texts that would match everything: -EINVAL. */
int sweep_check_texts(struct plan *plan, const struct strv *texts);

/* ---- between the parts of the sweep ---- */

/* foothold-look.c: reads and judges the file at PATH, and adds it to what was found. */
int foothold_look(struct sweep *s, const struct place *place, const char *path, const struct user *home);

/* foothold-modules.c: the modules of PAM, and libraries, that the file names and that are
 * no package's; those of them that are meant. */
int foothold_pam_modules(struct sweep *s, const struct found *f, struct strv *ret_foreign, struct strv *ret_meant);
int foothold_libraries(struct sweep *s, const struct found *f, struct strv *ret_meant);

/* The regular file at PATH that no package owns: 0 and its resolved path; -ENOENT: there is
 * none, or a package owns it. */
int foothold_foreign_file(struct sweep *s, const char *path, struct buf *ret, struct stat *ret_stat);

/* foothold-units.c: plans that the units whose files go, ORDER of them, are stopped and
 * started by nothing any more. */
int foothold_end_units(struct sweep *s, const struct found *const *order);

/* Whether it is a unit of the system, or part of one: its manager must be told. */
bool foothold_is_of_system(const struct found *f);

/* A file in the place from which systemd removes it itself when the unit ends. */
bool foothold_goes_by_itself(const struct sweep *s, const struct found *f);

/* Triggers of units that go, which would have nothing left to start. */
int foothold_add_triggers(struct sweep *s);
int foothold_note_trigger(struct sweep *s, struct found *f);

#endif
