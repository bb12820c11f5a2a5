/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/contained-codec.h"

#include <errno.h>
#include <string.h>

#define HEADER "respond-contained 1\n"
#define HEADER_LEN (sizeof(HEADER) - 1)
#define USER "user "
#define ADDRESS "address "

bool contained_whole(const char *text, size_t len)
{
	return len >= HEADER_LEN && memcmp(text, HEADER, HEADER_LEN) == 0 && text[len - 1] == '\n';
}

static bool starts(const char *at, size_t len, const char *word)
{
	return len > strlen(word) && memcmp(at, word, strlen(word)) == 0;
}

/* A number and a blank; -1: there is none. */
static int64_t take_until(const char **at, const char *end)
{
	int64_t n = 0;
	const char *p = *at;
	for (; p < end && *p >= '0' && *p <= '9' && p - *at < 18; p++)
		n = n * 10 + (*p - '0');
	if (p == *at || p == end || *p != ' ')
		return -1;
	*at = p + 1;
	return n;
}

static bool read_address(const char *at, size_t len, struct netaddr *ret)
{
	char text[NETADDR_TEXT_LEN];
	if (len >= sizeof(text) || memchr(at, '\0', len))
		return false;
	memcpy(text, at, len);
	text[len] = '\0';
	return netaddr_parse(text, ret) == 0;
}

static int read_who(const char *at, size_t len, struct contained *ret)
{
	ret->who = at;
	ret->who_len = len;
	ret->user = NULL;
	ret->user_len = 0;
	if (starts(at, len, USER)) {
		ret->user = at + strlen(USER);
		ret->user_len = len - strlen(USER);
		return memchr(ret->user, '\0', ret->user_len) ? -EINVAL : 1;
	}
	return starts(at, len, ADDRESS) && read_address(at + strlen(ADDRESS), len - strlen(ADDRESS), &ret->address) ? 1 : -EINVAL;
}

int contained_next(const char **at, const char *end, struct contained *ret)
{
	if (*at >= end)
		return 0;
	const char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));
	const char *stop = newline ? newline : end;
	*at = newline ? newline + 1 : end;
	ret->until = take_until(&line, stop);
	/* Half a line may name somebody else. */
	if (!newline || ret->until < 0 || stop - line > CONTAINED_LINE_MAX)
		return -EINVAL;
	return read_who(line, (size_t)(stop - line), ret);
}

static const char *first_line(const char *text, size_t len)
{
	return text + (len >= HEADER_LEN && memcmp(text, HEADER, HEADER_LEN) == 0 ? HEADER_LEN : 0);
}

static bool is_over(const struct contained *c, int64_t now)
{
	return c->until && c->until <= now;
}

static bool is_meant(const struct contained *c, const char *user, const struct netaddr *addresses, size_t n)
{
	if (c->user)
		return user && strlen(user) == c->user_len && memcmp(user, c->user, c->user_len) == 0;
	for (size_t i = 0; i < n; i++)
		if (netaddr_contains(&c->address, &addresses[i]))
			return true;
	return false;
}

bool contained_match(const char *text, size_t len, const char *user, const struct netaddr *addresses, size_t n,
                     int64_t now, bool *ret_damaged)
{
	const char *at = first_line(text, len);
	struct contained c;
	bool found = false;
	int r;
	*ret_damaged = !contained_whole(text, len);
	while (!found && (r = contained_next(&at, text + len, &c)) != 0) {
		if (r < 0)
			*ret_damaged = true;
		else
			found = !is_over(&c, now) && is_meant(&c, user, addresses, n);
	}
	return found;
}

static bool is_who(const struct contained *c, const char *who)
{
	return strlen(who) == c->who_len && memcmp(who, c->who, c->who_len) == 0;
}

static int put(struct buf *out, int64_t until, const char *who, size_t len)
{
	buf_printf(out, "%lld ", (long long)until);
	buf_add(out, who, len);
	return buf_putc(out, '\n');
}

static bool is_valid(const char *who)
{
	struct contained c;
	size_t len = strlen(who);
	return len <= CONTAINED_LINE_MAX && !strchr(who, '\n') && read_who(who, len, &c) == 1;
}

int contained_set(const struct buf *text, const char *who, int64_t until, int64_t now, struct buf *ret)
{
	const char *at = first_line(buf_text(text), text->len), *end = buf_text(text) + text->len;
	struct contained c;
	int r;
	if (!is_valid(who))
		return -EINVAL;
	buf_puts(ret, HEADER);
	while ((r = contained_next(&at, end, &c)) != 0)
		if (r > 0 && !is_over(&c, now) && !is_who(&c, who))
			put(ret, c.until, c.who, c.who_len);
	if (until >= 0)
		put(ret, until, who, strlen(who));
	return buf_error(ret) ? buf_error(ret) : ret->len > CONTAINED_MAX ? -EFBIG : 0;
}

int64_t contained_until(const struct buf *text, const char *who, int64_t now)
{
	const char *at = first_line(buf_text(text), text->len), *end = buf_text(text) + text->len;
	struct contained c;
	int64_t until = -1;
	int r;
	while (until != 0 && (r = contained_next(&at, end, &c)) != 0)
		if (r > 0 && !is_over(&c, now) && is_who(&c, who) && (!c.until || c.until > until))
			until = c.until;
	return until;
}
