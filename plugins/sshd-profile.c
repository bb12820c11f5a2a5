/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Keyword and blank of "Keyword value". */
static size_t keyword_len(const char *line)
{
	return strcspn(line, " ") + 1;
}

static bool sets(const struct strv *lines, size_t from, const char *keyword, size_t len)
{
	for (size_t i = from; i < lines->n; i++)
		if (strncmp(lines->v[i], keyword, len) == 0)
			return true;
	return false;
}

/* Adds those lines of a list whose keyword is not there from FROM on. */
static int add_lines(const char *list, size_t from, struct strv *ret)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		int r = sets(ret, from, list, keyword_len(list)) ? 0 : strv_addn(ret, list, len);
		if (r < 0)
			return r;
		list += len;
		list += strspn(list, ", ");
	}
	return 0;
}

int sshd_profile_options(const char *profile, struct strv *ret)
{
	size_t from = ret->n;
	bool strict = strcmp(profile, "strict") == 0;
	if (!strict && strcmp(profile, "baseline") != 0)
		return -EINVAL;
	int r = strict ? add_lines(SSHD_STRICT, from, ret) : 0;
	return r < 0 ? r : add_lines(SSHD_BASELINE, from, ret);
}

/* A number, or a time as sshd reads it ("90", "2m", "1h30m"), in seconds. -1: neither. */
static long long amount_of(const char *text)
{
	static const char units[] = "smhdw";
	static const long long seconds[] = {1, 60, 3600, 86400, 604800};
	long long total = 0;
	if (!*text)
		return -1;
	while (*text) {
		char *end;
		if (*text < '0' || *text > '9')
			return -1;
		long long n = strtoll(text, &end, 10);
		const char *unit = *end ? strchr(units, *end | 0x20) : NULL;
		if ((*end && !unit) || n > 1000000000)
			return -1;
		total += n * (unit ? seconds[unit - units] : 1);
		text = end + (*end != 0);
	}
	return total;
}

/* 0 stands for no limit. */
static bool at_most(const char *text, const char *limit)
{
	long long n = amount_of(text);
	return n > 0 && n <= amount_of(limit);
}

/* Whether "publickey,password:pam" asks for METHOD among others. */
static bool asks_for(const char *methods, const char *method)
{
	size_t n = strlen(method);
	while (*methods) {
		size_t len = strcspn(methods, ",");
		if (len >= n && strncasecmp(methods, method, n) == 0 && (len == n || methods[n] == ':'))
			return true;
		methods += len + (methods[len] == ',');
	}
	return false;
}

/* More than a key may be asked for; every way must ask for a key. */
static bool all_ask_for(const struct strv *ways, const char *method)
{
	for (size_t i = 0; i < ways->n; i++)
		if (!asks_for(ways->v[i], method))
			return false;
	return ways->n > 0;
}

bool sshd_profile_met(const struct sshd_option *option, const struct strv *args)
{
	static const char *const limits[] = {"maxauthtries", "logingracetime"};
	if (sshd_option_is(option, args))
		return true;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (strcmp(option->keyword, limits[i]) == 0)
			return args->n == 1 && at_most(args->v[0], option->args.v[0]);
	return strcmp(option->keyword, "authenticationmethods") == 0 && all_ask_for(args, option->args.v[0]);
}

bool sshd_profile_met_by(const struct sshd_option *option, const char *value)
{
	_cleanup_strv_ struct strv args = {0};
	while (*value) {
		size_t len = strcspn(value, " ");
		if (len && strv_addn(&args, value, len) < 0)
			return false;
		value += len + (value[len] == ' ');
	}
	return sshd_profile_met(option, &args);
}
