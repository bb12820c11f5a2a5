/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a file.mode:
 *     path, sha256, uid, gid   the file, what it holds and whose it is
 *     before, after            its mode
 *     flags                    its inode flags
 *
 * Rules:
 *  1. The bits go from what is open, after it was found to be the file that was planned.
 *  2. They are given back only to the same content of the same owner: a file that was
 *     replaced meanwhile gets nobody's rights.
 *  3. +i and +a are put back exactly, on every path out.
 */
#include "change/file-mode.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/meta.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>

int file_mode_plan(struct host *host, struct plan *plan, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct sha256 sha256;
	struct stat st;
	unsigned flags = 0;
	int r = path_open_regular(host->root, path, &fd, &st);
	if (r == 0 && !(st.st_mode & FILE_MODE_RIGHTS))
		return 1;
	if (r == 0 && st.st_nlink > 1)
		r = -EMLINK;
	if (r == 0 && st.st_size > FILE_MODE_MAX)
		r = -EFBIG;
	if (r == 0)
		r = sha256_fd(fd, &sha256);
	if (r == 0)
		r = meta_read_flags(fd, &flags);
	if (r < 0)
		return r;
	int before = st.st_mode & 07777;
	json_t *data = json_pack("{so ss sI sI si si sI}", "path", json_text(path), "sha256", sha256.hex, "uid",
	                         (json_int_t)st.st_uid, "gid", (json_int_t)st.st_gid, "before", before, "after",
	                         before & ~(int)FILE_MODE_RIGHTS, "flags", (json_int_t)flags);
	return data ? plan_change(plan, &file_mode_kind, path, data, NULL) : -ENOMEM;
}

static json_int_t number(const struct change *c, const char *field)
{
	return json_integer_value(json_object_get(c->data, field));
}

/* What is open is the file that was planned: 0, -ESTALE. RET_MODE: what it has now. */
static int check_identity(const struct change *c, int fd, mode_t *ret_mode)
{
	const char *hex = json_string_value(json_object_get(c->data, "sha256"));
	struct sha256 sha256;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	int r = sha256_fd(fd, &sha256);
	if (r < 0)
		return r;
	if (!hex || strcmp(sha256.hex, hex) != 0 || st.st_uid != number(c, "uid") || st.st_gid != number(c, "gid") ||
	    st.st_nlink > 1)
		return -ESTALE;
	*ret_mode = st.st_mode & 07777;
	return 0;
}

static int open_target(struct host *host, const struct change *c, int *ret_fd, mode_t *ret_mode)
{
	_cleanup_close_ int fd = -1;
	int r = path_open_regular(host->root, c->target, &fd, NULL);
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EINVAL)
		r = -ESTALE;
	if (r == 0)
		r = check_identity(c, fd, ret_mode);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int set_mode(int fd, mode_t mode)
{
	unsigned flags = 0;
	int r = meta_unlock(fd, &flags);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0)
		r = fd_sync(fd);
	int relocked = meta_relock(fd, flags);
	return r < 0 ? r : relocked;
}

/* From one mode to the other, where it has the one. */
static int change_mode(struct host *host, const struct change *c, const char *from, const char *to, struct buf *note)
{
	_cleanup_close_ int fd = -1;
	mode_t now;
	int r = open_target(host, c, &fd, &now);
	if (r == 0 && (json_int_t)now == number(c, to)) {
		buf_puts(note, "its mode was that already");
		return 0;
	}
	if (r == 0 && (json_int_t)now != number(c, from))
		r = -ESTALE;
	if (r == 0)
		r = set_mode(fd, (mode_t)number(c, to));
	if (r == -ESTALE)
		buf_puts(note, "it is no longer the same file, or has another owner or mode");
	else if (r == -EROFS)
		buf_puts(note, "its filesystem is mounted read-only");
	return r;
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	return change_mode(host, c, "before", "after", &effect->note);
}

static int revert(struct host *host, const struct change *c, struct effect *effect)
{
	return change_mode(host, c, "after", "before", &effect->note);
}

/* Nothing can be left but flags that were taken off for the while. */
static int settle(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_close_ int fd = -1;
	mode_t now;
	(void)effect;
	int r = open_target(host, c, &fd, &now);
	return r == -ESTALE ? 0 : r < 0 ? r : meta_relock(fd, (unsigned)number(c, "flags"));
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_close_ int fd = -1;
	mode_t now = 0;
	int r = open_target(host, c, &fd, &now);
	if (r < 0 && r != -ESTALE)
		return r;
	*ret = r < 0                                      ? CHANGE_DRIFTED
	       : (json_int_t)now == number(c, "before")   ? CHANGE_BEFORE
	       : (json_int_t)now == number(c, "after")    ? CHANGE_AFTER
	                                                  : CHANGE_DRIFTED;
	return 0;
}

static int describe(const struct change *c, struct buf *ret)
{
	const char *hex = json_string_value(json_object_get(c->data, "sha256"));
	buf_puts(ret, "take its owner's rights from ");
	escape_str(ret, c->target);
	return buf_printf(ret, " (mode %04o -> %04o, uid %d, SHA-256 %.16s…)", (unsigned)number(c, "before"),
	                  (unsigned)number(c, "after"), (int)number(c, "uid"), hex ? hex : "");
}

static int subjects(const struct change *c, subject_fn visit, void *ctx)
{
	struct subject s = {.type = SUBJECT_RIGHTS, .path = c->target, .privileged = true};
	return visit(ctx, &s);
}

const struct change_kind file_mode_kind = {
	.name = "file.mode",
	.mark = '~',
	.flags = CHANGE_IN_PLACE,
	.audit_type = AUDIT_RESP_EXEC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.describe = describe,
	.subjects = subjects,
};
