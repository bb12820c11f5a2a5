/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/event-codec.h"

#include <errno.h>
#include <string.h>

int put_u32(struct buf *b, uint32_t number)
{
	unsigned char bytes[4];
	for (int i = 0; i < 4; i++)
		bytes[i] = (unsigned char)(number >> 8 * i);
	return buf_add(b, bytes, sizeof(bytes));
}

int put_text(struct buf *b, struct slice text)
{
	put_u32(b, (uint32_t)text.len);
	return buf_add(b, text.p, text.len);
}

static void put_name(struct buf *b, const char *name)
{
	put_text(b, (struct slice){name, strlen(name)});
}

static void put_items(struct buf *b, const struct strv *items)
{
	put_u32(b, (uint32_t)items->n);
	for (size_t i = 0; i < items->n; i++)
		put_name(b, items->v[i]);
}

static void put_field(struct buf *b, const struct field *f)
{
	buf_putc(b, (char)f->type);
	put_name(b, f->name);
	switch (f->type) {
	case FIELD_TEXT: put_name(b, f->text); break;
	case FIELD_NUMBER:
		put_u32(b, (uint32_t)f->number);
		put_u32(b, (uint32_t)((uint64_t)f->number >> 32));
		break;
	case FIELD_YES_NO: buf_putc(b, (char)f->number); break;
	case FIELD_EMPTY: break;
	case FIELD_LIST: put_items(b, &f->items); break;
	}
}

int events_encode(const struct events *events, struct buf *ret)
{
	put_u32(ret, (uint32_t)events->n);
	for (size_t i = 0; i < events->n; i++) {
		put_u32(ret, (uint32_t)events->v[i].n);
		for (size_t k = 0; k < events->v[i].n; k++)
			put_field(ret, &events->v[i].v[k]);
	}
	return buf_error(ret);
}

int take_u32(struct slice *s, uint32_t *ret)
{
	uint32_t number = 0;
	if (s->len < 4)
		return -EBADMSG;
	for (int i = 0; i < 4; i++)
		number |= (uint32_t)(unsigned char)s->p[i] << 8 * i;
	*ret = number;
	*s = slice_from(*s, 4);
	return 0;
}

int take_text(struct slice *s, struct slice *ret)
{
	uint32_t len = 0;
	int r = take_u32(s, &len);
	if (r < 0 || len > s->len)
		return -EBADMSG;
	*ret = (struct slice){s->p, len};
	*s = slice_from(*s, len);
	return 0;
}

static int take_byte(struct slice *s, unsigned char *ret)
{
	if (!s->len)
		return -EBADMSG;
	*ret = (unsigned char)s->p[0];
	*s = slice_from(*s, 1);
	return 0;
}

static int take_number(struct slice *s, struct event *event, const char *name)
{
	uint32_t low = 0, high = 0;
	int r = take_u32(s, &low);
	if (r == 0)
		r = take_u32(s, &high);
	return r < 0 ? r : event_add_number(event, name, (int64_t)((uint64_t)high << 32 | low));
}

static int take_items(struct slice *s, struct event *event, const char *name)
{
	uint32_t n = 0;
	struct slice item;
	int r = take_u32(s, &n);
	if (r == 0 && n == 0)
		r = -EBADMSG;
	for (; r == 0 && n; n--) {
		r = take_text(s, &item);
		if (r == 0)
			r = event_add_item(event, name, item);
	}
	return r;
}

static int take_value(struct slice *s, unsigned char type, struct event *event, const char *name)
{
	struct slice text;
	unsigned char yes = 0;
	int r;
	switch (type) {
	case FIELD_TEXT: return (r = take_text(s, &text)) < 0 ? r : event_add_text(event, name, text);
	case FIELD_NUMBER: return take_number(s, event, name);
	case FIELD_YES_NO:
		r = take_byte(s, &yes);
		return r < 0 || yes > 1 ? -EBADMSG : event_add_yes_no(event, name, yes);
	case FIELD_EMPTY: return event_add_empty(event, name);
	case FIELD_LIST: return take_items(s, event, name);
	default: return -EBADMSG;
	}
}

static int take_field(struct slice *s, struct event *event)
{
	unsigned char type = 0;
	struct slice at = {"", 0};
	char name[EVENT_NAME_MAX + 1];
	int r = take_byte(s, &type);
	if (r == 0)
		r = take_text(s, &at);
	if (r < 0 || at.len > EVENT_NAME_MAX || memchr(at.p, '\0', at.len))
		return -EBADMSG;
	memcpy(name, at.p, at.len);
	name[at.len] = '\0';
	if (event->n && strcmp(event->v[event->n - 1].name, name) >= 0)
		return -EBADMSG;
	return take_value(s, type, event, name);
}

static int take_event(struct slice *s, struct events *events)
{
	_cleanup_event_ struct event event = {0};
	uint32_t n = 0;
	int r = take_u32(s, &n);
	for (; r == 0 && n; n--)
		r = take_field(s, &event);
	return r < 0 ? r : events_add(events, &event);
}

int events_decode(struct slice bytes, struct events *ret)
{
	_cleanup_events_ struct events events = {0};
	uint32_t n = 0;
	int r = take_u32(&bytes, &n);
	for (; r == 0 && n; n--)
		r = take_event(&bytes, &events);
	if (r == 0 && bytes.len)
		r = -EBADMSG;
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	*ret = events;
	events = (struct events){0};
	return 0;
}
