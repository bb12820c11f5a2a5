/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/unit-links.h"

#include "base/escape.h"
#include "base/fd.h"
#include "change/file-replace.h"
#include "change/unit-codec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const unit_link_dirs[] = {UNIT_ADMIN_DIR, "/run/systemd/system", NULL};
const char *const unit_vendor_dirs[] = {"/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                        "/lib/systemd/system", NULL};

void unit_links_free(struct unit_links *links)
{
	for (size_t i = 0; i < links->n; i++) {
		free(links->v[i].path);
		free(links->v[i].target);
	}
	free(links->v);
	*links = (struct unit_links){0};
}

int unit_links_add(struct unit_links *links, const char *path, const char *target)
{
	struct unit_link *v = reallocarray(links->v, links->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	links->v = v;
	v[links->n] = (struct unit_link){strdup(path), strdup(target)};
	links->n++;
	return v[links->n - 1].path && v[links->n - 1].target ? 0 : -ENOMEM;
}

static int read_link(int dir, const char *name, struct buf *ret)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));
	return n < 0 ? -errno : buf_add(ret, target, (size_t)n);
}

int unit_link_read(struct host *host, const char *path, struct buf *ret_target)
{
	_cleanup_close_ int dir = -1;
	const char *name;
	int r = path_open_parent(host->root, path, &dir, &name);
	if (r == -ENOTDIR)
		r = -ENOENT;
	return r < 0 ? r : read_link(dir, name, ret_target);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Whether a link of this name is one of the units, or an instance of one. */
static bool is_meant(const struct strv *names, const char *name)
{
	_cleanup_buf_ struct buf template = {0};
	if (strv_has(names, name))
		return true;
	return unit_is_instance(name) && unit_template_of(name, &template) == 0 && strv_has(names, buf_text(&template));
}

static bool is_dependency_dir(const char *name)
{
	static const char *const kinds[] = {".wants", ".requires", ".upholds"};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(dot, kinds[i]) == 0)
			return true;
	return false;
}

struct search {
	struct host *host;
	const struct strv *names;
	struct unit_links *ret;
};

static int look_at_link(struct search *s, const char *path)
{
	_cleanup_buf_ struct buf target = {0};
	int r = unit_link_read(s->host, path, &target);
	if (r == -EINVAL || r == -ENOENT)
		return 0;
	if (r < 0 || strcmp(buf_text(&target), UNIT_MASK) == 0)
		return r;
	bool meant = is_meant(s->names, base_name(path)) || strv_has(s->names, base_name(buf_text(&target)));
	return meant ? unit_links_add(s->ret, path, buf_text(&target)) : 0;
}

static int list_dir(struct host *host, const char *path, struct strv *ret)
{
	_cleanup_close_ int dir = -1;
	int r = path_open(host->root, path, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0)
		r = dir_names(dir, ret);
	/* Not there, or another name (/lib) of what is looked at anyway. */
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP ? 0 : r;
}

static int look_into(struct search *s, const char *dir, bool top)
{
	_cleanup_strv_ struct strv names = {0};
	int r = list_dir(s->host, dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf path = {0};
		r = buf_printf(&path, "%s/%s", dir, names.v[i]);
		if (r == 0)
			r = top && is_dependency_dir(names.v[i]) ? look_into(s, path.data, false) : look_at_link(s, path.data);
	}
	return r;
}

int unit_links_find(struct host *host, const char *const *dirs, const struct strv *names, struct unit_links *ret)
{
	struct search s = {host, names, ret};
	int r = 0;
	for (; r == 0 && *dirs; dirs++)
		r = look_into(&s, *dirs, true);
	return r;
}

int unit_masks_find(struct host *host, const char *name, struct unit_links *ret)
{
	int r = 0;
	for (const char *const *dir = unit_link_dirs; r == 0 && *dir; dir++) {
		_cleanup_buf_ struct buf path = {0}, target = {0};
		buf_printf(&path, "%s/%s", *dir, name);
		r = unit_link_read(host, buf_text(&path), &target);
		if (r == 0 && strcmp(buf_text(&target), UNIT_MASK) == 0)
			r = unit_links_add(ret, path.data, UNIT_MASK);
		r = r == -ENOENT || r == -EINVAL ? 0 : r;
	}
	return r;
}

/* "S01cron", "K20cron" */
static bool is_sysv_link(const char *link, const char *name)
{
	return (link[0] == 'S' || link[0] == 'K') && strspn(link + 1, "0123456789") == 2 && strcmp(link + 3, name) == 0;
}

int sysv_links_find(struct host *host, const char *name, struct unit_links *ret)
{
	int r = 0;
	for (const char *level = "0123456S"; r == 0 && *level; level++) {
		_cleanup_strv_ struct strv names = {0};
		char dir[] = "/etc/rc?.d";
		*strchr(dir, '?') = *level;
		r = list_dir(host, dir, &names);
		for (size_t i = 0; r == 0 && i < names.n; i++) {
			_cleanup_buf_ struct buf path = {0}, target = {0};
			if (!is_sysv_link(names.v[i], name))
				continue;
			buf_printf(&path, "%s/%s", dir, names.v[i]);
			r = unit_link_read(host, buf_text(&path), &target);
			r = r == 0 ? unit_links_add(ret, buf_text(&path), buf_text(&target)) : r == -EINVAL ? 0 : r;
		}
	}
	return r;
}

