/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One file of a place: read, judged by its format, and what becomes of it.
 */
#include "foothold.h"

#include "apt-conf-edit.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/real-path.h"
#include "change/file-edit.h"
#include "crontab-edit.h"
#include "line-edit.h"
#include "pam-edit.h"
#include "shell-edit.h"
#include "unit-file-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a reader says of a file beside the hits. */
struct verdict {
	bool all; /* the file is nothing but what is meant */
};

/* ---- the readers, one a format ------------------------------------------------------- */

static bool wants_user(const struct sweep *s, const char *user)
{
	return !s->search.users || !s->search.users->n || strv_has(s->search.users, user);
}

static int read_crontab_user(struct sweep *s, struct found *f, struct verdict *v)
{
	(void)v;
	return wants_user(s, f->name) ? crontab_strip(CRONTAB_USER, &f->before, &s->search, &f->after, &f->hits) : 0;
}

static int read_crontab_system(struct sweep *s, struct found *f, struct verdict *v)
{
	(void)v;
	return crontab_strip(CRONTAB_SYSTEM, &f->before, &s->search, &f->after, &f->hits);
}

static int read_anacrontab(struct sweep *s, struct found *f, struct verdict *v)
{
	(void)v;
	return wants_user(s, "root") ? crontab_strip(CRONTAB_ANACRON, &f->before, &s->search, &f->after, &f->hits) : 0;
}

static int read_script(struct sweep *s, struct found *f, struct verdict *v)
{
	int r = shell_strip(&f->before, &s->search, &f->after, &f->hits);
	for (size_t i = 0; r == 0 && i < f->hits.n; i++)
		v->all |= f->hits.v[i].what != HIT_COMMENT;
	return r;
}

static int read_run_parts(struct sweep *s, struct found *f, struct verdict *v)
{
	return wants_user(s, "root") ? read_script(s, f, v) : 0;
}

static int read_job(struct sweep *s, struct found *f, struct verdict *v)
{
	_cleanup_buf_ struct buf owner = {0};
	int r = users_name(&s->users, f->uid, &owner);
	return r < 0 ? r : wants_user(s, buf_text(&owner)) ? read_script(s, f, v) : 0;
}

static int read_shell(struct sweep *s, struct found *f, struct verdict *v)
{
	(void)v;
	return shell_strip(&f->before, &s->search, &f->after, &f->hits);
}

static int read_unit(struct sweep *s, struct found *f, struct verdict *v)
{
	struct unit_verdict verdict;
	int r = unit_file_strip(UNIT_FILE, &f->before, &s->search, &f->after, &f->hits, &verdict);
	if (r == 0)
		v->all = verdict.purpose;
	return r < 0 ? r : foothold_note_trigger(s, f);
}

static int read_drop_in(struct sweep *s, struct found *f, struct verdict *v)
{
	struct unit_verdict verdict;
	int r = unit_file_strip(UNIT_FILE, &f->before, &s->search, &f->after, &f->hits, &verdict);
	if (r == 0)
		v->all = verdict.empty;
	return r;
}

static int read_manager(struct sweep *s, struct found *f, struct verdict *v)
{
	struct unit_verdict verdict;
	(void)v;
	return unit_file_strip(UNIT_FILE, &f->before, &s->search, &f->after, &f->hits, &verdict);
}

static int read_desktop(struct sweep *s, struct found *f, struct verdict *v)
{
	struct unit_verdict verdict;
	int r = unit_file_strip(UNIT_DESKTOP, &f->before, &s->search, &f->after, &f->hits, &verdict);
	if (r == 0)
		v->all = verdict.purpose;
	return r;
}

static int read_lines(struct sweep *s, struct found *f, enum line_form form, struct verdict *v)
{
	int r = lines_strip(form, &f->before, &s->search, &f->after, &f->hits);
	if (r == 0)
		v->all = f->hits.taken && !f->hits.live && (f->place->flags & PLACE_OWN);
	return r;
}

static int read_plain(struct sweep *s, struct found *f, struct verdict *v)
{
	return read_lines(s, f, LINES_PLAIN, v);
}

static int read_sudoers(struct sweep *s, struct found *f, struct verdict *v)
{
	return read_lines(s, f, LINES_SUDOERS, v);
}

