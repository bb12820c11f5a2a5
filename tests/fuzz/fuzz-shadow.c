/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with the user, one with what is done ("l" locks, "e" and "c" set dates), then a
 * shadow(5). The entry that is found is the one that glibc gives; what was asked for holds
 * of it afterwards; every other byte stays, and doing it again alters nothing.
 */
#include "fuzz.h"

#include "change/shadow-edit.h"

#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What glibc takes for an entry of that name must be ours: the first it accepts is not
 * before the first that we find. */
static void glibc_agrees(struct fuzz_input in, const char *user, bool found)
{
	FILE *f = fuzz_lines_file(in);
	const struct spwd *sp;
	while ((sp = fgetspent(f)))
		MUST(found || strcmp(sp->sp_namp, user) != 0);
	fclose(f);
}

static void field_is(const struct buf *entry, unsigned field, const char *expected)
{
	_cleanup_buf_ struct buf value = {0};
	MUST(shadow_field(buf_text(entry), entry->len, field, &value) == 0);
	MUST(strcmp(buf_text(&value), expected) == 0);
}

static void is_edited(const struct buf *entry, const struct shadow_edit *edit)
{
	_cleanup_buf_ struct buf password = {0}, again = {0};
	shadow_field(buf_text(entry), entry->len, SHADOW_PASSWORD, &password);
	if (edit->lock)
		MUST(password.len && password.data[0] == '!' && shadow_secret(password.data) == SECRET_LOCKED);
	if (edit->expire)
		field_is(entry, SHADOW_EXPIRE, edit->expire);
	if (edit->changed)
		field_is(entry, SHADOW_CHANGED, edit->changed);
	MUST(shadow_edit_entry(buf_text(entry), entry->len, edit, &again) == 0);
	MUST(buf_equal(&again, entry));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *user = fuzz_line(&in), *what = fuzz_line(&in);
	struct fuzz_input rest = in;
	_cleanup_buf_ struct buf file = fuzz_rest(&in), entry = {0}, out = {0}, back = {0};
	const struct shadow_edit edit = {strchr(what, 'l') != NULL, strchr(what, 'e') ? "1" : NULL,
	                                 strchr(what, 'c') ? "0" : NULL, strchr(what, 'p') ? "!$y$new" : NULL};
	struct shadow_entry e;
	if (strchr(user, ':') || strchr("+-", user[0])) /* those are NIS's, and an empty name is none */
		return 0;
	bool found = shadow_find(&file, user, &e);
	MUST(found == (shadow_count(&file, user) > 0));
	glibc_agrees(rest, user, found || !user[0]);
	if (!found)
		return 0;
	struct buf before = {.data = file.data + e.at, .len = e.len};
	MUST(e.at + e.len <= file.len && !memchr(before.data, '\n', e.len));
	MUST(shadow_edit_entry(before.data, e.len, &edit, &entry) == 0);
	is_edited(&entry, &edit);
	MUST(shadow_replace(&file, &e, &entry, &out) == 0);
	struct shadow_entry after;
	MUST(shadow_find(&out, user, &after) && after.at == e.at && after.len == entry.len);
	MUST(shadow_replace(&out, &after, &before, &back) == 0 && buf_equal(&back, &file));
	return 0;
}
