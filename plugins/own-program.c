/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "own-program.h"

#include "base/fd.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

static bool is_below(const char *path, const char *const *directories)
{
	for (; *directories; directories++)
		if (strncmp(path, *directories, strlen(*directories)) == 0)
			return true;
	return false;
}

bool is_interpreter(const char *path)
{
	static const char *const names[] = {"sh", "dash", "bash", "ksh*", "zsh*", "busybox", "perl*", "python*", "ruby*",
	                                    "php*", "node*", "lua*", "tclsh*", "*awk", "java", "env", "*setsid",
	                                    "timeout", "nohup"};
	const char *name = strrchr(path, '/') + 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (fnmatch(names[i], name, 0) == 0)
			return true;
	return false;
}

/* 1, 0 or -errno. */
static int is_packaged(struct host *host, const char *path)
{
	_cleanup_buf_ struct buf real = {0}, owner = {0};
	int r = path_resolve(host->root, path, &real);
	if (r == -ELOOP) /* below a link that somebody else could have made: no package's */
		return 0;
	if (r == 0)
		r = host_package_of(host, buf_text(&real), &owner);
	return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

int own_program(struct host *host, const struct process *p)
{
	static const char *const scratch[] = {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/", NULL};
	static const char *const system[] = {"/bin/", "/sbin/", "/lib/", "/lib64/", "/usr/bin/", "/usr/sbin/",
	                                     "/usr/lib/", "/usr/libexec/", NULL};
	if (is_below(p->exe, scratch))
		return 1;
	if (is_interpreter(p->exe) || (!p->direct && is_below(p->exe, system)))
		return 0;
	int packaged = is_packaged(host, p->exe);
	return packaged < 0 ? packaged : !packaged;
}
