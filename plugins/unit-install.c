/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit-install.h"

#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_FILE_MAX (1024 * 1024)

static int read_one(struct host *host, const char *path, struct unit_install *install)
{
	_cleanup_buf_ struct buf real = {0}, text = {0};
	int r = path_follow(host->root, path, &real);
	if (r == 0)
		r = path_read(host->root, real.data, UNIT_FILE_MAX, &text, NULL);
	return r < 0 ? r : unit_parse_install(&text, install);
}

int unit_read_install(struct host *host, const char *file, const struct strv *drop_ins, struct unit_install *ret)
{
	int r = read_one(host, file, ret);
	for (size_t i = 0; r == 0 && i < drop_ins->n; i++) {
		r = read_one(host, drop_ins->v[i], ret);
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

struct missing {
	struct host *host;
	const char *unit; /* an instance, where there is one */
	const char *file;
	struct unit_links *ret;
	struct buf *why;
};

/* Whether a link to TARGET is one to our unit, by whatever path: /lib is /usr/lib. */
static bool leads_to_unit(const struct missing *m, const char *target)
{
	const char *slash = strrchr(target, '/'), *file = strrchr(m->file, '/') + 1;
	const char *name = slash ? slash + 1 : target;
	return strcmp(name, m->unit) == 0 || strcmp(name, file) == 0;
}

static int want_link(struct missing *m, const char *path)
{
	_cleanup_buf_ struct buf target = {0};
	int r = unit_link_read(m->host, path, &target);
	if (r == -ENOENT)
		return unit_links_add(m->ret, path, m->file);
	if (r == -EINVAL || (r == 0 && !leads_to_unit(m, buf_text(&target)))) {
		buf_puts(m->why, path);
		return -EEXIST;
	}
	return r;
}

/* A name in [Install] becomes part of a path. */
static bool is_unit_name(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/');
}

static int want_all(struct missing *m, const struct strv *names, const char *suffix)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		_cleanup_buf_ struct buf name = {0}, path = {0};
		r = unit_expand(names->v[i], m->unit, &name);
		if (r == 0 && !is_unit_name(buf_text(&name)))
			r = -EOPNOTSUPP;
		if (r == 0 && suffix)
			r = buf_printf(&path, UNIT_ADMIN_DIR "/%s%s/%s", name.data, suffix, m->unit);
		else if (r == 0)
			r = buf_printf(&path, UNIT_ADMIN_DIR "/%s", name.data);
		/* An alias may be the unit's own name. */
		if (r == 0 && (suffix || strcmp(name.data, m->unit) != 0))
			r = want_link(m, path.data);
	}
	return r;
}

int unit_missing_links(struct host *host, const struct unit_install *install, const char *unit, const char *file,
                       struct unit_links *ret, bool *ret_any, struct buf *ret_why)
{
	_cleanup_buf_ struct buf instance = {0};
	struct missing m = {host, unit, file, ret, ret_why};
	*ret_any = install->wanted_by.n || install->required_by.n || install->upheld_by.n || install->alias.n;
	if (unit_is_template(unit)) {
		if (!install->default_instance)
			return -EDESTADDRREQ;
		buf_printf(&instance, "%.*s%s%s", (int)(strchr(unit, '@') + 1 - unit), unit, install->default_instance,
		           strrchr(unit, '.'));
		m.unit = buf_text(&instance);
		if (strchr(m.unit, '/') || strchr(m.unit, '%'))
			return -EOPNOTSUPP;
	}
	int r = want_all(&m, &install->wanted_by, ".wants");
	if (r == 0)
		r = want_all(&m, &install->required_by, ".requires");
	if (r == 0)
		r = want_all(&m, &install->upheld_by, ".upholds");
	return r < 0 ? r : want_all(&m, &install->alias, NULL);
}

/* "/etc/rc2.d/S01cron": its first letter, and what follows its number. */
static char *letter_of(char *path)
{
	return strrchr(path, '/') + 1;
}

static int turn_link(struct host *host, const struct unit_link *link, struct unit_links *ret_take,
                     struct unit_links *ret_make)
{
	_cleanup_free_ char *path = strdup(link->path);
	_cleanup_buf_ struct buf turned = {0}, target = {0};
	if (!path)
		return -ENOMEM;
	char *letter = letter_of(path);
	/* What starts late stops early: as update-rc.d(8) has it. */
	long number = 100 - strtol(letter + 1, NULL, 10);
	number = number > 99 ? 99 : number;
	buf_printf(&turned, "%.*s%c%02ld%s", (int)(letter - path), path, *letter == 'S' ? 'K' : 'S', number, letter + 3);
	int r = buf_error(&turned) ? buf_error(&turned) : unit_links_add(ret_take, link->path, link->target);
	if (r == 0 && unit_link_read(host, turned.data, &target) == -ENOENT)
		r = unit_links_add(ret_make, turned.data, link->target);
	return r;
}

int sysv_turn_links(struct host *host, const char *script, bool start, struct unit_links *ret_take,
                    struct unit_links *ret_make)
{
	_cleanup_links_ struct unit_links links = {0};
	int r = sysv_links_find(host, strrchr(script, '/') + 1, &links);
	for (size_t i = 0; r == 0 && i < links.n; i++) {
		char level = links.v[i].path[strlen("/etc/rc")], letter = *letter_of(links.v[i].path);
		/* Runlevels 0, 1 and 6 only ever stop. */
		bool starts_there = level == 'S' || (level >= '2' && level <= '5');
		if (starts_there && letter == (start ? 'K' : 'S'))
			r = turn_link(host, &links.v[i], ret_take, ret_make);
	}
	return r;
}
