/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of an account.shadow:
 *     user           whose entry it is
 *     before, after  SHA-256 of the entry, without its newline, before and after
 *     lock           true: "!" is put before the password
 *     expire         the new date, in days since 1970, where it is set
 *     changed        the new date of the password, where it is set
 *     file           a new password: the file in which it is handed over
 *     file-sha256    what that file is to hold
 *     was            {"password": "set", "expire": "", "changed": "19700"}
 *     meta           what the file had beside its content (base/meta.h)
 *     dir-flags      +i and +a of its directory, where that had them
 * The entry before is in the vault under `before`; the one after follows from it, but for
 * one with a new password, which is there under `after`.
 *
 * What is replaced is always today's file with the one entry turned over: others may edit
 * it at any time, and those who do it by the rules wait for the lock.
 */
#include "change/account-shadow.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/meta.h"
#include "base/passwd-lock.h"
#include "change/file-edit.h"
#include "change/file-replace.h"
#include "change/file-settle.h"
#include "change/secret-file.h"
#include "core/vault.h"

#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOCK_MS 15000 /* as long as lckpwdf(3) tries */
#define ENTRY_MAX 65536

static const char *const secret_words[] = {
	[SECRET_NONE] = "none",
	[SECRET_EMPTY] = "empty",
	[SECRET_SET] = "set",
	[SECRET_LOCKED] = "locked",
};

static void hash_entry(const char *entry, size_t len, struct sha256 *ret)
{
	sha256_bytes(entry, len, ret);
}

/* ---- planning ------------------------------------------------------------------------- */

static int shadow_path(struct host *host, struct buf *ret)
{
	return path_resolve(host->root, SHADOW_FILE, ret);
}

int account_shadow_read(struct host *host, const struct plan *plan, struct buf *ret)
{
	_cleanup_buf_ struct buf path = {0};
	int r = shadow_path(host, &path);
	if (r < 0)
		return r;
	return plan ? file_edit_read(host, plan, path.data, ret) : path_read(host->root, path.data, FILE_EDIT_MAX, ret, NULL);
}

static json_t *what_was(const char *entry, size_t len)
{
	_cleanup_buf_ struct buf password = {0}, expire = {0}, changed = {0};
	shadow_field(entry, len, SHADOW_PASSWORD, &password);
	shadow_field(entry, len, SHADOW_EXPIRE, &expire);
	shadow_field(entry, len, SHADOW_CHANGED, &changed);
	return json_pack("{ss so so}", "password", secret_words[shadow_secret(buf_text(&password))], "expire",
	                 json_text(buf_text(&expire)), "changed", json_text(buf_text(&changed)));
}

static int read_meta(struct host *host, const char *path, json_t **ret)
{
	_cleanup_close_ int fd = -1;
	int r = path_open_regular(host->root, path, &fd, NULL);
	return r < 0 ? r : meta_read(fd, ret);
}

static int make_data(struct host *host, const char *path, const char *user, const struct buf *before,
                     const struct buf *after, const struct shadow_edit *edit, json_t **ret)
{
	struct sha256 old, new;
	json_t *meta = NULL;
	int r = read_meta(host, path, &meta);
	if (r < 0)
		return r;
	hash_entry(before->data, before->len, &old);
	hash_entry(after->data, after->len, &new);
	json_t *data = json_pack("{so ss ss sb so so}", "user", json_text(user), "before", old.hex, "after", new.hex,
	                         "lock", edit->lock, "was", what_was(before->data, before->len), "meta", meta);
	if (!data || (edit->expire && json_object_set_new(data, "expire", json_string(edit->expire)) < 0) ||
	    (edit->changed && json_object_set_new(data, "changed", json_string(edit->changed)) < 0))
		r = -ENOMEM;
	if (r == 0)
		r = dir_note_flags(host->root, path, data);
	if (r < 0)
		json_decref(data);
	else
		*ret = data;
	return r;
}

/* A new password, and where it goes. */
struct handover {
	const char *path;
	const struct buf *bytes;
};

static int plan_edit(struct host *host, struct plan *plan, const char *path, const char *user, const struct buf *file,
                     const struct shadow_entry *entry, const struct shadow_edit *edit, const struct handover *handover)
{
	_cleanup_buf_ struct buf before = {0}, after = {0};
	struct change *c = NULL;
	json_t *data = NULL;
	buf_add(&before, file->data + entry->at, entry->len);
	int r = shadow_edit_entry(buf_text(&before), before.len, edit, &after);
	if (r < 0 || buf_equal(&before, &after))
		return r;
	r = make_data(host, path, user, &before, &after, edit, &data);
	if (r == 0)
		r = plan_change(plan, &account_shadow_kind, path, data, &c);
	if (r == 0)
		r = change_add_blob(c, &before, NULL);
	if (r == 0 && handover)
		r = change_add_blob(c, &after, NULL);
	if (r == 0 && handover)
		r = secret_file_note(c, handover->path, handover->bytes);
	if (r == 0)
		r = shadow_replace(file, entry, &after, &c->result);
	if (r == 0)
		c->writes_target = true;
	return r;
}

