/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is searched for (strip.h), then a script.
 */
#include "strip.h"

#include "shell-edit.h"

static int strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits,
                 void *ctx)
{
	size_t lines = 0;
	int mentions = script_mentions(text, search, NULL);
	int r = shell_strip(text, search, ret, ret_hits);
	(void)ctx;
	MUST(mentions >= 0 && script_count_lines(text, &lines) == 0);
	for (size_t i = 0; r == 0 && i < ret_hits->n; i++)
		MUST(ret_hits->v[i].what == HIT_COMMENT || mentions == 1);
	MUST(r < 0 || ret_hits->live <= lines);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	fuzz_strip_all(&in, strip, NULL);
	return 0;
}
