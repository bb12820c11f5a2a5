/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/host.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int host_open(const char *root, struct host *ret)
{
	struct host h = {.root = -1, .proc = -1};
	h.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h.root < 0)
		return -errno;
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
	strv_free(&host->blind);
	*host = (struct host){.root = -1, .proc = -1};
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