static int plan_entry(struct host *host, struct plan *plan, const char *user, const struct shadow_edit *edit,
                      const struct handover *handover)
{
	_cleanup_buf_ struct buf path = {0}, file = {0};
	struct shadow_entry entry;
	int r = shadow_path(host, &path);
	if (r == 0)
		r = file_edit_read(host, plan, path.data, &file);
	if (r < 0)
		return r;
	return shadow_find(&file, user, &entry) ? plan_edit(host, plan, path.data, user, &file, &entry, edit, handover)
	                                        : -ENODATA;
}

int account_shadow_plan(struct host *host, struct plan *plan, const char *user, const struct shadow_edit *edit)
{
	return plan_entry(host, plan, user, edit, NULL);
}

int account_password_plan(struct host *host, struct plan *plan, const char *user, const struct shadow_edit *edit,
                          const char *path, const struct buf *bytes)
{
	return plan_entry(host, plan, user, edit, &(struct handover){path, bytes});
}

/* ---- the file as it is ------------------------------------------------------------------ */

/* The entry in today's file. */
struct today {
	int dir;
	const char *name; /* points into the change's target */
	char *user;
	struct buf content;
	struct sha256 sha256; /* of the content */
	struct shadow_entry entry;
	struct sha256 has;    /* of the entry */
};

static void today_close(struct today *t)
{
	close_fd(&t->dir);
	free(t->user);
	buf_free(&t->content);
}

static const char *recorded(const struct change *c, const char *field)
{
	const char *text = json_string_value(json_object_get(c->data, field));
	return text ? text : "";
}

static bool is(const struct today *t, const struct change *c, const char *state)
{
	return strcmp(t->has.hex, recorded(c, state)) == 0;
}

/* Whether CONTENT has an entry of USER, where, and what it hashes to. */
static bool find_entry(const struct buf *content, const char *user, struct shadow_entry *entry, struct sha256 *ret_has)
{
	if (!shadow_find(content, user, entry))
		return false;
	hash_entry(content->data + entry->at, entry->len, ret_has);
	return true;
}

static int gone(struct buf *note, const char *what)
{
	buf_printf(note, "%s%s", note->len ? "; " : "", what);
	return -ESTALE;
}

static int today_open(struct host *host, const struct change *c, struct today *ret, struct buf *note)
{
	int r = json_field_text(c->data, "user", &ret->user);
	if (r < 0)
		return -EBADMSG;
	r = path_open_parent(host->root, c->target, &ret->dir, &ret->name);
	if (r == 0)
		r = path_read(host->root, c->target, FILE_EDIT_MAX, &ret->content, NULL);
	if (r == -ENOENT || r == -ELOOP || r == -EINVAL || r == -ENOTDIR)
		return gone(note, "the file is gone, or something else stands at its path");
	if (r < 0)
		return r;
	sha256_bytes(buf_text(&ret->content), ret->content.len, &ret->sha256);
	if (!find_entry(&ret->content, ret->user, &ret->entry, &ret->has))
		return gone(note, "the account has no entry there any more");
	return 0;
}

/* ---- settling ----------------------------------------------------------------------------- */

/* Whether one is the other with our entry turned over, and nothing else. */
static bool entries_turn(const struct change *c, const struct images *images, const struct buf *a, const struct buf *b)
{
	_cleanup_free_ char *user = NULL;
	_cleanup_buf_ struct buf by = {0}, turned = {0};
	struct shadow_entry ea, eb;
	struct sha256 ha, hb;
	(void)images;
	if (json_field_text(c->data, "user", &user) < 0 || !find_entry(a, user, &ea, &ha) || !find_entry(b, user, &eb, &hb))
		return false;
	bool there = strcmp(ha.hex, recorded(c, "before")) == 0 && strcmp(hb.hex, recorded(c, "after")) == 0;
	bool back = strcmp(hb.hex, recorded(c, "before")) == 0 && strcmp(ha.hex, recorded(c, "after")) == 0;
	buf_add(&by, b->data + eb.at, eb.len);
	return (there || back) && shadow_replace(a, &ea, &by, &turned) == 0 && buf_equal(&turned, b);
}