static int read_udev(struct sweep *s, struct found *f, struct verdict *v)
{
	int r = read_lines(s, f, LINES_UDEV, v);
	v->all = f->hits.taken && !f->hits.live;
	return r;
}

static int read_modules(struct sweep *s, struct found *f, struct verdict *v)
{
	return read_lines(s, f, LINES_MODULES, v);
}

/* Libraries that were changed lately are meant, like those that are named. */
static int read_preload(struct sweep *s, struct found *f, struct verdict *v)
{
	_cleanup_strv_ struct strv meant = {0};
	struct entry_search search = s->search;
	int r = foothold_libraries(s, f, &meant);
	if (r == 0 && search.paths)
		r = strv_add_all(&meant, search.paths);
	if (r < 0)
		return r;
	search.paths = &meant;
	r = lines_strip(LINES_WORDS, &f->before, &search, &f->after, &f->hits);
	for (size_t i = 0; r == 0 && i < f->hits.n; i++)
		if (f->hits.v[i].why && strv_has(&meant, f->hits.v[i].why))
			f->hits.v[i].why = NULL; /* it does not outlive us; the entry itself is shown */
	if (r == 0)
		v->all = f->hits.taken && !f->hits.live;
	return r;
}

static int read_stack(struct sweep *s, struct found *f, enum pam_form form)
{
	_cleanup_strv_ struct strv foreign = {0}, meant = {0};
	struct pam_modules modules = {&foreign, &meant};
	int r = foothold_pam_modules(s, f, &foreign, &meant);
	if (r == 0)
		r = pam_strip(form, &f->before, &s->search, &modules, &f->after, &f->hits);
	for (size_t i = 0; r == 0 && i < f->hits.n; i++)
		if (f->hits.v[i].why && strv_has(&meant, f->hits.v[i].why))
			f->hits.v[i].why = NULL;
	return r;
}

static int read_pam(struct sweep *s, struct found *f, struct verdict *v)
{
	(void)v;
	return read_stack(s, f, PAM_D);
}

static int read_pam_conf(struct sweep *s, struct found *f, struct verdict *v)
{
	(void)v;
	return read_stack(s, f, PAM_CONF);
}

static int read_apt(struct sweep *s, struct found *f, struct verdict *v)
{
	int r = apt_conf_strip(&f->before, &s->search, &f->after, &f->hits);
	v->all = f->hits.taken && !f->hits.live && (f->place->flags & PLACE_OWN);
	return r;
}

#define WHOLE 1u   /* since when it was changed is enough to mean it */
#define MODULES 2u /* since when what it names was changed counts */
#define NAMED 4u   /* it may be searched for by its own path */

static const struct {
	int (*read)(struct sweep *s, struct found *f, struct verdict *v);
	unsigned traits;
	enum turn turn;
} readers[] = {
	[FORMAT_CRONTAB_USER] = {read_crontab_user, 0, TURN_ENTRY},
	[FORMAT_CRONTAB_SYSTEM] = {read_crontab_system, 0, TURN_ENTRY},
	[FORMAT_ANACRONTAB] = {read_anacrontab, 0, TURN_ENTRY},
	[FORMAT_JOB] = {read_job, WHOLE | NAMED, TURN_FILE},
	[FORMAT_RUN_PARTS] = {read_run_parts, WHOLE | NAMED, TURN_FILE},
	[FORMAT_SCRIPT] = {read_script, WHOLE | NAMED, TURN_FILE},
	[FORMAT_SHELL] = {read_shell, 0, TURN_ENTRY},
	[FORMAT_UNIT] = {read_unit, WHOLE | NAMED, TURN_UNIT},
	[FORMAT_DROP_IN] = {read_drop_in, WHOLE | NAMED, TURN_UNIT},
	[FORMAT_MANAGER] = {read_manager, 0, TURN_UNIT},
	[FORMAT_DESKTOP] = {read_desktop, WHOLE | NAMED, TURN_FILE},
	[FORMAT_PLAIN] = {read_plain, 0, TURN_ENTRY},
	[FORMAT_SUDOERS] = {read_sudoers, 0, TURN_ENTRY},
	[FORMAT_UDEV] = {read_udev, 0, TURN_ENTRY},
	[FORMAT_PRELOAD] = {read_preload, MODULES, TURN_ENTRY},
	[FORMAT_MODULES] = {read_modules, 0, TURN_ENTRY},
	[FORMAT_PAM] = {read_pam, MODULES, TURN_ENTRY},
	[FORMAT_PAM_CONF] = {read_pam_conf, MODULES, TURN_ENTRY},
	[FORMAT_APT] = {read_apt, 0, TURN_ENTRY},
};

