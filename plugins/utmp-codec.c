/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "utmp-codec.h"

#include <errno.h>
#include <string.h>

static void copy_field(char *ret, const char *field, size_t size)
{
	size_t n = strnlen(field, size);
	memcpy(ret, field, n);
	ret[n] = '\0';
}

/* An IPv4 address stands in the first word, with nothing behind it. */
static void read_address(const struct utmp *u, struct utmp_record *ret)
{
	static const int32_t none[4];
	if (memcmp(u->ut_addr_v6, none, sizeof(none)) != 0) {
		bool v4 = memcmp(u->ut_addr_v6 + 1, none, sizeof(none) - sizeof(*none)) == 0;
		netaddr_from_bytes(v4 ? AF_INET : AF_INET6, u->ut_addr_v6, &ret->address);
		ret->has_address = true;
		return;
	}
	ret->has_address = netaddr_parse(ret->host, &ret->address) == 0 && netaddr_is_host(&ret->address);
}

int utmp_decode(const char *bytes, struct utmp_record *ret)
{
	struct utmp u;
	memcpy(&u, bytes, sizeof(u));
	struct utmp_record r = {.type = u.ut_type, .pid = u.ut_pid, .time = u.ut_tv.tv_sec};
	if (u.ut_type == EMPTY)
		return -ENODATA;
	if (u.ut_type < EMPTY || u.ut_type > ACCOUNTING || u.ut_tv.tv_sec < 0 || u.ut_tv.tv_usec < 0 ||
	    u.ut_tv.tv_usec >= 1000000 || u.ut_pid < 0)
		return -EBADMSG;
	copy_field(r.line, u.ut_line, sizeof(u.ut_line));
	copy_field(r.user, u.ut_user, sizeof(u.ut_user));
	copy_field(r.host, u.ut_host, sizeof(u.ut_host));
	read_address(&u, &r);
	*ret = r;
	return 0;
}
