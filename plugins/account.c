/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * account.lock, account.contain, account.expire-password.
 *
 * A lock of the password alone does not stop a login by key: the expiry does, at every
 * service that asks PAM, and the keys are moved aside. Accounts are told by name, never by
 * uid, so that one beside root with uid 0 can be locked and root is not touched.
 */
#include "accounts.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "base/strset.h"
#include "change/account-shadow.h"
#include "change/file-edit.h"
#include "change/file-move.h"
#include "change/pam-contain.h"
#include "core/action.h"
#include "key-files.h"
#include "pam-service.h"
#include "passwd-edit.h"
#include "sessions.h"

#include <errno.h>
#include <string.h>

extern const struct action account_lock;
extern const struct action account_contain;
extern const struct action account_expire_password;

#define PASSWD_FILE "/etc/passwd"
#define EXPIRED "1" /* the second of January 1970: 0 is not taken for a date by all */

struct job {
	struct host *host;
	struct plan *plan;
	const struct strv *names;
	struct sshd_asker asker;
	struct users users;   /* where the asker has none */
	bool asker_usable;
	struct strset foreign; /* key files of accounts that stay */
};

static void job_end(struct job *job)
{
	sshd_asker_close(&job->asker);
	users_free(&job->users);
	strset_free(&job->foreign);
}

static const struct users *all_users(const struct job *job)
{
	return job->asker.users.n ? &job->asker.users : &job->users;
}

static int job_begin(struct job *job)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_asker_open(&job->asker, job->host, job->plan, NULL, 0, &why);
	job->asker_usable = r == 0;
	if (r == -EINVAL)
		r = host_blind(job->host, "sshd's configuration cannot be read (%s): only the usual authorized_keys files "
		                          "were looked at", buf_text(&why));
	else if (r == -ENOENT)
		r = 0; /* no sshd */
	return r == 0 && !job->asker.users.n ? accounts_load(job->host, &job->users) : r;
}

/* ---- the password ------------------------------------------------------------------------ */

/* The account has no entry in /etc/shadow: the password, if any, is in /etc/passwd itself. */
static int lock_passwd(struct job *job, const char *name, const char *shown)
{
	_cleanup_buf_ struct buf path = {0}, before = {0}, after = {0};
	int r = path_resolve(job->host->root, PASSWD_FILE, &path);
	if (r == 0)
		r = file_edit_read(job->host, job->plan, path.data, &before);
	if (r == 0)
		r = passwd_lock_entry(&before, name, &after);
	if (r == -ENOENT)
		return plan_residual(job->plan, "%s comes from a name service: lock it where it is kept", shown);
	if (r == 0 && !buf_equal(&before, &after))
		r = plan_note(job->plan, "%s has no entry in " SHADOW_FILE ": its password and shell in " PASSWD_FILE " are "
		                         "replaced", shown);
	return r < 0 ? r : file_edit_plan(job->host, job->plan, path.data, &before, &after, NULL, NULL);
}

static int cannot_read_shadow(struct plan *plan, int r)
{
	return plan_fail(plan, r, "cannot read " SHADOW_FILE ": %s", strerror(-r));
}

static int lock_password(struct job *job, const char *name, const char *shown)
{
	static const struct shadow_edit lock = {.lock = true, .expire = EXPIRED};
	_cleanup_buf_ struct buf file = {0};
	int r = account_shadow_plan(job->host, job->plan, name, &lock);
	if (r == -ENODATA)
		return lock_passwd(job, name, shown);
	if (r < 0)
		return r == -ENOMEM ? r : cannot_read_shadow(job->plan, r);
	r = account_shadow_read(job->host, job->plan, &file);
	if (r == 0 && shadow_count(&file, name) > 1)
		r = plan_residual(job->plan, "%s has more than one entry in " SHADOW_FILE ": only the first, which counts, is "
		                             "locked", shown);
	return r;
}

/* ---- the keys ------------------------------------------------------------------------------ */

static int key_paths(struct job *job, const struct user *user, struct strv *ret)
{
	return job->asker_usable ? key_files_of(&job->asker, user, ret) : key_files_usual(user, ret);
}

static int note_foreign(struct job *job, const struct user *user)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = key_paths(job, user, &paths);
	for (size_t i = 0; r == 0 && i < paths.n; i++) {
		_cleanup_buf_ struct buf target = {0};
		if (path_real(job->host->root, paths.v[i], &target) == 0)
			r = strset_add(&job->foreign, target.data);
		r = r < 0 ? r : 0;
	}
	return r;
}

/* What others log in with is not theirs to lose: an account beside root that has root's
 * home has root's keys. */
static int find_foreign(struct job *job)
{
	const struct users *users = all_users(job);
	int r = 0;
	for (size_t i = 0; r == 0 && i < users->n; i++)
		if (!strv_has(job->names, users->v[i].name))
			r = note_foreign(job, &users->v[i]);
	return r;
}

static int move_keys(struct job *job, const struct user *user, const char *path, const char *who)
{
	_cleanup_buf_ struct buf target = {0}, shown = {0};
	escape_str(&shown, path);
	int r = path_resolve_for(job->host->root, path, user->uid, &target);
	if (r == 0 && strset_has(&job->foreign, target.data))
		return plan_note(job->plan, "%s stays: other accounts than %s are let in by it, too", buf_text(&shown), who);
	if (r == 0)
		r = file_move_plan(job->host, job->plan, target.data, NULL, NULL);
	if (r == 0)
		return plan_fact(job->plan, "path", target.data);
	switch (r) {
	case -ENOMEM: return r;
	case -ENOENT:
	case -ENOTDIR:
	case -EINVAL: return 0; /* sshd takes no keys from there */
	case -EACCES:
	case -EWOULDBLOCK: return plan_unreadable(job->plan, job->host, path, r);
	default: return plan_residual(job->plan, "%s stays: %s", buf_text(&shown),
	                              r == -EPERM || r == -ELOOP ? "it leads to a file that is somebody else's" : strerror(-r));
	}
}

