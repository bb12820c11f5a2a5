/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * file.quarantine: files leave their place for the vault. file.find: which ones would.
 */
#include "change/file-move.h"
#include "core/action.h"
#include "glob-walk.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/strset.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLD_MAX 20 /* of those that were found */

struct job {
	struct host *host;
	struct plan *plan;
	const struct strv *sha256; /* only files with one of these; NULL: any */
	bool missing_fails;
	bool finds; /* and takes nothing */
	struct strset found;
	long long count;
	/* Of the pattern at hand. */
	bool wild;        /* it has wildcards: it names whatever is there */
	bool any;         /* it named something */
	unsigned folders; /* how many directories */
};

static bool wanted(const struct job *job, const struct sha256 *sha256)
{
	return !job->sha256 || strv_has(job->sha256, sha256->hex);
}

static const char *name_of_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "a directory";
	case S_IFIFO: return "a FIFO";
	case S_IFSOCK: return "a socket";
	case S_IFCHR:
	case S_IFBLK: return "a device";
	default: return "no regular file";
	}
}

static int tell_link(struct job *job, const char *shown, int dir, const char *name)
{
	_cleanup_buf_ struct buf leads_to = {0};
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));
	if (n < 0)
		return -errno;
	int r = escape_text(&leads_to, target, (size_t)n);
	return r < 0 ? r : plan_residual(job->plan, "%s is a symbolic link to %s; it is not followed: name the file itself",
	                                 shown, leads_to.data);
}

/* What is there but is no file to take: told, never touched. A pattern means files with
 * these contents only, or whatever is there: then its directories are told in one line. */
static int tell_other(struct job *job, const char *path)
{
	_cleanup_buf_ struct buf real = {0}, shown = {0};
	_cleanup_close_ int dir = -1;
	const char *name;
	struct stat st;
	if (job->wild && job->sha256)
		return 0;
	int r = escape_str(&shown, path);
	if (r < 0)
		return r;
	r = path_resolve(job->host->root, path, &real);
	if (r == 0)
		r = path_open_parent(job->host->root, real.data, &dir, &name);
	if (r == -ELOOP)
		return plan_residual(job->plan, "%s lies behind a symbolic link that others than root can change; it is not "
		                     "followed: name the file itself", shown.data);
	if (r == 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r < 0)
		return r == -ENOENT || r == -EINVAL ? 0 : r; /* gone meanwhile, or the root directory */
	if (S_ISLNK(st.st_mode))
		return tell_link(job, shown.data, dir, name);
	if (S_ISDIR(st.st_mode) && job->wild) {
		job->folders++;
		return 0;
	}
	return plan_residual(job->plan, "%s is %s: only regular files are taken", shown.data, name_of_type(st.st_mode));
}

static int tell_large(struct job *job, const char *path)
{
	_cleanup_buf_ struct buf name = {0};
	int r = escape_str(&name, path);
	return r < 0 ? r : plan_residual(job->plan, "%s is larger than %lld GiB, more than is taken", name.data,
	                                 FILE_MOVE_MAX >> 30);
}

/* Whether an earlier step, or another pattern of this one, takes it already. */
static bool taken(const struct job *job, const char *path)
{
	_cleanup_buf_ struct buf real = {0}, content = {0};
	return path_resolve(job->host->root, path, &real) == 0 && plan_file(job->plan, real.data, &content) == -ENOENT;
}

static int keep(struct job *job, const struct change *c, const struct sha256 *sha256)
{
	if (!wanted(job, sha256)) {
		plan_drop_from(job->plan, plan_count(job->plan) - 1);
		return 0;
	}
	job->count++;
	int r = plan_fact(job->plan, "path", c->target);
	return r < 0 ? r : plan_fact(job->plan, "sha256", sha256->hex);
}

static int take(void *ctx, const char *path)
{
	struct job *job = ctx;
	struct change *c = NULL;
	struct sha256 sha256;
	int r = file_move_plan(job->host, job->plan, path, &sha256, &c);
	if (r == -ENOENT || r == -ENOTDIR) {
		job->any |= taken(job, path);
		return 0;
	}
	job->any = true;
	switch (r) {
	case 0: return keep(job, c, &sha256);
	case -ELOOP:
	case -EINVAL: return tell_other(job, path);
	case -EFBIG: return tell_large(job, path);
	case -EACCES:
	case -EWOULDBLOCK: return plan_unreadable(job->plan, job->host, path, r);
	default: return r;
	}
}

static int tell_found(struct job *job, const char *path, const struct stat *st)
{
	_cleanup_buf_ struct buf shown = {0};
	int r = escape_str(&shown, path);
	return r < 0 ? r : plan_note(job->plan, "%s (%04o, %lld bytes)", shown.data, (unsigned)st->st_mode & 07777,
	                             (long long)st->st_size);
}

