/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/meta.h"

#include "base/buf.h"
#include "base/escape.h"

#include <errno.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define XATTR_LIST_MAX_LEN (64 * 1024)
#define LOCKS ((unsigned)FS_IMMUTABLE_FL | (unsigned)FS_APPEND_FL)
/* What chattr(1) may set; the others tell how the filesystem stores the file. */
#define SETTABLE                                                                                                       \
	((unsigned)(FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | \
	            FS_NOATIME_FL | FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_NOCOW_FL))

static bool no_flags(int error)
{
	return error == ENOTTY || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS;
}

int meta_read_flags(int fd, unsigned *ret)
{
	int flags = 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) {
		if (!no_flags(errno))
			return -errno;
		flags = 0;
	}
	*ret = (unsigned)flags;
	return 0;
}

int meta_set_flags(int fd, unsigned flags)
{
	unsigned now;
	int r = meta_read_flags(fd, &now);
	if (r < 0)
		return r;
	int wanted = (int)((now & ~SETTABLE) | (flags & SETTABLE));
	if ((unsigned)wanted == now)
		return 0;
	if (ioctl(fd, FS_IOC_SETFLAGS, &wanted) < 0)
		return -errno;
	return 0;
}

int meta_unlock(int fd, unsigned *ret_flags)
{
	unsigned flags;
	int r = meta_read_flags(fd, &flags);
	if (r == 0 && (flags & LOCKS))
		r = meta_set_flags(fd, flags & ~LOCKS);
	if (r == 0)
		*ret_flags = flags;
	return r;
}

unsigned meta_locks(unsigned flags)
{
	return flags & LOCKS;
}

int meta_relock(int fd, unsigned flags)
{
	unsigned now;
	int r = meta_read_flags(fd, &now);
	return r < 0 ? r : meta_set_flags(fd, now | meta_locks(flags));
}

/* What the kernel keeps about a file's own inode and content; neither is ours to copy. */
static bool kernels_own(const char *name)
{
	return strcmp(name, "security.evm") == 0 || strcmp(name, "security.ima") == 0;
}

/* Names are bytes like any other: the keys are escaped. */
static int read_xattr(int fd, const char *name, json_t *xattrs)
{
	ssize_t size = fgetxattr(fd, name, NULL, 0);
	_cleanup_buf_ struct buf value = {0};
	if (size < 0 || buf_reserve(&value, (size_t)size) < 0)
		return size < 0 ? -errno : -ENOMEM;
	size = fgetxattr(fd, name, value.data, (size_t)size);
	if (size < 0)
		return -errno;
	_cleanup_buf_ struct buf key = {0};
	if (escape_str(&key, name) < 0)
		return -ENOMEM;
	return json_object_set_new(xattrs, key.data, json_bytes(value.data, (size_t)size)) < 0 ? -ENOMEM : 0;
}

static int read_xattrs(int fd, json_t *xattrs)
{
	_cleanup_free_ char *names = malloc(XATTR_LIST_MAX_LEN);
	if (!names)
		return -ENOMEM;
	ssize_t len = flistxattr(fd, names, XATTR_LIST_MAX_LEN);
	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	int r = 0;
	for (char *name = names; r == 0 && name < names + len; name += strlen(name) + 1) {
		if (kernels_own(name))
			continue;
		r = read_xattr(fd, name, xattrs);
		if (r == -ENODATA)
			r = 0; /* removed meanwhile */
	}
	return r;
}

static json_t *time_pair(const struct timespec *t)
{
	return json_pack("[II]", (json_int_t)t->tv_sec, (json_int_t)t->tv_nsec);
}

int meta_read(int fd, json_t **ret)
{
	struct stat st;
	unsigned flags;
	if (fstat(fd, &st) < 0)
		return -errno;
	int r = meta_read_flags(fd, &flags);
	if (r < 0)
		return r;
	json_t *xattrs = json_object();
	json_t *meta = json_pack("{sI sI sI sI so so so}", "mode", (json_int_t)(st.st_mode & 07777), "uid",
	                         (json_int_t)st.st_uid, "gid", (json_int_t)st.st_gid, "flags",
	                         (json_int_t)(flags & SETTABLE), "atime", time_pair(&st.st_atim), "mtime",
	                         time_pair(&st.st_mtim), "xattrs", xattrs);
	if (!meta)
		return -ENOMEM;
	r = read_xattrs(fd, xattrs);
	if (r < 0)
		json_decref(meta);
	else
		*ret = meta;
	return r;
}

