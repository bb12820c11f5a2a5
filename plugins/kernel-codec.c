/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel-codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *next(char **rest)
{
	char *word = *rest ? strsep(rest, " ") : NULL;
	return word && *word ? word : NULL;
}

/* "name 16384 2 a,b, Live 0xffffffffc0a00000 (OE)" */
int module_decode(char *line, struct module_line *ret)
{
	char *rest = line, *end;
	struct module_line m = {.name = next(&rest)};
	char *size = next(&rest), *count = next(&rest);
	m.used_by = next(&rest);
	m.state = next(&rest);
	char *address = next(&rest), *taint = next(&rest);
	if (!m.name || !size || !count || !m.used_by || !m.state || !address)
		return -EBADMSG;
	m.size = strtoull(size, &end, 10);
	if (*end || !isdigit((unsigned char)*size))
		return -EBADMSG;
	m.taint = taint && *taint == '(' ? taint + 1 : (char *)"";
	if (taint && *taint == '(')
		taint[strcspn(taint, ")")] = '\0';
	*ret = m;
	return 0;
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7';
}

/* Blanks, newlines and backslashes stand as \ooo. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from;) {
		if (*from == '\\' && is_octal(from + 1)) {
			char c = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
			if (c)
				*to++ = c;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": any number of words before
 * the dash. */
int mount_decode(char *line, struct mount_line *ret)
{
	char *rest = line, *word;
	if (!next(&rest) || !next(&rest) || !next(&rest))
		return -EBADMSG;
	struct mount_line m = {.root = next(&rest)};
	m.point = next(&rest);
	m.options = next(&rest);
	while ((word = next(&rest)) && strcmp(word, "-") != 0)
		;
	m.type = word ? next(&rest) : NULL;
	m.source = m.type ? next(&rest) : NULL;
	if (!m.root || !m.point || !m.options || !m.type)
		return -EBADMSG;
	if (!m.source)
		m.source = (char *)"";
	unescape(m.root);
	unescape(m.point);
	if (*m.source)
		unescape(m.source);
	*ret = m;
	return 0;
}
