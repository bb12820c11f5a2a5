/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/package-sums.h"

#include "base/buf.h"
#include "base/fd.h"

#include <errno.h>
#include <nettle/base16.h>
#include <nettle/md5.h>
#include <string.h>

#define INFO_DIR "/var/lib/dpkg/info"
#define SUMS_MAX (16 * 1024 * 1024)
#define FILE_MAX (64 * 1024 * 1024)
#define HEX_LEN ((size_t)MD5_DIGEST_SIZE * 2)

/* "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x"; a package of before /usr was merged has "bin/x". */
static bool is_of(const char *line, const char *path)
{
	if (strlen(line) < HEX_LEN + 2 || line[HEX_LEN] != ' ')
		return false;
	const char *name = line + HEX_LEN + strspn(line + HEX_LEN, " ");
	return strcmp(name, path + 1) == 0 || (strncmp(path, "/usr/", 5) == 0 && strcmp(name, path + 5) == 0);
}

int package_file_altered(int root, const char *package, const char *path)
{
	_cleanup_buf_ struct buf list = {0}, sums = {0}, content = {0};
	struct md5_ctx ctx;
	uint8_t digest[MD5_DIGEST_SIZE];
	char hex[HEX_LEN + 1];
	buf_printf(&list, INFO_DIR "/%s.md5sums", package);
	int r = buf_error(&list) ? buf_error(&list) : path_read(root, list.data, SUMS_MAX, &sums, NULL);
	char *rest = sums.data, *line = NULL;
	while (r == 0 && (line = strsep(&rest, "\n")) && !is_of(line, path))
		;
	if (r == 0 && !line)
		r = -ENOENT;
	if (r == 0)
		r = path_read(root, path, FILE_MAX, &content, NULL);
	if (r < 0)
		return r;
	md5_init(&ctx);
	md5_update(&ctx, content.len, (const uint8_t *)buf_text(&content));
	md5_digest(&ctx, sizeof(digest), digest);
	base16_encode_update(hex, sizeof(digest), digest);
	return memcmp(line, hex, HEX_LEN) != 0;
}
