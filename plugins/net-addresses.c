/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-addresses.h"

#include "base/escape.h"
#include "base/fd.h"

#include <errno.h>
#include <string.h>

#define FILE_PREFIX "file:"
#define FILE_MAX (64 * 1024 * 1024)
#define BAD_LINES_NAMED 5

/* The lines of a file that are no addresses: the first few are named. */
struct bad_lines {
	const char *path;
	size_t n;
	struct buf text;
};

static int note_bad_line(void *ctx, size_t line, const char *text, size_t len, int error)
{
	struct bad_lines *bad = ctx;
	if (++bad->n > BAD_LINES_NAMED)
		return 0;
	buf_puts(&bad->text, bad->n > 1 ? "; " : "");
	escape_str(&bad->text, bad->path);
	buf_printf(&bad->text, ":%zu: '", line);
	escape_text(&bad->text, text, len < 64 ? len : 64);
	return buf_puts(&bad->text, error == -EDOM ? "' has bits set behind its prefix" : "' is not an address");
}

static int read_list(struct host *host, const char *path, struct plan *plan, struct addrs *ret)
{
	_cleanup_buf_ struct buf bytes = {0}, shown = {0};
	int r = path_read(host->root, path, FILE_MAX, &bytes, NULL);
	if (r < 0) {
		escape_str(&shown, path);
		return plan_fail(plan, r, "cannot read %s: %s", buf_text(&shown), strerror(-r));
	}
	struct bad_lines bad = {.path = path};
	r = addrs_read(buf_text(&bytes), bytes.len, ret, note_bad_line, &bad);
	if (r == 0 && bad.n > BAD_LINES_NAMED)
		r = buf_printf(&bad.text, "; and %zu more", bad.n - BAD_LINES_NAMED);
	if (r == 0 && bad.n)
		r = plan_fail(plan, -EINVAL, "%s", buf_text(&bad.text));
	buf_free(&bad.text);
	return r;
}

int net_addresses(struct host *host, const struct args *args, const char *name, struct plan *plan, struct addrs *ret)
{
	const struct strv *list = args_list(args, name);
	int r = 0;
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		struct netaddr a;
		if (strncmp(list->v[i], FILE_PREFIX, strlen(FILE_PREFIX)) == 0)
			r = read_list(host, list->v[i] + strlen(FILE_PREFIX), plan, ret);
		else if ((r = netaddr_parse(list->v[i], &a)) == 0)
			r = addrs_add(ret, &a);
		if (r == 0)
			r = plan_fact(plan, name, list->v[i]);
	}
	addrs_sort(ret);
	return r;
}
