/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Time that only goes forward (CLOCK_MONOTONIC): for deadlines and pauses, never for
 * a record that people read.
 */
#ifndef RESPOND_BASE_CLOCK_H
#define RESPOND_BASE_CLOCK_H

#include <stdint.h>

int64_t monotonic_ns(void);
int64_t monotonic_ms(void);

/* The whole pause, also when a signal comes in between. */
void sleep_ms(unsigned ms);

#endif
