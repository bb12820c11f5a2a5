/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "glob-walk.h"

#include "base/escape.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk {
	struct host *host;
	int (*visit)(void *ctx, const char *path);
	void *ctx;
	unsigned matches;
};

static bool is_wild(const char *component, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (component[i] == '\\')
			i++;
		else if (strchr("*?[", component[i]))
			return true;
	}
	return false;
}

bool glob_is_wild(const char *pattern)
{
	return is_wild(pattern, strlen(pattern));
}

static int add_plain(struct buf *out, const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (pattern[i] == '\\' && i + 1 < len)
			i++;
		buf_putc(out, pattern[i]);
	}
	return buf_error(out);
}

static int unreadable(struct walk *w, const struct buf *path, int error)
{
	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP)
		return 0;
	_cleanup_buf_ struct buf name = {0};
	escape_text(&name, buf_text(path), path->len);
	return host_blind(w->host, "cannot look into %s: %s", buf_text(&name), strerror(-error));
}

/* One name need not be searched for: /usr/lib alone is long. */
static int list_one(int dir, const char *component, size_t len, struct strv *ret)
{
	_cleanup_buf_ struct buf name = {0};
	struct stat st;
	int r = add_plain(&name, component, len);
	if (r < 0)
		return r;
	if (fstatat(dir, buf_text(&name), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENAMETOOLONG ? 0 : -errno;
	return strv_add_new(ret, buf_text(&name));
}

/* The names in the directory that match, sorted. */
static int list(int dir, const char *component, struct strv *ret)
{
	_cleanup_strv_ struct strv names = {0};
	size_t len = strlen(component);
	if (!is_wild(component, len))
		return list_one(dir, component, len, ret);
	int r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (fnmatch(component, names.v[i], FNM_PERIOD) == 0)
			r = strv_add(ret, names.v[i]);
	return r;
}

static int walk(struct walk *w, int dir, const struct buf *at, const char *rest);

static int enter(struct walk *w, int dir, const struct buf *at, const char *name, const char *rest)
{
	_cleanup_buf_ struct buf path = {0};
	buf_add(&path, buf_text(at), at->len);
	buf_putc(&path, '/');
	int r = buf_puts(&path, name);
	if (r < 0)
		return r;
	if (!*rest)
		return ++w->matches > GLOB_MATCHES_MAX ? -E2BIG : w->visit(w->ctx, path.data);
	_cleanup_close_ int next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return next < 0 ? unreadable(w, &path, -errno) : walk(w, next, &path, rest);
}

/* REST is the pattern below the directory, without a leading slash. */
static int walk(struct walk *w, int dir, const struct buf *at, const char *rest)
{
	size_t len = strcspn(rest, "/");
	const char *behind = rest + len + strspn(rest + len, "/");
	_cleanup_free_ char *component = strndup(rest, len);
	_cleanup_strv_ struct strv names = {0};
	if (!component)
		return -ENOMEM;
	int r = list(dir, component, &names);
	if (r < 0 && r != -ENOMEM)
		return unreadable(w, at, r);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = enter(w, dir, at, names.v[i], behind);
	return r;
}

int glob_walk(struct host *host, const char *pattern, int (*visit)(void *ctx, const char *path), void *ctx)
{
	struct walk w = {.host = host, .visit = visit, .ctx = ctx};
	_cleanup_buf_ struct buf plain = {0}, real = {0};
	const char *rest = pattern + strspn(pattern, "/");
	size_t len;
	while (*rest && !is_wild(rest, len = strcspn(rest, "/"))) {
		buf_putc(&plain, '/');
		if (add_plain(&plain, rest, len) < 0)
			return -ENOMEM;
		rest += len + strspn(rest + len, "/");
	}
	if (!*rest)
		return visit(ctx, buf_text(&plain));
	_cleanup_close_ int dir = -1;
	buf_puts(&plain, "/."); /* a link at its end is followed like those before it */
	int r = buf_error(&plain) ? -ENOMEM : path_resolve(host->root, plain.data, &real);
	if (r == 0)
		r = path_open(host->root, real.data, O_PATH | O_DIRECTORY, &dir);
	if (r == -ELOOP) {
		_cleanup_buf_ struct buf name = {0};
		escape_str(&name, pattern);
		return host_blind(host, "%s leads through a symbolic link that others than root can change: not searched",
		                  buf_text(&name));
	}
	if (r < 0)
		return unreadable(&w, &plain, r);
	if (strcmp(real.data, "/") == 0)
		buf_reset(&real);
	return walk(&w, dir, &real, rest);
}
