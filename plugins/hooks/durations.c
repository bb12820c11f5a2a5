/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "durations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MINUTE 60u
#define HOUR 3600u
#define HOURS_MAX (36500u * 24)
#define SECOND_NS 1000000000u

void duration_of(uint64_t seconds, char ret[DURATION_LEN])
{
	uint64_t minutes = seconds / MINUTE + (seconds % MINUTE != 0), hours = seconds / HOUR + (seconds % HOUR != 0);
	if (minutes < 60)
		snprintf(ret, DURATION_LEN, "%" PRIu64 "m", minutes);
	else
		snprintf(ret, DURATION_LEN, "%" PRIu64 "h", hours < HOURS_MAX ? hours : HOURS_MAX);
}

static bool is_digit(struct slice s)
{
	return s.len && s.p[0] >= '0' && s.p[0] <= '9';
}

/* Nanoseconds; longer names before those that they begin with. */
static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000},     {"\xce\xbcs", 1000},
	{"ms", 1000000}, {"s", SECOND_NS}, {"m", 60ull * SECOND_NS}, {"h", 3600ull * SECOND_NS},
};

static uint64_t take_unit(struct slice *s)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!slice_starts(*s, units[i].name))
			continue;
		size_t len = 0;
		while (units[i].name[len])
			len++;
		*s = slice_from(*s, len);
		return units[i].ns;
	}
	return 0;
}

/* "1.5h": what it adds. What does not fit into 64 bits is -EINVAL: Go does not write it. */
static int take_part(struct slice *s, uint64_t *total)
{
	uint64_t whole = 0, unit, ns;
	struct slice fraction;
	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); *s = slice_from(*s, 1))
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (unsigned)(s->p[0] - '0'), &whole))
			return -EINVAL;
	fraction = (struct slice){s->p, 0};
	if (s->len && s->p[0] == '.') {
		fraction = *s = slice_from(*s, 1);
		if (!is_digit(*s))
			return -EINVAL;
		while (is_digit(*s))
			*s = slice_from(*s, 1);
		fraction.len -= s->len;
	}
	unit = take_unit(s);
	if (!unit || __builtin_mul_overflow(whole, unit, &ns) || __builtin_add_overflow(*total, ns, total))
		return -EINVAL;
	for (size_t i = 0; i < fraction.len; i++) {
		unit /= 10;
		if (__builtin_add_overflow(*total, unit * (unsigned)(fraction.p[i] - '0'), total))
			return -EINVAL;
	}
	return 0;
}

int duration_read(struct slice text, uint64_t *ret_seconds, bool *ret_past)
{
	uint64_t ns = 0;
	bool minus = text.len && text.p[0] == '-';
	if (minus)
		text = slice_from(text, 1);
	if (!text.len)
		return -EINVAL;
	if (slice_is(text, "0"))
		text.len = 0;
	while (text.len) {
		int r = take_part(&text, &ns);
		if (r < 0)
			return r;
	}
	*ret_seconds = ns / SECOND_NS + (ns % SECOND_NS != 0);
	*ret_past = minus || ns == 0;
	return 0;
}
