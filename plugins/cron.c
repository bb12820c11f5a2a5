/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cron.remove: the entries by which an intruder comes back.
 *
 * In a crontab the entry goes and the file stays; a script that run-parts or atd would
 * run goes as a whole. A link is followed only where root alone could have made it.
 */
#include "crontab-edit.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/users.h"
#include "change/file-edit.h"
#include "change/file-move.h"
#include "core/action.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum place_type {
	PLACE_FILE,     /* one system crontab */
	PLACE_ANACRON,  /* /etc/anacrontab */
	PLACE_SPOOL,    /* a directory of user crontabs, each named after its user */
	PLACE_CRONTABS, /* a directory of system crontabs */
	PLACE_SCRIPTS,  /* a directory of scripts that root runs */
	PLACE_JOBS,     /* a directory of at jobs, each run by its owner */
};

static const struct place {
	const char *path;
	enum place_type type;
} places[] = {
	{"/var/spool/cron/crontabs", PLACE_SPOOL}, /* Debian */
	{"/var/spool/cron", PLACE_SPOOL},          /* cronie */
	{"/var/spool/cron/tabs", PLACE_SPOOL},     /* SUSE */
	{"/etc/crontab", PLACE_FILE},
	{"/etc/anacrontab", PLACE_ANACRON},
	{"/etc/cron.d", PLACE_CRONTABS},
	{"/etc/cron.hourly", PLACE_SCRIPTS},
	{"/etc/cron.daily", PLACE_SCRIPTS},
	{"/etc/cron.weekly", PLACE_SCRIPTS},
	{"/etc/cron.monthly", PLACE_SCRIPTS},
	{"/var/spool/cron/atjobs", PLACE_JOBS},
	{"/var/spool/at", PLACE_JOBS},
};

/* One run of the action. */
struct sweep {
	struct host *host;
	struct plan *plan;
	struct cron_search search;
	struct users users; /* for the owners of at jobs */
	unsigned count;
};

/* A file that is looked at. */
struct found {
	const struct place *place;
	const char *found; /* the path as it is found */
	const char *name;  /* its last component */
	const char *shown; /* escaped */
	const char *path;  /* resolved */
	bool named;        /* a script that is searched for by its own path: its content does not matter */
	struct buf content;
};

static bool wants_user(const struct sweep *s, const char *user)
{
	return !s->search.users->n || strv_has(s->search.users, user);
}

static int note_hits(struct sweep *s, const struct found *f, const struct crontab_hits *hits)
{
	static const char *const what[] = {
		[CRONTAB_ENTRY] = "entry",
		[CRONTAB_SETTING] = "setting that acts on the entries below it",
		[CRONTAB_INERT] = "not an entry that cron runs, left alone",
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < hits->n; i++) {
		const struct crontab_hit *h = &hits->v[i];
		if (h->what == CRONTAB_ENTRY && !h->hidden)
			continue; /* the diff says it all */
		r = plan_note(s->plan, "%s, line %u: %s%s", f->shown, h->line, what[h->what],
		              h->hidden ? "; control characters hide it on a terminal" : "");
	}
	if (r == 0 && hits->newline_added)
		r = plan_note(s->plan,
		              "%s: its last line had no newline, without which cron on Debian ignores the whole file: "
		              "added",
		              f->shown);
	return r;
}

static int strip(struct sweep *s, const struct found *f, enum crontab_form form)
{
	_cleanup_buf_ struct buf after = {0};
	_cleanup_(crontab_hits_free) struct crontab_hits hits = {0};
	int r = crontab_strip(form, &f->content, &s->search, &after, &hits);
	if (r < 0 || !hits.n)
		return r;
	unsigned removed = 0;
	for (size_t i = 0; i < hits.n; i++)
		removed += hits.v[i].what != CRONTAB_INERT;
	r = note_hits(s, f, &hits);
	if (r < 0 || !removed)
		return r;
	r = file_edit_plan(s->host, s->plan, f->path, &f->content, &after, NULL, NULL);
	if (r == 0)
		r = plan_fact(s->plan, "path", f->path);
	s->count += removed;
	return r;
}

