/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The service "sudoers": what an edit makes of a file of sudo is read by visudo(8) before
 * it is put in place. There is nothing to reload.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "core/service.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define VISUDO "/usr/sbin/visudo"
#define SUDO "/usr/bin/sudo"
#define TIMEOUT_MS 10000

static bool is_there(struct host *host, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int fd = -1;
	return path_follow(host->root, path, &real) == 0 && path_open(host->root, buf_text(&real), O_PATH, &fd) == 0;
}

static int say(struct buf *ret_why, const struct buf *out, const struct buf *err)
{
	const struct buf *said = err->len ? err : out;
	buf_puts(ret_why, "visudo: ");
	return escape_text(ret_why, buf_text(said), strcspn(buf_text(said), "\n"));
}

static int check(struct host *host, const char *path, const struct buf *content, struct buf *ret_why)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf out = {0}, err = {0};
	char name[64];
	int status;
	(void)path;
	if (!is_there(host, VISUDO)) {
		if (!is_there(host, SUDO))
			return 0; /* nobody reads it */
		buf_puts(ret_why, VISUDO " is not installed");
		return -EOPNOTSUPP;
	}
	int r = memory_file("sudoers", content, &fd, name);
	const char *const argv[] = {VISUDO, "-c", "-f", name, NULL};
	if (r == 0)
		r = spawn_read(argv, TIMEOUT_MS, &out, &err, &status);
	if (r < 0) {
		buf_printf(ret_why, "cannot run " VISUDO ": %s", strerror(-r));
		return -EOPNOTSUPP;
	}
	if (status == 0)
		return 0;
	r = say(ret_why, &out, &err);
	return r < 0 ? r : -EINVAL;
}

extern const struct service sudoers_service;
const struct service sudoers_service = {.name = "sudoers", .check = check};
