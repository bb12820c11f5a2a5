/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One file of sshd_config(5): its lines, split the way sshd 9.2 splits them (keyword
 * in any case, "=" or blanks, quotes anywhere, CRLF, "# comment" after a value), and
 * edits of single lines. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_SSHD_CONFIG_EDIT_H
#define RESPOND_PLUGINS_SSHD_CONFIG_EDIT_H

#include "base/buf.h"

struct sshd_line {
	unsigned number;   /* from 1 */
	char *keyword;     /* as `sshd -T` prints it: lower case, aliases resolved */
	struct strv args;  /* of Match: criterion, value, criterion, value, ... */
	bool broken;       /* the arguments cannot be split: sshd refuses the file */
};

struct sshd_lines {
	struct sshd_line *v; /* those that hold a keyword, in order */
	size_t n;
};

/* -EINVAL: there is a NUL byte in it, after which sshd reads something else than what
 * an editor shows. */
int sshd_lines_parse(const struct buf *file, struct sshd_lines *ret);
void sshd_lines_free(struct sshd_lines *lines);

/* A setting that somebody wants: "PermitRootLogin no". */
struct sshd_option {
	char *text;
	char *keyword;
	struct strv args;
};

/* -EINVAL with a sentence (escaped) in RET_WHY: not one keyword with its value; Match and
 * Include; keywords that gather values (AllowUsers, Subsystem, ...), where setting one
 * says nothing about what else is set. Port gathers too, but "Port NUMBER" is taken: its
 * user sees to all lines. */
int sshd_option_parse(const char *text, struct sshd_option *ret, struct buf *ret_why);
void sshd_option_free(struct sshd_option *option);

/* Whether ARGS say the same as the option's: "YES" is yes, without-password is
 * prohibit-password; what may be a path or a pattern is compared byte by byte. */
bool sshd_option_is(const struct sshd_option *option, const struct strv *args);

/* Line NUMBER without its indentation and its end. -ENOENT. */
int sshd_line_text(const struct buf *file, unsigned number, struct buf *ret);

/* Line NUMBER becomes TEXT; indentation and line end stay. 0: TEXT is put before the
 * first line, with that line's kind of line end. */
struct sshd_edit {
	unsigned number;
	const char *text;
};

/* EDITS in ascending order; several may have number 0. */
int sshd_lines_edit(const struct buf *file, const struct sshd_edit *edits, size_t n, struct buf *ret);

#endif
