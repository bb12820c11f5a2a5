/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a file.move:
 *     path, sha256, size   the file, and the object of the vault that it becomes
 *     dev, ino             what it was when it was planned
 *     links                how many names it had
 *     meta                 what it had beside its content (base/meta.h)
 *     dir-flags            +i and +a of its directory, where that had them
 *
 * Rules:
 *  1. A file with one name moves by rename where the vault is on the same filesystem.
 *     Any other is copied; only then, and only this one name, is removed.
 *  2. What stands under the name is judged by what is open, before and after it is
 *     moved aside; what turns out to be something else is put back.
 *  3. An inode with other names is never altered: no chmod, no chown, no truncation.
 */
#include "change/file-move.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/meta.h"
#include "change/file-replace.h"
#include "change/file-settle.h"
#include "core/vault.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>
#include <unistd.h>

static int make_data(struct host *host, const char *path, const struct stat *st, const struct sha256 *sha256,
                     json_t *meta, json_t **ret)
{
	json_t *data = json_pack("{so ss sI sI sI sI so}", "path", json_text(path), "sha256", sha256->hex, "size",
	                         (json_int_t)st->st_size, "dev", (json_int_t)st->st_dev, "ino", (json_int_t)st->st_ino,
	                         "links", (json_int_t)st->st_nlink, "meta", meta);
	if (!data)
		return -ENOMEM;
	int r = dir_note_flags(host->root, path, data);
	if (r < 0)
		json_decref(data);
	else
		*ret = data;
	return r;
}

int file_move_plan(struct host *host, struct plan *plan, const char *path, struct sha256 *ret_sha256,
                   struct change **ret)
{
	_cleanup_buf_ struct buf real = {0}, planned = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	struct sha256 sha256;
	json_t *meta = NULL, *data = NULL;
	struct change *c = NULL;
	int r = path_resolve(host->root, path, &real);
	if (r == 0 && plan_file(plan, real.data, &planned) == -ENOENT)
		r = -ENOENT;
	if (r == 0)
		r = path_open_regular(host->root, real.data, &fd, &st);
	if (r == 0 && st.st_size > FILE_MOVE_MAX)
		r = -EFBIG;
	if (r == 0)
		r = sha256_fd(fd, &sha256);
	if (r == 0)
		r = meta_read(fd, &meta);
	if (r == 0)
		r = make_data(host, real.data, &st, &sha256, meta, &data);
	if (r == 0)
		r = plan_change(plan, &file_move_kind, real.data, data, &c);
	if (r < 0)
		return r;
	c->takes_target = true;
	c->takes = sha256;
	c->takes_bytes = (uint64_t)st.st_blocks * 512;
	if (ret_sha256)
		*ret_sha256 = sha256;
	if (ret)
		*ret = c;
	return 0;
}

static const char *planned_hash(const struct change *c)
{
	const char *hex = json_string_value(json_object_get(c->data, "sha256"));
	return hex ? hex : "";
}

static int json_unsigned(const struct change *c, const char *field, unsigned long long *ret)
{
	const json_t *v = json_object_get(c->data, field);
	if (!json_is_integer(v))
		return -EBADMSG;
	*ret = (unsigned long long)json_integer_value(v);
	return 0;
}

/* Whether FD still has what an undo would give back: the recorded attributes. */
static int check_meta(const struct change *c, int fd)
{
	json_t *now = NULL;
	int r = meta_read(fd, &now);
	if (r == 0 && !meta_same(now, json_object_get(c->data, "meta")))
		r = -ESTALE;
	json_decref(now);
	return r;
}

/* Whether FD is the very file that was planned: same inode, same content, same attributes. */
static int check_identity(const struct change *c, int fd, struct stat *ret_st, struct sha256 *ret_sha256)
{
	unsigned long long dev, ino;
	if (json_unsigned(c, "dev", &dev) < 0 || json_unsigned(c, "ino", &ino) < 0)
		return -EBADMSG;
	if (fstat(fd, ret_st) < 0)
		return -errno;
	if (!S_ISREG(ret_st->st_mode) || ret_st->st_dev != dev || ret_st->st_ino != ino)
		return -ESTALE;
	int r = sha256_fd(fd, ret_sha256);
	if (r == 0 && strcmp(ret_sha256->hex, planned_hash(c)) != 0)
		r = -ESTALE;
	return r < 0 ? r : check_meta(c, fd);
}

/* Whether what stands under NAME now has the content and is a regular file. */
static int check_name(int dir, const char *name, const struct sha256 *sha256)
{
	_cleanup_close_ int fd = -1;
	struct sha256 now;
	if (name_open_regular(dir, name, &fd, NULL) < 0)
		return -ESTALE;
	int r = sha256_fd(fd, &now);
	return r < 0 ? r : strcmp(now.hex, sha256->hex) == 0 ? 0 : -ESTALE;
}

