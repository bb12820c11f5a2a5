/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The names: NAME is the target's, TEMP is effect->temporary beside it, PART is the name
 * of a file in the making (file_part_name()). "Locks" are the flags +i and +a.
 *
 * The states in which the end of the program or of the host can leave things, by the
 * steps that lead there, and what settle makes of each. Metadata reaches the disk in the
 * order in which it was changed, and content before the rename from PART, so that a power
 * cut shows no others.
 *
 * file.edit, apply and revert (file_replace):
 *  E1. Locks are off the directory, or NAME, and all else is as it was.
 *      The locks that were recorded are put back, on NAME while its content is ours.
 *  E2. PART is there: empty, in part, whole, perhaps with locks on for their trial.
 *      It is removed: a file under that name is never anybody else's.
 *  E3. TEMP is our new file, whole; NAME is the old one. TEMP is removed.
 *  E4. The names were exchanged: NAME is our new file, TEMP the old one, which had been
 *      judged. TEMP is removed: its content is an image (the one before is in the vault),
 *      or what our edit turned over makes of NAME (others had edited it).
 *  E5. The names were exchanged, and TEMP is something else: a newer version, which came
 *      between the judging and the exchange. NAME is an image: exchanged back, which makes
 *      E3. NAME is gone: TEMP gets it. NAME is yet another: both stay, and settle says so.
 *  E6. TEMP is removed, locks are off NAME and the directory: as E1.
 *
 * (A kind that does not know the whole of the contents has no images: what is neither ours
 * nor what ours was made from, by its own edit alone, is left, and settle says so.)
 *
 * file.move, apply:
 *  M1. As E1.
 *  M2. The vault has a copy, NAME is untouched: as E1. (A copy that is not whole has a
 *      temporary name in the vault: vault_sweep().)
 *  M3. NAME was set aside to TEMP, to be judged and removed. It is moved back. Where NAME
 *      is taken by now, TEMP is removed if the vault has its content, or else stays, and
 *      settle says so.
 *  M4. NAME was moved into the vault, and is not yet judged, or not yet the vault's own
 *      (the change is not on record as made): vault_settle_object(). What is not what was to be moved goes back to NAME, or stays
 *      in the vault where that is taken.
 *  M5. NAME is gone for good, locks are off the directory: as E1.
 * file.move, revert (file_install):
 *  M6. As E2.
 *  M7. NAME is back, its locks and the directory's are not: as E1.
 *
 * Rules:
 *  1. No symbolic link is followed, and nothing but TEMP and PART is removed. What stands
 *     there and is no regular file, or belongs to somebody who could not have come to have
 *     a file there by our doing, is left alone.
 *  2. Content is removed only if the vault, NAME or the change's data gives it back.
 *  3. Each step leaves one of the states above: settle may be cut short like the rest, and
 *     doing it again does no harm.
 *
 * What is not put back: the locks of an inode that keeps other names, when the end came
 * after its last step on disk but one (TEMP is removed, its locks are not yet set again):
 * nothing leads to it from here. And locks that a directory has got only after the plan.
 */
#include "change/file-settle.h"

#include "base/fd.h"
#include "base/meta.h"
#include "change/file-images.h"
#include "change/file-replace.h"
#include "core/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Where a change takes place. */
struct site {
	int dir; /* not O_PATH: its flags can be set */
	const char *name, *temporary;
	char part[RANDOM_NAME_LEN];
	uid_t owners[3]; /* of files that may be there by our doing: the directory's, the recorded, NAME's */
	unsigned flags;  /* that the directory has, or had before it was unlocked */
	struct buf *note;
};

static void site_close(struct site *s)
{
	close_fd(&s->dir);
}

static const json_t *recorded(const struct change *c)
{
	return json_object_get(c->data, "meta");
}