/* ---- what becomes of it ---------------------------------------------------------------- */

static bool is_below(const char *path, const char *dir)
{
	return strncmp(path, dir, strlen(dir)) == 0;
}

static int find_owner(struct sweep *s, struct found *f)
{
	_cleanup_buf_ struct buf owner = {0};
	int r = host_package_of(s->host, f->path, &owner);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && !(f->owner = buf_steal(&owner)))
		r = -ENOMEM;
	return r;
}

/* Nothing but the time of its change tells it. */
static bool by_time_alone(const struct sweep *s, const struct found *f)
{
	return s->since && search_is_empty(&s->search) && !f->named && f->changed >= s->since &&
	       !(readers[f->place->format].traits & MODULES);
}

static int decide_by_time(struct found *f)
{
	bool whole = readers[f->place->format].traits & WHOLE;
	f->deed = whole && !f->owner ? DEED_TAKE : DEED_LEAVE;
	f->trouble = whole ? "changed since then: it is left to its package; look at what differs"
	                   : "changed since then, and nothing tells which of its entries are new: name them with match or "
	                     "references";
	return 0;
}

static bool has_stuck(const struct found *f)
{
	for (size_t i = 0; i < f->hits.n; i++)
		if (f->hits.v[i].what == HIT_STUCK)
			return true;
	return false;
}

static int decide(struct sweep *s, struct found *f, const struct verdict *v)
{
	bool meant = f->named || v->all || f->hits.taken || has_stuck(f);
	if (!meant && !by_time_alone(s, f))
		return 0;
	int r = find_owner(s, f);
	if (r < 0)
		return r;
	if (!meant)
		return decide_by_time(f);
	f->deed = (f->named || v->all) && !f->owner ? DEED_TAKE : f->hits.taken ? DEED_EDIT : DEED_LEAVE;
	if (f->owner && !is_below(f->path, "/etc/")) {
		f->deed = DEED_LEAVE;
		f->trouble = "nothing of a package is taken out: reinstall it, and compare";
	}
	return 0;
}

/* Without an extension that its manager takes away: "ssh.service.d/x.conf", "ssh.service". */
static int name_unit(struct found *f, const char *path)
{
	if (f->place->format != FORMAT_UNIT && f->place->format != FORMAT_DROP_IN)
		return 0;
	const char *end = path + strlen(path), *begin;
	if (f->place->format == FORMAT_DROP_IN) {
		while (end > path && *end != '/')
			end--;
		if (end - path > 2 && end[-1] == 'd' && end[-2] == '.')
			end -= 2;
	}
	for (begin = end; begin > path && begin[-1] != '/'; begin--)
		;
	f->unit = strndup(begin, (size_t)(end - begin));
	return f->unit ? 0 : -ENOMEM;
}

/* ---- finding the file ------------------------------------------------------------------- */

static void found_free(struct found *f)
{
	free(f->path);
	free(f->name);
	free(f->shown);
	free(f->unit);
	free(f->owner);
	free(f->starts);
	free(f->why);
	buf_free(&f->before);
	buf_free(&f->after);
	hits_free(&f->hits);
}

/* A link that an attacker could have made is not followed, nor one in a home that leads to
 * somebody else's file; that matters only where there is a regular file behind it. */
static int explain_link(struct sweep *s, const char *path, const char *shown)
{
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int fd = -1;
	if (path_real(s->host->root, path, &real) < 0 ||
	    path_open_regular(s->host->root, buf_text(&real), &fd, NULL) < 0)
		return 0;
	return plan_residual(s->plan,
	                     "%s leads through a symbolic link that others than root can change: it was not searched",
	                     shown);
}

