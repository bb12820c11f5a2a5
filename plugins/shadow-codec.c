/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shadow-codec.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define FIELDS 9
#define HASH_MIN 13 /* the shortest that crypt(5) knows */

struct field {
	const char *at;
	size_t len;
};

static size_t split(const char *line, size_t len, struct field fields[FIELDS])
{
	size_t n = 0;
	const char *end = line + len;
	while (n < FIELDS) {
		const char *colon = memchr(line, ':', (size_t)(end - line));
		fields[n++] = (struct field){line, (size_t)((colon ? colon : end) - line)};
		if (!colon)
			return n;
		line = colon + 1;
	}
	return FIELDS + 1; /* more than there are */
}

static const char *word_of(const struct field *password)
{
	if (!password->len)
		return "empty";
	size_t marks = 0;
	while (marks < password->len && (password->at[marks] == '!' || password->at[marks] == '*'))
		marks++;
	bool hash = password->len - marks >= HASH_MIN;
	return marks ? hash ? "locked" : "none" : hash ? "set" : "none";
}

static bool days(const struct field *field, long *ret)
{
	long n = 0;
	*ret = -1;
	if (!field->len)
		return true;
	if (field->len > 9)
		return false;
	for (size_t i = 0; i < field->len; i++) {
		if (!isdigit((unsigned char)field->at[i]))
			return i == 0 && field->at[0] == '-' && field->len > 1; /* "-1": not given */
		n = n * 10 + (field->at[i] - '0');
	}
	*ret = n;
	return true;
}

int shadow_decode(const char *line, size_t len, struct shadow_entry *ret)
{
	struct field fields[FIELDS];
	struct shadow_entry e = {0};
	size_t n = split(line, len, fields);
	if (n < 2 || n > FIELDS || !fields[0].len)
		return -EBADMSG;
	e.name = fields[0].at;
	e.name_len = fields[0].len;
	e.password = word_of(&fields[1]);
	e.changed = e.expires = -1;
	if ((n > 2 && !days(&fields[2], &e.changed)) || (n > 7 && !days(&fields[7], &e.expires)))
		return -EBADMSG;
	*ret = e;
	return 0;
}
