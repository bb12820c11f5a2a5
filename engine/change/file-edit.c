/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a file.edit:
 *     path, before, after   the path; SHA-256 of the content before and after
 *     hunks                 [{"at": line from 0, "old": lines taken out, "new": bytes put in}]
 *     diff                  the same for people, unified
 *     meta                  what the file had beside its content (base/meta.h)
 *     links                 how many names it had, where that was more than one
 *     dir-flags             +i and +a of its directory, where that had them
 * The before-image is in the vault under `before`.
 */
#include "change/file-edit.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/meta.h"
#include "change/file-images.h"
#include "change/file-replace.h"
#include "change/file-settle.h"

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
	r = dir_note_flags(host->root, path, data);
	if (r < 0)
		json_decref(data);
	else
		*ret = data;
	return r;
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

/* Puts our edit in place of what was judged, and says how that went. */
static int put_in(const struct change *c, const struct target *t, const struct buf *content, struct effect *effect)
{
	int r = check_new(effect, c, content);
	if (r == 0)
		r = file_replace(t->dir, t->name, effect->temporary, &t->sha256, content, NULL, 0);
	if (r == -ESTALE)
		buf_puts(&effect->note, "the file changed while it was edited");
	else if (r == -EBUSY)
		buf_puts(&effect->note, FILE_MOUNTED_ON);
	else if (r == 0 && t->stat.st_nlink > 1)
		buf_printf(&effect->note, "its other names (%u) keep the old content", (unsigned)t->stat.st_nlink - 1);
	return r;
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_(target_close) struct target t = {.dir = -1};
	_cleanup_buf_ struct buf after = {0};
	int r = file_ready(host, c, effect, file_edit_settle);
	if (r == 0)
		r = target_open(host, c, &t);
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
	r = hunks_apply(&t.content, json_object_get(c->data, "hunks"), &after);
	return r < 0 ? r : put_in(c, &t, &after, effect);
}

static int read_images(struct host *host, const struct change *c, struct images *images, struct buf *note)
{
	int r = images_read(host, c, images);
	if (r < 0)
		buf_printf(note, "the before-image in the vault cannot be used: %s", strerror(-r));
	return r;
}

/* "/etc/crontab, line 12", LINE being of the file as it is now. */
static void note_line(const struct change *c, size_t line, struct buf *note)
{
	escape_str(note, c->target);
	buf_printf(note, ", line %zu", line);
}

static void note_touched(const struct change *c, size_t line, struct buf *note)
{
	note_line(c, line, note);
	buf_puts(note, ": changed by somebody else since, where this run had edited");
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
                    struct effect *effect)
{
	struct buf *note = &effect->note;
	const json_t *meta = untouched ? recorded_meta(c, t) : NULL;
	int r = file_replace(t->dir, t->name, effect->temporary, &t->sha256, content, meta, meta ? META_TIMES : 0);
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
	_cleanup_images_ struct images images = {0};
	_cleanup_buf_ struct buf content = {0};
	enum change_state state;
	size_t line = 0;
	int r = file_ready(host, c, effect, file_edit_settle);
	if (r == 0)
		r = target_open(host, c, &t);
	if (r < 0)
		return target_error(r, &effect->note);
	if (is(&t, c, "before")) {
		buf_puts(&effect->note, "it was so already");
		return 0;
	}
	r = read_images(host, c, &images, &effect->note);
	if (r == 0)
		r = images_place(&images, &t.content, &state, &content, &line);
	if (r < 0)
		return r;
	if (state == CHANGE_DRIFTED) {
		note_touched(c, line, &effect->note);
		return -ESTALE;
	}
	if (state == CHANGE_BEFORE) {
		buf_puts(&effect->note, "it was so already, where this run had edited");
		return 0;
	}
	bool untouched = is(&t, c, "after");
	r = untouched ? check_old(effect, c, &content) : check_new(effect, c, &content);
	return r < 0 ? r : put_back(c, &t, &content, untouched, effect);
}

