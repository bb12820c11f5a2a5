/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value-check.h"

#include <string.h>

#define PACKAGE_NAME_MAX 200

/* deb-control(5), Package, with an architecture as apt-get(8) takes it. That also takes "name-"
 * for a removal, and patterns: neither is a name. */
int check_package(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-._:";
	int r = value_plain("package name", text, why);
	if (r == 0)
		r = value_spelt("package", letters, text, why);
	if (r < 0)
		return r;
	size_t len = strlen(text);
	if (strchr("+-._:", text[0]) || strchr("-.:", text[len - 1]) || strchr(text, ':') != strrchr(text, ':') ||
	    len > PACKAGE_NAME_MAX)
		return value_refuse(why, text, "cannot be the name of a package");
	return buf_puts(out, text);
}