static int take_script(struct sweep *s, const struct found *f)
{
	bool meant = f->named;
	int r = meant ? 0 : script_mentions(&f->content, &s->search, &meant);
	if (r < 0 || !meant)
		return r;
	r = file_move_plan(s->host, s->plan, f->path, NULL, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	s->count++;
	if (f->place->type == PLACE_SCRIPTS && cron_skips_name(f->name))
		r = plan_note(s->plan, "%s: run-parts passes over files of this name, so it did not run from there",
		              f->shown);
	return r < 0 ? r : plan_fact(s->plan, "path", f->path);
}

static int job_owner(const struct sweep *s, const char *path, struct buf *ret)
{
	struct stat st;
	_cleanup_close_ int fd = -1;
	int r = path_open(s->host->root, path, O_PATH, &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	return users_name(&s->users, st.st_uid, ret);
}

static int look_into(struct sweep *s, const struct found *f)
{
	_cleanup_buf_ struct buf owner = {0};
	int r = 0;
	switch (f->place->type) {
	case PLACE_FILE:
		return strip(s, f, CRONTAB_SYSTEM);
	case PLACE_ANACRON:
		return wants_user(s, "root") ? strip(s, f, CRONTAB_ANACRON) : 0;
	case PLACE_SPOOL:
		return wants_user(s, f->name) ? strip(s, f, CRONTAB_USER) : 0;
	case PLACE_CRONTABS:
		return strip(s, f, CRONTAB_SYSTEM);
	case PLACE_SCRIPTS:
		return wants_user(s, "root") ? take_script(s, f) : 0;
	case PLACE_JOBS:
		r = s->search.users->n ? job_owner(s, f->path, &owner) : 0;
		return r < 0 ? r : !owner.len || wants_user(s, buf_text(&owner)) ? take_script(s, f) : 0;
	}
	return -EINVAL;
}

/* What cannot be searched is said: an unread crontab is not a clean one. */
static int explain(struct sweep *s, const char *shown, int error)
{
	switch (error) {
	case -ENOENT:  /* gone since, or taken by an earlier step */
	case -ENOTDIR:
	case -EINVAL:  /* a directory, a FIFO: nothing that cron reads */
		return 0;
	case -EACCES:
	case -EPERM:
		return host_blind(s->host, "cannot read %s: %s", shown, strerror(-error));
	case -ELOOP:
		return plan_residual(s->plan,
		                     "%s leads through a symbolic link that others than root can change: it was not "
		                     "searched",
		                     shown);
	case -EFBIG:
		return plan_residual(s->plan, "%s is too large to be searched", shown);
	default:
		return error;
	}
}

static bool is_named(const struct sweep *s, const struct found *f)
{
	bool script = f->place->type == PLACE_SCRIPTS || f->place->type == PLACE_JOBS;
	return script && (strv_has(s->search.paths, f->path) || strv_has(s->search.paths, f->found));
}

static int visit_file(struct sweep *s, const struct place *place, const char *path)
{
	_cleanup_buf_ struct buf resolved = {0}, shown = {0};
	struct found f = {.place = place, .found = path, .name = strrchr(path, '/') + 1};
	int r = escape_str(&shown, path);
	if (r == 0)
		r = path_follow(s->host->root, path, &resolved);
	if (r == 0) {
		f.path = buf_text(&resolved);
		f.shown = buf_text(&shown);
		f.named = is_named(s, &f);
		r = f.named ? 0 : file_edit_read(s->host, s->plan, f.path, &f.content);
	}
	if (r == 0)
		r = look_into(s, &f);
	buf_free(&f.content);
	return r < 0 ? explain(s, buf_text(&shown), r) : 0;
}

static int list_dir(int root, const char *path, struct strv *ret)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	int r = path_open(root, path, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0)
		r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = strv_addf(ret, "%s/%s", path, names.v[i]);
	return r;
}

static int visit_dir(struct sweep *s, const struct place *place)
{
	_cleanup_strv_ struct strv files = {0};
	_cleanup_buf_ struct buf dir = {0};
	int r = path_follow(s->host->root, place->path, &dir);
	if (r == 0)
		r = list_dir(s->host->root, buf_text(&dir), &files);
	if (r < 0)
		return explain(s, place->path, r);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = visit_file(s, place, files.v[i]);
	return r;
}

static int check_search(struct plan *plan, const struct cron_search *search)
{
	for (size_t i = 0; i < search->texts->n; i++)
		if (strspn(search->texts->v[i], " \t*") == strlen(search->texts->v[i]))
			return plan_fail(plan, -EINVAL, "match: \"%s\" would match every entry", search->texts->v[i]);
	return 0;
}

static int owner_of(struct host *host, const char *path, struct buf *ret)
{
	_cleanup_buf_ struct buf real = {0};
	int r = path_resolve(host->root, path, &real);
	return host_package_of(host, r == 0 ? real.data : path, ret);
}

/* Where packages put nothing: their lists need not be read for a path below. */
static bool is_local(const char *path)
{
	static const char *const places_of_no_package[] = {
		"/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/home/", "/root/", "/srv/", "/usr/local/",
	};
	for (size_t i = 0; i < sizeof(places_of_no_package) / sizeof(*places_of_no_package); i++)
		if (strncmp(path, places_of_no_package[i], strlen(places_of_no_package[i])) == 0)
			return true;
	return false;
}

/* Honest entries name the programs and directories of the system, too: what a package
 * owns tells nothing about who wrote an entry. */
static int keep_telling(struct host *host, struct plan *plan, const char *path, struct strv *ret)
{
	_cleanup_buf_ struct buf name = {0}, owner = {0};
	if (strcmp(path, "/") == 0)
		return plan_fail(plan, -EINVAL, "references: / would match entries of all kinds; name files");
	int r = is_local(path) ? -ENOENT : owner_of(host, path, &owner);
	if (r < 0)
		return r == -ENOENT ? strv_add(ret, path) : r;
	r = escape_str(&name, path);
	return r < 0 ? r
	             : plan_residual(plan, "%s belongs to the package %s: no entry is told by it; use match", name.data,
	                             buf_text(&owner));
}

static int keep_all_telling(struct host *host, struct plan *plan, const struct strv *paths, struct strv *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < paths->n; i++)
		r = keep_telling(host, plan, paths->v[i], ret);
	return r;
}

