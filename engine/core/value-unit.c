/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value-check.h"

#include <errno.h>
#include <string.h>

#define UNIT_NAME_MAX 255

static const char *const unit_types[] = {
	"service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice", "scope", "device",
};

static bool has_type(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(unit_types) / sizeof(*unit_types); i++)
		if (strcmp(dot + 1, unit_types[i]) == 0)
			return true;
	return false;
}

/* As systemctl(1) takes it: a name without a type is a service's. "-.mount" is a unit, too,
 * and no service: a dash in front is left to options. */
int check_unit(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
	bool typed = has_type(text);
	size_t len = strlen(text) + (typed ? 0 : strlen(".service"));
	int r = value_plain("unit name", text, why);
	if (r < 0)
		return r;
	r = value_spelt("unit", letters, text, why);
	if (r < 0) {
		buf_puts(why, "; write a name as systemctl(1) shows it");
		return r;
	}
	if (text[0] == '-' || text[0] == '.' || text[0] == '@' || len > UNIT_NAME_MAX)
		return value_refuse(why, text, "cannot be the name of a unit");
	return buf_printf(out, "%s%s", text, typed ? "" : ".service");
}