static int find_file(struct host *host, const char *const *dirs, const char *name, struct buf *ret)
{
	for (; *dirs; dirs++) {
		_cleanup_buf_ struct buf path = {0}, real = {0}, target = {0};
		_cleanup_close_ int fd = -1;
		buf_printf(&path, "%s/%s", *dirs, name);
		int r = path_resolve(host->root, buf_text(&path), &real);
		if (r == 0 && unit_link_read(host, real.data, &target) == 0 && strcmp(buf_text(&target), UNIT_MASK) == 0)
			continue;
		buf_reset(&real);
		if (r == 0)
			r = path_follow(host->root, path.data, &real);
		if (r == 0)
			r = path_open_regular(host->root, real.data, &fd, NULL);
		if (r == 0)
			return buf_puts(ret, path.data);
		if (r == -ENOMEM)
			return r;
	}
	return -ENOENT;
}

int unit_file_find(struct host *host, const char *name, struct buf *ret_path)
{
	_cleanup_buf_ struct buf template = {0};
	int r = find_file(host, unit_link_dirs, name, ret_path);
	if (r == -ENOENT)
		r = find_file(host, unit_vendor_dirs, name, ret_path);
	if (r != -ENOENT || !unit_is_instance(name))
		return r;
	r = unit_template_of(name, &template);
	return r < 0 ? r : unit_file_find(host, template.data, ret_path);
}

/* Whether the very link is at its place in DIR: 1, 0 (nothing is), -ESTALE. */
static int is_there(int dir, const char *name, const struct unit_link *link)
{
	_cleanup_buf_ struct buf target = {0};
	int r = read_link(dir, name, &target);
	if (r == -ENOENT)
		return 0;
	if (r == -ENOMEM)
		return r;
	return r == 0 && strcmp(buf_text(&target), link->target) == 0 ? 1 : -ESTALE;
}

static int in_unlocked(int dir, int (*deed)(int dir, const char *name, const struct unit_link *link), const char *name,
                       const struct unit_link *link)
{
	struct unlocked_dir unlocked;
	int r = dir_unlock(dir, &unlocked);
	if (r < 0)
		return r;
	r = deed(unlocked.fd, name, link);
	if (r == 0 && fsync(unlocked.fd) < 0)
		r = -errno;
	int relocked = dir_relock(&unlocked);
	return r < 0 ? r : relocked;
}

static int make(int dir, const char *name, const struct unit_link *link)
{
	return symlinkat(link->target, dir, name) < 0 ? errno == EEXIST ? -ESTALE : -errno : 0;
}

static int take_away(int dir, const char *name, const struct unit_link *link)
{
	(void)link;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* "multi-user.target.wants" may not be there yet, or not any more. */
static int make_parent(struct host *host, const char *path)
{
	_cleanup_buf_ struct buf parent = {0};
	_cleanup_close_ int dir = -1;
	const char *name;
	int r = buf_add(&parent, path, (size_t)(strrchr(path, '/') - path));
	if (r == 0)
		r = path_open_parent(host->root, buf_text(&parent), &dir, &name);
	if (r == 0 && mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		r = -errno;
	return r;
}

int unit_link_make(struct host *host, const struct unit_link *link)
{
	_cleanup_close_ int dir = -1;
	const char *name;
	int r = path_open_parent(host->root, link->path, &dir, &name);
	if (r == -ENOENT) {
		r = make_parent(host, link->path);
		if (r == 0)
			r = path_open_parent(host->root, link->path, &dir, &name);
	}
	if (r == 0)
		r = is_there(dir, name, link);
	return r == 0 ? in_unlocked(dir, make, name, link) : r < 0 ? r : 0;
}

int unit_link_remove(struct host *host, const struct unit_link *link)
{
	_cleanup_close_ int dir = -1;
	const char *name;
	int r = path_open_parent(host->root, link->path, &dir, &name);
	if (r == 0)
		r = is_there(dir, name, link);
	if (r == -ENOENT || r == 0)
		return 0;
	return r < 0 ? r : in_unlocked(dir, take_away, name, link);
}

json_t *unit_links_json(const struct unit_links *links)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < links->n; i++) {
		json_t *pair = json_pack("[oo]", json_text(links->v[i].path), json_text(links->v[i].target));
		if (json_array_append_new(array, pair) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int text_at(const json_t *pair, size_t i, struct buf *ret)
{
	int r = json_bytes_get(json_array_get(pair, i), ret);
	return r == 0 && strlen(buf_text(ret)) != ret->len ? -EINVAL : r;
}

int unit_links_from_json(const json_t *json, struct unit_links *ret)
{
	_cleanup_links_ struct unit_links links = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(json); i++) {
		_cleanup_buf_ struct buf path = {0}, target = {0};
		const json_t *pair = json_array_get(json, i);
		r = text_at(pair, 0, &path);
		if (r == 0)
			r = text_at(pair, 1, &target);
		if (r == 0)
			r = path.len && path.data[0] == '/' ? unit_links_add(&links, path.data, buf_text(&target)) : -EINVAL;
	}
	if (r < 0)
		return r;
	*ret = links;
	links = (struct unit_links){0};
	return 0;
}
