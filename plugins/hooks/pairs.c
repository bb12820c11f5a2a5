/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pairs.h"

#include "base/escape.h"

#include <errno.h>
#include <string.h>

#define SHOWN 64

int take_pair(struct slice *s, struct pair *ret, struct buf *ret_why)
{
	if (!s->len)
		return 0;
	const char *end = memchr(s->p, '\0', s->len);
	if (!end) {
		buf_puts(ret_why, "its words are wanted as arguments: NAME=VALUE ...");
		return -EINVAL;
	}
	struct slice word = {s->p, (size_t)(end - s->p)};
	const char *equals = memchr(word.p, '=', word.len);
	if (!equals) {
		buf_puts(ret_why, "a word is not NAME=VALUE: ");
		escape_text(ret_why, word.p, word.len < SHOWN ? word.len : SHOWN);
		return -EINVAL;
	}
	*ret = (struct pair){{word.p, (size_t)(equals - word.p)}, slice_from(word, (size_t)(equals - word.p) + 1)};
	*s = slice_from(*s, word.len + 1);
	return 1;
}
