/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common-fields.h"

#include "hook/flatten.h"

#include <errno.h>
#include <string.h>

int common_text(struct event *event, const char *name, const char *text, struct buf *ret_why)
{
	return flatten_refuse(event_add_text(event, name, (struct slice){text, strlen(text)}), name, ret_why);
}

int common_copy(struct event *event, const char *name, const char *const *from, struct buf *ret_why)
{
	enum field_type type = strcmp(name, "pid") == 0 ? FIELD_NUMBER : FIELD_TEXT;
	for (; *from; from++) {
		const struct field *f = event_field(event, *from);
		if (!f || f->type != type || !f->text[0])
			continue;
		if (type == FIELD_NUMBER)
			return flatten_refuse(event_add_number(event, name, f->number), name, ret_why);
		_cleanup_free_ char *text = strdup(f->text);
		return text ? common_text(event, name, text, ret_why) : -ENOMEM;
	}
	return 0;
}
