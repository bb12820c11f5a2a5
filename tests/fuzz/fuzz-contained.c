/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with a user, one with an address, then a list of who is contained, as
 * pam_respond(8) reads it: whatever the bytes, what is put on it is found, what is taken out
 * is not, and what else could be read stays.
 */
#include "fuzz.h"

#include "change/contained-codec.h"

#include <errno.h>
#include <string.h>

#define NOW 1700000000

static bool match(const struct buf *list, const char *user, bool *ret_damaged)
{
	return contained_match(buf_text(list), list->len, user, NULL, 0, NOW, ret_damaged);
}

static size_t count(const struct buf *list)
{
	const char *at = buf_text(list), *end = at + list->len;
	struct contained c;
	size_t n = 0;
	int r;
	while ((r = contained_next(&at, end, &c)) != 0)
		n += r > 0 && !(c.until && c.until <= NOW);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *user = fuzz_line(&in), *address = fuzz_line(&in);
	_cleanup_buf_ struct buf list = fuzz_rest(&in), with = {0}, without = {0}, who = {0};
	struct netaddr a;
	bool damaged = false, found;
	if (netaddr_parse(address, &a) == 0)
		contained_match(buf_text(&list), list.len, user, &a, 1, NOW, &damaged);
	found = match(&list, user, &damaged);
	buf_printf(&who, "user %s", user);
	int64_t until = contained_until(&list, who.data, NOW);
	MUST(found == (until >= 0));
	int r = contained_set(&list, who.data, 0, NOW, &with);
	MUST(r == 0 || r == -EINVAL || r == -EFBIG);
	if (r < 0)
		return 0;
	MUST(match(&with, user, &damaged) && !damaged && contained_until(&with, who.data, NOW) == 0);
	MUST(contained_set(&with, who.data, -1, NOW, &without) == 0);
	MUST(!match(&without, user, &damaged) && !damaged);
	MUST(count(&with) == count(&without) + 1 && count(&without) <= count(&list));
	return 0;
}