/* What the file is to the change, for those who only look: 0 with its state, and where
 * others are in the way in LINE; AGAIN: there a line that was taken out stands again. */
struct standing {
	enum change_state state;
	size_t line;
	bool again;
};

static int look_among_others(struct host *host, const struct change *c, const struct buf *content, struct standing *s)
{
	_cleanup_images_ struct images images = {0};
	int r = images_read(host, c, &images);
	if (r < 0) {
		s->state = CHANGE_DRIFTED; /* what cannot be told is not in force */
		return r == -ENOMEM ? r : 0;
	}
	r = images_place(&images, content, &s->state, NULL, &s->line);
	if (r < 0 || s->state != CHANGE_AFTER)
		return r;
	r = line_diff_stands_again(&images.before, &images.after, content, &s->line);
	s->again = r == 1;
	return r < 0 ? r : 0;
}

static int look(struct host *host, const struct change *c, struct standing *ret, struct buf *note)
{
	_cleanup_(target_close) struct target t = {.dir = -1};
	int r = target_open(host, c, &t);
	if (r < 0) {
		r = target_error(r, note);
		ret->state = CHANGE_DRIFTED;
		return r == -ESTALE ? 0 : r;
	}
	if (!is(&t, c, "before") && !is(&t, c, "after"))
		return look_among_others(host, c, &t.content, ret);
	ret->state = is(&t, c, "before") ? CHANGE_BEFORE : CHANGE_AFTER;
	return 0;
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_buf_ struct buf note = {0};
	struct standing s = {0};
	int r = look(host, c, &s, &note);
	if (r == 0)
		*ret = s.again ? CHANGE_DRIFTED : s.state;
	return r;
}

static void note_again(const struct change *c, size_t line, struct buf *note)
{
	note_line(c, line, note);
	buf_puts(note, ": what this run had removed stands there again");
}

static int drift(struct host *host, const struct change *c, struct buf *ret)
{
	struct standing s = {0};
	int r = look(host, c, &s, ret);
	if (r < 0)
		return r;
	if (s.again)
		note_again(c, s.line, ret);
	else if (s.line)
		note_touched(c, s.line, ret);
	return s.state == CHANGE_DRIFTED ? -ESTALE : 0;
}

/* What it was told to put in force again is there. */
static int in_force(const struct change *c, const struct images *images, const struct buf *content, struct buf *note)
{
	size_t line = 0;
	int r = line_diff_stands_again(&images->before, &images->after, content, &line);
	if (r == 0)
		buf_puts(note, "it was so already");
	if (r != 1)
		return r;
	note_again(c, line, note);
	buf_puts(note, "; run the playbook again");
	return -ESTALE;
}

static int reapply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_(target_close) struct target t = {.dir = -1};
	_cleanup_images_ struct images images = {0};
	_cleanup_buf_ struct buf content = {0};
	enum change_state state;
	size_t line = 0;
	int r = file_ready(host, c, effect, file_edit_settle);
	if (r == 0)
		r = target_open(host, c, &t);
	if (r < 0)
		return target_error(r, &effect->note);
	r = read_images(host, c, &images, &effect->note);
	if (r == 0)
		r = images_place(&images, &t.content, &state, &content, &line);
	if (r < 0)
		return r;
	if (state == CHANGE_AFTER)
		return in_force(c, &images, &t.content, &effect->note);
	if (state == CHANGE_DRIFTED) {
		note_touched(c, line, &effect->note);
		buf_puts(&effect->note, "; run the playbook again");
		return -ESTALE;
	}
	r = put_in(c, &t, &content, effect);
	if (r == 0 && !is(&t, c, "before"))
		add_note(&effect->note, "other edits made since were kept");
	return r;
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
	.settle = file_edit_settle,
	.reapply = reapply,
	.drift = drift,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
};
