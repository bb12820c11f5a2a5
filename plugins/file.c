/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * file.quarantine: files leave their place for the vault.
 */
#include "change/file-move.h"
#include "core/action.h"
#include "glob-walk.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct job {
	struct host *host;
	struct plan *plan;
	const struct strv *sha256; /* only files with one of these; NULL: any */
	bool missing_fails;
	bool any;                  /* the pattern at hand named something */
	long long count;
};

static bool wanted(const struct job *job, const struct sha256 *sha256)
{
	return !job->sha256 || strv_has(job->sha256, sha256->hex);
}

/* What is there but is no file to take: told, never touched. */
static int tell(struct job *job, const char *path, const char *what)
{
	_cleanup_buf_ struct buf name = {0};
	int r = escape_str(&name, path);
	return r < 0 ? r : plan_residual(job->plan, "%s %s", name.data, what);
}

static int unreadable(struct job *job, const char *path, int error)
{
	_cleanup_buf_ struct buf name = {0};
	int r = escape_str(&name, path);
	return r < 0 ? r : host_blind(job->host, "cannot read %s: %s", name.data, strerror(-error));
}

static int take(void *ctx, const char *path)
{
	struct job *job = ctx;
	struct change *c = NULL;
	struct sha256 sha256;
	int r = file_move_plan(job->host, job->plan, path, &sha256, &c);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	job->any = true;
	if (r == -ELOOP)
		return tell(job, path, "is or lies behind a symbolic link, which is not followed");
	if (r == -EINVAL)
		return tell(job, path, "is not a regular file");
	if (r == -EFBIG)
		return tell(job, path, "is too large to be taken");
	if (r == -EACCES)
		return unreadable(job, path, r);
	if (r < 0)
		return r;
	if (!wanted(job, &sha256)) {
		plan_drop_from(job->plan, plan_count(job->plan) - 1);
		return 0;
	}
	job->count++;
	r = plan_fact(job->plan, "path", c->target);
	return r < 0 ? r : plan_fact(job->plan, "sha256", sha256.hex);
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
	for (size_t i = 0; i < patterns->n; i++) {
		job.any = false;
		_cleanup_buf_ struct buf name = {0};
		escape_str(&name, patterns->v[i]);
		int r = glob_walk(host, patterns->v[i], take, &job);
		if (r == -E2BIG)
			return plan_fail(plan, r, "%s matches more than %d files; name them more narrowly", name.data,
			                 GLOB_MATCHES_MAX);
		if (r < 0)
			return plan_fail(plan, r, "%s: %s", buf_text(&name), strerror(-r));
		if (!job.any && job.missing_fails)
			return plan_fail(plan, -ENOENT, "%s is not there (missing = fail)", buf_text(&name));
	}
	return plan_fact_number(plan, "count", job.count);
}

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

const struct action file_quarantine = {
	.name = "file.quarantine",
	.summary = "move files into the vault",
	.params = params,
	.facts = facts,
	.plan = plan_quarantine,
};
