/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Time that only goes forward (CLOCK_MONOTONIC) is for pauses and for how long to try:
 * never for a record. The time of day is for what must outlast a reboot.
 */
#ifndef RESPOND_BASE_CLOCK_H
#define RESPOND_BASE_CLOCK_H

#include "base/buf.h"

#include <stdint.h>

int64_t monotonic_ns(void);
int64_t monotonic_ms(void);

int64_t realtime_ms(void); /* since 1970 */

/* "10m", "24h", "7d": in the largest unit that needs no fraction; days from two on: 24h
 * is what people write. */
int span_format(int64_t ms, struct buf *ret);

/* The whole pause, also when a signal comes in between. */
void sleep_ms(unsigned ms);

#endif
