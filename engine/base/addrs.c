/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int addrs_add(struct addrs *a, const struct netaddr *address)
{
	if (a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : 16;
		struct netaddr *v = reallocarray(a->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		a->v = v;
		a->cap = cap;
	}
	a->v[a->n++] = *address;
	return 0;
}

void addrs_free(struct addrs *a)
{
	free(a->v);
	*a = (struct addrs){0};
}

static int compare(const void *a, const void *b)
{
	return netaddr_cmp(a, b);
}

/* Whether each comes before the next, and none twice. */
static bool is_sorted(const struct addrs *a)
{
	for (size_t i = 1; i < a->n; i++)
		if (netaddr_cmp(&a->v[i - 1], &a->v[i]) >= 0)
			return false;
	return true;
}

void addrs_sort(struct addrs *a)
{
	if (is_sorted(a)) /* most lists are: they have been through here before */
		return;
	qsort(a->v, a->n, sizeof(*a->v), compare);
	size_t n = 1;
	for (size_t i = 1; i < a->n; i++)
		if (netaddr_cmp(&a->v[i], &a->v[n - 1]) != 0)
			a->v[n++] = a->v[i];
	a->n = n;
}

static void mask(struct netaddr *a, unsigned prefix)
{
	a->prefix = prefix;
	for (unsigned i = 0; i < sizeof(a->bytes); i++) {
		unsigned bits = prefix > 8 * i ? prefix - 8 * i : 0;
		if (bits < 8)
			a->bytes[i] &= (uint8_t)(0xff00 >> bits);
	}
}

const struct netaddr *addrs_find(const struct addrs *a, const struct netaddr *address)
{
	if (!a->n)
		return NULL;
	/* Whatever contains the address is one of its own prefixes. */
	for (int prefix = (int)address->prefix; prefix >= 0; prefix--) {
		struct netaddr net = *address;
		mask(&net, (unsigned)prefix);
		const struct netaddr *found = bsearch(&net, a->v, a->n, sizeof(*a->v), compare);
		if (found)
			return found;
	}
	return NULL;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the comment and the blanks around off a line. */
static void trim(const char **text, size_t *len)
{
	const char *hash = memchr(*text, '#', *len);
	if (hash)
		*len = (size_t)(hash - *text);
	while (*len && blank((*text)[*len - 1]))
		--*len;
	while (*len && blank(**text))
		++*text, --*len;
}

static int read_line(const char *text, size_t len, struct addrs *ret, int *ret_error)
{
	char copy[NETADDR_TEXT_LEN];
	struct netaddr a;
	*ret_error = -EINVAL;
	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*ret_error = netaddr_parse(copy, &a);
	return *ret_error == 0 ? addrs_add(ret, &a) : 0;
}

int addrs_read(const char *text, size_t len, struct addrs *ret,
               int (*bad)(void *ctx, size_t line, const char *text, size_t len, int error), void *ctx)
{
	const char *end = text + len;
	for (size_t line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline ? newline + 1 : end;
		size_t n = (size_t)((newline ? newline : end) - text);
		int error = 0;
		trim(&text, &n);
		int r = n ? read_line(text, n, ret, &error) : 0;
		if (r == 0 && error)
			r = bad(ctx, line, text, n, error);
		if (r)
			return r;
		text = next;
	}
	return 0;
}

int addrs_write(const struct addrs *a, struct buf *ret)
{
	for (size_t i = 0; i < a->n; i++) {
		char text[NETADDR_TEXT_LEN];
		netaddr_format(&a->v[i], text);
		buf_puts(ret, text);
		buf_putc(ret, '\n');
	}
	return buf_error(ret);
}
