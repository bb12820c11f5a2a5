/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any JSON object, for whatever has no source of its own: its members are the fields.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	int r = flatten(message, &event, ret_why);
	if (r == 0 && !event_field(&event, "action"))
		r = common_text(&event, "action", "alert", ret_why);
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source_field fields[] = {
	ACTION_FIELD("what the message says, \"alert\" where it says nothing"),
	{0},
};

const struct source source_json = {
	.name = "json",
	.summary = "any JSON object",
	.input = INPUT_WHOLE,
	.size_max = 1024 * 1024,
	.lines = true,
	.fields = fields,
	.parse = parse,
};
