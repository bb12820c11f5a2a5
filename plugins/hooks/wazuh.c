/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Wazuh's active response. An agent of 4.x and one of 5.x are told apart by what each alone
 * has, "version" and "wazuh"; the handshake is the same. wazuh-execd runs one response at a time
 * and waits for its end.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"

#include <errno.h>
#include <string.h>

#define MESSAGE_MAX (64 * 1024) /* OS_MAXSTR of wazuh-execd */
#define KEY_MAX 256

static int refuse(struct buf *ret_why, const char *sentence)
{
	buf_puts(ret_why, sentence);
	return buf_error(ret_why) ? buf_error(ret_why) : -EINVAL;
}

static const char *text_at(const json_t *object, const char *name)
{
	const char *text = flatten_text(object, name);
	return text ? text : "";
}

static int check_version_4(const json_t *message, struct buf *ret_why)
{
	const json_t *version = json_object_get(message, "version");
	if (!json_is_integer(version) || json_integer_value(version) != 1)
		return refuse(ret_why, "\"version\" is not 1: no form of Wazuh's that is known");
	return 0;
}

static int check_4(const json_t *message, struct buf *ret_why)
{
	const char *command = text_at(message, "command");
	int r = check_version_4(message, ret_why);
	if (r < 0)
		return r;
	if (strcmp(command, "add") != 0 && strcmp(command, "delete") != 0)
		return refuse(ret_why, "\"command\" is neither \"add\" nor \"delete\"");
	if (!json_is_object(json_object_get(json_object_get(message, "parameters"), "alert")))
		return refuse(ret_why, "there is no \"parameters\" with an \"alert\"");
	return 0;
}

static int check_5(const json_t *message, struct buf *ret_why)
{
	const char *command = text_at(message, "command");
	if (!json_is_object(json_object_get(json_object_get(message, "wazuh"), "active_response")))
		return refuse(ret_why, "\"wazuh\" has no \"active_response\"");
	if (strcmp(command, "enable") != 0 && strcmp(command, "disable") != 0)
		return refuse(ret_why, "\"command\" is neither \"enable\" nor \"disable\"");
	return 0;
}

/* The number of the form, 4 or 5. */
static int check(const json_t *message, struct buf *ret_why)
{
	bool four = json_object_get(message, "version") != NULL, five = json_object_get(message, "wazuh") != NULL;
	if (four == five)
		return refuse(ret_why, four ? "both \"version\" (Wazuh 4) and \"wazuh\" (Wazuh 5) are there"
		                            : "neither \"version\" (Wazuh 4) nor \"wazuh\" (Wazuh 5) is there");
	int r = four ? check_4(message, ret_why) : check_5(message, ret_why);
	return r < 0 ? r : four ? 4 : 5;
}

static int add_common(struct event *event, int version, const char *action, struct buf *ret_why)
{
	int r = flatten_refuse(event_add_number(event, "version", version), "version", ret_why);
	if (r == 0)
		r = common_text(event, "action", action, ret_why);
	if (r == 0)
		r = version == 4 ? COMMON_COPY(event, "srcip", ret_why, "parameters.alert.data.srcip",
		                               "parameters.alert.data.win.eventdata.ipAddress")
		                 : COMMON_COPY(event, "srcip", ret_why, "source.ip");
	if (r == 0)
		r = version == 4 ? COMMON_COPY(event, "user", ret_why, "parameters.alert.data.dstuser")
		                 : COMMON_COPY(event, "user", ret_why, "user.name");
	return r == 0 && version == 5 ? COMMON_COPY(event, "pid", ret_why, "process.pid") : r;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_event_ struct event event = {0};
	int r = flatten_read(message, &json, ret_why), version = 0;
	if (r == 0)
		r = version = check(json, ret_why);
	if (r < 0)
		return r;
	json_object_del(json, "version");
	r = flatten_object(json, &event, ret_why);
	if (r == 0)
		r = add_common(&event, version, text_at(json, "command"), ret_why);
	return r < 0 ? r : events_add(ret, &event);
}

/* What tells this response from others: execd remembers it until it says "delete", and does
 * not start the same one again before. The address or the account acted on, or else the alert. */
static const char *key_of(const struct event *event)
{
	static const char *const names[] = {"srcip", "user", "parameters.alert.id", "event.id"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct field *f = event_field(event, names[i]);
		if (f && f->type == FIELD_TEXT && f->text[0] && strlen(f->text) <= KEY_MAX)
			return f->text;
	}
	return NULL;
}

static int dump(const char *bytes, size_t len, void *buf)
{
	return buf_add(buf, bytes, len);
}

static int greet(const struct event *event, struct buf *ret)
{
	const struct field *action = event_field(event, "action");
	const char *key = key_of(event);
	if (!key || !action || (strcmp(action->text, "add") != 0 && strcmp(action->text, "enable") != 0))
		return 0;
	_cleanup_json_ json_t *line = json_pack("{s:i, s:{s:s, s:s}, s:s, s:{s:[s]}}", "version", 1, "origin", "name",
	                                        "respond", "module", "active-response", "command", "check_keys",
	                                        "parameters", "keys", key);
	if (!line || json_dump_callback(line, dump, ret, JSON_COMPACT | JSON_ENSURE_ASCII) < 0)
		return -ENOMEM;
	return buf_putc(ret, '\n');
}

static int parse_answer(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_event_ struct event event = {0};
	int r = flatten_read(message, &json, ret_why);
	if (r == 0)
		r = check_version_4(json, ret_why);
	if (r < 0)
		return r;
	const char *command = text_at(json, "command");
	if (strcmp(command, "continue") != 0 && strcmp(command, "abort") != 0)
		return refuse(ret_why, "the answer to check_keys is neither \"continue\" nor \"abort\"");
	r = common_text(&event, "action", command, ret_why);
	return r < 0 ? r : events_add(ret, &event);
}

static int answered(const struct event *answer)
{
	const struct field *action = event_field(answer, "action");
	if (!action || action->type != FIELD_TEXT)
		return -EINVAL;
	return strcmp(action->text, "continue") == 0 ? 1 : strcmp(action->text, "abort") == 0 ? 0 : -EINVAL;
}

static const struct source answer = {
	.name = "wazuh-answer",
	.summary = "what wazuh-execd says to check_keys",
	.input = INPUT_LINE,
	.size_max = MESSAGE_MAX,
	.parse = parse_answer,
};

static const struct source_field fields[] = {
	{"version", FIELD_NUMBER, "4 or 5, of Wazuh"},
	ACTION_FIELD("add, delete (Wazuh 4), enable or disable (Wazuh 5)"),
	SRCIP_FIELD("data.srcip or data.win.eventdata.ipAddress of the alert; source.ip (Wazuh 5)"),
	USER_FIELD("data.dstuser of the alert; user.name (Wazuh 5)"),
	PID_FIELD("process.pid (Wazuh 5)"),
	{0},
};

const struct source source_wazuh = {
	.name = "wazuh",
	.summary = "active response of Wazuh 4 and 5",
	.input = INPUT_LINE,
	.size_max = MESSAGE_MAX,
	.apart = true,
	.fields = fields,
	.undo_on = "action = delete, disable",
	.parse = parse,
	.greet = greet,
	.answer = &answer,
	.answered = answered,
};
