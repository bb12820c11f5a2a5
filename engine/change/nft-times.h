/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long elements of sets last: what was asked for, what is there, what others need. Times are
 * in milliseconds, and LEFT_FOREVER for what has no end.
 */
#ifndef RESPOND_CHANGE_NFT_TIMES_H
#define RESPOND_CHANGE_NFT_TIMES_H

#include "base/nft.h"
#include "core/change.h"

#define LEFT_FOREVER INT64_MAX

/* Times of elements are read and written one after the other: what differs by less is the same. */
#define LEFT_SAME_MS 2000

/* How long it lasts yet. */
int64_t left_of(const struct nft_element *element);

/* When what lasts for TTL_MS from now on ends, in seconds since 1970, rounded up to a minute:
 * planned twice at the same time, a change is the same change. */
int64_t left_until(int64_t ttl_ms);

/* How long an element must last yet to count as in force when TTL_MS is asked for (0: no end): a
 * hundredth and a minute (at most half of it) less, so that asking again is not renewing. */
int64_t left_enough(int64_t ttl_ms);

/* The same for a change that was planned earlier, counted from the time that was written down
 * then (left_until(); 0: none was). */
int64_t left_enough_since(int64_t ttl_ms, int64_t until_s);

/* How long another run holds KEY yet. */
int64_t left_held(struct effect *effect, const char *key);

/* Whether LEFT_MS is more than KEEP_MS and a minute, by which times are rounded. */
bool left_exceeds(int64_t left_ms, int64_t keep_ms);

#endif
