/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/event.h"

#include "base/escape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *field_type_word(enum field_type type)
{
	switch (type) {
	case FIELD_TEXT: return "text";
	case FIELD_NUMBER: return "number";
	case FIELD_YES_NO: return "yes or no";
	case FIELD_EMPTY: return "empty";
	case FIELD_LIST: return "list";
	}
	return "unknown";
}

/* Where NAME stands, or would have to. */
static size_t place(const struct event *event, const char *name)
{
	size_t low = 0, high = event->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(event->v[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct field *find(const struct event *event, const char *name)
{
	size_t at = place(event, name);
	return at < event->n && strcmp(event->v[at].name, name) == 0 ? &event->v[at] : NULL;
}

const struct field *event_field(const struct event *event, const char *name)
{
	return find(event, name);
}

static bool is_text(const char *s, size_t len)
{
	return !memchr(s, '\0', len) && utf8_valid(s, len);
}

static void field_free(struct field *f)
{
	free(f->name);
	free(f->text);
	strv_free(&f->items);
}

/* FIELD passes to EVENT, or is freed. */
static int add(struct event *event, struct field field, const char *name)
{
	size_t at = place(event, name), len = strlen(name);
	int r = !len || !is_text(name, len)                                     ? -EILSEQ
	        : at < event->n && strcmp(event->v[at].name, name) == 0         ? -EEXIST
	        : len > EVENT_NAME_MAX || event->n >= EVENT_FIELDS_MAX          ? -E2BIG
	                                                                        : 0;
	struct field *v = r == 0 ? reallocarray(event->v, event->n + 1, sizeof(*v)) : NULL;
	field.name = v ? strdup(name) : NULL;
	if (v)
		event->v = v;
	if (!field.name || (field.type != FIELD_LIST && !field.text)) {
		field_free(&field);
		return r < 0 ? r : -ENOMEM;
	}
	memmove(v + at + 1, v + at, (event->n - at) * sizeof(*v));
	v[at] = field;
	event->n++;
	return 0;
}

int event_add_text(struct event *event, const char *name, struct slice text)
{
	if (text.len > EVENT_TEXT_MAX)
		return -E2BIG;
	if (!is_text(text.p, text.len))
		return -EILSEQ;
	return add(event, (struct field){.type = FIELD_TEXT, .text = strndup(text.p, text.len)}, name);
}

int event_add_number(struct event *event, const char *name, int64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRId64, number);
	return add(event, (struct field){.type = FIELD_NUMBER, .text = strdup(text), .number = number}, name);
}

int event_add_yes_no(struct event *event, const char *name, bool yes)
{
	return add(event, (struct field){.type = FIELD_YES_NO, .text = strdup(yes ? "yes" : "no"), .number = yes}, name);
}

int event_add_empty(struct event *event, const char *name)
{
	return add(event, (struct field){.type = FIELD_EMPTY, .text = strdup("")}, name);
}

static size_t count_lists(const struct event *event)
{
	size_t n = 0;
	for (size_t i = 0; i < event->n; i++)
		n += event->v[i].type == FIELD_LIST;
	return n;
}

int event_add_item(struct event *event, const char *name, struct slice item)
{
	struct field *f = find(event, name);
	if (f && f->type != FIELD_LIST)
		return -EEXIST;
	if (item.len > EVENT_TEXT_MAX || (f && f->items.n >= EVENT_ITEMS_MAX))
		return -E2BIG;
	if (!is_text(item.p, item.len))
		return -EILSEQ;
	if (f)
		return strv_addn(&f->items, item.p, item.len);
	if (count_lists(event) >= EVENT_LISTS_MAX)
		return -E2BIG;
	struct field list = {.type = FIELD_LIST};
	int r = strv_addn(&list.items, item.p, item.len);
	if (r < 0) {
		field_free(&list);
		return r;
	}
	return add(event, list, name);
}

void event_free(struct event *event)
{
	for (size_t i = 0; i < event->n; i++)
		field_free(&event->v[i]);
	free(event->v);
	*event = (struct event){0};
}

int events_add(struct events *events, struct event *event)
{
	if (events->n >= EVENTS_MAX)
		return -E2BIG;
	struct event *v = reallocarray(events->v, events->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	events->v = v;
	v[events->n++] = *event;
	*event = (struct event){0};
	return 0;
}

void events_free(struct events *events)
{
	for (size_t i = 0; i < events->n; i++)
		event_free(&events->v[i]);
	free(events->v);
	*events = (struct events){0};
}
