/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-times.h"

#include <time.h>

int64_t left_of(const struct nft_element *element)
{
	return element->timeout_ms ? (int64_t)element->left_ms : LEFT_FOREVER;
}

int64_t left_until(int64_t ttl_ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t s = now.tv_sec + (ttl_ms + 999) / 1000;
	return (s + 59) / 60 * 60;
}

int64_t left_enough(int64_t ttl_ms)
{
	int64_t minute = ttl_ms / 2 < 60000 ? ttl_ms / 2 : 60000;
	return ttl_ms ? ttl_ms - minute - ttl_ms / 100 : LEFT_FOREVER;
}

int64_t left_enough_since(int64_t ttl_ms, int64_t until_s)
{
	struct timespec now;
	if (!until_s)
		return left_enough(ttl_ms);
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t passed = ttl_ms - ((until_s - 60 - now.tv_sec) * 1000 - now.tv_nsec / 1000000);
	int64_t left = left_enough(ttl_ms) - (passed > 0 ? passed : 0);
	return left > 0 ? left : 0;
}

int64_t left_held(struct effect *effect, const char *key)
{
	int64_t until = effect->held_until(effect, key), left = (until - (int64_t)time(NULL)) * 1000;
	return !until ? LEFT_FOREVER : left > 1000 ? left : 1000;
}

bool left_exceeds(int64_t left_ms, int64_t keep_ms)
{
	return keep_ms != LEFT_FOREVER && (left_ms == LEFT_FOREVER || left_ms > keep_ms + 60000);
}
