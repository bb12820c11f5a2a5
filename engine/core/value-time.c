/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value-check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Digits of exactly this length off the front of TEXT. */
static bool take_digits(const char **text, size_t len, int *ret)
{
	int n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = (*text)[i];
		if (c < '0' || c > '9')
			return false;
		n = n * 10 + (c - '0');
	}
	*text += len;
	*ret = n;
	return true;
}

static bool take_char(const char **text, const char *chars)
{
	if (!**text || !strchr(chars, **text))
		return false;
	(*text)++;
	return true;
}

/* "Z", "+02:00", "-0530": the seconds to take off; NULL-ended. */
static bool take_zone(const char **text, long *ret)
{
	int hours, minutes, sign = **text == '-' ? -1 : 1;
	*ret = 0;
	if (take_char(text, "Zz"))
		return true;
	if (!take_char(text, "+-") || !take_digits(text, 2, &hours))
		return false;
	take_char(text, ":");
	if (!take_digits(text, 2, &minutes) || hours > 14 || minutes > 59)
		return false;
	*ret = sign * (hours * 3600L + minutes * 60L);
	return true;
}

/* YYYY-MM-DD[ HH:MM[:SS][zone]]: local time where no zone is given. */
static int parse_moment(const char *text, int64_t *ret)
{
	struct tm tm = {.tm_isdst = -1}, given;
	long zone = 0;
	bool zoned = false;
	if (!take_digits(&text, 4, &tm.tm_year) || !take_char(&text, "-") || !take_digits(&text, 2, &tm.tm_mon) ||
	    !take_char(&text, "-") || !take_digits(&text, 2, &tm.tm_mday))
		return -EINVAL;
	if (take_char(&text, " Tt")) {
		if (!take_digits(&text, 2, &tm.tm_hour) || !take_char(&text, ":") || !take_digits(&text, 2, &tm.tm_min))
			return -EINVAL;
		if (take_char(&text, ":") && !take_digits(&text, 2, &tm.tm_sec))
			return -EINVAL;
		if (*text) {
			take_char(&text, " ");
			if (!take_zone(&text, &zone))
				return -EINVAL;
			zoned = true;
		}
	}
	if (*text || tm.tm_year < 1970 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	given = tm;
	time_t t = zoned ? timegm(&tm) : mktime(&tm);
	/* The 31st of June is no day: mktime() would take it for another. */
	if (given.tm_mon != tm.tm_mon || given.tm_mday != tm.tm_mday || t - zone < 0)
		return -EINVAL;
	*ret = t - zone;
	return 0;
}

int check_time(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	int64_t seconds;
	_cleanup_buf_ struct buf no_duration = {0};
	if (text[0] == '@' && text[1] && strspn(text + 1, "0123456789") == strlen(text + 1) && strlen(text) < 14)
		return buf_puts(out, text);
	int r = check_duration(choices, text, out, &no_duration);
	if (r != -EINVAL)
		return r;
	if (parse_moment(text, &seconds) < 0)
		return value_refuse(why, text,
		                    "is not a time: a duration, that long ago (24h, 7d), or 2026-01-31, 2026-01-31 10:00, "
		                    "2026-01-31 10:00:00Z");
	return buf_printf(out, "@%lld", (long long)seconds);
}
