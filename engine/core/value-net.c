/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value-check.h"

#include "base/netaddr.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Whether a number of a dotted address starts with a zero that is not all of it. */
static bool has_leading_zero(const char *text)
{
	for (const char *p = text; *p; p += strcspn(p, "."), p += *p == '.')
		if (p[0] == '0' && isdigit((unsigned char)p[1]))
			return true;
	return false;
}

static bool is_like_name(const char *text)
{
	return strpbrk(text, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") && !strpbrk(text, " ;");
}

/* What is odd about a text that netaddr_parse() does not take. */
static const char *oddity(const char *text)
{
	size_t digits = strspn(text, "0123456789.");
	if (strchr(text, '%'))
		return "an interface ('%') cannot be part of it";
	if (strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0)
		return "hexadecimal numbers are not taken";
	if (is_like_name(text))
		return "names are never looked up, write the address itself";
	if (has_leading_zero(text))
		return "a number with a leading zero is octal to some programs";
	if (digits && text[digits] == '/')
		return "the prefix length of IPv4 is 0 to 32, without leading zeros";
	if (strchr(text, ':') && strchr(text, '/'))
		return "the prefix length of IPv6 is 0 to 128, without leading zeros";
	if (digits == strlen(text))
		return "IPv4 is four numbers from 0 to 255";
	return "write it as 203.0.113.7, 203.0.113.0/24, 2001:db8::7 or 2001:db8::/32";
}

static int parse(const char *whole, const char *text, struct netaddr *ret, struct buf *why)
{
	int r = netaddr_parse(text, ret);
	if (r == -EDOM)
		return value_refuse(why, whole, "has bits set behind its prefix length: write the network's address, or leave the "
		                                "prefix length out to mean one host");
	if (r < 0)
		return value_refuse(why, whole, "is not an IP address: %s", oddity(text));
	return 0;
}

static int check_file(const char *text, struct buf *out, struct buf *why)
{
	buf_puts(out, "file:");
	_cleanup_buf_ struct buf ignored = {0};
	if (check_path(NULL, text + 5, out, &ignored) < 0)
		return value_refuse(why, text, "does not name a file: write file: and an absolute path");
	return 0;
}

int check_address(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	if (strncmp(text, "file:", 5) == 0)
		return check_file(text, out, why);
	struct netaddr a;
	int r = parse(text, text, &a, why);
	if (r < 0)
		return r;
	char spelt[NETADDR_TEXT_LEN];
	netaddr_format(&a, spelt);
	return buf_puts(out, spelt);
}

/* Splits an endpoint into its address, brackets removed, and its port (NULL: none). */
static int split_endpoint(char *text, char **ret_address, char **ret_port)
{
	if (text[0] == '[') {
		char *end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*ret_port = end[1] ? end + 2 : NULL;
		*end = '\0';
		*ret_address = text + 1;
		return 0;
	}
	char *colon = strchr(text, ':');
	bool port = colon && !strchr(colon + 1, ':');
	if (port)
		*colon = '\0';
	*ret_port = port ? colon + 1 : NULL;
	*ret_address = text;
	return 0;
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);
	if (!len || len > 5 || strspn(text, "0123456789") != len || text[0] == '0')
		return false;
	unsigned n = 0;
	for (; *text; text++)
		n = n * 10 + (unsigned)(*text - '0');
	return n <= 65535;
}

int check_endpoint(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	_cleanup_free_ char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	char *address, *port;
	if (strncmp(text, "file:", 5) == 0)
		return value_refuse(why, text, "is not an address: a file cannot be given here");
	if (split_endpoint(copy, &address, &port) < 0)
		return value_refuse(why, text, "is not an address with a port: IPv6 is written as [2001:db8::7]:3333");
	struct netaddr a;
	int r = parse(text, address, &a, why);
	if (r < 0)
		return r;
	if (port && !is_port(port))
		return value_refuse(why, text, "has no valid port: a whole number from 1 to 65535");
	char spelt[NETADDR_TEXT_LEN];
	netaddr_format(&a, spelt);
	if (!port)
		return buf_puts(out, spelt);
	return buf_printf(out, a.family == AF_INET6 ? "[%s]:%s" : "%s:%s", spelt, port);
}
