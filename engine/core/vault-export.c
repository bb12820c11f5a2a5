/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vault-export.h"

#include "base/fd.h"
#include "base/new-file.h"

#include <errno.h>
#include <string.h>

/* The copy is judged by what it has become: the object may change while it is read. */
static int copy(int from, int to, const char *sha256_hex)
{
	struct sha256 copied;
	int r = fd_copy(from, to);
	if (r == 0)
		r = sha256_fd(to, &copied);
	return r == 0 && strcasecmp(copied.hex, sha256_hex) != 0 ? -EBADMSG : r;
}

int vault_export(struct vault *vault, const char *sha256_hex, int root, const char *path)
{
	_cleanup_close_ int from = -1;
	struct new_file to;
	struct stat st;
	int r = vault_open_object(vault, sha256_hex, &from);
	if (r < 0)
		return r == -ENOENT ? -ENOKEY : r;
	if (fstat(from, &st) < 0)
		return -errno;
	r = new_file_make(root, path, &to);
	if (r < 0)
		return r;
	r = fd_check_room(to.dir, (unsigned long long)st.st_blocks * 512);
	if (r == 0)
		r = copy(from, to.fd, sha256_hex);
	if (r < 0) {
		new_file_drop(&to);
		return r;
	}
	return new_file_finish(&to);
}
