/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A strict reader of INI files over inih(3). inih cuts long lines, truncates long
 * names, drops what follows a NUL and takes much else in silence; so every physical
 * line is judged here first, and only what means one thing reaches inih.
 */
#ifndef RESPOND_CORE_INI_H
#define RESPOND_CORE_INI_H

#include "base/buf.h"
#include "core/diag.h"

#define INI_FILE_MAX (1024 * 1024)

struct ini_entry {
	unsigned line;     /* of the key */
	char *section;     /* "step" */
	char *name;        /* "miner" in [step miner]; "" in [playbook] */
	char *key;         /* "playbook", or with what it is about, one blank between: "match rule.level" */
	char *value;       /* continuation lines joined with a blank; raw spelling otherwise */
	unsigned section_line;
};

#define INI_SECTIONS_MAX 1000
#define INI_KEYS_MAX 100 /* of one section */

struct ini {
	struct ini_entry *v;
	size_t n;
	struct ini_section {
		unsigned line;
		char *section;
		char *name;
	} *sections; /* in file order, also those without keys */
	size_t n_sections;
};

/* Parses BYTES. Everything that is wrong goes to DIAGS; entries of good lines are
 * returned all the same, so that a caller can report its own errors too.
 * 0, or -ENOMEM. */
int ini_parse_bytes(const struct buf *bytes, struct ini *ret, struct diags *diags);
void ini_free(struct ini *ini);

/* Reads FILE (absolute) below ROOT with the checks that a file which steers root's
 * program needs: regular, at most INI_FILE_MAX, and path_trusted(). -EINVAL with DIAGS
 * filled; -ENOENT, where there is no such file, leaves them to the caller. */
int ini_read_file(int root, const char *file, struct buf *ret, struct diags *diags);

/* Splits a list value at commas: blanks around elements removed, "..." quotes an
 * element (\" and \\ within). -EINVAL with a sentence in RET_WHY. */
struct ini_element {
	char *text;
	bool quoted;
};
int ini_split_list(const char *value, struct ini_element **ret, size_t *ret_n, struct buf *ret_why);
void ini_elements_free(struct ini_element *v, size_t n);

#endif