static int move_all_keys(struct job *job, const struct user *user, const char *shown)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = key_paths(job, user, &paths);
	for (size_t i = 0; r == 0 && i < paths.n; i++)
		r = move_keys(job, user, paths.v[i], shown);
	return r;
}

/* ---- the actions ----------------------------------------------------------------------------- */

static int lock_one(struct job *job, const char *name, bool keys)
{
	_cleanup_buf_ struct buf shown = {0};
	const struct user *user = users_by_name(all_users(job), name);
	escape_str(&shown, name);
	if (!user)
		return plan_note(job->plan, "there is no account %s", buf_text(&shown));
	int r = lock_password(job, name, buf_text(&shown));
	if (r == 0 && keys)
		r = move_all_keys(job, user, buf_text(&shown));
	return r < 0 ? r : plan_fact(job->plan, "user", name);
}

static int lock_all(struct job *job, const struct args *args)
{
	bool keys = args_yes(args, "keys");
	const struct session_filter theirs = {.users = job->names};
	int r = job_begin(job);
	if (r == 0 && keys)
		r = find_foreign(job);
	for (size_t i = 0; r == 0 && i < job->names->n; i++)
		r = lock_one(job, job->names->v[i], keys);
	return r == 0 && args_yes(args, "sessions") ? sessions_plan_end(job->host, job->plan, &theirs, false) : r;
}

static int plan_lock(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(job_end) struct job job = {.host = host, .plan = plan, .names = args_list(args, "user")};
	return job.names->n ? lock_all(&job, args) : 0;
}

static int contain_at_pam(struct job *job)
{
	_cleanup_strv_ struct strv who = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < job->names->n; i++)
		r = strv_addf(&who, "user %s", job->names->v[i]);
	if (r == 0)
		r = pam_inert_at_sshd(job->host, job->plan, &why);
	if (r == 0 && why.len)
		r = plan_note(job->plan, "pam_respond(8) will not refuse them at sshd: %s", why.data);
	return r < 0 ? r : pam_contain_plan(job->host, job->plan, &who, 0);
}

/* Refused at the door first: who is thrown out must not come back in between. */
static int plan_contain(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(job_end) struct job job = {.host = host, .plan = plan, .names = args_list(args, "user")};
	int r = job.names->n ? contain_at_pam(&job) : 0;
	return r == 0 && job.names->n ? lock_all(&job, args) : r;
}

static int expire_one(struct host *host, struct plan *plan, const char *name)
{
	static const struct shadow_edit expire = {.changed = "0"};
	_cleanup_buf_ struct buf shown = {0};
	escape_str(&shown, name);
	int r = account_shadow_plan(host, plan, name, &expire);
	if (r == -ENODATA)
		return plan_residual(plan, "%s has no entry in " SHADOW_FILE ": its password does not expire", buf_text(&shown));
	if (r < 0)
		return r == -ENOMEM ? r : cannot_read_shadow(plan, r);
	return plan_fact(plan, "user", name);
}

static int plan_expire_password(struct host *host, const struct args *args, struct plan *plan)
{
	const struct strv *names = args_list(args, "user");
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = expire_one(host, plan, names->v[i]);
	return r;
}

static const struct param lock_params[] = {
	{"user", TYPE_USER, PARAM_REQUIRED | PARAM_LIST, NULL, NULL, "the accounts, by name"},
	{"keys", TYPE_YES_NO, 0, "yes", NULL, "move their authorized_keys files aside, unless others share them"},
	{"sessions", TYPE_YES_NO, 0, "yes", NULL, "end their sessions, but for the operator's own"},
	{0},
};

static const struct fact_decl lock_facts[] = {
	{"user", TYPE_USER, "the accounts that there are"},
	{"path", TYPE_PATH, "files of keys that are moved aside"},
	{0},
};

static const struct param expire_params[] = {
	{"user", TYPE_USER, PARAM_REQUIRED | PARAM_LIST, NULL, NULL, "the accounts, by name"},
	{0},
};

static const struct fact_decl expire_facts[] = {
	{"user", TYPE_USER, "the accounts that have a password entry"},
	{0},
};

static const char *const intruders[] = {
	"T1136.001 Create Account: Local Account",
	"T1078.003 Valid Accounts: Local Accounts",
	NULL,
};

static const char *const learned[] = {"T1078.003 Valid Accounts: Local Accounts", NULL};

const struct action account_lock = {
	.name = "account.lock",
	.summary = "lock accounts: password, expiry, keys, sessions; undo restores what was",
	.params = lock_params,
	.facts = lock_facts,
	.plan = plan_lock,
	.techniques = intruders,
};

const struct action account_contain = {
	.name = "account.contain",
	.summary = "lock accounts, and refuse them at every service of PAM; no home is touched",
	.params = lock_params,
	.facts = lock_facts,
	.plan = plan_contain,
	.techniques = intruders,
};

const struct action account_expire_password = {
	.name = "account.expire-password",
	.summary = "have accounts choose a new password at their next login",
	.params = expire_params,
	.facts = expire_facts,
	.plan = plan_expire_password,
	.techniques = learned,
};
