/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Zabbix: an alert script's one argument, or its standard input: the JSON object that an
 * operator has put its macros into. A recovery is no reason to take anything back: the
 * trigger's values are normal again because we acted.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"

#include <errno.h>
#include <string.h>

/* The one word without the NUL behind it, or what came by standard input. */
static int only_word(struct slice message, struct slice *ret, struct buf *ret_why)
{
	const char *end = message.len ? memchr(message.p, '\0', message.len) : NULL;
	*ret = message;
	if (!end)
		return 0;
	ret->len = (size_t)(end - message.p);
	if (ret->len + 1 == message.len)
		return 0;
	buf_puts(ret_why, "one word is wanted, a JSON object: it has to be quoted as one");
	return -EINVAL;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	struct slice word;
	int r = only_word(message, &word, ret_why);
	if (r == 0)
		r = flatten(word, &event, ret_why);
	if (r == 0 && !event_field(&event, "action"))
		r = common_text(&event, "action", "alert", ret_why);
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source_field fields[] = {
	ACTION_FIELD("what the object says, \"alert\" where it says nothing"),
	{0},
};

const struct source source_zabbix = {
	.name = "zabbix",
	.summary = "alert script of Zabbix, with an event as a JSON object",
	.input = INPUT_WORDS,
	.size_max = 64 * 1024,
	.fields = fields,
	.parse = parse,
};
