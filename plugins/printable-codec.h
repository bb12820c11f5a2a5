/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The readable texts in a file of any kind, as strings(1) finds them. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_PRINTABLE_CODEC_H
#define RESPOND_PLUGINS_PRINTABLE_CODEC_H

#include "base/buf.h"

#define PRINTABLE_MIN 6   /* characters, shorter ones are chance */
#define PRINTABLE_MAX 256 /* longer ones are cut */

/* Appends runs of printable ASCII to RET, in their order, as long as all of them together have
 * no more than MAX bytes. 1: there was more; 0; -ENOMEM. */
int printable_find(const char *bytes, size_t len, size_t max, struct strv *ret);

#endif
