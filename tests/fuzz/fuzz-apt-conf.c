/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is searched for (strip.h), then a configuration of apt.
 */
#include "strip.h"

#include "apt-conf-edit.h"

static int strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits,
                 void *ctx)
{
	(void)ctx;
	return apt_conf_strip(text, search, ret, ret_hits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	fuzz_strip_all(&in, strip, NULL);
	return 0;
}
