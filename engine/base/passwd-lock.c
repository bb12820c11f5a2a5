/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/passwd-lock.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LOCK_FILE "/etc/.pwd.lock"
#define RETRY_MS 20

/* Bound to the open file: not lost when somebody else in this process closes the same one. */
static int try_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES || errno == EAGAIN ? -EAGAIN : -errno;
}

int passwd_lock(int root, int timeout_ms, int *ret_fd)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	struct stat st;
	int64_t until = monotonic_ms() + timeout_ms;
	int r = path_open_parent(root, LOCK_FILE, &dir, &name);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while ((r = try_lock(fd)) == -EAGAIN && monotonic_ms() < until)
		sleep_ms(RETRY_MS);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}
