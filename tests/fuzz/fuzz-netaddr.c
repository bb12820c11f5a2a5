/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Addresses, one a line: what inet_pton(3) takes and nothing else, one spelling each,
 * and an order among them.
 */
#include "fuzz.h"

#include "base/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX 16

static bool same(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family && a->prefix == b->prefix && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void has_one_spelling(const struct netaddr *a)
{
	struct netaddr back;
	char text[NETADDR_TEXT_LEN];
	netaddr_format(a, text);
	MUST(netaddr_parse(text, &back) == 0);
	MUST(same(a, &back));
	MUST(netaddr_is_host(a) == !strchr(text, '/'));
}

static bool parse(const char *text, struct netaddr *ret)
{
	uint8_t bytes[16];
	int r = netaddr_parse(text, ret);
	MUST(r == 0 || r == -EINVAL || r == -EDOM);
	if (!strchr(text, '/'))
		MUST((r == 0) == (inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1));
	return r == 0;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void fit_together(const struct netaddr *a, const struct netaddr *b)
{
	bool ab = netaddr_contains(a, b), ba = netaddr_contains(b, a);
	MUST((ab && ba) == same(a, b));
	MUST((netaddr_cmp(a, b) == 0) == same(a, b));
	MUST(sign(netaddr_cmp(a, b)) == -sign(netaddr_cmp(b, a)));
	MUST(netaddr_overlaps(a, b) == (ab || ba));
	MUST(netaddr_overlaps(b, a) == (ab || ba));
}

static void from_raw_bytes(const uint8_t *data, size_t size)
{
	uint8_t bytes[16] = {0};
	struct netaddr a;
	if (size)
		memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	netaddr_from_bytes(AF_INET6, bytes, &a);
	has_one_spelling(&a);
	netaddr_from_bytes(AF_INET, bytes, &a);
	has_one_spelling(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	struct netaddr v[MAX];
	size_t n = 0;
	from_raw_bytes(data, size);
	while (in.left && n < MAX) {
		_cleanup_free_ char *line = fuzz_line(&in);
		if (!parse(line, &v[n]))
			continue;
		has_one_spelling(&v[n]);
		for (size_t i = 0; i <= n; i++)
			fit_together(&v[i], &v[n]);
		n++;
	}
	return 0;
}
