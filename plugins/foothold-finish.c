/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was found is said, in the order in which it goes, and planned.
 */
#include "foothold.h"

#include "base/escape.h"
#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-move.h"
#include "change/unit-manager.h"
#include "crontab-edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATHS_OF_ENTRY 16 /* as many files as one entry is followed to */

static int say_why(const struct found *f, const struct hit *h, struct buf *ret)
{
	if (f->why) {
		buf_puts(ret, "it starts ");
		return escape_str(ret, f->why);
	}
	if (!h || !h->why) {
		bool module = f->place->format == FORMAT_PAM || f->place->format == FORMAT_PAM_CONF ||
		              f->place->format == FORMAT_PRELOAD;
		return buf_puts(ret, h ? module ? "loads what is searched for" : "is meant"
		                       : f->named ? "is named itself" : "changed since then");
	}
	buf_printf(ret, "%s ", h->why[0] == '/' ? "names" : "holds");
	return escape_str(ret, h->why);
}

static const char *what_it_is(enum hit_type what, enum format format)
{
	bool cron = format <= FORMAT_ANACRONTAB;
	switch (what) {
	case HIT_ENTRY: return "";
	case HIT_SETTING: return ": a setting that acts on the entries below it";
	case HIT_INERT:
		return format == FORMAT_PAM || format == FORMAT_PAM_CONF
		               ? ": a module of a package is never taken out of the stack; reinstall it if it was altered"
		       : cron ? ": not an entry that cron runs, left alone"
		              : ": nothing that it does, left alone";
	case HIT_COMMENT: return ", in a comment only: left alone";
	case HIT_STUCK: return ", but is part of something larger that would break without it: take it out by hand";
	}
	return "";
}

static int tell_hit(struct sweep *s, const struct found *f, const struct hit *h)
{
	_cleanup_buf_ struct buf why = {0}, line = {0}, owner = {0};
	int r = say_why(f, h, &why);
	if (r == 0 && f->owner) {
		buf_puts(&owner, "; the file belongs to the package ");
		r = escape_str(&owner, f->owner);
	}
	if (r < 0)
		return r;
	buf_printf(&line, "%s (%s), line %u: %s%s%s%s", f->shown, f->place->what, h->line, buf_text(&why),
	           what_it_is(h->what, f->place->format), h->hidden ? "; control characters hide it on a terminal" : "",
	           buf_text(&owner));
	if (buf_error(&line))
		return buf_error(&line);
	if (h->what == HIT_STUCK)
		return sweep_tell(s, "%s", line.data);
	return plan_note(s->plan, "%s", line.data);
}

/* Where the diff says it all, and nobody asked for more, nothing is said. */
static bool is_plain(const struct sweep *s, const struct found *f, const struct hit *h)
{
	return !s->tells && f->deed != DEED_LEAVE &&
	       ((h->what == HIT_ENTRY && !h->hidden) || h->what == HIT_COMMENT ||
	        (f->deed == DEED_TAKE && h->what != HIT_STUCK));
}

static int tell_file(struct sweep *s, const struct found *f)
{
	_cleanup_buf_ struct buf why = {0}, owner = {0};
	int r = say_why(f, NULL, &why);
	if (r == 0 && f->owner) {
		buf_puts(&owner, "; it belongs to the package ");
		r = escape_str(&owner, f->owner);
	}
	return r < 0 ? r
	             : plan_note(s->plan, "%s (%s): %s%s", f->shown, f->place->what, buf_text(&why), buf_text(&owner));
}

/* What goes beside the lines that are meant, and what else is worth knowing. */
static int tell_rest(struct sweep *s, const struct found *f)
{
	int r = 0;
	if (f->deed == DEED_TAKE && f->hits.live && f->hits.n && s->tells)
		r = plan_note(s->plan, "%s: %zu more line%s of it that do something go with it", f->shown, f->hits.live,
		              f->hits.live == 1 ? "" : "s");
	if (r == 0 && f->deed == DEED_EDIT && f->hits.newline_added)
		r = plan_note(s->plan,
		              "%s: its last line had no newline, without which cron on Debian ignores the whole file: added",
		              f->shown);
	if (r == 0 && f->deed == DEED_TAKE && f->place->format == FORMAT_RUN_PARTS && cron_skips_name(f->name))
		r = plan_note(s->plan, "%s: run-parts passes over files of this name, so it did not run from there",
		              f->shown);
	if (r == 0 && f->deed != DEED_NONE && f->place->format == FORMAT_SUDOERS && strpbrk(f->name, ".~"))
		r = plan_note(s->plan, "%s: sudo passes over files of this name, so it granted nothing from there", f->shown);
	if (r == 0 && f->deed == DEED_LEAVE && f->trouble)
		r = sweep_tell(s, "%s%s%s: %s", f->shown, f->owner ? " belongs to the package " : "",
		               f->owner ? f->owner : "", f->trouble);
	return r;
}

