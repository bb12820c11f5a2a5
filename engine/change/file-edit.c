/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a file.edit:
 *     path, before, after   the path; SHA-256 of the content before and after
 *     hunks                 [{"at": line from 0, "old": lines taken out, "new": bytes put in}]
 *     diff                  the same for people, unified
 *     meta                  what the file had beside its content (base/meta.h)
 *     links                 how many names it had, where that was more than one
 * The before-image is in the vault under `before`.
 */
#include "change/file-edit.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/line-diff.h"
#include "base/meta.h"
#include "change/file-replace.h"
#include "core/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <string.h>
#include <unistd.h>

#define CONTEXT 3

int file_edit_read(struct host *host, const struct plan *plan, const char *path, struct buf *ret)
{
	int r = plan_file(plan, path, ret);
	if (r != 0)
		return r < 0 ? r : 0;
	return path_read(host->root, path, FILE_EDIT_MAX, ret, NULL);
}

/* The bytes of N lines from AT on; *at moves behind them. */
static size_t lines_end(const struct buf *text, size_t start, size_t n)
{
	size_t at = start;
	while (n-- && at < text->len) {
		const char *newline = memchr(text->data + at, '\n', text->len - at);
		at = newline ? (size_t)(newline - text->data) + 1 : text->len;
	}
	return at;
}

static json_t *hunks_json(const struct hunks *h, const struct buf *after)
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

/* The content after, from the content before and the hunks. */
static int apply_hunks(const struct buf *before, const json_t *hunks, struct buf *ret)
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

static int make_data(struct host *host, const char *path, const struct buf *before, const struct buf *after,
                     json_t **ret)
{
	_cleanup_close_ int fd = -1;
	_cleanup_(hunks_free) struct hunks hunks = {0};
	_cleanup_buf_ struct buf diff = {0};
	struct sha256 old, new;
	struct stat st;
	json_t *meta = NULL;
	int r = path_open_regular(host->root, path, &fd, &st);
	if (r == 0)
		r = meta_read(fd, &meta);
	if (r == 0)
		r = line_diff(before, after, &hunks);
	if (r == 0)
		r = line_diff_unified(before, after, CONTEXT, &diff);
	if (r < 0) {
		json_decref(meta);
		return r;
	}
	sha256_bytes(buf_text(before), before->len, &old);
	sha256_bytes(buf_text(after), after->len, &new);
	json_t *data = json_pack("{so ss ss so ss so}", "path", json_text(path), "before", old.hex, "after", new.hex,
	                         "hunks", hunks_json(&hunks, after), "diff", buf_text(&diff), "meta", meta);
	if (!data || (st.st_nlink > 1 && json_object_set_new(data, "links", json_integer((json_int_t)st.st_nlink)) < 0)) {
		json_decref(data);
		return -ENOMEM;
	}
	*ret = data;
	return 0;
}

int file_edit_plan(struct host *host, struct plan *plan, const char *path, const struct buf *before,
                   const struct buf *after, const char *service, struct change **ret)
{
	if (buf_equal(before, after))
		return 0;
	json_t *data = NULL;
	struct change *c = NULL;
	int r = make_data(host, path, before, after, &data);
	if (r == 0)
		r = plan_change(plan, &file_edit_kind, path, data, &c);
	if (r == 0)
		r = change_add_blob(c, before, NULL);
	if (r == 0)
		r = buf_copy(&c->result, after);
	if (r < 0)
		return r;
	c->writes_target = true;
	c->service = service ? strdup(service) : NULL;
	if (service && !c->service)
		return -ENOMEM;
	if (ret)
		*ret = c;
	return 0;
}

/* The file as it is now, with the directory it lies in. */
struct target {
	int dir;
	const char *name; /* points into the change's target */
	struct buf content;
	struct sha256 sha256;
	struct stat stat;
};

static void target_close(struct target *t)
{
	close_fd(&t->dir);
	buf_free(&t->content);
}

static int target_open(struct host *host, const struct change *c, struct target *ret)
{
	int r = path_open_parent(host->root, c->target, &ret->dir, &ret->name);
	if (r == 0)
		r = path_read(host->root, c->target, FILE_EDIT_MAX, &ret->content, &ret->stat);
	if (r == 0)
		sha256_bytes(buf_text(&ret->content), ret->content.len, &ret->sha256);
	return r;
}

