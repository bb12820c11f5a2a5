/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with the name of a detection source, and a message.
 *
 * It becomes the same events each time, which pass the way out of the confined child unharmed,
 * or is refused with a sentence.
 */
#include "fuzz.h"

#include "base/json-read.h"
#include "hook/event-codec.h"
#include "sources.h"

#include <errno.h>
#include <string.h>

static const struct source *find(const char *name)
{
	const struct source *wazuh = source_find("wazuh");
	return strcmp(name, wazuh->answer->name) == 0 ? wazuh->answer : source_find(name);
}

static int parse(const struct source *source, const struct buf *message, struct buf *ret)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = source->parse(slice_of(message), &events, &why);
	if (r < 0) {
		MUST(r == -EINVAL && !events.n && why.len && fuzz_printable(&why, false));
		return r;
	}
	MUST(r == 0 && !why.len && events_encode(&events, ret) == 0);
	return 0;
}

static const struct source_field *known(const struct source *source, const char *name)
{
	for (const struct source_field *f = source->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* A rule that names another field is wrong: there must be none. */
static void is_closed(const struct source *source, const struct event *event)
{
	for (size_t i = 0; i < event->n; i++) {
		const struct field *f = &event->v[i];
		const struct source_field *k = known(source, f->name);
		MUST(k && (f->type == k->type || f->type == FIELD_EMPTY));
	}
}

/* The duration that a source makes is one to a playbook. */
static void has_a_duration(const struct event *event)
{
	_cleanup_strv_ struct strv value = {0};
	_cleanup_buf_ struct buf why = {0};
	const struct field *f = event_field(event, "duration");
	if (f)
		MUST(type_check(TYPE_DURATION, NULL, f->text, &value, &why) == 0);
}

static void is_greeted(const struct source *source, const struct event *event)
{
	_cleanup_buf_ struct buf line = {0};
	_cleanup_json_ json_t *json = NULL;
	MUST(source->greet(event, &line) == 0);
	if (!line.len)
		return;
	MUST(line.data[line.len - 1] == '\n' && memchr(line.data, '\n', line.len - 1) == NULL);
	MUST(json_read(line.data, line.len, 0, &json, NULL) == 0 && json_is_object(json));
}

static void is_an_event(const struct source *source, const struct event *event)
{
	const struct field *address = event_field(event, "srcip"), *action = event_field(event, "action");
	MUST(action != NULL);
	if (source->fields && !strchr("jz", source->name[0])) {
		MUST(action->type == FIELD_TEXT && action->text[0]);
		MUST(!address || (address->type == FIELD_TEXT && address->text[0]));
	}
	if (source->closed) {
		is_closed(source, event);
		has_a_duration(event);
	}
	if (source->greet)
		is_greeted(source, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *name = fuzz_line(&in);
	const struct source *source = find(name);
	_cleanup_buf_ struct buf message = fuzz_rest(&in), bytes = {0}, again = {0};
	_cleanup_events_ struct events events = {0};
	if (!source || message.len > source->size_max)
		return 0;
	int r = parse(source, &message, &bytes);
	MUST(parse(source, &message, &again) == r && buf_equal(&bytes, &again));
	if (r < 0)
		return 0;
	MUST(events_decode(slice_of(&bytes), &events) == 0);
	for (size_t i = 0; i < events.n; i++)
		is_an_event(source, &events.v[i]);
	if (!source->fields)
		MUST(events.n == 1 && source_find("wazuh")->answered(&events.v[0]) >= 0);
	return 0;
}
