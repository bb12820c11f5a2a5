/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, modules and mounts: what runs in the kernel, and what covers what.
 */
#include "evidence.h"
#include "kernel-codec.h"

#include "base/escape.h"
#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_MAX ((size_t)4 << 20)

static int read_proc(struct host *host, const char *path, struct buf *ret)
{
	_cleanup_close_ int fd = openat(host->proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_read(fd, TABLE_MAX, ret);
}

/* ---- modules -------------------------------------------------------------------------- */

static int add_module(struct evidence_rows *rows, const struct module_line *m)
{
	return evidence_row(rows, json_pack("{so sI so ss so}", "name", json_text(m->name), "size", (json_int_t)m->size,
	                                    "used-by", json_text(m->used_by), "state", m->state, "taint",
	                                    json_text(m->taint)));
}

static int read_modules(struct buf *text, struct evidence_rows *rows, struct strv *ret_names, unsigned *ret_tainting)
{
	char *rest = text->data, *line;
	int r = 0;
	while (r == 0 && rest && (line = strsep(&rest, "\n"))) {
		struct module_line m;
		if (module_decode(line, &m) < 0)
			continue;
		*ret_tainting += *m.taint != '\0';
		r = strv_add(ret_names, m.name);
		if (r == 0)
			r = add_module(rows, &m);
	}
	return r;
}

static int tell_hidden(struct plan *plan, const char *name)
{
	_cleanup_buf_ struct buf shown = {0};
	int r = escape_str(&shown, name);
	return r < 0 ? r : plan_note(plan, "the kernel module %s is loaded and hides from the list of modules", shown.data);
}

/* A loadable module has a state in sysfs; one that is there and not in the list hides. */
static int find_hidden(struct collection *c, const struct strv *names, json_t *ret)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv there = {0};
	if (path_open(c->host->root, "/sys/module", O_RDONLY | O_DIRECTORY, &dir) < 0)
		return 0;
	int r = dir_names(dir, &there);
	for (size_t i = 0; r == 0 && i < there.n; i++) {
		_cleanup_buf_ struct buf path = {0};
		buf_printf(&path, "%s/initstate", there.v[i]);
		if (buf_error(&path) || strv_has(names, there.v[i]) || faccessat(dir, path.data, F_OK, 0) < 0)
			continue;
		r = json_array_append_new(ret, json_text(there.v[i])) < 0 ? -ENOMEM : tell_hidden(c->plan, there.v[i]);
	}
	return r;
}

int evidence_modules(struct collection *c)
{
	_cleanup_buf_ struct buf text = {0}, tainted = {0};
	_cleanup_strv_ struct strv names = {0};
	struct evidence_rows rows = {.array = json_array()};
	json_t *hidden = json_array();
	unsigned tainting = 0;
	int r = rows.array && hidden ? read_proc(c->host, "modules", &text) : -ENOMEM;
	if (r < 0 && r != -ENOMEM) /* a kernel without modules has no such file */
		r = r == -ENOENT ? 0 : host_blind(c->host, "cannot read /proc/modules: %s", strerror(-r));
	if (r == 0)
		r = read_modules(&text, &rows, &names, &tainting);
	if (r == 0)
		r = find_hidden(c, &names, hidden);
	if (r == 0 && read_proc(c->host, "sys/kernel/tainted", &tainted) == -ENOMEM)
		r = -ENOMEM;
	if (r < 0) {
		json_decref(rows.array);
		json_decref(hidden);
		return r;
	}
	size_t n = names.n, n_hidden = json_array_size(hidden);
	long long taint = strtoll(buf_text(&tainted), NULL, 10);
	return evidence_document(c, "modules.json",
	                         json_pack("{sI so so}", "kernel-taint", (json_int_t)taint, "not-listed", hidden, "modules",
	                                   rows.array),
	                         rows.partial, "%zu modules, %u that taint the kernel, %zu hidden", n, tainting, n_hidden);
}

/* ---- mounts ---------------------------------------------------------------------------- */

static bool covers_process(const char *point)
{
	return strncmp(point, "/proc/", 6) == 0 && isdigit((unsigned char)point[6]);
}

/* A file over a file: its real content is not seen. (ip-netns(8) gives namespaces names so.) */
static bool covers_file(struct host *host, const struct mount_line *m)
{
	static const char *const remote[] = {"nfs", "cifs", "autofs", "fuse", "9p", "ceph"};
	struct stat st;
	_cleanup_close_ int fd = -1;
	for (size_t i = 0; i < sizeof(remote) / sizeof(*remote); i++)
		if (strncmp(m->type, remote[i], strlen(remote[i])) == 0)
			return false; /* whose server may not answer */
	if (strcmp(m->type, "nsfs") == 0 || m->point[0] != '/' || !m->point[1] || path_open(host->root, m->point, O_PATH, &fd) < 0)
		return false;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* What a container is given so is not worth a word. */
static int tell_covering(struct plan *plan, const char *point)
{
	static const char *const usual[] = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};
	_cleanup_buf_ struct buf shown = {0};
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (strcmp(point, usual[i]) == 0)
			return 0;
	int r = escape_str(&shown, point);
	return r < 0 ? r : plan_note(plan, "something is mounted on %s, and hides what is there", shown.data);
}

static int add_mount(struct collection *c, struct evidence_rows *rows, const struct mount_line *m, unsigned *covering)
{
	bool process = covers_process(m->point), file = covers_file(c->host, m);
	*covering += process || file;
	int r = process || file ? tell_covering(c->plan, m->point) : 0;
	return r < 0 ? r : evidence_row(rows, json_pack("{so so so so so sb sb}", "point", json_text(m->point), "type", json_text(m->type),
	                                    "source", json_text(m->source), "root", json_text(m->root), "options",
	                                    json_text(m->options), "covers-process", process, "covers-file", file));
}

int evidence_mounts(struct collection *c)
{
	_cleanup_buf_ struct buf text = {0};
	struct evidence_rows rows = {.array = json_array()};
	unsigned covering = 0;
	size_t n = 0;
	int r = rows.array ? read_proc(c->host, "self/mountinfo", &text) : -ENOMEM;
	if (r < 0 && r != -ENOMEM)
		r = host_blind(c->host, "cannot read /proc/self/mountinfo: %s", strerror(-r));
	char *rest = text.data, *line;
	while (r == 0 && rest && (line = strsep(&rest, "\n"))) {
		struct mount_line m;
		if (mount_decode(line, &m) < 0)
			continue;
		n++;
		r = add_mount(c, &rows, &m, &covering);
	}
	if (r < 0) {
		json_decref(rows.array);
		return r;
	}
	return evidence_document(c, "mounts.json", rows.array, rows.partial, "%zu mounts, %u over a file or a process", n,
	                         covering);
}