static bool is(const struct target *t, const struct change *c, const char *state)
{
	const char *hex = json_string_value(json_object_get(c->data, state));
	return hex && strcmp(hex, t->sha256.hex) == 0;
}

/* A path that no longer leads to a regular file is drift, not failure. */
static int target_error(int r, struct buf *note)
{
	if (r != -ENOENT && r != -ELOOP && r != -EINVAL && r != -ENOTDIR)
		return r;
	buf_puts(note, r == -ENOENT || r == -ENOTDIR ? "the file is gone" : "something else stands at that path now");
	return -ESTALE;
}

/* What its service cannot be asked about is not put in place. */
static int check_new(struct effect *effect, const struct change *c, const struct buf *content)
{
	int r = effect->check ? effect->check(effect, c, content) : 0;
	if (r != -EOPNOTSUPP)
		return r;
	buf_puts(&effect->note, ": what it has not checked is not put in place");
	return -EINVAL;
}

/* The very bytes that stood there before may come back while the service is stopped or
 * gone: that must not keep anybody from undoing. */
static int check_old(struct effect *effect, const struct change *c, const struct buf *content)
{
	int r = effect->check ? effect->check(effect, c, content) : 0;
	if (r != -EOPNOTSUPP)
		return r;
	buf_puts(&effect->note, ": put back unchecked");
	return 0;
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_(target_close) struct target t = {.dir = -1};
	_cleanup_buf_ struct buf after = {0};
	int r = target_open(host, c, &t);
	if (r < 0)
		return target_error(r, &effect->note);
	if (is(&t, c, "after")) {
		buf_puts(&effect->note, "it was so already");
		return 0;
	}
	if (!is(&t, c, "before")) {
		buf_puts(&effect->note, "the file has changed since the plan");
		return -ESTALE;
	}
	r = apply_hunks(&t.content, json_object_get(c->data, "hunks"), &after);
	if (r == 0)
		r = check_new(effect, c, &after);
	if (r == 0)
		r = file_replace(t.dir, t.name, &t.sha256, &after, NULL, 0);
	if (r == -ESTALE)
		buf_puts(&effect->note, "the file changed while it was edited");
	else if (r == -EBUSY)
		buf_puts(&effect->note, FILE_MOUNTED_ON);
	else if (r == 0 && t.stat.st_nlink > 1)
		buf_printf(&effect->note, "its other names (%u) keep the old content", (unsigned)t.stat.st_nlink - 1);
	return r;
}

/* The images on both sides of our edit: the one before from the vault. */
static int read_images(struct host *host, const struct change *c, struct buf *before, struct buf *after)
{
	const char *hex = json_string_value(json_object_get(c->data, "before"));
	if (!hex || !host->vault)
		return hex ? -ENODATA : -EBADMSG;
	int r = vault_read(host->vault, hex, FILE_EDIT_MAX, before);
	return r < 0 ? r : apply_hunks(before, json_object_get(c->data, "hunks"), after);
}

static int revert_among_others(const struct change *c, const struct target *t, const struct buf *before,
                               const struct buf *after, struct buf *merged, struct buf *note)
{
	size_t line = 0;
	int r = line_diff_revert(before, after, &t->content, merged, &line);
	if (r != -EEXIST)
		return r;
	escape_str(note, c->target);
	buf_printf(note, ", line %zu: changed by somebody else since, where this run had edited", line);
	return -ESTALE;
}

/* The attributes to restore with the before-image: those recorded, with the times; NULL
 * where somebody has changed them since: theirs are kept then. */
static const json_t *recorded_meta(const struct change *c, const struct target *t)
{
	const json_t *meta = json_object_get(c->data, "meta");
	_cleanup_close_ int fd = -1;
	json_t *now = NULL;
	bool same = name_open_regular(t->dir, t->name, &fd, NULL) == 0 && meta_read(fd, &now) == 0 &&
	            meta_same(now, meta);
	json_decref(now);
	return same ? meta : NULL;
}

static void add_note(struct buf *note, const char *sentence)
{
	buf_printf(note, "%s%s", note->len ? "; " : "", sentence);
}

