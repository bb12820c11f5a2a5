/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The list of who is contained, which pam_respond.so reads at every login:
 *
 *     respond-contained 1
 *     0 user mallory
 *     1764100800 address 203.0.113.0/24
 *
 * One a line: until when, in seconds since 1970 (0: until it is taken out), and who. Pure:
 * bytes in, bytes out; reading allocates nothing, so that a login cannot fail by it.
 */
#ifndef RESPOND_CHANGE_CONTAINED_CODEC_H
#define RESPOND_CHANGE_CONTAINED_CODEC_H

#include "base/buf.h"
#include "base/netaddr.h"

#include <stdint.h>

#define CONTAINED_FILE LOCALSTATEDIR "/lib/respond/contained/list"
#define CONTAINED_MAX (1024 * 1024) /* bytes of the list */
#define CONTAINED_LINE_MAX 300

struct contained {
	int64_t until;          /* 0: without end */
	const char *who;        /* "user mallory"; points into the text, and is not ended by a NUL */
	size_t who_len;
	const char *user;       /* the name within WHO; NULL: an address */
	size_t user_len;
	struct netaddr address;
};

/* Whether the text is whole: its first line, and the newline at its end. */
bool contained_whole(const char *text, size_t len);

/* The entry on the next line at *AT, which goes behind it: 1. 0: no more. -EINVAL: the line
 * is no entry; it is passed over. */
int contained_next(const char **at, const char *end, struct contained *ret);

/* Whether USER (may be NULL) or one of the addresses is on the list at the time NOW. Damage
 * does not hide the entries that can be read; *RET_DAMAGED tells of it. */
bool contained_match(const char *text, size_t len, const char *user, const struct netaddr *addresses, size_t n,
                     int64_t now, bool *ret_damaged);

/* The list with one more, or fewer. Entries that are over, and lines that are none, go. TEXT
 * may be empty. UNTIL replaces what the list has; -1 takes WHO out. -EINVAL: it cannot be on
 * a list; -EFBIG. */
int contained_set(const struct buf *text, const char *who, int64_t until, int64_t now, struct buf *ret);

/* Until when WHO is on the list at the time NOW: 0 without end, -1: it is not. */
int64_t contained_until(const struct buf *text, const char *who, int64_t now);

#endif