static int set_xattr(int fd, const char *key, const json_t *value)
{
	_cleanup_buf_ struct buf name = {0}, bytes = {0};
	int r = unescape_text(&name, key, strlen(key));
	if (r == 0)
		r = json_bytes_get(value, &bytes);
	if (r == 0 && fsetxattr(fd, buf_text(&name), buf_text(&bytes), bytes.len, 0) < 0 && errno != EOPNOTSUPP)
		r = -errno;
	return r;
}

static int remove_xattr(int fd, const char *key)
{
	_cleanup_buf_ struct buf name = {0};
	int r = unescape_text(&name, key, strlen(key));
	if (r == 0 && fremovexattr(fd, buf_text(&name)) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		r = -errno;
	return r;
}

static unsigned number(const json_t *meta, const char *field)
{
	return (unsigned)json_integer_value(json_object_get(meta, field));
}

unsigned meta_flags(const json_t *meta)
{
	return number(meta, "flags");
}

bool meta_gives_rights(const json_t *meta)
{
	return number(meta, "mode") & (S_ISUID | S_ISGID) ||
	       json_object_get(json_object_get(meta, "xattrs"), "security.capability");
}

bool meta_same(const json_t *a, const json_t *b)
{
	static const char *const fields[] = {"mode", "uid", "gid", "flags", "xattrs"};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!json_equal(json_object_get(a, fields[i]), json_object_get(b, fields[i])))
			return false;
	return true;
}

/* What the file has and META does not goes; then all of META is set. */
static int drop_xattrs(int fd, const json_t *wanted)
{
	json_t *now = json_object();
	int r = now ? read_xattrs(fd, now) : -ENOMEM;
	const char *key;
	json_t *value;
	json_object_foreach(now, key, value)
		if (r == 0 && !json_object_get(wanted, key))
			r = remove_xattr(fd, key);
	json_decref(now);
	return r;
}

static int write_xattrs(int fd, const json_t *meta)
{
	json_t *xattrs = json_object_get(meta, "xattrs");
	int r = drop_xattrs(fd, xattrs);
	const char *key;
	json_t *value;
	json_object_foreach(xattrs, key, value)
		if (r == 0)
			r = set_xattr(fd, key, value);
	return r;
}

static struct timespec time_of(const json_t *meta, const char *field)
{
	const json_t *pair = json_object_get(meta, field);
	return (struct timespec){.tv_sec = json_integer_value(json_array_get(pair, 0)),
	                         .tv_nsec = json_integer_value(json_array_get(pair, 1))};
}

int meta_write(int fd, const json_t *meta, unsigned what)
{
	if (!json_is_object(meta))
		return -EINVAL;
	unsigned mode = number(meta, "mode") & (what & META_SETUID ? 07777 : 01777);
	if (fchown(fd, number(meta, "uid"), number(meta, "gid")) < 0 || fchmod(fd, mode) < 0)
		return -errno;
	int r = write_xattrs(fd, meta);
	if (r < 0)
		return r;
	if (what & META_TIMES) {
		struct timespec times[2] = {time_of(meta, "atime"), time_of(meta, "mtime")};
		if (futimens(fd, times) < 0)
			return -errno;
	}
	return what & META_FLAGS ? meta_set_flags(fd, number(meta, "flags")) : 0;
}

int meta_describe(const json_t *meta, struct buf *ret)
{
	static const struct {
		unsigned flag;
		char letter;
	} letters[] = {{FS_IMMUTABLE_FL, 'i'}, {FS_APPEND_FL, 'a'}, {FS_NODUMP_FL, 'd'}, {FS_NOATIME_FL, 'A'}};
	const struct passwd *user = getpwuid(number(meta, "uid"));
	buf_printf(ret, "%04o ", number(meta, "mode"));
	if (user)
		escape_str(ret, user->pw_name);
	else
		buf_printf(ret, "%u", number(meta, "uid"));
	const struct group *group = getgrgid(number(meta, "gid"));
	buf_putc(ret, ':');
	if (group)
		escape_str(ret, group->gr_name);
	else
		buf_printf(ret, "%u", number(meta, "gid"));
	unsigned flags = number(meta, "flags");
	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if (flags & letters[i].flag)
			buf_printf(ret, " +%c", letters[i].letter);
	return buf_error(ret);
}
