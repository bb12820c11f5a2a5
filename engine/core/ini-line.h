/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What one physical line of an INI file is. Pure: bytes in, a verdict out.
 */
#ifndef RESPOND_CORE_INI_LINE_H
#define RESPOND_CORE_INI_LINE_H

#include "base/buf.h"

#define INI_LINE_MAX 198 /* bytes; inih's buffer of 200 also holds the newline and NUL */
#define INI_NAME_MAX 40  /* of a key and of the NAME in [kind NAME]; inih truncates at 50 */
#define INI_OF_MAX 120   /* of what a key is about: "match rule.level"; inih truncates none of it */
#define INI_KEY_LEN (INI_NAME_MAX + 1 + INI_OF_MAX + 1)

enum ini_line_kind {
	INI_LINE_BLANK,    /* nothing but blanks */
	INI_LINE_COMMENT,  /* starts with # or ; in the first column */
	INI_LINE_SECTION,  /* [kind] or [kind NAME]: section, name */
	INI_LINE_KEY,      /* key = value, or key OF = value: key, of, value */
	INI_LINE_INDENTED, /* starts with a blank: value */
	INI_LINE_BAD,      /* WHY says what is wrong, unless an earlier line's complaint covers it */
};

/* A run of bytes inside the line. */
struct ini_span {
	const char *at;
	size_t len;
};

struct ini_line {
	enum ini_line_kind kind;
	bool carriage_return;     /* stood at its end and is left out; a complaint for the file as a whole */
	enum ini_line_kind meant; /* by a bad line; otherwise its kind */
	bool open;                /* its value goes on in the next line: it ends with a comma */
	struct ini_span section, name, key, of, value;
};

/* Judges the LEN bytes of a line, without its newline. */
void ini_line_judge(const char *text, size_t len, struct ini_line *ret, struct buf *ret_why);

#endif
