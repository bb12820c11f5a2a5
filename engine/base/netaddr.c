/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

static void normalise(struct netaddr *a)
{
	if (a->family != AF_INET6 || a->prefix < 96 || memcmp(a->bytes, mapped, sizeof(mapped)) != 0)
		return;
	struct netaddr v4 = {.family = AF_INET, .prefix = a->prefix - 96};
	memcpy(v4.bytes, a->bytes + sizeof(mapped), 4);
	*a = v4;
}

/* Decimal digits only, no sign, no leading zero. */
static int parse_prefix(const char *text, unsigned max, unsigned *ret)
{
	size_t len = strlen(text);
	if (!len || len > 3 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0'))
		return -EINVAL;
	unsigned n = (unsigned)strtoul(text, NULL, 10);
	if (n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static bool bit(const struct netaddr *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

int netaddr_parse(const char *text, struct netaddr *ret)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';

	struct netaddr a = {.family = strchr(host, ':') ? AF_INET6 : AF_INET};
	if (inet_pton(a.family, host, a.bytes) != 1)
		return -EINVAL;
	a.prefix = family_bits(a.family);
	if (slash && parse_prefix(slash + 1, a.prefix, &a.prefix) < 0)
		return -EINVAL;
	for (unsigned i = a.prefix; i < family_bits(a.family); i++)
		if (bit(&a, i))
			return -EDOM;
	normalise(&a);
	*ret = a;
	return 0;
}

void netaddr_from_bytes(int family, const void *bytes, struct netaddr *ret)
{
	struct netaddr a = {.family = family, .prefix = family_bits(family)};
	memcpy(a.bytes, bytes, a.prefix / 8);
	normalise(&a);
	*ret = a;
}

void netaddr_format(const struct netaddr *a, char ret[NETADDR_TEXT_LEN])
{
	char host[INET6_ADDRSTRLEN] = "?";
	inet_ntop(a->family, a->bytes, host, sizeof(host));
	if (netaddr_is_host(a))
		snprintf(ret, NETADDR_TEXT_LEN, "%s", host);
	else
		snprintf(ret, NETADDR_TEXT_LEN, "%s/%u", host, a->prefix);
}

bool netaddr_is_host(const struct netaddr *a)
{
	return a->prefix == family_bits(a->family);
}

bool netaddr_contains(const struct netaddr *net, const struct netaddr *inner)
{
	if (net->family != inner->family || net->prefix > inner->prefix)
		return false;
	unsigned whole = net->prefix / 8, rest = net->prefix % 8;
	if (memcmp(net->bytes, inner->bytes, whole) != 0)
		return false;
	return !rest || ((net->bytes[whole] ^ inner->bytes[whole]) >> (8 - rest)) == 0;
}

bool netaddr_overlaps(const struct netaddr *a, const struct netaddr *b)
{
	return netaddr_contains(a, b) || netaddr_contains(b, a);
}

int netaddr_cmp(const struct netaddr *a, const struct netaddr *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	int r = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return r ? r : (a->prefix > b->prefix) - (a->prefix < b->prefix);
}