/* 1; 0: the directory is not there any more, nor is anything in it. */
static int site_open(struct host *host, const struct change *c, struct effect *effect, struct site *ret)
{
	_cleanup_close_ int parent = -1;
	struct stat dir, file;
	*ret = (struct site){.dir = -1, .temporary = effect->temporary, .note = &effect->note};
	int r = path_open_parent(host->root, c->target, &parent, &ret->name);
	if (r < 0)
		return r == -ENOENT || r == -ELOOP || r == -ENOTDIR ? 0 : r;
	ret->dir = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir < 0 || fstat(ret->dir, &dir) < 0)
		return -errno;
	file_part_name(effect->temporary, ret->part);
	bool there = fstatat(ret->dir, ret->name, &file, AT_SYMLINK_NOFOLLOW) == 0;
	ret->owners[0] = dir.st_uid;
	ret->owners[1] = (uid_t)json_integer_value(json_object_get(recorded(c), "uid"));
	ret->owners[2] = there ? file.st_uid : dir.st_uid;
	r = meta_read_flags(ret->dir, &ret->flags);
	return r < 0 ? r : 1;
}

static bool stands(const struct site *s, const char *name)
{
	return faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool left_over(const struct site *s)
{
	return stands(s, s->part) || stands(s, s->temporary);
}

static int site_unlock(struct site *s)
{
	return meta_unlock(s->dir, &s->flags);
}

static int site_relock(const struct site *s, const struct change *c)
{
	int r = meta_set_flags(s->dir, s->flags | dir_noted_flags(c->data));
	return r == 0 ? fd_sync(s->dir) : r;
}

static bool may_be_ours(const struct site *s, uid_t uid)
{
	return uid == geteuid() || uid == s->owners[0] || uid == s->owners[1] || uid == s->owners[2];
}

static void leave(const struct site *s, const char *name, const char *why)
{
	buf_printf(s->note, "%s%s, beside it, is left there: %s", s->note->len ? "; " : "", name, why);
}

/* One of the two names, opened and free of locks. 1; 0: it does not exist, or is left alone. */
static int open_leftover(const struct site *s, const char *name, int *ret_fd, struct stat *ret_st)
{
	_cleanup_close_ int fd = -1;
	unsigned flags;
	int r = name_open_regular(s->dir, name, &fd, ret_st);
	if (r == -ENOENT)
		return 0;
	if (r == -ELOOP || r == -EINVAL || (r == 0 && !may_be_ours(s, ret_st->st_uid))) {
		leave(s, name, "it is not this program's");
		return 0;
	}
	if (r == 0)
		r = meta_unlock(fd, &flags);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 1;
}

/* Whether FD has the content that the change found under NAME: 1, 0 or -errno. */
static int has_content(const struct change *c, int fd)
{
	struct sha256 now;
	const char *sha256_hex = json_string_value(json_object_get(c->data, "sha256"));
	if (!sha256_hex)
		sha256_hex = json_string_value(json_object_get(c->data, "before"));
	int r = sha256_fd(fd, &now);
	return r < 0 ? r : sha256_hex && strcmp(now.hex, sha256_hex) == 0;
}

/* TEMP. The inode may have other names, which are to have its locks. */
static int remove_temporary(const struct site *s, const struct change *c, int fd, const struct stat *st)
{
	int others = st->st_nlink > 1 ? has_content(c, fd) : 0;
	if (others >= 0 && unlinkat(s->dir, s->temporary, 0) < 0)
		return -errno;
	return others == 1 ? meta_relock(fd, meta_flags(recorded(c))) : others;
}

/* E2. */
static int remove_part(const struct site *s)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = open_leftover(s, s->part, &fd, &st);
	if (r == 1)
		r = unlinkat(s->dir, s->part, 0) < 0 ? -errno : 0;
	return r;
}

