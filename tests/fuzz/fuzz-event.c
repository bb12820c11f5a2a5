/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a parser that a message has taken over could write: it is refused, or it is events that
 * are within all limits and are written the same.
 */
#include "fuzz.h"

#include "base/escape.h"
#include "hook/event-codec.h"

#include <errno.h>
#include <string.h>

static void must_be_text(const char *text)
{
	MUST(text && utf8_valid(text, strlen(text)));
}

static void must_be_field(const struct field *f)
{
	must_be_text(f->name);
	MUST(f->name[0] && strlen(f->name) <= EVENT_NAME_MAX);
	MUST(strcmp(field_type_word(f->type), "unknown") != 0);
	MUST((f->type == FIELD_LIST) == (f->items.n > 0) && f->items.n <= EVENT_ITEMS_MAX);
	for (size_t i = 0; i < f->items.n; i++)
		must_be_text(f->items.v[i]);
	if (f->type != FIELD_LIST)
		must_be_text(f->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in), again = {0};
	_cleanup_events_ struct events events = {0};
	int r = events_decode(slice_of(&bytes), &events);
	MUST(r == 0 || (r == -EBADMSG && !events.n));
	if (r < 0)
		return 0;
	MUST(events.n <= EVENTS_MAX);
	for (size_t i = 0; i < events.n; i++) {
		const struct event *e = &events.v[i];
		MUST(e->n <= EVENT_FIELDS_MAX);
		for (size_t k = 0; k < e->n; k++) {
			must_be_field(&e->v[k]);
			MUST(!k || strcmp(e->v[k - 1].name, e->v[k].name) < 0);
			MUST(event_field(e, e->v[k].name) == &e->v[k]);
		}
	}
	MUST(events_encode(&events, &again) == 0 && buf_equal(&bytes, &again));
	return 0;
}