static int put_back(const struct change *c, const struct target *t, const struct buf *content, bool untouched,
                    struct buf *note)
{
	const json_t *meta = untouched ? recorded_meta(c, t) : NULL;
	int r = file_replace(t->dir, t->name, &t->sha256, content, meta, meta ? META_TIMES : 0);
	if (r == 0 && !untouched)
		add_note(note, "other edits made since were kept");
	else if (r == 0 && !meta)
		add_note(note, "owner, mode or flags were changed by somebody else since and were kept");
	else if (r == -ESTALE)
		add_note(note, "the file changed while it was restored");
	if (r == 0 && json_integer_value(json_object_get(c->data, "links")) > 1 && t->stat.st_nlink == 1)
		add_note(note, "it is a file of its own now; it shared its content with other names");
	if (r != -EBUSY)
		return r;
	add_note(note, FILE_MOUNTED_ON);
	return -ESTALE;
}

static int revert(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_(target_close) struct target t = {.dir = -1};
	_cleanup_buf_ struct buf before = {0}, after = {0}, merged = {0};
	int r = target_open(host, c, &t);
	if (r < 0)
		return target_error(r, &effect->note);
	if (is(&t, c, "before")) {
		buf_puts(&effect->note, "it was so already");
		return 0;
	}
	r = read_images(host, c, &before, &after);
	if (r < 0) {
		buf_printf(&effect->note, "the before-image in the vault cannot be used: %s", strerror(-r));
		return r;
	}
	bool untouched = is(&t, c, "after");
	if (!untouched)
		r = revert_among_others(c, &t, &before, &after, &merged, &effect->note);
	const struct buf *content = untouched ? &before : &merged;
	if (r == 0)
		r = untouched ? check_old(effect, c, content) : check_new(effect, c, content);
	return r < 0 ? r : put_back(c, &t, content, untouched, &effect->note);
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_(target_close) struct target t = {.dir = -1};
	_cleanup_buf_ struct buf before = {0}, after = {0}, merged = {0}, note = {0};
	int r = target_open(host, c, &t);
	if (r < 0) {
		r = target_error(r, &note);
		if (r == -ESTALE)
			*ret = CHANGE_DRIFTED;
		return r == -ESTALE ? 0 : r;
	}
	if (is(&t, c, "before") || is(&t, c, "after")) {
		*ret = is(&t, c, "before") ? CHANGE_BEFORE : CHANGE_AFTER;
		return 0;
	}
	bool ours = read_images(host, c, &before, &after) == 0 &&
	            revert_among_others(c, &t, &before, &after, &merged, &note) == 0;
	*ret = ours ? CHANGE_AFTER : CHANGE_DRIFTED;
	return 0;
}

static int describe(const struct change *c, struct buf *ret)
{
	size_t out = 0, in = 0, i;
	const json_t *hunk;
	json_array_foreach(json_object_get(c->data, "hunks"), i, hunk)
	{
		const json_t *new = json_object_get(hunk, "new");
		_cleanup_buf_ struct buf bytes = {0};
		json_bytes_get(new, &bytes);
		out += (size_t)json_integer_value(json_object_get(hunk, "old"));
		for (size_t k = 0; k < bytes.len; k++)
			in += bytes.data[k] == '\n' || k + 1 == bytes.len;
	}
	buf_puts(ret, "edit ");
	escape_str(ret, c->target);
	return buf_printf(ret, " (-%zu +%zu line%s)", out, in, out + in == 1 ? "" : "s");
}

static int detail(const struct change *c, struct buf *ret)
{
	static const char *const heads[] = {"--- ", "+++ "};
	for (size_t i = 0; i < 2; i++) {
		buf_puts(ret, heads[i]);
		escape_str(ret, c->target);
		buf_putc(ret, '\n');
	}
	const char *diff = json_string_value(json_object_get(c->data, "diff"));
	return buf_puts(ret, diff ? diff : "");
}

static int subjects(const struct change *c, subject_fn visit, void *ctx)
{
	struct subject s = {.type = SUBJECT_EDIT_PATH, .path = c->target};
	return visit(ctx, &s);
}

const struct change_kind file_edit_kind = {
	.name = "file.edit",
	.mark = '~',
	.audit_type = AUDIT_RESP_EXEC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
};
