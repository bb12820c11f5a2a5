/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * respond.conf(5): taken whole, with every number in its range, or refused with all that
 * is wrong and nothing of it taken.
 */
#include "fuzz.h"

#include "core/config.h"

#include <errno.h>

static void is_sound(const struct config *c)
{
	MUST(c->min_prefix4 >= 1 && c->min_prefix4 <= 32);
	MUST(c->min_prefix6 >= 1 && c->min_prefix6 <= 128);
	MUST(c->max_processes && c->max_files && c->max_addresses && c->max_rounds);
	for (size_t i = 0; i < c->n_addresses; i++) {
		struct netaddr back;
		char text[NETADDR_TEXT_LEN];
		netaddr_format(&c->addresses[i], text);
		MUST(netaddr_parse(text, &back) == 0 && netaddr_cmp(&back, &c->addresses[i]) == 0);
	}
	for (size_t i = 0; i < c->paths.n; i++)
		MUST(c->paths.v[i][0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in), told = {0};
	_cleanup_(config_free) struct config config = {0};
	struct diags diags = {0};
	int r = config_parse(&bytes, &config, &diags);
	MUST(r == (diags.n ? -EINVAL : 0));
	MUST(diags_print(&diags, &told) == 0);
	MUST(fuzz_printable(&told, true));
	if (r == 0)
		is_sound(&config);
	else
		MUST(!config.max_rounds && !config.addresses && !config.users.v);
	diags_free(&diags);
	return 0;
}
