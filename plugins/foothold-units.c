/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Units that go are stopped and disabled before. Timers, paths and sockets start other
 * units: where the unit that they start goes, they go with it, and before it.
 */
#include "foothold.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "change/unit-links.h"
#include "change/unit-manager.h"
#include "unit-end.h"
#include "unit-file-edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What starts another unit, the section that says which, and the key. */
static const struct {
	const char *type, *section, *key;
} triggers[] = {
	{".timer", "Timer", "Unit"},
	{".path", "Path", "Unit"},
	{".socket", "Socket", "Service"},
};

static bool ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name), e = strlen(ending);
	return n > e && strcmp(name + n - e, ending) == 0;
}

/* Which unit it starts: the one that it names, or the service of the same name. */
static int started_by(const struct found *f, size_t type, struct buf *ret)
{
	_cleanup_strv_ struct strv values = {0};
	int r = unit_file_values(&f->before, triggers[type].section, triggers[type].key, &values);
	if (r < 0)
		return r;
	if (values.n)
		return buf_puts(ret, values.v[values.n - 1]);
	buf_add(ret, f->unit, strlen(f->unit) - strlen(triggers[type].type));
	return buf_puts(ret, ".service");
}

int foothold_note_trigger(struct sweep *s, struct found *f)
{
	(void)s;
	for (size_t i = 0; f->unit && i < sizeof(triggers) / sizeof(*triggers); i++) {
		_cleanup_buf_ struct buf starts = {0};
		if (!ends_in(f->unit, triggers[i].type))
			continue;
		f->turn = TURN_TRIGGER;
		int r = started_by(f, i, &starts);
		if (r == 0)
			r = !(f->starts = buf_steal(&starts)) ? -ENOMEM : 0;
		return r;
	}
	return 0;
}

bool foothold_is_of_system(const struct found *f)
{
	enum format format = f->place->format;
	return (format == FORMAT_UNIT || format == FORMAT_DROP_IN || format == FORMAT_MANAGER) &&
	       !(f->place->flags & PLACE_HOME) && !strstr(f->place->pattern, "/systemd/user");
}

/* The file of a unit that goes and that F would start. */
static const struct found *goes_with(const struct sweep *s, const struct found *f)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct found *g = &s->v[i];
		if (g->deed == DEED_TAKE && g->place->format == FORMAT_UNIT && g->unit && g != f &&
		    strcmp(g->unit, f->starts) == 0 && foothold_is_of_system(g) == foothold_is_of_system(f))
			return g;
	}
	return NULL;
}

int foothold_add_triggers(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct found *f = &s->v[i];
		const struct found *g = f->starts && f->deed != DEED_TAKE ? goes_with(s, f) : NULL;
		_cleanup_buf_ struct buf owner = {0};
		if (!g)
			continue;
		int r = host_package_of(s->host, f->path, &owner);
		if (r < 0 && r != -ENOENT)
			return r;
		f->deed = r == 0 ? DEED_LEAVE : DEED_TAKE;
		f->trouble = "it starts a unit that goes, but belongs to a package: disable it";
		free(f->owner);
		f->owner = r == 0 ? buf_steal(&owner) : NULL;
		free(f->why);
		f->why = strdup(g->unit);
		if (!f->why || (r == 0 && !f->owner))
			return -ENOMEM;
	}
	return 0;
}

static bool goes(const struct sweep *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].deed == DEED_TAKE && strcmp(s->v[i].path, path) == 0)
			return true;
	return false;
}

/* Whether another file takes its place: the unit is a package's, say, and lives on. */
static int has_another_file(struct sweep *s, const char *unit, bool *ret)
{
	static const char *const *const lists[] = {unit_link_dirs, unit_vendor_dirs};
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (const char *const *dir = lists[i]; *dir; dir++) {
			_cleanup_buf_ struct buf path = {0}, real = {0};
			_cleanup_close_ int fd = -1;
			buf_printf(&path, "%s/%s", *dir, unit);
			int r = path_follow(s->host->root, buf_text(&path), &real);
			if (r == 0)
				r = path_open_regular(s->host->root, real.data, &fd, NULL);
			if (r == -ENOMEM)
				return r;
			if (r == 0 && !goes(s, real.data)) {
				*ret = true;
				return 0;
			}
		}
	return 0;
}

/* By what name systemd knows it; NULL: by none, or it is nothing that could be stopped. */
static const char *name_as_unit(const struct found *f, struct strv *checked)
{
	static const char *const types[] = {"service", "timer", "path", "socket"};
	_cleanup_buf_ struct buf ignored = {0};
	bool script = strcmp(f->place->pattern, "/etc/init.d/") == 0;
	const char *name = script ? f->name : f->place->format == FORMAT_UNIT && foothold_is_of_system(f) ? f->unit : NULL;
	if (!name || (!script && !strchr(name, '.')) || type_check(TYPE_UNIT, NULL, name, checked, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (unit_has_type(checked->v[0], types[i]) && (script || strcmp(checked->v[0], name) == 0))
			return checked->v[0];
	return NULL;
}

int foothold_end_units(struct sweep *s, const struct found *const *order)
{
	_cleanup_strv_ struct strv units = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		_cleanup_strv_ struct strv checked = {0};
		bool lives_on = false;
		const char *name = order[i]->deed == DEED_TAKE ? name_as_unit(order[i], &checked) : NULL;
		if (!name)
			continue;
		r = has_another_file(s, name, &lives_on);
		if (r == 0 && lives_on)
			r = plan_note(s->plan, "%s hid another file of that unit, which takes its place: restart the unit if it "
			              "runs", order[i]->shown);
		else if (r == 0)
			r = strv_add(&units, name);
	}
	return r < 0 ? r : units_end_plan(s->host, s->plan, &units);
}

bool foothold_goes_by_itself(const struct sweep *s, const struct found *f)
{
	return strcmp(f->place->pattern, "/run/systemd/transient/") == 0 && host_runs_systemd(s->host);
}
