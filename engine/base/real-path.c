/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/real-path.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The name that the kernel has for an open file. */
static int name_of(int fd, char ret[PATH_MAX])
{
	char link[32];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, ret, PATH_MAX);
	if (n < 0 || n == PATH_MAX)
		return n < 0 ? -errno : -ENAMETOOLONG;
	ret[n] = '\0';
	return ret[0] == '/' ? 0 : -ENOENT;
}

/* ... as seen from ROOT. */
static int name_below(int root, int fd, struct buf *ret)
{
	char top[PATH_MAX], name[PATH_MAX];
	int r = name_of(root, top);
	if (r == 0)
		r = name_of(fd, name);
	if (r < 0)
		return r;
	size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);
	return strncmp(name, top, n) == 0 && name[n] == '/' ? buf_puts(ret, name + n) : -EXDEV;
}

/* RET_UID: whose file it is. */
static int leads_to(int root, const char *path, struct buf *ret, uid_t *ret_uid)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_uid = st.st_uid;
	return name_below(root, fd, ret);
}

int path_resolve_for(int root, const char *path, uid_t uid, struct buf *ret)
{
	int real_already = path_is_real(root, path);
	if (real_already != 0) /* nearly always, and much the cheapest */
		return real_already < 0 ? real_already : buf_puts(ret, path);
	_cleanup_buf_ struct buf real = {0}, host = {0};
	uid_t owner;
	int r = leads_to(root, path, &real, &owner);
	if (r < 0)
		return r;
	bool hosts_own = path_resolve(root, path, &host) == 0 && strcmp(buf_text(&host), buf_text(&real)) == 0;
	return hosts_own || owner == uid ? buf_puts(ret, real.data) : -EPERM;
}

int path_real(int root, const char *path, struct buf *ret)
{
	uid_t owner;
	return leads_to(root, path, ret, &owner);
}
