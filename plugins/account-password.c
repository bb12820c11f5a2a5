/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * account.set-password.
 *
 * The password is made while planning and stays in memory until the change hands it over, in
 * a file that root alone can read. Whether there is anything to do is seen by that file: it
 * holds the password that the account has. So planning again finds nothing to do.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "base/password.h"
#include "change/account-shadow.h"
#include "change/file-edit.h"
#include "change/secret-file.h"
#include "core/action.h"

#include <errno.h>
#include <string.h>
#include <time.h>

extern const struct action account_set_password;

#define SECONDS_A_DAY (24 * 60 * 60)

struct job {
	struct host *host;
	struct plan *plan;
	const char *user;
	struct buf shown; /* the user, for people */
	struct buf path, shown_path;
	bool expire;
};

static void job_end(struct job *job)
{
	buf_free(&job->shown);
	buf_free(&job->path);
	buf_free(&job->shown_path);
}

/* The hash that the account has. -ENODATA: no entry. */
static int current_hash(struct job *job, struct buf *ret)
{
	_cleanup_buf_ struct buf file = {0};
	struct shadow_entry entry;
	int r = account_shadow_read(job->host, job->plan, &file);
	if (r < 0)
		return r;
	if (!shadow_find(&file, job->user, &entry))
		return -ENODATA;
	return shadow_field(file.data + entry.at, entry.len, SHADOW_PASSWORD, ret);
}

/* Whether what stands at the path is what an earlier round, or run, has handed over: 1, 0. */
static int is_handed_over(struct job *job, const char *hash)
{
	_cleanup_wipe_ struct buf has = {0};
	int r = path_read(job->host->root, job->path.data, SECRET_FILE_MAX, &has, NULL);
	if (r == -ENOMEM || r == -EIO)
		return r;
	if (r < 0 || !has.len || has.data[has.len - 1] != '\n' || strlen(has.data) != has.len)
		return 0;
	has.data[has.len - 1] = '\0';
	return password_matches(has.data, hash);
}

static int file_in_the_way(struct job *job, const char *hash)
{
	int r = is_handed_over(job, hash);
	if (r < 0)
		return plan_fail(job->plan, r, "cannot read %s: %s", buf_text(&job->shown_path), strerror(-r));
	if (r == 0)
		return plan_fail(job->plan, -EEXIST, "%s exists, and does not hold the password of %s: name another file",
		                 buf_text(&job->shown_path), buf_text(&job->shown));
	return plan_note(job->plan, "%s holds the password that %s has", buf_text(&job->shown_path),
	                 buf_text(&job->shown));
}

static int plan_password(struct job *job)
{
	_cleanup_wipe_ struct buf password = {0}, bytes = {0};
	_cleanup_buf_ struct buf hash = {0}, today = {0};
	buf_printf(&today, "%lld", job->expire ? 0LL : (long long)time(NULL) / SECONDS_A_DAY);
	int r = password_make(&password);
	if (r == 0)
		r = password_hash(password.data, &hash);
	if (r < 0)
		return plan_fail(job->plan, r, "cannot make a password: %s",
		                 r == -ENOPKG ? "crypt(3) is not installed" : strerror(-r));
	const struct shadow_edit edit = {.password = hash.data, .changed = buf_text(&today)};
	if (buf_reserve(&bytes, password.len + 1) < 0)
		return -ENOMEM;
	buf_puts(&bytes, password.data);
	buf_putc(&bytes, '\n');
	return account_password_plan(job->host, job->plan, job->user, &edit, job->path.data, &bytes);
}

static int plan_one(struct job *job, const char *hash)
{
	enum secret secret = shadow_secret(hash);
	if (secret != SECRET_SET && secret != SECRET_EMPTY)
		return plan_note(job->plan, "%s is not let in by any password, and is given none", buf_text(&job->shown));
	int r = secret_file_check(job->host, job->path.data);
	if (r == -EEXIST)
		r = file_in_the_way(job, hash);
	else if (r == -EPERM)
		r = plan_fail(job->plan, r, "%s: others than root can write to its directory", buf_text(&job->shown_path));
	else if (r < 0)
		r = plan_fail(job->plan, r, "%s cannot be made: %s", buf_text(&job->shown_path), strerror(-r));
	else
		r = plan_password(job);
	if (r == 0)
		r = plan_fact(job->plan, "user", job->user);
	return r < 0 ? r : plan_fact(job->plan, "file", job->path.data);
}

/* Nothing stands at the path yet: only its directory can be resolved. */
static int resolve(struct host *host, const char *path, struct buf *ret)
{
	_cleanup_buf_ struct buf above = {0};
	const char *name = strrchr(path, '/') + 1;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	buf_add(&above, path, name - path > 1 ? (size_t)(name - path) - 1 : 1);
	int r = path_follow(host->root, buf_text(&above), ret);
	if (r < 0)
		return r;
	return buf_printf(ret, "%s%s", strcmp(ret->data, "/") == 0 ? "" : "/", name);
}

static int plan_set_password(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(job_end) struct job job = {.host = host, .plan = plan, .user = args_text(args, "user"),
	                                     .expire = args_yes(args, "expire")};
	_cleanup_buf_ struct buf hash = {0};
	const char *path = args_text(args, "file");
	if (!job.user || !path)
		return 0;
	escape_str(&job.shown, job.user);
	escape_str(&job.shown_path, path);
	int r = resolve(host, path, &job.path);
	if (r < 0)
		return plan_fail(plan, r, "%s cannot be made: %s", buf_text(&job.shown_path), strerror(-r));
	r = current_hash(&job, &hash);
	if (r == -ENODATA)
		return plan_residual(plan, "%s has no entry in " SHADOW_FILE ", and is given no password", buf_text(&job.shown));
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(plan, r, "cannot read " SHADOW_FILE ": %s", strerror(-r));
	return plan_one(&job, buf_text(&hash));
}

static const struct param params[] = {
	{"user", TYPE_USER, PARAM_REQUIRED, NULL, NULL, "the account, by name"},
	{"file", TYPE_PATH, PARAM_REQUIRED, NULL, NULL, "where root finds the password; nothing may stand there"},
	{"expire", TYPE_YES_NO, 0, "no", NULL, "have a password of their own chosen at the next login"},
	{0},
};

static const struct fact_decl facts[] = {
	{"user", TYPE_USER, "the account, where it has a password"},
	{"file", TYPE_PATH, "where it is handed over"},
	{0},
};

static const char *const techniques[] = {"T1078.003 Valid Accounts: Local Accounts", NULL};

const struct action account_set_password = {
	.name = "account.set-password",
	.summary = "give an account a random password, handed over in a file for root",
	.params = params,
	.facts = facts,
	.plan = plan_set_password,
	.techniques = techniques,
};
