/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-log-parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is left of a line. */
struct text {
	const char *at;
	size_t left;
};

static bool skip(struct text *t, const char *word)
{
	size_t n = strlen(word);
	if (t->left < n || memcmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	t->left -= n;
	return true;
}

/* The bytes up to the next blank, at least one, and past it. */
static bool take_word(struct text *t, const char **ret, size_t *ret_len)
{
	const char *blank = memchr(t->at, ' ', t->left);
	if (!blank || blank == t->at)
		return false;
	*ret = t->at;
	*ret_len = (size_t)(blank - t->at);
	t->left -= *ret_len + 1;
	t->at = blank + 1;
	return true;
}

static bool take_number(struct text *t, unsigned digits, long *ret)
{
	long n = 0;
	unsigned i = 0;
	for (; i < digits && t->left && isdigit((unsigned char)*t->at); i++, t->at++, t->left--)
		n = n * 10 + (*t->at - '0');
	*ret = n;
	return i > 0;
}

/* ---- the time --------------------------------------------------------------------- */

static bool in_range(const struct tm *tm)
{
	return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

static bool take_clock(struct text *t, struct tm *tm)
{
	long hour, minute, second;
	bool ok = take_number(t, 2, &hour) && skip(t, ":") && take_number(t, 2, &minute) && skip(t, ":") &&
	          take_number(t, 2, &second);
	if (!ok)
		return false;
	tm->tm_hour = (int)hour;
	tm->tm_min = (int)minute;
	tm->tm_sec = (int)second;
	return true;
}

/* "Nov 25 03:14:15 ": the last such moment that is not more than a day ahead. */
static bool take_short_time(struct text *t, int64_t now, int64_t *ret)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm today, tm = {.tm_isdst = -1};
	time_t seconds = (time_t)now;
	long day;
	int month = 0;
	while (month < 12 && !(t->left > 4 && memcmp(t->at, months + 3 * month, 3) == 0))
		month++;
	if (month == 12)
		return false;
	t->at += 3;
	t->left -= 3;
	if (!skip(t, " ") || (skip(t, " "), !take_number(t, 2, &day)) || !skip(t, " ") || !take_clock(t, &tm) ||
	    !skip(t, " ") || !localtime_r(&seconds, &today))
		return false;
	tm.tm_mon = month;
	tm.tm_mday = (int)day;
	tm.tm_year = today.tm_year + (month == 0 && today.tm_mon == 11); /* New Year's Eve */
	if (!in_range(&tm))
		return false;
	struct tm copy = tm;
	*ret = (int64_t)mktime(&copy);
	if (*ret > now + 86400) {
		tm.tm_year--;
		*ret = (int64_t)mktime(&tm);
	}
	return true;
}

/* "2026-11-25T03:14:15.123456+01:00 " */
static bool take_full_time(struct text *t, int64_t *ret)
{
	long year, month, day, hours = 0, minutes = 0;
	struct tm tm = {0};
	if (!take_number(t, 4, &year) || !skip(t, "-") || !take_number(t, 2, &month) || !skip(t, "-") ||
	    !take_number(t, 2, &day) || !skip(t, "T") || !take_clock(t, &tm))
		return false;
	long fraction;
	if (skip(t, ".") && !take_number(t, 9, &fraction))
		return false;
	bool east = skip(t, "+"), west = !east && skip(t, "-");
	if (east || west ? !take_number(t, 2, &hours) || !skip(t, ":") || !take_number(t, 2, &minutes) : !skip(t, "Z"))
		return false;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	if (!in_range(&tm) || year < 1970 || month < 1 || month > 12 || !skip(t, " "))
		return false;
	int64_t offset = (hours * 60 + minutes) * 60;
	*ret = (int64_t)timegm(&tm) - (west ? -offset : offset);
	return true;
}

/* "1764036855.123456 " */
static bool take_unix_time(struct text *t, int64_t *ret)
{
	long seconds, fraction;
	if (!take_number(t, 11, &seconds) || !skip(t, ".") || !take_number(t, 9, &fraction) || !skip(t, " "))
		return false;
	*ret = seconds;
	return true;
}

static bool take_time(struct text *t, int64_t now, int64_t *ret)
{
	struct text full = *t, since = *t;
	if (t->left && isalpha((unsigned char)*t->at))
		return take_short_time(t, now, ret);
	if (take_full_time(&full, ret))
		return *t = full, true;
	if (take_unix_time(&since, ret))
		return *t = since, true;
	return false;
}

/* "HOST sshd[123]: " */
static bool take_sender(struct text *t)
{
	const char *host, *tag;
	size_t host_len, len;
	if (!take_word(t, &host, &host_len) || !take_word(t, &tag, &len) || tag[len - 1] != ':')
		return false;
	const char *bracket = memchr(tag, '[', len);
	size_t name = bracket ? (size_t)(bracket - tag) : len - 1;
	return (name == 4 && memcmp(tag, "sshd", 4) == 0) || (name == 12 && memcmp(tag, "sshd-session", 12) == 0);
}

/* "message repeated 5 times: [ ...]": what is in brackets, and how often. */
static bool take_repetition(struct text *t, unsigned *ret)
{
	long times;
	*ret = 1;
	if (!skip(t, "message repeated "))
		return true;
	if (!take_number(t, 6, &times) || !skip(t, " times: [ ") || !t->left || t->at[t->left - 1] != ']')
		return false;
	t->left--;
	*ret = (unsigned)times;
	return true;
}

/* ---- who, and from where -------------------------------------------------------------- */

/* One reading of "USER from ADDRESS port N ssh2[: KEY]". */
struct reading {
	const char *from; /* where the user ends */
	const char *address;
	size_t address_len;
	struct text key;
};

static bool read_at(const char *from, const struct text *t, struct reading *ret)
{
	struct text rest = {from, (size_t)(t->at + t->left - from)};
	struct reading r = {.from = from};
	long port;
	if (!skip(&rest, " from ") || !take_word(&rest, &r.address, &r.address_len) || !skip(&rest, "port ") ||
	    !take_number(&rest, 5, &port) || !skip(&rest, " ssh2"))
		return false;
	if (rest.left && !skip(&rest, ": "))
		return false;
	r.key = rest;
	*ret = r;
	return true;
}

struct readings {
	struct reading first, last;
	size_t n;
};

static void find_readings(const struct text *t, struct readings *ret)
{
	struct reading r;
	*ret = (struct readings){0};
	for (const char *p = t->at, *end = t->at + t->left; (p = memchr(p, ' ', (size_t)(end - p))); p++) {
		if (!read_at(p, t, &r))
			continue;
		if (!ret->n++)
			ret->first = r;
		ret->last = r;
	}
}

/* An account that exists has no such name, and after a failed password there is no key: so
 * the first reading or the last is the right one. With neither, one alone must fit. */
static int choose(const struct readings *all, const struct login *login, struct reading *ret)
{
	if (!all->n)
		return 0;
	bool known = login->accepted || !login->invalid;
	if (!known && login->key && all->n > 1)
		return -EBADMSG;
	*ret = known && login->key ? all->first : login->accepted ? all->first : all->last;
	if (!login->key && !login->accepted && ret->key.left)
		return -EBADMSG;
	return 1;
}

static void copy_text(const char *from, size_t len, char *ret, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (from[i])
			ret[n++] = from[i];
	ret[n] = '\0';
}

/* "ED25519 SHA256:..." */
static void take_key(struct text t, struct login *ret)
{
	const char *type;
	size_t len, n = 0;
	if (!take_word(&t, &type, &len) || t.left < 50 || memcmp(t.at, "SHA256:", 7) != 0)
		return;
	while (n < 43 && (isalnum((unsigned char)t.at[7 + n]) || strchr("+/", t.at[7 + n])) && t.at[7 + n])
		n++;
	if (n == 43 && (t.left == 50 || t.at[50] == ' '))
		copy_text(t.at, 50, ret->fingerprint, sizeof(ret->fingerprint));
}

static void take_address(const char *text, size_t len, struct login *ret)
{
	char address[NETADDR_TEXT_LEN];
	if (len >= sizeof(address))
		return;
	memcpy(address, text, len);
	address[len] = '\0';
	ret->has_address = netaddr_parse(address, &ret->address) == 0 && netaddr_is_host(&ret->address);
}

static int take_login(struct text t, struct login *ret)
{
	static const char *const guessable[] = {"password", "keyboard-interactive", "none"};
	const char *method;
	size_t len;
	struct reading reading;
	struct readings all;
	ret->accepted = skip(&t, "Accepted ");
	if ((!ret->accepted && !skip(&t, "Failed ")) || !take_word(&t, &method, &len) || !skip(&t, "for "))
		return 0;
	copy_text(method, len, ret->method, sizeof(ret->method));
	if (strcmp(ret->method, "none") == 0 && !ret->accepted)
		return 0;
	ret->key = true;
	for (size_t i = 0; i < sizeof(guessable) / sizeof(*guessable); i++)
		if (strncmp(ret->method, guessable[i], strlen(guessable[i])) == 0)
			ret->key = false;
	ret->invalid = skip(&t, "invalid user ");
	find_readings(&(struct text){t.at, t.left}, &all);
	int r = choose(&all, ret, &reading);
	if (r <= 0)
		return r;
	copy_text(t.at, (size_t)(reading.from - t.at), ret->user, sizeof(ret->user));
	take_address(reading.address, reading.address_len, ret);
	if (ret->key)
		take_key(reading.key, ret);
	return 1;
}

int sshd_log_parse(const char *line, size_t len, int64_t now, struct login *ret)
{
	struct login login = {0};
	struct text t = {line, len};
	/* Most lines are of others: the time is looked at last. */
	size_t head = len < 128 ? len : 128;
	if (!memmem(line, head, " sshd", 5))
		return 0;
	if (!take_time(&t, now, &login.time) || !take_sender(&t) || !take_repetition(&t, &login.times))
		return 0;
	int r = take_login(t, &login);
	if (r > 0)
		*ret = login;
	return r;
}
