/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An event: one alert of a detection source, flattened to typed fields. A field is named by
 * its way into the message, joined by dots: parameters.alert.data.srcip. All of it was chosen
 * by a stranger: it is compared and bound, and never anything else.
 */
#ifndef RESPOND_HOOK_EVENT_H
#define RESPOND_HOOK_EVENT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum field_type {
	FIELD_TEXT,   /* UTF-8 without NUL; may be empty, and may have control characters */
	FIELD_NUMBER, /* a whole number of 64 bits; any other number is text as it was written */
	FIELD_YES_NO,
	FIELD_EMPTY,  /* null, or a list or object without members */
	FIELD_LIST,   /* of texts (numbers as texts), in their order */
};

const char *field_type_word(enum field_type type); /* "text", "number", "yes or no", "empty", "list" */

struct field {
	char *name;
	enum field_type type;
	char *text;        /* of FIELD_TEXT; of a number and of yes or no as it is printed */
	int64_t number;    /* of FIELD_NUMBER; 0 or 1 of FIELD_YES_NO */
	struct strv items; /* of FIELD_LIST */
};

/* What one message may hold; more is -E2BIG. */
#define EVENT_FIELDS_MAX 1000
#define EVENT_NAME_MAX 256
#define EVENT_TEXT_MAX (64 * 1024)
#define EVENT_ITEMS_MAX 100000 /* of one list */
#define EVENT_LISTS_MAX 64
#define EVENT_DEPTH_MAX 16
#define EVENTS_MAX 1000 /* of one message */

struct event {
	struct field *v; /* sorted by name, each name once */
	size_t n;
};

struct events {
	struct event *v;
	size_t n;
};

/* The field of that name; NULL: the event has none. */
const struct field *event_field(const struct event *event, const char *name);

/* Each copies. -EEXIST: there is one of that name; -E2BIG; -EILSEQ: a NUL or no UTF-8. */
int event_add_text(struct event *event, const char *name, struct slice text);
int event_add_number(struct event *event, const char *name, int64_t number);
int event_add_yes_no(struct event *event, const char *name, bool yes);
int event_add_empty(struct event *event, const char *name);
int event_add_item(struct event *event, const char *name, struct slice item); /* begins the list, too */

void event_free(struct event *event);
int events_add(struct events *events, struct event *event); /* EVENT is empty afterwards; -E2BIG */
void events_free(struct events *events);

#define _cleanup_event_ _cleanup_(event_free)
#define _cleanup_events_ _cleanup_(events_free)

#endif