/* It is set aside within its directory, where nobody knows its name, to be judged there. */
static int move_by_copy(struct host *host, int dir, const char *name, const char *aside, int fd,
                        const struct sha256 *sha256)
{
	struct sha256 stored;
	int r = vault_put_fd(host->vault, fd, &stored);
	if (r == 0 && strcmp(stored.hex, sha256->hex) != 0)
		r = -ESTALE;
	if (r == 0)
		r = vault_sync(host->vault);
	if (r == 0 && renameat2(dir, name, dir, aside, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		return r;
	r = check_name(dir, aside, sha256);
	if (r == 0 && unlinkat(dir, aside, 0) < 0)
		r = -errno;
	if (r < 0)
		renameat2(dir, aside, dir, name, RENAME_NOREPLACE);
	return r;
}

/* What moved is judged by its content: an overlay filesystem may give it another inode
 * number on the way. */
static int move_by_rename(struct host *host, int dir, const char *name, const struct sha256 *sha256)
{
	int r = vault_take(host->vault, dir, name, sha256);
	return r < 0 ? r : vault_sync(host->vault);
}

static int move(struct host *host, int dir, const char *name, const char *aside, int fd, const struct stat *st,
                const struct sha256 *sha256)
{
	int r = st->st_nlink == 1 ? move_by_rename(host, dir, name, sha256) : -EXDEV;
	if (r == -EXDEV || r == -EEXIST || r == -ETXTBSY)
		r = move_by_copy(host, dir, name, aside, fd, sha256);
	return r;
}

static int move_unlocked(struct host *host, int dir, const char *name, const char *aside, int fd, const struct stat *st,
                         const struct sha256 *sha256)
{
	struct unlocked_dir unlocked;
	unsigned flags = 0;
	int r = dir_unlock(dir, &unlocked);
	if (r < 0)
		return r;
	/* The flags of an inode with other names are theirs too: put back below. */
	r = meta_unlock(fd, &flags);
	if (r == 0)
		r = move(host, dir, name, aside, fd, st, sha256);
	if (r < 0 || st->st_nlink > 1)
		meta_set_flags(fd, flags);
	int relocked = dir_relock(&unlocked);
	return r < 0 ? r : relocked;
}

static void explain(int r, const struct stat *st, struct buf *note)
{
	if (r == -ESTALE)
		buf_puts(note, "it is no longer the file that was planned");
	else if (r == -EBUSY)
		buf_puts(note, FILE_MOUNTED_ON);
	else if (r == -EROFS)
		buf_puts(note, "its filesystem is mounted read-only");
	else if (r == -ENOSPC)
		buf_puts(note, "there is no room for it in the vault");
	else if (r == -EDQUOT)
		buf_puts(note, "the vault's quota is reached: purge it (respond --vault purge), or raise the quota");
	else if (r == -EBADMSG)
		buf_puts(note, "the vault holds a copy that was tampered with");
	else if (r == 0 && st->st_nlink > 1)
		buf_printf(note, "the same file keeps other names (%u)", (unsigned)st->st_nlink - 1);
}

/* What stands at the path, in its directory: 0, -ESTALE (nothing that could be moved),
 * -ENOENT. */
static int open_target(struct host *host, const struct change *c, int *ret_dir, const char **ret_name, int *ret_fd)
{
	int r = path_open_parent(host->root, c->target, ret_dir, ret_name);
	if (r == 0)
		r = name_open_regular(*ret_dir, *ret_name, ret_fd, NULL);
	return r == -ELOOP || r == -ENOTDIR || r == -EINVAL ? -ESTALE : r;
}

static bool vault_keeps(struct host *host, const struct change *c)
{
	_cleanup_close_ int fd = -1;
	return vault_open_object(host->vault, planned_hash(c), &fd) == 0;
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	struct stat st = {0};
	struct sha256 sha256;
	int r = file_ready(host, c, effect, file_move_settle);
	if (r == 0)
		r = open_target(host, c, &dir, &name, &fd);
	if (r == -ENOENT && vault_keeps(host, c)) {
		buf_puts(&effect->note, "it was gone already");
		return 0;
	}
	if (r == -ENOENT)
		r = -ESTALE;
	if (r == 0)
		r = check_identity(c, fd, &st, &sha256);
	if (r == 0)
		r = move_unlocked(host, dir, name, effect->temporary, fd, &st, &sha256);
	explain(r, &st, &effect->note);
	return r;
}

/* What has come back is judged by its content alone: that is what the vault gives back,
 * with the attributes that were recorded. */
static int reapply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	struct stat st = {0};
	struct sha256 sha256;
	int r = file_ready(host, c, effect, file_move_settle);
	if (r == 0)
		r = open_target(host, c, &dir, &name, &fd);
	if (r == -ENOENT) {
		bool kept = vault_keeps(host, c);
		buf_puts(&effect->note, kept ? "it was gone already" : "it is gone, and the vault has no copy of it");
		return kept ? 0 : -ESTALE;
	}
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = sha256_fd(fd, &sha256);
	if (r == 0 && strcmp(sha256.hex, planned_hash(c)) != 0)
		r = -ESTALE;
	if (r == -ESTALE) {
		buf_puts(&effect->note, "something else stands at that path now; run the playbook again");
		return r;
	}
	bool other = r == 0 && check_meta(c, fd) < 0;
	if (r == 0)
		r = move_unlocked(host, dir, name, effect->temporary, fd, &st, &sha256);
	explain(r, &st, &effect->note);
	if (r == 0 && other)
		buf_printf(&effect->note, "%sit had come back with another owner, mode or flags", effect->note.len ? "; " : "");
	return r;
}

/* Whether what stands at the path is the file restored already: same content and same
 * attributes. */
static bool restored(struct host *host, const struct change *c)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	struct sha256 sha256;
	json_t *meta = NULL;
	if (path_open_regular(host->root, c->target, &fd, &st) < 0 || sha256_fd(fd, &sha256) < 0 ||
	    strcmp(sha256.hex, planned_hash(c)) != 0 || meta_read(fd, &meta) < 0)
		return false;
	const json_t *wanted = json_object_get(c->data, "meta");
	bool same = meta_same(meta, wanted) && json_equal(json_object_get(meta, "mtime"), json_object_get(wanted, "mtime"));
	json_decref(meta);
	return same;
}

