/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What systemctl show says, and unit files: a unit that is understood has a name and
 * every text that is asked of it; what [Install] gives are words.
 */
#include "fuzz.h"

#include "change/unit-codec.h"

#include <errno.h>
#include <string.h>

static void show(const struct buf *text)
{
	_cleanup_units_ struct unit_infos infos = {0};
	int r = unit_parse_show(text, &infos);
	MUST(r == 0 || r == -EBADMSG);
	MUST(r == 0 || !infos.v);
	for (size_t i = 0; i < infos.n; i++) {
		const struct unit_info *u = &infos.v[i];
		MUST(u->id && u->id[0] && u->names.n);
		MUST(u->load && u->active && u->sub && u->file_state && u->fragment && u->source && u->cgroup && u->invocation);
		unit_is_up(u);
		for (size_t k = 0; k < u->listen.n; k++)
			MUST(!strchr(u->listen.v[k], '\n'));
		MUST(u->listen.n || !unit_listens_on(u, false, 22));
		MUST(!(unit_is_template(u->id) && unit_is_instance(u->id)));
		_cleanup_buf_ struct buf template = {0};
		if (unit_is_instance(u->id) && unit_template_of(u->id, &template) == 0)
			MUST(unit_is_template(buf_text(&template)));
	}
}

static void check_words(const struct strv *words, const char *unit)
{
	for (size_t i = 0; i < words->n; i++) {
		_cleanup_buf_ struct buf expanded = {0};
		MUST(!strchr(words->v[i], '\n'));
		int r = unit_expand(words->v[i], unit, &expanded);
		MUST(r == 0 || r == -EOPNOTSUPP);
		MUST(r < 0 || strchr(words->v[i], '%') || strcmp(buf_text(&expanded), words->v[i]) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf shown = fuzz_part(&in), name = fuzz_part(&in), file = fuzz_rest(&in);
	_cleanup_(unit_install_free) struct unit_install install = {0};
	_cleanup_free_ char *unit = fuzz_string(&name);
	unit[strcspn(unit, "\n")] = '\0';
	show(&shown);
	MUST(unit_parse_install(&file, &install) == 0);
	check_words(&install.wanted_by, unit);
	check_words(&install.required_by, unit);
	check_words(&install.upheld_by, unit);
	check_words(&install.alias, unit);
	check_words(&install.also, unit);
	return 0;
}
