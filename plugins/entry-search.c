/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "entry-search.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* Whether a path could go on with this byte, so that what is found is but a part of it. */
static bool goes_on(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("_-./+@~\\", c));
}

static bool comes_before(char c)
{
	return goes_on(c) || c == '}' || c == ')' || c == '$';
}

bool names_path(struct slice s, const char *path)
{
	size_t len = strlen(path);
	struct slice rest = s;
	const char *at;
	while (len && (at = memmem(rest.p, rest.len, path, len))) {
		bool begins = at == s.p || !comes_before(at[-1]);
		bool ends = at + len == s.p + s.len || !goes_on(at[len]);
		if (begins && ends)
			return true;
		rest = (struct slice){at + 1, (size_t)(s.p + s.len - at) - 1};
	}
	return false;
}

bool take_path(struct slice *s, struct slice *ret)
{
	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] != '/' || (i && comes_before(s->p[i - 1])))
			continue;
		size_t n = 1;
		while (i + n < s->len && goes_on(s->p[i + n]) && s->p[i + n] != '\\')
			n++;
		*ret = (struct slice){s->p + i, n};
		*s = slice_from(*s, i + n);
		return true;
	}
	*s = slice_from(*s, s->len);
	return false;
}

/* A name could go on with this byte. */
static bool in_host(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

/* "evil.example" is in "http://EVIL.example:80/x" and "u@evil.example.", but neither in
 * "notevil.example" nor in "evil.example.org"; a name below it is its owner's, too. */
static bool names_host(struct slice s, const char *host)
{
	size_t len = strlen(host);
	for (size_t i = 0; len && i + len <= s.len; i++) {
		if (strncasecmp(s.p + i, host, len) != 0 || (i && in_host(s.p[i - 1])))
			continue;
		size_t end = i + len;
		bool dotted = end + 1 < s.len && s.p[end] == '.' && in_host(s.p[end + 1]);
		if (!dotted && (end == s.len || !in_host(s.p[end])))
			return true;
	}
	return false;
}

static bool in_address(char c)
{
	return isxdigit((unsigned char)c) || c == '.' || c == ':';
}

static bool parse_host(const char *p, size_t len, struct netaddr *ret)
{
	char text[NETADDR_TEXT_LEN];
	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	return netaddr_parse(text, ret) == 0;
}

/* A run of the bytes that addresses consist of; a port may follow, or a full stop. */
static bool read_address(struct slice run, struct netaddr *ret)
{
	const char *colon = memchr(run.p, ':', run.len);
	while (run.len && run.p[run.len - 1] == '.')
		run.len--;
	if (parse_host(run.p, run.len, ret) || (colon && parse_host(run.p, (size_t)(colon - run.p), ret)))
		return true;
	return run.len && run.p[run.len - 1] == ':' && parse_host(run.p, run.len - 1, ret);
}

static bool names_net(struct slice s, const char *net_text)
{
	struct netaddr net, found;
	if (netaddr_parse(net_text, &net) < 0)
		return false;
	for (size_t i = 0, n; i < s.len; i += n) {
		for (n = 0; i + n < s.len && in_address(s.p[i + n]); n++)
			;
		bool begins = i == 0 || !(isalnum((unsigned char)s.p[i - 1]) || strchr("_-", s.p[i - 1]));
		bool ends = i + n == s.len || !(isalnum((unsigned char)s.p[i + n]) || strchr("_-", s.p[i + n]));
		if (n && begins && ends && read_address((struct slice){s.p + i, n}, &found) &&
		    netaddr_contains(&net, &found))
			return true;
		n += !n;
	}
	return false;
}

/* Whether anything in it is written otherwise than it is meant; rarely. */
static bool is_spelled(struct slice s, bool paths)
{
	return slice_holds(s, "\\%") || (paths && (slice_holds(s, "//") || slice_holds(s, "/./")));
}

/* What the shell gets for what is written: \% is a percent sign. For paths also /./ and
 * doubled slashes as one. */
static int spell_out(struct slice s, bool paths, struct buf *room, struct slice *ret)
{
	*ret = s;
	if (!is_spelled(s, paths))
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		const char *p = s.p + i;
		size_t left = s.len - i;
		if (left > 1 && p[0] == '\\' && p[1] == '%')
			continue;
		if (paths && left > 1 && p[0] == '/' && p[1] == '/')
			continue;
		if (paths && left > 2 && p[0] == '/' && p[1] == '.' && p[2] == '/') {
			i++;
			continue;
		}
		buf_putc(room, *p);
	}
	*ret = slice_of(room);
	return buf_error(room);
}

static bool any(const struct strv *list, struct slice s, bool (*found)(struct slice s, const char *text),
                const char **ret_why)
{
	for (size_t i = 0; list && i < list->n; i++) {
		if (!found(s, list->v[i]))
			continue;
		if (ret_why)
			*ret_why = list->v[i];
		return true;
	}
	return false;
}

bool search_is_empty(const struct entry_search *search)
{
	return !(search->texts && search->texts->n) && !(search->paths && search->paths->n) &&
	       !(search->hosts && search->hosts->n) && !(search->nets && search->nets->n);
}

int search_finds(const struct entry_search *search, struct slice command, const char **ret_why)
{
	_cleanup_buf_ struct buf plain_room = {0}, paths_room = {0};
	struct slice plain, paths;
	int r = spell_out(command, false, &plain_room, &plain);
	if (r == 0)
		r = spell_out(command, true, &paths_room, &paths);
	if (r < 0)
		return r;
	return any(search->paths, paths, names_path, ret_why) || any(search->texts, command, slice_holds, ret_why) ||
	       (plain_room.len && any(search->texts, plain, slice_holds, ret_why)) ||
	       any(search->hosts, plain, names_host, ret_why) || any(search->nets, plain, names_net, ret_why);
}

static bool is_text(struct slice line, const char *text)
{
	return text[0] && slice_is(line, text);
}

bool search_is_line(const struct entry_search *search, struct slice line, const char **ret_why)
{
	return any(search->texts, trim(line), is_text, ret_why);
}
