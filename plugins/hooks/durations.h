/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long a source wants something to last, as a playbook's input of type duration takes it.
 */
#ifndef RESPOND_HOOKS_DURATIONS_H
#define RESPOND_HOOKS_DURATIONS_H

#include "base/slice.h"

#include <stdint.h>

#define DURATION_LEN 24

/* Rounded up to whole minutes below an hour, and to whole hours from there on: what began
 * together has one duration; at most 36500 days. */
void duration_of(uint64_t seconds, char ret[DURATION_LEN]);

/* "4h", "-1h2m3.5s", "300ms": as Go writes durations. RET_SECONDS is rounded up; RET_PAST: the
 * duration is not positive. -EINVAL. */
int duration_read(struct slice text, uint64_t *ret_seconds, bool *ret_past);

#endif
