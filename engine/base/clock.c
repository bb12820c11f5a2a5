/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

int64_t monotonic_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t monotonic_ms(void)
{
	return monotonic_ns() / 1000000;
}

int64_t realtime_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int span_format(int64_t ms, struct buf *ret)
{
	static const struct {
		int64_t ms, at_least;
		const char *unit;
	} units[] = {{86400000, 2 * 86400000LL, "d"}, {3600000, 0, "h"}, {60000, 0, "m"}, {1000, 0, "s"}, {1, 0, "ms"}};
	size_t i = 0;
	while (ms % units[i].ms || ms < units[i].at_least)
		i++;
	return buf_printf(ret, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

void sleep_ms(unsigned ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}
