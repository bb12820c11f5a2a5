/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-stage.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice hook_text(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static void print_field(const struct field *f, struct buf *ret)
{
	buf_printf(ret, "%s %s ", f->name, field_type_word(f->type));
	for (size_t i = 0; i < f->items.n; i++)
		buf_printf(ret, "[%s]", f->items.v[i]);
	buf_printf(ret, "%s\n", f->type == FIELD_LIST ? "" : f->text);
}

/* In memory of its own size, so that a byte too many is seen. */
static int parse(const struct source *source, struct slice message, struct events *ret, struct buf *ret_why)
{
	char *exact = malloc(message.len ? message.len : 1);
	assert_non_null(exact);
	memcpy(exact, message.p, message.len);
	int r = source->parse((struct slice){exact, message.len}, ret, ret_why);
	free(exact);
	return r;
}

char *hook_events(const struct source *source, struct slice message)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0}, text = {0};
	int r = parse(source, message, &events, &why);
	if (r < 0)
		fail_msg("refused: %s", buf_text(&why));
	assert_int_equal(why.len, 0);
	for (size_t i = 0; i < events.n; i++) {
		if (i)
			buf_puts(&text, "--\n");
		for (size_t k = 0; k < events.v[i].n; k++)
			print_field(&events.v[i].v[k], &text);
	}
	return buf_steal(&text);
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

void hook_has(const struct source *source, struct slice message, const char *const *lines)
{
	_cleanup_free_ char *text = hook_events(source, message);
	assert_false(has_line(text, "--"));
	for (; *lines; lines++)
		if (!has_line(text, *lines))
			fail_msg("no \"%s\" in:\n%s", *lines, text);
}

void hook_lacks(const struct source *source, struct slice message, const char *name)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(parse(source, message, &events, &why), 0);
	assert_int_equal(events.n, 1);
	assert_null(event_field(&events.v[0], name));
}

void hook_refuses(const struct source *source, struct slice message, const char *words)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = parse(source, message, &events, &why);
	if (r != -EINVAL)
		fail_msg("%d and not refused: %.*s", r, (int)message.len, message.p);
	assert_int_equal(events.n, 0);
	if (!strstr(buf_text(&why), words))
		fail_msg("\"%s\" has no \"%s\"", buf_text(&why), words);
	assert_true(utf8_valid(buf_text(&why), why.len) && !slice_is_hidden(slice_of(&why)));
	assert_null(strchr(buf_text(&why), '\n'));
}

void hook_refuses_truncated(const struct source *source, struct slice message)
{
	while (message.len && strchr("\r\n", message.p[message.len - 1]))
		message.len--;
	while (message.len--)
		hook_refuses(source, message, "");
}
