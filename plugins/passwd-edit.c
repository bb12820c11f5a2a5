/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passwd-edit.h"

#include "change/shadow-edit.h" /* entries begin alike in both files */

#include <errno.h>
#include <string.h>

#define PASSWORD 1
#define SHELL 6

int passwd_password(const struct buf *file, const char *user, struct buf *ret)
{
	struct shadow_entry e;
	return shadow_find(file, user, &e) ? shadow_field(file->data + e.at, e.len, PASSWORD, ret) : -ENOENT;
}

static void put_field(unsigned field, const char *text, size_t len, struct buf *ret)
{
	bool elsewhere = len == 1 && text[0] == 'x';
	if (field)
		buf_putc(ret, ':');
	if (field == PASSWORD && !elsewhere && (!len || text[0] != '!'))
		buf_putc(ret, '!');
	if (field == SHELL)
		buf_puts(ret, NO_LOGIN_SHELL);
	else
		buf_add(ret, text, len);
}

int passwd_lock_entry(const struct buf *file, const char *user, struct buf *ret)
{
	struct shadow_entry e;
	_cleanup_buf_ struct buf entry = {0};
	if (!shadow_find(file, user, &e))
		return -ENOENT;
	const char *at = file->data + e.at, *end = at + e.len;
	unsigned field = 0;
	while (at <= end && field <= SHELL) {
		/* glibc takes all that is left for the shell. */
		const char *colon = field < SHELL ? memchr(at, ':', (size_t)(end - at)) : NULL;
		const char *stop = colon ? colon : end;
		put_field(field++, at, (size_t)(stop - at), &entry);
		at = stop + 1;
	}
	while (field <= SHELL)
		put_field(field++, "", 0, &entry);
	return buf_error(&entry) ? buf_error(&entry) : shadow_replace(file, &e, &entry, ret);
}
