/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with the form (unit, desktop), what is searched for (strip.h), then a file of that
 * form.
 */
#include "strip.h"

#include "unit-file-edit.h"

#include <errno.h>
#include <stdlib.h>

static enum unit_form form;

static int strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits,
                 void *ctx)
{
	struct unit_verdict verdict = {0};
	_cleanup_strv_ struct strv values = {0};
	int r = unit_file_strip(form, text, search, ret, ret_hits, &verdict);
	(void)ctx;
	if (r == 0)
		MUST(ret_hits->taken || (!verdict.purpose && !verdict.empty));
	MUST(unit_file_values(text, "Timer", "Unit", &values) == (r == -EFBIG ? r : 0));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *line = fuzz_line(&in);
	form = line[0] == 'd' ? UNIT_DESKTOP : UNIT_FILE;
	fuzz_strip_all(&in, strip, NULL);
	return 0;
}
