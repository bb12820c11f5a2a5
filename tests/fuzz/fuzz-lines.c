/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with the form (plain, sudoers, udev, words, modules), what is searched for
 * (strip.h), then a file of that form.
 */
#include "strip.h"

#include "line-edit.h"

#include <stdlib.h>

static enum line_form form;

static int strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits,
                 void *ctx)
{
	(void)ctx;
	return lines_strip(form, text, search, ret, ret_hits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *line = fuzz_line(&in);
	_cleanup_strv_ struct strv entries = {0};
	form = line[0] == 's'   ? LINES_SUDOERS
	       : line[0] == 'u' ? LINES_UDEV
	       : line[0] == 'w' ? LINES_WORDS
	       : line[0] == 'm' ? LINES_MODULES
	                        : LINES_PLAIN;
	fuzz_strip_all(&in, strip, NULL);
	struct fuzz_input all = {(const char *)data, size};
	_cleanup_buf_ struct buf text = fuzz_rest(&all);
	MUST(preload_entries(&text, &entries) == 0);
	return 0;
}
