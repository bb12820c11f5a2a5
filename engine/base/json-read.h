/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading JSON by jansson, without its two surprises: a lack of memory, which it tells as a bad
 * token or not at all (it leaves out a part of a text), and members that are there twice.
 */
#ifndef RESPOND_BASE_JSON_READ_H
#define RESPOND_BASE_JSON_READ_H

#include "base/buf.h"

#include <jansson.h>

/* One value of any kind and nothing behind it; a new reference. -EINVAL with what is wrong, fit
 * to be printed, in RET_WHY (may be NULL); -ENOMEM. FLAGS are jansson's, beside those that refuse
 * duplicates and take any value. Not for several threads at once. */
int json_read(const char *bytes, size_t len, size_t flags, json_t **ret, struct buf *ret_why);

void json_free(json_t **json);
#define _cleanup_json_ _cleanup_(json_free)

#endif
