/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the types of the playbook language accept, one function a type (value.c has
 * their table). Each appends the normalised spelling to OUT, or returns -EINVAL with
 * a sentence in WHY.
 */
#ifndef RESPOND_CORE_VALUE_CHECK_H
#define RESPOND_CORE_VALUE_CHECK_H

#include "base/buf.h"

typedef int check_fn(const char *choices, const char *text, struct buf *out, struct buf *why);

check_fn check_address, check_endpoint;                /* value-net.c */
check_fn check_fingerprint, check_key, check_option;   /* value-ssh.c */
check_fn check_time;                                   /* value-time.c */
check_fn check_unit;                                   /* value-unit.c */
check_fn check_package;                                /* value-package.c */
check_fn check_path, check_duration;                   /* value.c */

/* Not empty, UTF-8, and no control character but the tab. WHAT: "text", "user name". */
int value_plain(const char *what, const char *text, struct buf *why);

/* No other characters than those of LETTERS (ASCII), for the name of WHAT: "unit". */
int value_spelt(const char *what, const char *letters, const char *text, struct buf *why);

/* "'TEXT' ..." into WHY, TEXT escaped; returns -EINVAL. */
int value_refuse(struct buf *why, const char *text, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
