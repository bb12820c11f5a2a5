/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/host.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/packages.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A procfs of our own, mounted nowhere: what somebody has mounted over /proc/PID to hide
 * a process does not cover it. */
static int private_proc(void)
{
	int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), proc = -1;
	if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		proc = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
		                    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	close_fd(&fs);
	return proc;
}

int host_open(const char *root, struct host *ret)
{
	struct host h = {.root = -1, .proc = -1};
	h.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h.root < 0)
		return -errno;
	if (strcmp(root, "/") == 0)
		h.proc = private_proc();
	if (h.proc < 0)
		h.proc = openat(h.root, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h.proc < 0) {
		int r = -errno;
		close(h.root);
		return r;
	}
	*ret = h;
	return 0;
}

void host_close(struct host *host)
{
	close_fd(&host->root);
	close_fd(&host->proc);
	packages_close(&host->packages);
	strv_free(&host->blind);
	*host = (struct host){.root = -1, .proc = -1};
}

void host_forget(struct host *host)
{
	packages_close(&host->packages);
	host->packages = NULL;
	strv_free(&host->blind);
}

bool host_is_this(const struct host *host)
{
	struct stat a, b;
	return fstat(host->root, &a) == 0 && stat("/", &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int host_package_of(struct host *host, const char *path, struct buf *ret_name)
{
	int r = host->packages ? 0 : packages_open(host->root, &host->packages);
	return r < 0 ? r : packages_owner(host->packages, path, ret_name);
}

int host_blind(struct host *host, const char *fmt, ...)
{
	_cleanup_buf_ struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return buf_error(&b) ? buf_error(&b) : strv_add_new(&host->blind, buf_text(&b));
}

static int lease_holder(const struct host *host, const char *path, pid_t *ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = path_open(host->root, path, O_PATH, &fd);
	if (r == 0)
		r = fstat(fd, &st) < 0 ? -errno : proc_lease_holder(host->proc, &st, ret);
	return r;
}

int host_why_unreadable(const struct host *host, const char *path, int error, struct buf *ret)
{
	pid_t pid;
	buf_puts(ret, "cannot read ");
	escape_str(ret, path);
	if (error != -EWOULDBLOCK)
		return buf_printf(ret, ": %s", strerror(-error));
	if (lease_holder(host, path, &pid) == 0)
		buf_printf(ret, ": process %d has a lease on it", (int)pid);
	else
		buf_puts(ret, ": another process has a lease on it");
	return buf_puts(ret, "; try again in a minute, when the kernel has ended that, or end the process first");
}

int host_unreadable(struct host *host, const char *path, int error)
{
	_cleanup_buf_ struct buf why = {0};
	int r = host_why_unreadable(host, path, error, &why);
	return r < 0 ? r : host_blind(host, "%s", why.data);
}
