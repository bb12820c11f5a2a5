/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Falco with json_output, by its program_output. A field that Falco could not fill in is null
 * or "<NA>": it is no address and no user.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"

#include <errno.h>
#include <string.h>

static bool is_text(const struct event *event, const char *name)
{
	const struct field *f = event_field(event, name);
	return f && f->type == FIELD_TEXT && f->text[0];
}

static int check(const struct event *event, struct buf *ret_why)
{
	static const char *const needed[] = {"rule", "priority", "time"};
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (is_text(event, needed[i]))
			continue;
		buf_printf(ret_why, "no alert of Falco's: it has no \"%s\"", needed[i]);
		return -EINVAL;
	}
	return 0;
}

static bool is_known(const struct event *event, const char *name)
{
	return is_text(event, name) && strcmp(event_field(event, name)->text, "<NA>") != 0;
}

/* The other end of a connection, or the client's. */
static int add_common(struct event *event, struct buf *ret_why)
{
	static const char *const addresses[] = {"output_fields.fd.rip", "output_fields.fd.cip"};
	int r = common_text(event, "action", "alert", ret_why);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		if (r < 0 || !is_known(event, addresses[i]))
			continue;
		r = COMMON_COPY(event, "srcip", ret_why, addresses[i]);
		break;
	}
	if (r == 0 && is_known(event, "output_fields.user.name"))
		r = COMMON_COPY(event, "user", ret_why, "output_fields.user.name");
	return r < 0 ? r : COMMON_COPY(event, "pid", ret_why, "output_fields.proc.pid");
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	int r = flatten(message, &event, ret_why);
	if (r == 0)
		r = check(&event, ret_why);
	if (r == 0)
		r = add_common(&event, ret_why);
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source_field fields[] = {
	{"rule", FIELD_TEXT, "the rule's name"},
	{"priority", FIELD_TEXT, "Emergency, Alert, Critical, Error, Warning, Notice, Informational or Debug"},
	{"time", FIELD_TEXT, "when it happened"},
	ACTION_FIELD("alert"),
	SRCIP_FIELD("fd.rip or fd.cip of output_fields"),
	USER_FIELD("user.name of output_fields"),
	PID_FIELD("proc.pid of output_fields"),
	{0},
};

const struct source source_falco = {
	.name = "falco",
	.summary = "alert of Falco in JSON",
	.input = INPUT_LINE,
	.size_max = 1024 * 1024,
	.lines = true,
	.apart = true,
	.fields = fields,
	.parse = parse,
};
