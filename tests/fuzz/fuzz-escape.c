/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Escaping is safe to print and loses nothing; through JSON too.
 */
#include "fuzz.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>

static void escapes_and_back(const struct buf *bytes)
{
	_cleanup_buf_ struct buf text = {0}, back = {0};
	MUST(escape_text(&text, bytes->data, bytes->len) == 0);
	MUST(fuzz_printable(&text, false));
	MUST(unescape_text(&back, buf_text(&text), text.len) == 0);
	MUST(buf_equal(&back, bytes));
}

static void survives_json(const struct buf *bytes)
{
	_cleanup_buf_ struct buf back = {0};
	json_t *string = json_bytes(bytes->data, bytes->len);
	MUST(string);
	_cleanup_free_ char *dumped = json_dumps(string, JSON_ENCODE_ANY);
	MUST(dumped);
	json_t *loaded = json_loads(dumped, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	MUST(loaded && json_bytes_get(loaded, &back) == 0);
	MUST(buf_equal(&back, bytes));
	json_decref(string);
	json_decref(loaded);
}

/* For a terminal: lines stay, and there is nothing left to do the second time. */
static void controls_go(const struct buf *bytes)
{
	_cleanup_buf_ struct buf text = {0}, again = {0};
	MUST(escape_controls(&text, bytes->data, bytes->len) == 0);
	for (size_t i = 0; i < text.len; i++)
		text.data[i] = text.data[i] == '\t' ? '\n' : text.data[i];
	MUST(fuzz_printable(&text, true));
	MUST(escape_controls(&again, buf_text(&text), text.len) == 0);
	MUST(buf_equal(&text, &again));
}

/* Whatever is taken for an escaped text stands for some bytes, which have one spelling. */
static void any_text_back(const struct buf *bytes)
{
	_cleanup_buf_ struct buf raw = {0};
	int r = unescape_text(&raw, bytes->data, bytes->len);
	MUST(r == 0 || r == -EINVAL);
	if (r == 0)
		escapes_and_back(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in);
	escapes_and_back(&bytes);
	survives_json(&bytes);
	controls_go(&bytes);
	any_text_back(&bytes);
	return 0;
}
