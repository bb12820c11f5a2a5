/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records of wtmp, btmp and utmp: utmp(5), in the layout that the C library of this
 * architecture has. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_UTMP_CODEC_H
#define RESPOND_PLUGINS_UTMP_CODEC_H

#include "base/netaddr.h"

#include <stddef.h>
#include <sys/types.h>
#include <utmp.h>

#define UTMP_RECORD_LEN sizeof(struct utmp)

struct utmp_record {
	short type;   /* USER_PROCESS, DEAD_PROCESS, LOGIN_PROCESS, BOOT_TIME, ... */
	pid_t pid;
	int64_t time; /* seconds since 1970 */
	char line[UT_LINESIZE + 1]; /* raw bytes, as the others */
	char user[UT_NAMESIZE + 1];
	char host[UT_HOSTSIZE + 1];
	bool has_address;
	struct netaddr address; /* of the peer: as it was recorded, or as the host is written */
};

/* BYTES has UTMP_RECORD_LEN bytes. -EBADMSG: no record that anything writes. -ENODATA: an
 * empty one. */
int utmp_decode(const char *bytes, struct utmp_record *ret);

#endif
