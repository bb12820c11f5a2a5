/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suricata: lines of eve.json. The attacker's address is what a rule with "target" says, and
 * the sender's otherwise: for traffic from this host to the attacker's that is the wrong one,
 * which only the rule's author can know.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"

#include <errno.h>
#include <string.h>

static const char *event_type(const struct event *event)
{
	const struct field *f = event_field(event, "event_type"), *time = event_field(event, "timestamp");
	return f && f->type == FIELD_TEXT && f->text[0] && time && time->type == FIELD_TEXT ? f->text : NULL;
}

/* Counters of the program itself, thousands of them: nothing to act on. */
static bool is_stats(const json_t *json)
{
	const char *type = flatten_text(json, "event_type");
	return type && strcmp(type, "stats") == 0;
}

static int add_common(struct event *event, struct buf *ret_why)
{
	const char *type = event_type(event);
	if (!type) {
		buf_puts(ret_why, "no event of Suricata's: it has no \"timestamp\" and \"event_type\"");
		return -EINVAL;
	}
	int r = COMMON_COPY(event, "action", ret_why, "event_type");
	if (r == 0)
		r = COMMON_COPY(event, "srcip", ret_why, "alert.source.ip", "src_ip");
	return r;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_event_ struct event event = {0};
	int r = flatten_read(message, &json, ret_why);
	if (r < 0 || is_stats(json))
		return r;
	r = flatten_object(json, &event, ret_why);
	if (r == 0)
		r = add_common(&event, ret_why);
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source_field fields[] = {
	{"timestamp", FIELD_TEXT, "when it happened"},
	{"event_type", FIELD_TEXT, "alert, anomaly, dns, ...; stats are passed over"},
	ACTION_FIELD("the event_type"),
	SRCIP_FIELD("source.ip of the alert, where its rule has \"target\"; src_ip"),
	{0},
};

const struct source source_suricata = {
	.name = "suricata",
	.summary = "line of Suricata's eve.json",
	.input = INPUT_LINE,
	.size_max = 1024 * 1024,
	.lines = true,
	.fields = fields,
	.parse = parse,
};