static int cron_remove_plan(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_strv_ struct strv paths = {0};
	struct sweep s = {
		.host = host,
		.plan = plan,
		.search = {
			.texts = args_list(args, "match"),
			.paths = &paths,
			.users = args_list(args, "users"),
		},
	};
	int r = check_search(plan, &s.search);
	if (r == 0)
		r = keep_all_telling(host, plan, args_list(args, "references"), &paths);
	/* A list that came out empty, all users or all texts, means nothing to do. */
	bool nobody = args_has(args, "users") && !s.search.users->n;
	bool nothing = !s.search.texts->n && !s.search.paths->n;
	if (r == 0 && !nobody && !nothing)
		r = users_load(host->root, &s.users);
	for (size_t i = 0; r == 0 && !nobody && !nothing && i < sizeof(places) / sizeof(places[0]); i++)
		r = places[i].type == PLACE_FILE || places[i].type == PLACE_ANACRON
		            ? visit_file(&s, &places[i], places[i].path)
		            : visit_dir(&s, &places[i]);
	users_free(&s.users);
	return r < 0 ? r : plan_fact_number(plan, "count", s.count);
}

static const struct param params[] = {
	{"match", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "fixed text: an entry whose command holds one of them, or that is one of them as a whole"},
	{"references", TYPE_PATH, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "paths: an entry whose command names one of them; with match, either is enough"},
	{"users", TYPE_USER, PARAM_LIST, NULL, NULL, "only entries that run as one of these users; default all"},
	{0},
};

static const struct fact_decl facts[] = {
	{"path", TYPE_PATH, "crontabs edited and scripts taken away"},
	{"count", TYPE_NUMBER, "how many entries and scripts"},
	{0},
};

static const char *const techniques[] = {"T1053.003 Scheduled Task/Job: Cron", NULL};

const struct action cron_remove = {
	.name = "cron.remove",
	.summary = "remove entries from crontabs, and scripts from cron's directories",
	.params = params,
	.facts = facts,
	.plan = cron_remove_plan,
	.techniques = techniques,
};
