/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Fail2ban: the words of its action file (examples/hooks/fail2ban). What it matched in a log
 * is a stranger's text, and is not among them.
 */
#include "sources.h"

#include "common-fields.h"
#include "durations.h"
#include "hook/flatten.h"
#include "pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "1696894457" and "1696894457.9", which Fail2ban's times may be: without what is behind the
 * point. */
static int add_number(struct event *event, const char *name, struct slice value)
{
	char text[24], *end;
	if (!value.len || value.len >= sizeof(text) || memchr(value.p, '\0', value.len))
		return -EINVAL;
	memcpy(text, value.p, value.len);
	text[value.len] = '\0';
	if (strspn(text, "-0123456789.") != value.len)
		return -EINVAL;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end == text || (*end && (*end != '.' || strspn(end + 1, "0123456789") != strlen(end + 1))))
		return -EINVAL;
	return event_add_number(event, name, number);
}

static int add_yes_no(struct event *event, const char *name, struct slice value)
{
	if (!slice_is(value, "0") && !slice_is(value, "1"))
		return -EINVAL;
	return event_add_yes_no(event, name, value.p[0] == '1');
}

static int add_text(struct event *event, const char *name, struct slice value)
{
	return value.len ? event_add_text(event, name, value) : -EINVAL;
}

static const struct {
	const char *name;
	int (*add)(struct event *event, const char *name, struct slice value);
	bool required;
} words[] = {
	{"action", add_text, true},      {"ip", add_text, true},        {"jail", add_text, true},
	{"family", add_text, false},     {"failures", add_number, false}, {"time", add_number, false},
	{"bantime", add_number, false}, {"restored", add_yes_no, false},
};
#define N_WORDS (sizeof(words) / sizeof(*words))

static int add_pair(struct event *event, const struct pair *pair, struct buf *ret_why)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		if (!slice_is(pair->name, words[i].name))
			continue;
		int r = words[i].add(event, words[i].name, pair->value);
		if (r == -EINVAL)
			buf_printf(ret_why, "\"%s\" has a value that Fail2ban does not give it", words[i].name);
		return r == -EINVAL ? r : flatten_refuse(r, words[i].name, ret_why);
	}
	buf_puts(ret_why, "there is a word that is none of the action file's");
	return -EINVAL;
}

static int check(const struct event *event, struct buf *ret_why)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		if (!words[i].required || event_field(event, words[i].name))
			continue;
		buf_printf(ret_why, "there is no %s=", words[i].name);
		return -EINVAL;
	}
	const char *action = event_field(event, "action")->text;
	if (strcmp(action, "ban") == 0 || strcmp(action, "unban") == 0)
		return 0;
	buf_puts(ret_why, "\"action\" is neither \"ban\" nor \"unban\"");
	return -EINVAL;
}

/* A ban without an end, which is negative, has none. */
static int add_duration(struct event *event, struct buf *ret_why)
{
	const struct field *bantime = event_field(event, "bantime");
	char text[DURATION_LEN];
	if (!bantime || bantime->number <= 0)
		return 0;
	duration_of((uint64_t)bantime->number, text);
	return common_text(event, "duration", text, ret_why);
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	struct pair pair;
	int r = 0;
	while ((r = take_pair(&message, &pair, ret_why)) > 0)
		if ((r = add_pair(&event, &pair, ret_why)) < 0)
			break;
	if (r == 0)
		r = check(&event, ret_why);
	if (r == 0)
		r = add_duration(&event, ret_why);
	if (r == 0)
		r = COMMON_COPY(&event, "srcip", ret_why, "ip");
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source_field fields[] = {
	ACTION_FIELD("ban or unban"),
	SRCIP_FIELD("<ip>"),
	{"ip", FIELD_TEXT, "<ip>"},
	{"family", FIELD_TEXT, "<family>: inet4 or inet6"},
	{"jail", FIELD_TEXT, "<name>: the jail's"},
	{"failures", FIELD_NUMBER, "<failures>"},
	{"time", FIELD_NUMBER, "<time>: when it was banned, in seconds since 1970"},
	{"bantime", FIELD_NUMBER, "<bantime>: for how many seconds; negative: for good"},
	{"duration", FIELD_TEXT, "bantime in whole minutes or hours; none for good"},
	{"restored", FIELD_YES_NO, "<restored>: the ban is an old one, known from before a restart"},
	{0},
};

const struct source source_fail2ban = {
	.name = "fail2ban",
	.summary = "action of Fail2ban",
	.input = INPUT_WORDS,
	.size_max = 4096,
	.fields = fields,
	.closed = true,
	.party = "jail",
	.undo_on = "action = unban",
	.parse = parse,
};
