/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "strip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void within(const struct buf *text, const struct hits *hits)
{
	size_t taken = 0, at = 0;
	unsigned line = 1;
	for (size_t i = 0; i < hits->n; i++) {
		const struct hit *h = &hits->v[i];
		MUST(h->at >= at && h->at + h->len <= text->len);
		line += count_newlines((struct slice){buf_text(text) + at, h->at - at});
		MUST(h->line == line);
		at = h->at;
		taken += hit_goes(h->what);
	}
	MUST(taken == hits->taken);
}

static void only_once(const struct buf *text, const struct entry_search *search, fuzz_strip *strip, void *ctx)
{
	_cleanup_buf_ struct buf out = {0}, again = {0};
	_cleanup_hits_ struct hits hits = {0}, left = {0};
	int r = strip(text, search, &out, &hits, ctx);
	MUST(r == 0 || r == -EFBIG);
	if (r < 0) {
		MUST(!out.len && !hits.n);
		return;
	}
	within(text, &hits);
	MUST(hits.taken || buf_equal(text, &out));
	MUST(!hits.taken || !search_is_empty(search) || ctx);
	MUST(strip(&out, search, &again, &left, ctx) == 0);
	MUST(buf_equal(&out, &again) && !left.taken);
}

static void nothing_asked(const struct buf *text, fuzz_strip *strip, void *ctx)
{
	static const struct entry_search none;
	_cleanup_buf_ struct buf out = {0};
	_cleanup_hits_ struct hits hits = {0};
	if (strip(text, &none, &out, &hits, ctx) == 0)
		MUST(!hits.n && buf_equal(text, &out));
}

void fuzz_strip_all(struct fuzz_input *in, fuzz_strip *strip, void *ctx)
{
	_cleanup_strv_ struct strv texts = fuzz_list(in), paths = fuzz_list(in), hosts = fuzz_list(in), nets = fuzz_list(in);
	_cleanup_buf_ struct buf text = fuzz_rest(in);
	const struct entry_search search = {.texts = &texts, .paths = &paths, .hosts = &hosts, .nets = &nets};
	only_once(&text, &search, strip, ctx);
	if (!ctx)
		nothing_asked(&text, strip, ctx);
}
