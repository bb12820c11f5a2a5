/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Timers, paths and sockets start other units: where the unit that they start goes, they go
 * with it, and before it.
 */
#include "foothold.h"

#include "base/escape.h"
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

/* The system, or sessions of users. */
static bool same_manager(const char *a, const char *b)
{
	return !strstr(a, "/user/") == !strstr(b, "/user/");
}

/* The file of a unit that goes and that F would start. */
static const struct found *goes_with(const struct sweep *s, const struct found *f)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct found *g = &s->v[i];
		if (g->deed == DEED_TAKE && g->place->format == FORMAT_UNIT && g->unit && g != f &&
		    strcmp(g->unit, f->starts) == 0 && same_manager(g->path, f->path))
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
