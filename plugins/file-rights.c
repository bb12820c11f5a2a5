/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * file.strip-rights: programs that an intruder left, or a shell that he altered, so that
 * whoever runs them is root.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "change/file-mode.h"
#include "core/action.h"
#include "glob-walk.h"
#include "tree-walk.h"

#include <errno.h>
#include <string.h>

extern const struct action file_strip_rights;

#define SHELLS_FILE "/etc/shells"
#define SHELLS_MAX (1024 * 1024)

struct job {
	struct host *host;
	struct plan *plan;
	struct strv shells; /* resolved */
	long long count;
};

/* Programs that are meant for everybody, and for nobody's rights. */
static int read_shells(struct job *job)
{
	_cleanup_buf_ struct buf text = {0};
	int r = path_read(job->host->root, SHELLS_FILE, SHELLS_MAX, &text, NULL);
	char *rest = text.data, *line;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		_cleanup_buf_ struct buf real = {0};
		if (line[0] == '/' && path_follow(job->host->root, line, &real) == 0)
			r = strv_add_new(&job->shells, real.data);
	}
	return r == -ENOMEM ? r : 0;
}

static int tell(struct job *job, const char *path, const char *why)
{
	_cleanup_buf_ struct buf shown = {0};
	int r = escape_str(&shown, path);
	return r < 0 ? r : plan_residual(job->plan, "%s gives rights to who runs it, and keeps them: %s", shown.data, why);
}

static int strip(struct job *job, const char *path)
{
	_cleanup_buf_ struct buf content = {0};
	if (plan_file(job->plan, path, &content) == -ENOENT)
		return 0; /* an earlier step takes it */
	int r = file_mode_plan(job->host, job->plan, path);
	if (r == -EMLINK)
		return tell(job, path, "the same file has other names; look at these first (find -samefile)");
	if (r == -EFBIG)
		return tell(job, path, "it is larger than anything that is looked at");
	if (r == -EACCES || r == -EWOULDBLOCK)
		return plan_unreadable(job->plan, job->host, path, r);
	if (r != 0)
		return r == -ENOENT || r == -ENOTDIR || r == -EINVAL || r == -ELOOP || r > 0 ? 0 : r;
	job->count++;
	return plan_fact(job->plan, "path", path);
}

static int strip_named(void *ctx, const char *path)
{
	struct job *job = ctx;
	_cleanup_buf_ struct buf real = {0};
	int r = path_resolve(job->host->root, path, &real);
	return r < 0 ? (r == -ENOMEM ? r : 0) : strip(job, real.data);
}

/* What a package installs so is left to it, unless it is a shell: no package does that. */
static int strip_found(void *ctx, const struct tree_entry *e)
{
	struct job *job = ctx;
	_cleanup_buf_ struct buf owner = {0};
	if (!S_ISREG(e->st->st_mode) || !(e->st->st_mode & FILE_MODE_RIGHTS))
		return 0;
	int r = host_package_of(job->host, e->path, &owner);
	if (r == 0 && !((e->st->st_mode & S_ISUID) && strv_has(&job->shells, e->path)))
		return 0;
	return r < 0 && r != -ENOENT ? r : strip(job, e->path);
}

static int strip_tree(struct job *job, const char *tree)
{
	_cleanup_buf_ struct buf shown = {0};
	bool cut = false;
	int r = escape_str(&shown, tree);
	if (r == 0)
		r = tree_walk(job->host, tree, strip_found, job, &cut);
	if (r == -ENOENT || r == -ENOTDIR)
		return plan_note(job->plan, "tree %s: there is no such directory", shown.data);
	if (r == -EACCES || r == -ELOOP)
		return host_blind(job->host, "cannot look into %s: %s", shown.data, strerror(-r));
	return r == 0 && cut ? plan_residual(job->plan, "tree %s is too large: not all of it was searched", shown.data) : r;
}

static int plan_strip(struct host *host, const struct args *args, struct plan *plan)
{
	struct job job = {.host = host, .plan = plan};
	const struct strv *paths = args_list(args, "path"), *trees = args_list(args, "tree");
	int r = read_shells(&job);
	for (size_t i = 0; r == 0 && i < paths->n; i++)
		r = glob_walk(host, paths->v[i], strip_named, &job);
	for (size_t i = 0; r == 0 && i < trees->n; i++)
		r = strip_tree(&job, trees->v[i]);
	strv_free(&job.shells);
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}

static const struct param params[] = {
	{"path", TYPE_GLOB, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "these files"},
	{"tree", TYPE_PATH, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "directories: all files below that no package owns, and shells"},
	{0},
};

static const struct fact_decl facts[] = {
	{"path", TYPE_PATH, "the files that lose their rights"},
	{"count", TYPE_NUMBER, "how many"},
	{0},
};

static const char *const techniques[] = {"T1548.001 Abuse Elevation Control Mechanism: Setuid and Setgid", NULL};

const struct action file_strip_rights = {
	.name = "file.strip-rights",
	.summary = "take set-user-ID and set-group-ID from files",
	.params = params,
	.facts = facts,
	.plan = plan_strip,
	.techniques = techniques,
};