static int entries_place(const struct change *c, const struct images *images, const struct buf *content,
                         enum change_state *ret)
{
	_cleanup_free_ char *user = NULL;
	struct shadow_entry entry;
	struct sha256 has;
	(void)images;
	if (json_field_text(c->data, "user", &user) < 0)
		return -EBADMSG;
	*ret = CHANGE_DRIFTED;
	if (find_entry(content, user, &entry, &has))
		*ret = strcmp(has.hex, recorded(c, "before")) == 0  ? CHANGE_BEFORE
		       : strcmp(has.hex, recorded(c, "after")) == 0 ? CHANGE_AFTER
		                                                    : CHANGE_DRIFTED;
	return 0;
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_(today_close) struct today t = {.dir = -1};
	_cleanup_buf_ struct buf note = {0};
	int r = today_open(host, c, &t, &note);
	if (r < 0 && r != -ESTALE)
		return r;
	*ret = CHANGE_DRIFTED;
	if (r == 0)
		*ret = is(&t, c, "before")  ? CHANGE_BEFORE
		       : is(&t, c, "after") ? CHANGE_AFTER
		                            : CHANGE_DRIFTED;
	return 0;
}

/* A password that did not come into force is nothing to hand over. */
static int settle_secret(struct host *host, const struct change *c, struct effect *effect)
{
	enum change_state state;
	int r = secret_file_settle(host, c, effect);
	if (r == 0 && !effect->done && probe(host, c, &state) == 0 && state == CHANGE_BEFORE)
		secret_file_drop(host, c, effect);
	return r;
}

static int settle_locked(struct host *host, const struct change *c, struct effect *effect)
{
	static const struct edited entries = {NULL, entries_turn, entries_place};
	int r = edited_settle(host, c, effect, &entries);
	return r < 0 ? r : settle_secret(host, c, effect);
}

