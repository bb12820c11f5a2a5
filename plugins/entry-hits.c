/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "entry-hits.h"

#include <errno.h>
#include <stdlib.h>

bool hit_goes(enum hit_type what)
{
	return what == HIT_ENTRY || what == HIT_SETTING;
}

int hits_add(struct hits *hits, enum hit_type what, const struct buf *text, struct slice where, const char *why)
{
	struct hit *v = reallocarray(hits->v, hits->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	size_t at = (size_t)(where.p - buf_text(text)), known = 0;
	unsigned line = 1;
	hits->v = v;
	if (hits->n && v[hits->n - 1].at <= at) { /* lines before the last hit are counted already */
		known = v[hits->n - 1].at;
		line = v[hits->n - 1].line;
	}
	line += count_newlines((struct slice){buf_text(text) + known, at - known});
	v[hits->n++] = (struct hit){
		.what = what,
		.line = line,
		.hidden = slice_is_hidden(where),
		.at = at,
		.len = where.len,
		.why = why,
	};
	hits->taken += hit_goes(what);
	return 0;
}

void hits_free(struct hits *hits)
{
	free(hits->v);
	*hits = (struct hits){0};
}
