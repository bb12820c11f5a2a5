/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines with the form (user, system, anacron), and what is searched for: texts, paths,
 * users, separated by commas; then a crontab. What is removed is what was reported, every
 * other byte stays, and the second time there is nothing left to remove.
 */
#include "fuzz.h"

#include "crontab-edit.h"
#include "shell-edit.h"

#include <stdlib.h>
#include <string.h>

static enum crontab_form read_form(struct fuzz_input *in)
{
	_cleanup_free_ char *line = fuzz_line(in);
	return line[0] == 's' ? CRONTAB_SYSTEM : line[0] == 'a' ? CRONTAB_ANACRON : CRONTAB_USER;
}

static unsigned line_of(const struct buf *text, size_t at)
{
	unsigned n = 1;
	for (size_t i = 0; i < at; i++)
		n += text->data[i] == '\n';
	return n;
}

static size_t count_inert(const struct hits *hits)
{
	size_t n = 0;
	for (size_t i = 0; i < hits->n; i++)
		n += !hit_goes(hits->v[i].what);
	return n;
}

/* TEXT without the lines that the hits name. */
static void without_hits(const struct buf *text, const struct hits *hits, struct buf *ret)
{
	size_t at = 0;
	for (size_t i = 0; i < hits->n; i++) {
		const struct hit *h = &hits->v[i];
		MUST(h->at >= at && h->at + h->len <= text->len);
		MUST(h->at == 0 || text->data[h->at - 1] == '\n');
		MUST(h->at + h->len == text->len || text->data[h->at + h->len] == '\n');
		MUST(h->line == line_of(text, h->at));
		buf_add(ret, text->data + at, h->at - at);
		at = h->at;
		if (hit_goes(h->what))
			at += h->len + (h->at + h->len < text->len);
	}
	buf_add(ret, buf_text(text) + at, text->len - at);
	if (hits->newline_added)
		buf_putc(ret, '\n');
}

static void only_the_hits_go(enum crontab_form form, const struct buf *text, const struct entry_search *search)
{
	_cleanup_buf_ struct buf out = {0}, expected = {0}, again = {0};
	_cleanup_hits_ struct hits hits = {0}, left = {0};
	MUST(crontab_strip(form, text, search, &out, &hits) == 0);
	without_hits(text, &hits, &expected);
	MUST(buf_equal(&out, &expected));
	MUST(crontab_strip(form, &out, search, &again, &left) == 0);
	MUST(buf_equal(&again, &out));
	MUST(left.n == count_inert(&left) && left.n == count_inert(&hits));
}

static void nothing_asked_nothing_done(enum crontab_form form, const struct buf *text)
{
	static const struct strv empty;
	const struct entry_search search = {.texts = &empty, .paths = &empty, .users = &empty};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_hits_ struct hits hits = {0};
	MUST(crontab_strip(form, text, &search, &out, &hits) == 0);
	MUST(hits.n == 0 && buf_equal(&out, text));
	MUST(script_mentions(text, &search, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	enum crontab_form form = read_form(&in);
	_cleanup_strv_ struct strv texts = fuzz_list(&in), paths = fuzz_list(&in), users = fuzz_list(&in);
	_cleanup_buf_ struct buf text = fuzz_rest(&in);
	const struct entry_search search = {.texts = &texts, .paths = &paths, .users = &users};
	only_the_hits_go(form, &text, &search);
	nothing_asked_nothing_done(form, &text);
	MUST(script_mentions(&text, &search, NULL) >= 0);
	for (size_t i = 0; i < texts.n; i++)
		cron_skips_name(texts.v[i]);
	return 0;
}