/* What would be taken, for the steps that follow; what else is there is not their business. */
static int find(void *ctx, const char *path)
{
	struct job *job = ctx;
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = path_resolve(job->host->root, path, &real);
	if (r == 0)
		r = path_open_regular(job->host->root, real.data, &fd, &st);
	if (r == -EACCES || r == -EPERM || r == -EWOULDBLOCK)
		return host_unreadable(job->host, path, r);
	if (r < 0 || taken(job, path))
		return r == -ENOMEM ? r : 0;
	job->any = true;
	r = strset_add(&job->found, real.data);
	if (r <= 0)
		return r;
	job->count++;
	r = plan_fact(job->plan, "path", real.data);
	return r < 0 || job->count > TOLD_MAX ? r : tell_found(job, real.data, &st);
}

static int take_pattern(struct job *job, const char *pattern)
{
	_cleanup_buf_ struct buf name = {0};
	int r = escape_str(&name, pattern);
	if (r < 0)
		return r;
	job->wild = glob_is_wild(pattern);
	job->any = false;
	job->folders = 0;
	r = glob_walk(job->host, pattern, job->finds ? find : take, job);
	if (r == -E2BIG)
		return plan_fail(job->plan, r, "%s matches more than %d files; name them more narrowly", name.data,
		                 GLOB_MATCHES_MAX);
	if (r < 0)
		return plan_fail(job->plan, r, "%s: %s", name.data, strerror(-r));
	if (!job->any && job->missing_fails)
		return plan_fail(job->plan, -ENOENT, "%s is not there (missing = fail)", name.data);
	return job->folders ? plan_note(job->plan, "%s: %u director%s left as %s", name.data, job->folders,
	                                job->folders == 1 ? "y" : "ies", job->folders == 1 ? "it is" : "they are")
	                    : 0;
}

static int plan_quarantine(struct host *host, const struct args *args, struct plan *plan)
{
	const char *missing = args_text(args, "missing");
	struct job job = {
		.host = host,
		.plan = plan,
		.sha256 = args_has(args, "sha256") ? args_list(args, "sha256") : NULL,
		.missing_fails = missing && strcmp(missing, "fail") == 0,
	};
	const struct strv *patterns = args_list(args, "path");
	int r = 0;
	for (size_t i = 0; r == 0 && i < patterns->n; i++)
		r = take_pattern(&job, patterns->v[i]);
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}

static int plan_find(struct host *host, const struct args *args, struct plan *plan)
{
	struct job job = {.host = host, .plan = plan, .finds = true};
	const struct strv *patterns = args_list(args, "path");
	int r = 0;
	for (size_t i = 0; r == 0 && i < patterns->n; i++)
		r = take_pattern(&job, patterns->v[i]);
	strset_free(&job.found);
	if (r == 0 && job.count > TOLD_MAX)
		r = plan_note(plan, "and %lld more", job.count - TOLD_MAX);
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}

static const struct param find_params[] = {
	{.name = "path", .type = TYPE_GLOB, .flags = PARAM_REQUIRED | PARAM_LIST, .help = "files to look for"},
	{0},
};

static const struct fact_decl find_facts[] = {
	{.name = "path", .type = TYPE_PATH, .help = "the regular files that are there"},
	{.name = "count", .type = TYPE_NUMBER, .help = "how many"},
	{0},
};

const struct action file_find = {
	.name = "file.find",
	.summary = "look for files, for the steps that follow",
	.params = find_params,
	.facts = find_facts,
	.plan = plan_find,
	.looks = true,
};

static const struct param params[] = {
	{.name = "path", .type = TYPE_GLOB, .flags = PARAM_REQUIRED | PARAM_LIST, .help = "files to take away"},
	{.name = "sha256", .type = TYPE_SHA256, .flags = PARAM_LIST, .help = "only those with one of these contents"},
	{.name = "missing", .type = TYPE_CHOICE, .fallback = "ok", .choices = "ok|fail",
	 .help = "what it means that nothing is there"},
	{0},
};

static const struct fact_decl facts[] = {
	{.name = "path", .type = TYPE_PATH, .help = "the files taken away"},
	{.name = "sha256", .type = TYPE_SHA256, .help = "their contents' hashes"},
	{.name = "count", .type = TYPE_NUMBER, .help = "how many"},
	{0},
};

static const char *const techniques[] = {"T1105 Ingress Tool Transfer", NULL};

const struct action file_quarantine = {
	.name = "file.quarantine",
	.summary = "move files into the vault",
	.params = params,
	.facts = facts,
	.plan = plan_quarantine,
	.techniques = techniques,
};