static int tell(struct sweep *s, const struct found *f)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->hits.n; i++) {
		struct hit h = f->hits.v[i];
		if (f->deed == DEED_TAKE && h.what == HIT_STUCK) /* the whole file goes: nothing is left to break */
			h.what = HIT_ENTRY;
		if (!is_plain(s, f, &h))
			r = tell_hit(s, f, &h);
	}
	bool told = f->deed == DEED_LEAVE && f->trouble;
	if (r == 0 && f->deed != DEED_NONE && !f->hits.n && s->tells && !told)
		r = tell_file(s, f);
	return r < 0 ? r : tell_rest(s, f);
}

/* Who is asked, or told, when the file changes. */
static const char *service_of(const struct sweep *s, const struct found *f)
{
	if (f->place->format == FORMAT_SUDOERS)
		return "sudoers";
	return foothold_is_of_system(f) && host_runs_systemd(s->host) ? "systemd" : NULL;
}

static int take_file(struct sweep *s, const struct found *f)
{
	const char *service = service_of(s, f);
	struct change *c = NULL;
	int r = file_move_plan(s->host, s->plan, f->path, NULL, &c);
	if (r == 0 && service && !(c->service = strdup(service)))
		r = -ENOMEM;
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int apply_deed(struct sweep *s, const struct found *f)
{
	int r = 0;
	if (f->deed == DEED_TAKE && s->acts && !foothold_goes_by_itself(s, f))
		return take_file(s, f);
	if (f->deed == DEED_EDIT && s->acts)
		r = file_edit_plan(s->host, s->plan, f->path, &f->before, &f->after, service_of(s, f), NULL);
	return r < 0 ? r : 1;
}

/* Whether it is a program, or a library, by its looks. */
static bool is_program(int fd, const struct stat *st)
{
	char magic[4] = "";
	ssize_t n = pread(fd, magic, sizeof(magic), 0);
	return (st->st_mode & 0111) || (n >= 2 && memcmp(magic, "#!", 2) == 0) || (n == 4 && memcmp(magic, "\177ELF", 4) == 0);
}

static int follow_path(struct sweep *s, const struct found *f, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = foothold_foreign_file(s, path, &real, &st);
	if (r == 0)
		r = path_open_regular(s->host->root, real.data, &fd, &st);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	bool wanted = s->search.paths && (strv_has(s->search.paths, path) || strv_has(s->search.paths, real.data));
	if (strcmp(real.data, f->path) == 0 || (!wanted && !is_program(fd, &st)))
		return 0;
	return plan_fact(s->plan, "path", real.data);
}

/* The programs and libraries that the entries lead to. */
static int follow_entries(struct sweep *s, const struct found *f)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->hits.n; i++) {
		const struct hit *h = &f->hits.v[i];
		struct slice text = {buf_text(&f->before) + h->at, h->len}, path;
		if (h->what == HIT_COMMENT || h->what == HIT_INERT)
			continue;
		for (unsigned n = 0; r == 0 && n < PATHS_OF_ENTRY && take_path(&text, &path); n++) {
			_cleanup_free_ char *name = slice_dup(path);
			r = name ? follow_path(s, f, name) : -ENOMEM;
		}
	}
	return r;
}

static int yield(struct sweep *s, const struct found *f)
{
	if (!s->tells)
		return plan_fact(s->plan, "path", f->path);
	_cleanup_strv_ struct strv unit = {0};
	_cleanup_buf_ struct buf ignored = {0};
	int r = plan_fact(s->plan, "file", f->path);
	if (r == 0 && f->unit && foothold_is_of_system(f) && type_check(TYPE_UNIT, NULL, f->unit, &unit, &ignored) == 0)
		r = plan_fact(s->plan, "unit", unit.v[0]);
	return r < 0 ? r : follow_entries(s, f);
}

static int by_turn(const void *a, const void *b)
{
	const struct found *x = *(const struct found *const *)a, *y = *(const struct found *const *)b;
	return x->turn != y->turn ? (x->turn < y->turn ? -1 : 1) : x < y ? -1 : x > y;
}

static int finish_one(struct sweep *s, const struct found *f)
{
	int r = tell(s, f);
	if (r < 0 || f->deed == DEED_NONE)
		return r;
	r = apply_deed(s, f);
	if (r <= 0 || (f->deed == DEED_LEAVE && s->acts))
		return r < 0 ? r : 0;
	s->count += f->deed == DEED_EDIT ? f->hits.taken : 1;
	return yield(s, f);
}

int sweep_finish(struct sweep *s)
{
	int r = foothold_add_triggers(s);
	_cleanup_free_ const struct found **order = calloc(s->n + 1, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		order[i] = &s->v[i];
	qsort(order, s->n, sizeof(*order), by_turn);
	if (r == 0 && s->acts)
		r = foothold_end_units(s, order);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = finish_one(s, order[i]);
	return r < 0 ? r : plan_fact_number(s->plan, "count", (long long)s->count);
}
