/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * IPv4 and IPv6 addresses and prefixes, as text only: never a name, never a lookup.
 *
 * The spelling is inet_pton(3)'s: dotted decimal without leading zeros or short
 * forms, RFC 4291 for IPv6. IPv4-mapped IPv6 addresses (::ffff:a.b.c.d, and
 * prefixes of /96 and longer) become the IPv4 address they stand for.
 */
#ifndef RESPOND_BASE_NETADDR_H
#define RESPOND_BASE_NETADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct netaddr {
	int family;        /* AF_INET or AF_INET6 */
	unsigned prefix;   /* bits: 32 or 128 for a host */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest are 0 */
};

#define NETADDR_TEXT_LEN 64

/* -EINVAL: not an address. -EDOM: bits set behind the prefix (10.0.0.1/8). */
int netaddr_parse(const char *text, struct netaddr *ret);

/* A host address from raw network-order bytes; a mapped one is normalised. */
void netaddr_from_bytes(int family, const void *bytes, struct netaddr *ret);

/* "203.0.113.67", "2001:db8::/32"; a host is written without its prefix. */
void netaddr_format(const struct netaddr *a, char ret[NETADDR_TEXT_LEN]);

bool netaddr_is_host(const struct netaddr *a);
bool netaddr_contains(const struct netaddr *net, const struct netaddr *inner);
bool netaddr_overlaps(const struct netaddr *a, const struct netaddr *b);
int netaddr_cmp(const struct netaddr *a, const struct netaddr *b); /* family, bytes, prefix */

#endif