/* What is not quite as it was. */
static void note_restored(struct host *host, const struct change *c, struct buf *note)
{
	json_int_t links = json_integer_value(json_object_get(c->data, "links"));
	if (!restored(host, c))
		buf_puts(note, "not all of its attributes could be given back");
	else if (links > 1)
		buf_printf(note, "it is a file of its own now; it shared its content with other names (%lld)",
		           (long long)links - 1);
}

static int revert(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_close_ int dir = -1, object = -1;
	const char *name;
	int r = file_ready(host, c, effect, file_move_settle);
	if (r == 0)
		r = path_open_parent(host->root, c->target, &dir, &name);
	if (r == -ENOENT || r == -ELOOP || r == -ENOTDIR) {
		buf_puts(&effect->note, "the directory it was in is gone; make it again and roll back once more");
		return -ESTALE;
	}
	if (r == 0 && restored(host, c)) {
		buf_puts(&effect->note, "it was there already");
		return 0;
	}
	if (r == 0)
		r = vault_open_object(host->vault, planned_hash(c), &object);
	if (r < 0) {
		buf_printf(&effect->note, "its copy in the vault cannot be used: %s",
		           r == -EBADMSG ? "it was tampered with" : strerror(-r));
		return r;
	}
	r = file_install(dir, name, effect->temporary, object, json_object_get(c->data, "meta"),
	                 META_TIMES | META_FLAGS | META_SETUID);
	if (r == 0)
		note_restored(host, c, &effect->note);
	if (r == -ENOSPC)
		buf_puts(&effect->note, "there is no room to put it back; make room and roll back once more");
	else if (r == -EROFS)
		buf_puts(&effect->note, "its filesystem is mounted read-only");
	if (r != -EEXIST)
		return r;
	buf_puts(&effect->note, "something else stands at that path now; it is not overwritten");
	return -ESTALE;
}

/* The file is gone: taken by this change, if the vault has it. Where the vault cannot be
 * looked into (a plan without root), that it is gone is all there is to know. */
static enum change_state state_of_gone(struct host *host, const struct change *c)
{
	_cleanup_close_ int fd = -1;
	bool lost = host->vault && vault_open_object(host->vault, planned_hash(c), &fd) == -ENOENT;
	return lost ? CHANGE_DRIFTED : CHANGE_AFTER;
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	struct sha256 sha256;
	int r = path_open_regular(host->root, c->target, &fd, &st);
	if (r == -ENOENT || r == -ENOTDIR) {
		*ret = state_of_gone(host, c);
		return 0;
	}
	if (r == 0)
		r = sha256_fd(fd, &sha256);
	if (r < 0 && r != -ELOOP && r != -EINVAL)
		return r;
	*ret = r == 0 && strcmp(sha256.hex, planned_hash(c)) == 0 ? CHANGE_BEFORE : CHANGE_DRIFTED;
	return 0;
}

static int describe(const struct change *c, struct buf *ret)
{
	buf_puts(ret, "quarantine ");
	escape_str(ret, c->target);
	buf_puts(ret, " (");
	meta_describe(json_object_get(c->data, "meta"), ret);
	long long size = json_integer_value(json_object_get(c->data, "size"));
	return buf_printf(ret, ", %lld byte%s, SHA-256 %.16s…)", size, size == 1 ? "" : "s", planned_hash(c));
}

static int subjects(const struct change *c, subject_fn visit, void *ctx)
{
	struct subject s = {.type = SUBJECT_REMOVE_PATH, .path = c->target,
	                    .privileged = meta_gives_rights(json_object_get(c->data, "meta"))};
	return visit(ctx, &s);
}

const struct change_kind file_move_kind = {
	.name = "file.move",
	.mark = '-',
	.audit_type = AUDIT_RESP_EXEC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = file_move_settle,
	.reapply = reapply,
	.describe = describe,
	.subjects = subjects,
};