/* What cannot be searched is said: an unread crontab is not a clean one. */
static int explain(struct sweep *s, const char *path, const char *shown, int error)
{
	switch (error) {
	case -ENOENT:  /* gone since, or taken by an earlier step */
	case -ENOTDIR:
	case -EINVAL:  /* a directory, a FIFO: nothing that anybody reads from there */
	case -ENAMETOOLONG:
		return 0;
	case -EACCES:
	case -EPERM:
	case -EWOULDBLOCK:
		return plan_unreadable(s->plan, s->host, path, error);
	case -ELOOP:
		return plan_residual(s->plan,
		                     "%s leads through a symbolic link that others than root can change: it was not "
		                     "searched",
		                     shown);
	case -EFBIG:
		return plan_residual(s->plan, "%s is too large to be searched", shown);
	case -ENOMEM:
		return error;
	default:
		return plan_fail(s->plan, error, "cannot read %s: %s", shown, strerror(-error));
	}
}

static bool is_named(const struct sweep *s, const struct found *f, const char *as_found)
{
	return (readers[f->place->format].traits & NAMED) && s->search.paths &&
	       (strv_has(s->search.paths, f->path) || strv_has(s->search.paths, as_found));
}

static bool too_old(const struct sweep *s, const struct found *f)
{
	bool modules = (readers[f->place->format].traits & MODULES) && search_is_empty(&s->search);
	return s->since && f->changed < s->since && !modules;
}

/* As an earlier step leaves it, or as it is. */
static int read_content(struct sweep *s, struct found *f, int fd)
{
	int r = plan_file(s->plan, f->path, &f->before);
	return r != 0 ? r < 0 ? r : 0 : fd_read(fd, FILE_EDIT_MAX, &f->before);
}

static int read_and_judge(struct sweep *s, struct found *f)
{
	_cleanup_close_ int fd = -1;
	struct verdict v = {0};
	struct stat st;
	int r = path_open_regular(s->host->root, f->path, &fd, &st);
	if (r < 0)
		return r;
	f->uid = st.st_uid;
	f->changed = st.st_mtime > st.st_ctime ? st.st_mtime : st.st_ctime;
	if (too_old(s, f))
		return 0;
	r = read_content(s, f, fd);
	if (r == -EFBIG && f->named) /* its content does not matter */
		r = 0;
	else if (r == 0)
		r = readers[f->place->format].read(s, f, &v);
	return r < 0 ? r : decide(s, f, &v);
}

static int keep(struct sweep *s, struct found *f)
{
	struct found *v = reallocarray(s->v, s->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->v = v;
	v[s->n++] = *f;
	*f = (struct found){0};
	return 0;
}

static int fill(struct found *f, const char *path, struct buf *resolved, struct buf *shown)
{
	f->name = strdup(strrchr(path, '/') + 1);
	f->path = buf_steal(resolved);
	f->shown = buf_steal(shown);
	return f->name && f->path && f->shown ? name_unit(f, path) : -ENOMEM;
}

/* What systemd-run(1) has made for this program: its command line names what is searched for. */
static bool runs_this_program(struct sweep *s, const struct place *place, const char *path)
{
	return strcmp(place->pattern, "/run/systemd/transient/") == 0 && proc_in_unit(s->host->proc, getpid(), strrchr(path, '/') + 1);
}

int foothold_look(struct sweep *s, const struct place *place, const char *path, const struct user *home)
{
	_cleanup_buf_ struct buf resolved = {0}, shown = {0};
	_cleanup_(found_free) struct found f = {.place = place, .turn = readers[place->format].turn};
	int r = escape_str(&shown, path);
	if (r < 0 || runs_this_program(s, place, path))
		return r;
	r = home ? path_resolve_for(s->host->root, path, home->uid, &resolved) : path_follow(s->host->root, path, &resolved);
	if (r == -ELOOP || (home && r == -EPERM))
		return explain_link(s, path, buf_text(&shown));
	if (r == 0)
		r = strset_add(&s->seen, buf_text(&resolved));
	if (r <= 0 && r != -ENOMEM)
		return r == 0 ? 0 : explain(s, path, buf_text(&shown), r);
	if (r > 0)
		r = fill(&f, path, &resolved, &shown);
	if (r < 0)
		return r;
	f.named = is_named(s, &f, path);
	r = read_and_judge(s, &f);
	if (r < 0)
		return explain(s, path, f.shown, r);
	return f.deed != DEED_NONE || f.hits.n || f.starts ? keep(s, &f) : 0;
}

void sweep_free(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++)
		found_free(&s->v[i]);
	free(s->v);
	strset_free(&s->seen);
	strset_free(&s->module_dirs);
	strset_free(&s->compared);
	users_free(&s->users);
}