static int put_back(const struct site *s)
{
	return renameat2(s->dir, s->temporary, s->dir, s->name, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

/* What stands under NAME. *RET_ERROR: 0, -ENOENT, or why it is nothing that could be ours. */
static int read_name(const struct site *s, struct buf *ret, int *ret_error)
{
	_cleanup_close_ int fd = -1;
	int r = name_open_regular(s->dir, s->name, &fd, NULL);
	if (r == 0)
		r = fd_read(fd, FILE_EDIT_MAX, ret);
	*ret_error = r;
	return r == 0 || r == -ENOENT || r == -ELOOP || r == -EINVAL || r == -EFBIG ? 0 : r;
}

/* What is known of the contents of a file that is edited. */
struct knowledge {
	const struct edited *how;
	const struct change *c;
	struct images images;
};

static void knowledge_free(struct knowledge *k)
{
	images_free(&k->images);
}

static int knowledge_get(struct host *host, const struct change *c, const struct edited *how, struct knowledge *ret)
{
	*ret = (struct knowledge){.how = how, .c = c};
	return how->images ? how->images(host, c, &ret->images) : 0;
}

static bool is_image(const struct knowledge *k, const struct buf *content)
{
	return k->how->images && (buf_equal(content, &k->images.before) || buf_equal(content, &k->images.after));
}

/* E3 to E5, by the contents. */
enum fate { FATE_REMOVE, FATE_EXCHANGE, FATE_PUT_BACK, FATE_LEAVE };

static enum fate fate_of(const struct knowledge *k, const struct buf *temporary, const struct buf *name, int name_error)
{
	if (temporary && (is_image(k, temporary) ||
	                  (name_error == 0 && k->how->turn(k->c, &k->images, temporary, name))))
		return FATE_REMOVE;
	if (name_error == -ENOENT)
		return FATE_PUT_BACK;
	return name_error == 0 && is_image(k, name) ? FATE_EXCHANGE : FATE_LEAVE;
}

/* 1: and once more. */
static int settle_exchanged_once(const struct site *s, const struct knowledge *k)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf temporary = {0}, name = {0};
	struct stat st;
	int name_error = 0;
	int r = open_leftover(s, s->temporary, &fd, &st);
	if (r <= 0)
		return r;
	r = fd_read(fd, FILE_EDIT_MAX, &temporary);
	bool too_large = r == -EFBIG;
	if (r == 0 || too_large)
		r = read_name(s, &name, &name_error);
	if (r < 0)
		return r;
	switch (fate_of(k, too_large ? NULL : &temporary, &name, name_error)) {
	case FATE_REMOVE: return remove_temporary(s, k->c, fd, &st);
	case FATE_PUT_BACK: return put_back(s);
	case FATE_EXCHANGE: return renameat2(s->dir, s->temporary, s->dir, s->name, RENAME_EXCHANGE) < 0 ? -errno : 1;
	default: leave(s, s->temporary, "a version of the file that this program does not know"); return 0;
	}
}

static int settle_exchanged(struct host *host, const struct site *s, const struct change *c, const struct edited *how)
{
	_cleanup_(knowledge_free) struct knowledge k = {0};
	if (!stands(s, s->temporary))
		return 0;
	int r = knowledge_get(host, c, how, &k);
	if (r < 0) {
		leave(s, s->temporary, "the before-image in the vault cannot be used");
		return r;
	}
	r = settle_exchanged_once(s, &k);
	if (r == 1)
		r = settle_exchanged_once(s, &k);
	return r < 0 ? r : 0;
}

/* Whether what stands under NAME is what our edit was made in, or the outcome. */
static int edited_is_ours(struct host *host, const struct site *s, const struct change *c, const struct edited *how)
{
	_cleanup_(knowledge_free) struct knowledge k = {0};
	_cleanup_buf_ struct buf name = {0};
	enum change_state state;
	int error = 0;
	int r = read_name(s, &name, &error);
	if (r < 0 || error < 0)
		return r;
	r = knowledge_get(host, c, how, &k);
	if (r == 0)
		r = how->place(c, &k.images, &name, &state);
	return r < 0 ? r : state != CHANGE_DRIFTED;
}

static int moved_is_ours(const struct site *s, const struct change *c)
{
	_cleanup_close_ int fd = -1;
	int r = name_open_regular(s->dir, s->name, &fd, NULL);
	if (r == -ENOENT || r == -ELOOP || r == -EINVAL)
		return 0;
	return r < 0 ? r : has_content(c, fd);
}

/* E1, for NAME: HOW it is edited, NULL where it is moved. */
static int relock_name(struct host *host, const struct site *s, const struct change *c, const struct edited *how)
{
	_cleanup_close_ int fd = -1;
	unsigned locks = meta_locks(meta_flags(recorded(c)));
	int r = !locks ? 0 : how ? edited_is_ours(host, s, c, how) : moved_is_ours(s, c);
	if (r <= 0)
		return r;
	r = name_open_regular(s->dir, s->name, &fd, NULL);
	if (r == 0)
		r = meta_relock(fd, locks);
	return r == 0 ? fd_sync(fd) : r;
}

int edited_settle(struct host *host, const struct change *c, struct effect *effect, const struct edited *how)
{
	_cleanup_(site_close) struct site s;
	int r = site_open(host, c, effect, &s);
	if (r <= 0)
		return r;
	r = left_over(&s) ? site_unlock(&s) : 0;
	if (r == 0)
		r = remove_part(&s);
	if (r == 0)
		r = settle_exchanged(host, &s, c, how);
	if (r == 0)
		r = relock_name(host, &s, c, how);
	int relocked = site_relock(&s, c);
	return r < 0 ? r : relocked;
}

static bool lines_turn(const struct change *c, const struct images *images, const struct buf *a, const struct buf *b)
{
	(void)c;
	return images_turn(images, a, b);
}

static int lines_place(const struct change *c, const struct images *images, const struct buf *content,
                       enum change_state *ret)
{
	(void)c;
	return images_place(images, content, ret, NULL, NULL);
}

int file_edit_settle(struct host *host, const struct change *c, struct effect *effect)
{
	static const struct edited lines = {images_read, lines_turn, lines_place};
	return edited_settle(host, c, effect, &lines);
}

/* M3. */
static int settle_aside(struct host *host, const struct site *s, const struct change *c)
{
	_cleanup_close_ int fd = -1;
	struct sha256 sha256;
	struct stat st;
	int r = open_leftover(s, s->temporary, &fd, &st);
	if (r <= 0)
		return r;
	r = put_back(s);
	if (r != -EEXIST)
		return r;
	r = sha256_fd(fd, &sha256);
	if (r == 0 && host->vault && vault_has(host->vault, &sha256))
		return remove_temporary(s, c, fd, &st);
	if (r == 0)
		leave(s, s->temporary, "it stood at the path, where something else stands now");
	return r;
}

/* M4. */
static int settle_object(struct host *host, const struct site *s, const struct change *c)
{
	const char *hex = json_string_value(json_object_get(c->data, "sha256"));
	if (!hex || !host->vault)
		return hex ? 0 : -EBADMSG;
	int r = vault_settle_object(host->vault, hex);
	if (r == -EBADMSG)
		r = vault_give_back(host->vault, hex, s->dir, s->name);
	if (r == -EEXIST || r == -EBADMSG) {
		buf_printf(s->note, "%sthe vault holds something else under the name of %s", s->note->len ? "; " : "", hex);
		r = 0; /* probe tells the rest */
	}
	return r == -ENOENT ? 0 : r;
}

int file_move_settle(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_(site_close) struct site s;
	int r = site_open(host, c, effect, &s);
	if (r <= 0)
		return r;
	r = left_over(&s) || !stands(&s, s.name) ? site_unlock(&s) : 0;
	if (r == 0)
		r = remove_part(&s);
	if (r == 0)
		r = settle_aside(host, &s, c);
	if (r == 0 && !effect->done)
		r = settle_object(host, &s, c);
	if (r == 0)
		r = relock_name(host, &s, c, NULL);
	int relocked = site_relock(&s, c);
	return r < 0 ? r : relocked;
}

/* What settle left alone makes room: nothing is lost under another name that nobody guesses. */
static int make_room(const struct site *s, const char *name)
{
	char other[RANDOM_NAME_LEN];
	int r = random_name(other);
	if (r < 0 || !stands(s, name))
		return r;
	if (renameat2(s->dir, name, s->dir, other, RENAME_NOREPLACE) < 0)
		return -errno;
	return buf_printf(s->note, "(%s, which stood in its way, is %s now) ", name, other);
}

int file_ready(struct host *host, const struct change *c, struct effect *effect, settle_fn settle)
{
	_cleanup_(site_close) struct site s;
	int r = site_open(host, c, effect, &s);
	if (r <= 0 || !left_over(&s))
		return r < 0 ? r : 0;
	r = settle(host, c, effect);
	if (r < 0 || !left_over(&s))
		return r;
	buf_reset(&effect->note);
	r = site_unlock(&s);
	if (r == 0)
		r = make_room(&s, s.part);
	if (r == 0)
		r = make_room(&s, s.temporary);
	int relocked = site_relock(&s, c);
	return r < 0 ? r : relocked;
}
