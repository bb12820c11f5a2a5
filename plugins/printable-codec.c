/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "printable-codec.h"

static bool is_printable(char c)
{
	return (c >= ' ' && c <= '~') || c == '\t';
}

int printable_find(const char *bytes, size_t len, size_t max, struct strv *ret)
{
	size_t used = 0, start = 0;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_printable(bytes[i]))
			continue;
		size_t n = i - start < PRINTABLE_MAX ? i - start : PRINTABLE_MAX;
		if (i - start >= PRINTABLE_MIN) {
			if (used + n > max)
				return 1;
			int r = strv_addn(ret, bytes + start, n);
			if (r < 0)
				return r;
			used += n;
		}
		start = i + 1;
	}
	return 0;
}
