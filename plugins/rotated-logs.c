/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rotated-logs.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY "/var/log"
#define FILES_MAX 16
#define NAME_LEN 200

struct rotated {
	char path[sizeof(DIRECTORY) + NAME_LEN];
	time_t written;
};

/* Names that logrotate gives. */
static bool is_rotated(const char *name, const char *log)
{
	static const char usual[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t len = strlen(log);
	return strncmp(name, log, len) == 0 && (name[len] == '.' || name[len] == '-') && strcmp(name + len, ".1") != 0 &&
	       strlen(name) < NAME_LEN && strspn(name, usual) == strlen(name);
}

static int by_age(const void *a, const void *b)
{
	const struct rotated *x = a, *y = b;
	return x->written != y->written ? (x->written < y->written ? -1 : 1) : strcmp(x->path, y->path);
}

int rotated_logs(struct host *host, const char *name, int64_t since, struct strv *ret_paths, bool *ret_cut)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	struct rotated found[FILES_MAX];
	struct stat st;
	size_t n = 0;
	int r = path_open(host->root, DIRECTORY, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0)
		r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (!is_rotated(names.v[i], name) || fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || st.st_mtime < since)
			continue;
		*ret_cut |= n == FILES_MAX;
		if (n == FILES_MAX)
			break;
		snprintf(found[n].path, sizeof(found[n].path), DIRECTORY "/%s", names.v[i]);
		found[n++].written = st.st_mtime;
	}
	if (n)
		qsort(found, n, sizeof(*found), by_age);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = strv_add(ret_paths, found[i].path);
	return r;
}