static int lock(struct host *host, struct effect *effect, int *ret_fd)
{
	int r = passwd_lock(host->root, LOCK_MS, ret_fd);
	if (r < 0)
		buf_printf(&effect->note, "cannot get the lock of passwd(1), /etc/.pwd.lock: %s", strerror(-r));
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

static int settle(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_close_ int held = -1;
	int r = lock(host, effect, &held);
	return r < 0 ? r : settle_locked(host, c, effect);
}

/* ---- apply, revert ------------------------------------------------------------------------ */

static int put(const struct change *c, const struct today *t, const struct buf *entry, struct effect *effect)
{
	_cleanup_buf_ struct buf content = {0};
	int r = shadow_replace(&t->content, &t->entry, entry, &content);
	(void)c;
	if (r == 0)
		r = file_replace(t->dir, t->name, effect->temporary, &t->sha256, &content, NULL, 0);
	if (r == -ESTALE)
		return gone(&effect->note, "the file changed while it was edited");
	if (r == -EBUSY)
		buf_puts(&effect->note, FILE_MOUNTED_ON);
	return r;
}

static int edited_entry(struct host *host, const struct change *c, const struct today *t, struct buf *ret)
{
	struct shadow_edit edit = {
		.lock = json_is_true(json_object_get(c->data, "lock")),
		.expire = json_string_value(json_object_get(c->data, "expire")),
		.changed = json_string_value(json_object_get(c->data, "changed")),
	};
	struct sha256 sha256;
	if (secret_file_of(c))
		return host->vault ? vault_read(host->vault, recorded(c, "after"), ENTRY_MAX, ret) : -ENOENT;
	int r = shadow_edit_entry(t->content.data + t->entry.at, t->entry.len, &edit, ret);
	if (r < 0)
		return r;
	hash_entry(buf_text(ret), ret->len, &sha256);
	return strcmp(sha256.hex, recorded(c, "after")) == 0 ? 0 : -EBADMSG;
}

static int begin(struct host *host, const struct change *c, struct effect *effect, int *ret_lock, struct today *ret)
{
	int r = lock(host, effect, ret_lock);
	if (r == 0)
		r = file_ready(host, c, effect, settle_locked);
	return r < 0 ? r : today_open(host, c, ret, &effect->note);
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_close_ int held = -1;
	_cleanup_(today_close) struct today t = {.dir = -1};
	_cleanup_buf_ struct buf entry = {0};
	int r = begin(host, c, effect, &held, &t);
	if (r < 0)
		return r;
	if (is(&t, c, "after")) {
		buf_puts(&effect->note, "it was so already");
		return 0;
	}
	if (!is(&t, c, "before"))
		return gone(&effect->note, "somebody has altered the entry since the plan");
	r = edited_entry(host, c, &t, &entry);
	if (r == 0)
		r = secret_file_make(host, c, effect);
	if (r < 0)
		return r;
	r = put(c, &t, &entry, effect);
	if (r < 0 && !effect->done)
		secret_file_drop(host, c, effect);
	return r;
}

static int revert(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_close_ int held = -1;
	_cleanup_(today_close) struct today t = {.dir = -1};
	_cleanup_buf_ struct buf entry = {0};
	int r = begin(host, c, effect, &held, &t);
	if (r < 0)
		return r;
	if (is(&t, c, "before")) {
		buf_puts(&effect->note, "it was so already");
		secret_file_drop(host, c, effect);
		return 0;
	}
	if (!is(&t, c, "after"))
		return gone(&effect->note, "somebody has altered the entry since");
	r = host->vault ? vault_read(host->vault, recorded(c, "before"), ENTRY_MAX, &entry) : -ENOENT;
	if (r < 0) {
		buf_printf(&effect->note, "the entry in the vault cannot be used: %s", strerror(-r));
		return r;
	}
	r = put(c, &t, &entry, effect);
	if (r == 0)
		secret_file_drop(host, c, effect);
	return r;
}

static int drift(struct host *host, const struct change *c, struct buf *ret)
{
	_cleanup_(today_close) struct today t = {.dir = -1};
	int r = today_open(host, c, &t, ret);
	return r < 0 ? r : gone(ret, "somebody has altered the entry since");
}

/* ---- for people, and for the guard ---------------------------------------------------------- */

static bool locks(const struct change *c)
{
	return json_is_true(json_object_get(c->data, "lock"));
}

static int describe(const struct change *c, struct buf *ret)
{
	buf_puts(ret, locks(c)                                ? "lock the account "
	              : secret_file_of(c)                     ? "give a new password to "
	              : json_object_get(c->data, "changed") ? "expire the password of "
	                                                    : "set the expiry of ");
	buf_puts(ret, recorded(c, "user"));
	buf_puts(ret, " (");
	escape_str(ret, c->target);
	return buf_putc(ret, ')');
}

/* Days since 1970 as a date. */
static void put_date(struct buf *ret, const char *days)
{
	char *end;
	long n = strtol(days, &end, 10);
	time_t t = (time_t)n * 24 * 60 * 60;
	struct tm tm;
	char text[32];
	if (!days[0])
		buf_puts(ret, "never");
	else if (*end || n < 0 || n > 1000000 || !gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%F", &tm))
		buf_printf(ret, "\"%s\"", days);
	else
		buf_puts(ret, text);
}

static void put_dates(struct buf *ret, const char *what, const char *old, const char *new)
{
	if (!new || strcmp(old, new) == 0)
		return;
	buf_printf(ret, "%s: ", what);
	put_date(ret, old);
	buf_puts(ret, " -> ");
	put_date(ret, new);
	buf_putc(ret, '\n');
}

static const char *old_value(const struct change *c, const char *field)
{
	const char *text = json_string_value(json_object_get(json_object_get(c->data, "was"), field));
	return text ? text : "";
}

static int detail(const struct change *c, struct buf *ret)
{
	const char *password = old_value(c, "password");
	if (locks(c) && strcmp(password, secret_words[SECRET_LOCKED]) != 0)
		buf_printf(ret, "password: %s -> locked\n", password);
	if (secret_file_of(c))
		buf_printf(ret, "password: %s -> new, in %s\n", password, secret_file_of(c));
	put_dates(ret, "account expires", old_value(c, "expire"), json_string_value(json_object_get(c->data, "expire")));
	put_dates(ret, "password changed", old_value(c, "changed"), json_string_value(json_object_get(c->data, "changed")));
	return buf_error(ret);
}

static int subjects(const struct change *c, subject_fn visit, void *ctx)
{
	_cleanup_free_ char *user = NULL, *file = NULL;
	struct subject path = {.type = SUBJECT_EDIT_PATH, .path = c->target};
	int r = json_field_text(c->data, "user", &user);
	struct subject account = {.type = SUBJECT_ACCOUNT, .account = user, .password = secret_file_of(c) != NULL};
	struct subject secret = {.type = SUBJECT_EDIT_PATH};
	if (r == 0)
		r = visit(ctx, &path);
	if (r == 0)
		r = visit(ctx, &account);
	if (r || !secret_file_of(c))
		return r;
	r = json_field_text(c->data, "file", &file);
	secret.path = file;
	return r ? r : visit(ctx, &secret);
}

static int audit_type_of(const struct change *c)
{
	return locks(c) ? AUDIT_RESP_ACCT_LOCK : AUDIT_RESP_EXEC;
}

const struct change_kind account_shadow_kind = {
	.name = "account.shadow",
	.mark = '~',
	.audit_type = AUDIT_RESP_ACCT_LOCK,
	.audit_type_of = audit_type_of,
	.audit_undo_type = AUDIT_RESP_ACCT_UNLOCK_TIMED,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.drift = drift,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
};
