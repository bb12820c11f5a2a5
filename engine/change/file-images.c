/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/file-images.h"

#include "base/escape.h"
#include "core/vault.h"

#include <errno.h>
#include <string.h>

/* The bytes of N lines from START on. */
static size_t lines_end(const struct buf *text, size_t start, size_t n)
{
	size_t at = start;
	while (n-- && at < text->len) {
		const char *newline = memchr(text->data + at, '\n', text->len - at);
		at = newline ? (size_t)(newline - text->data) + 1 : text->len;
	}
	return at;
}

json_t *hunks_json(const struct hunks *h, const struct buf *after)
{
	json_t *list = json_array();
	size_t at = 0, line = 0;
	for (size_t i = 0; list && i < h->n; i++) {
		at = lines_end(after, at, h->v[i].new_at - line);
		size_t end = lines_end(after, at, h->v[i].new_n);
		line = h->v[i].new_at + h->v[i].new_n;
		json_t *hunk = json_pack("{sI sI so}", "at", (json_int_t)h->v[i].old_at, "old", (json_int_t)h->v[i].old_n,
		                         "new", json_bytes(buf_text(after) + at, end - at));
		at = end;
		if (!hunk || json_array_append_new(list, hunk) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int hunks_apply(const struct buf *before, const json_t *hunks, struct buf *ret)
{
	size_t at = 0, line = 0, i;
	const json_t *hunk;
	json_array_foreach(hunks, i, hunk)
	{
		json_int_t first = json_integer_value(json_object_get(hunk, "at"));
		json_int_t old = json_integer_value(json_object_get(hunk, "old"));
		if (first < 0 || old < 0 || (size_t)first < line)
			return -EBADMSG;
		size_t start = lines_end(before, at, (size_t)first - line);
		buf_add(ret, buf_text(before) + at, start - at);
		int r = json_bytes_get(json_object_get(hunk, "new"), ret);
		if (r < 0)
			return r;
		at = lines_end(before, start, (size_t)old);
		line = (size_t)(first + old);
	}
	return buf_add(ret, buf_text(before) + at, before->len - at);
}

int images_read(struct host *host, const struct change *c, struct images *ret)
{
	_cleanup_images_ struct images i = {0};
	const char *hex = json_string_value(json_object_get(c->data, "before"));
	if (!hex || !host->vault)
		return hex ? -ENODATA : -EBADMSG;
	int r = vault_read(host->vault, hex, FILE_EDIT_MAX, &i.before);
	if (r == 0)
		r = hunks_apply(&i.before, json_object_get(c->data, "hunks"), &i.after);
	if (r < 0)
		return r;
	*ret = i;
	i = (struct images){0};
	return 0;
}

void images_free(struct images *i)
{
	buf_free(&i->before);
	buf_free(&i->after);
}

static int give(const struct buf *bytes, struct buf *merged)
{
	return merged ? buf_copy(merged, bytes) : 0;
}

/* Our lines are looked for first, then those that were there before. */
static int place_among_others(const struct images *i, const struct buf *content, enum change_state *ret,
                              struct buf *merged, size_t *ret_line)
{
	_cleanup_buf_ struct buf out = {0}, in = {0};
	size_t line = 0, ignored;
	int r = line_diff_revert(&i->before, &i->after, content, &out, &line);
	if (r == 0)
		*ret = CHANGE_AFTER;
	if (r != -EEXIST)
		return r < 0 ? r : give(&out, merged);
	r = line_diff_revert(&i->after, &i->before, content, &in, &ignored);
	if (r < 0 && r != -EEXIST)
		return r;
	*ret = r == 0 ? CHANGE_BEFORE : CHANGE_DRIFTED;
	if (r < 0 && ret_line)
		*ret_line = line;
	return r == 0 ? give(&in, merged) : 0;
}

int images_place(const struct images *i, const struct buf *content, enum change_state *ret, struct buf *merged,
                 size_t *ret_line)
{
	bool before = buf_equal(content, &i->before);
	if (!before && !buf_equal(content, &i->after))
		return place_among_others(i, content, ret, merged, ret_line);
	*ret = before ? CHANGE_BEFORE : CHANGE_AFTER;
	return give(before ? &i->after : &i->before, merged);
}

static bool turns_into(const struct images *i, const struct buf *a, const struct buf *b)
{
	_cleanup_buf_ struct buf merged = {0};
	enum change_state state;
	return images_place(i, a, &state, &merged, NULL) == 0 && state != CHANGE_DRIFTED && buf_equal(&merged, b);
}

bool images_turn(const struct images *i, const struct buf *a, const struct buf *b)
{
	return turns_into(i, a, b) || turns_into(i, b, a);
}
