/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ssh.strip-keys: takes keys out of the authorized_keys files of accounts, wherever
 * sshd reads them from.
 */
#include "authorized-keys-edit.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "base/strset.h"
#include "change/file-edit.h"
#include "core/action.h"
#include "key-files.h"
#include "ssh-key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_FILE_MAX (1024 * 1024)

/* The keys that were asked for. */
struct wanted {
	struct ssh_key *keys;
	size_t n_keys;
	struct strset fingerprints;
	const struct strv *comments;
	bool keeps;         /* all but the keys in `keep` are to go */
	struct strset keep; /* fingerprints */
};

/* One run of the action. */
struct job {
	struct host *host;
	struct plan *plan;
	struct wanted wanted;
	struct sshd_asker asker;
	bool asker_usable;
	bool some;          /* only of some accounts */
	struct strset seen; /* targets that were edited, or need not be */
	long long count;
};

static void job_end(struct job *job)
{
	for (size_t i = 0; i < job->wanted.n_keys; i++)
		ssh_key_free(&job->wanted.keys[i]);
	free(job->wanted.keys);
	strset_free(&job->wanted.fingerprints);
	strset_free(&job->wanted.keep);
	strset_free(&job->seen);
	sshd_asker_close(&job->asker);
}

static int want_key(struct plan *plan, struct wanted *w, const char *text)
{
	struct ssh_key *v = reallocarray(w->keys, w->n_keys + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	w->keys = v;
	int r = ssh_key_parse(text, &v[w->n_keys]);
	if (r == 0)
		w->n_keys++;
	return r == -EINVAL ? plan_fail(plan, r, "one of the keys in 'key' is not an OpenSSH public key") : r;
}

static int keep_one(struct wanted *w, const char *text)
{
	if (strncmp(text, "SHA256:", 7) == 0) {
		if (strlen(text) != SSH_FINGERPRINT_LEN)
			return -EINVAL;
		int r = strset_add(&w->keep, text);
		return r < 0 ? r : 0;
	}
	struct ssh_key key;
	int r = ssh_key_parse(text, &key);
	if (r < 0)
		return r;
	r = strset_add(&w->keep, key.fingerprint);
	ssh_key_free(&key);
	return r < 0 ? r : 0;
}

static int keep_found(void *ctx, const struct authorized_key *key)
{
	struct wanted *w = ctx;
	int r = strset_add(&w->keep, key->key.fingerprint);
	return r < 0 ? r : 1;
}

/* A line of a file of fingerprints, or of keys as in authorized_keys. One that is
 * neither must not pass: a key that was meant to stay would go. */
static int keep_line(struct wanted *w, char *line)
{
	line += strspn(line, " \t");
	line[strcspn(line, "\r")] = '\0';
	if (!*line || *line == '#')
		return 0;
	if (strncmp(line, "SHA256:", 7) == 0) {
		line[strcspn(line, " \t")] = '\0';
		return keep_one(w, line);
	}
	const struct buf one = {.data = line, .len = strlen(line)};
	int r = authorized_keys_visit(&one, keep_found, w);
	return r == 0 ? keep_one(w, line) : r < 0 ? r : 0;
}

/* The file decides what stays, so nobody but root may have written it. */
static int keep_file(struct host *host, struct plan *plan, struct wanted *w, const char *path)
{
	_cleanup_buf_ struct buf bytes = {0}, name = {0}, why = {0};
	escape_str(&name, path);
	int r = path_trusted(host->root, path, &why);
	if (r == -EPERM)
		return plan_fail(plan, r, "keep = file:%s is not to be trusted: %s", buf_text(&name), buf_text(&why));
	if (r == 0)
		r = path_read(host->root, path, KEEP_FILE_MAX, &bytes, NULL);
	if (r < 0)
		return plan_fail(plan, r, "cannot read keep = file:%s: %s", buf_text(&name), strerror(-r));
	if (bytes.len && memchr(bytes.data, 0, bytes.len))
		return plan_fail(plan, -EINVAL, "keep = file:%s holds NUL bytes", buf_text(&name));
	char *rest = bytes.data, *line;
	for (unsigned number = 1; r == 0 && (line = strsep(&rest, "\n")); number++) {
		r = keep_line(w, line);
		if (r == -EINVAL)
			return plan_fail(plan, r, "%s:%u: neither a fingerprint nor a key", buf_text(&name), number);
	}
	return r;
}

static int want_keep(struct host *host, struct plan *plan, struct wanted *w, const struct strv *items)
{
	int r = 0;
	for (size_t i = 0; i < items->n && r == 0; i++) {
		const char *text = items->v[i];
		bool file = strncmp(text, "file:", 5) == 0;
		r = file ? keep_file(host, plan, w, text + 5) : keep_one(w, text);
		if (r == -EINVAL && !file)
			return plan_fail(plan, r,
					 "keep: write fingerprints (SHA256:...), keys, or file:/path with them");
	}
	/* Given but empty means nothing to do; a file without keys means a mistake. */
	if (r == 0 && items->n && !w->keep.list.n)
		return plan_fail(plan, -EINVAL,
				 "keep names no key at all: that would strip every key of every account");
	w->keeps = w->keep.list.n;
	return r;
}

static int read_wanted(struct host *host, const struct args *args, struct plan *plan, struct wanted *w)
{
	const struct strv *keys = args_list(args, "key"), *fingerprints = args_list(args, "fingerprint");
	int r = 0;
	for (size_t i = 0; i < keys->n && r == 0; i++)
		r = want_key(plan, w, keys->v[i]);
	for (size_t i = 0; i < fingerprints->n && r >= 0; i++)
		r = strset_add(&w->fingerprints, fingerprints->v[i]);
	w->comments = args_list(args, "comment");
	return r < 0 ? r : want_keep(host, plan, w, args_list(args, "keep"));
}

static bool is_named(const struct wanted *w, const struct authorized_key *k)
{
	for (size_t i = 0; i < w->n_keys; i++)
		if (ssh_key_equal(&w->keys[i], &k->key))
			return true;
	for (size_t i = 0; i < w->comments->n; i++)
		if (strlen(w->comments->v[i]) == k->comment_len &&
		    memcmp(w->comments->v[i], k->comment, k->comment_len) == 0)
			return true;
	return strset_has(&w->fingerprints, k->key.fingerprint);
}

/* What one file yields. */
struct stripping {
	const struct wanted *wanted;
	struct strv fingerprints;
	long long lines;
};

static int doomed(void *ctx, const struct authorized_key *k)
{
	struct stripping *s = ctx;
	if (!is_named(s->wanted, k) && (!s->wanted->keeps || strset_has(&s->wanted->keep, k->key.fingerprint)))
		return 0;
	int r = strv_add_new(&s->fingerprints, k->key.fingerprint);
	s->lines++;
	return r < 0 ? r : 1;
}

static int tell_facts(struct job *job, const struct user *user, const char *target, const struct stripping *s)
{
	int r = plan_fact(job->plan, "path", target);
	if (r == 0)
		r = plan_fact(job->plan, "user", user->name);
	for (size_t i = 0; i < s->fingerprints.n && r == 0; i++)
		r = plan_fact(job->plan, "fingerprint", s->fingerprints.v[i]);
	job->count += s->lines;
	return r;
}

/* Whoever puts the modes right makes sshd read the file again. */
static int tell_loose(struct job *job, const struct user *user, const char *target)
{
	_cleanup_buf_ struct buf why = {0}, shown = {0};
	if (key_file_is_strict(job->host, &job->asker.users, user, target, &why))
		return 0;
	int r = escape_str(&shown, target);
	return r < 0 ? r : plan_note(job->plan, "unless StrictModes is off, sshd reads no keys from %s now: %s", shown.data,
	                             why.len ? why.data : "it cannot be looked at");
}

static int strip_file(struct job *job, const struct user *user, const char *target)
{
	_cleanup_buf_ struct buf before = {0}, after = {0};
	struct stripping s = {.wanted = &job->wanted};
	int r = file_edit_read(job->host, job->plan, target, &before);
	if (r < 0)
		return r;
	r = authorized_keys_remove(&before, doomed, &s, &after);
	if (r == 0 && s.lines)
		r = file_edit_plan(job->host, job->plan, target, &before, &after, NULL, NULL);
	if (r == 0 && s.lines)
		r = tell_facts(job, user, target, &s);
	if (r == 0 && s.lines)
		r = tell_loose(job, user, target);
	strv_free(&s.fingerprints);
	return r;
}

/* A link that the user made leads to somebody else's file, which is not ours to edit for
 * him. It matters where there is something to strip, or where that cannot be told. */
static int tell_foreign(struct job *job, const char *path, const char *shown, const char *who)
{
	_cleanup_buf_ struct buf real = {0}, bytes = {0};
	struct stripping s = {.wanted = &job->wanted};
	int r = path_real(job->host->root, path, &real);
	if (r == 0)
		r = file_edit_read(job->host, job->plan, real.data, &bytes);
	bool looked_at = r == 0;
	if (r == 0)
		r = authorized_keys_visit(&bytes, doomed, &s);
	strv_free(&s.fingerprints);
	if (r == -ENOMEM || (looked_at && r == 0))
		return r;
	return plan_residual(job->plan, "%s: a symbolic link leads to a file that is not %s's own; not edited", shown,
	                     who);
}

/* Why a file could not be looked at, by error: what has gone has no keys. */
static int cannot_strip(struct job *job, const struct user *user, const char *path, int error)
{
	_cleanup_buf_ struct buf name = {0}, who = {0};
	escape_str(&name, path);
	escape_str(&who, user->name);
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
		return 0;
	case -EACCES:
	case -EWOULDBLOCK:
		return plan_unreadable(job->plan, job->host, path, error);
	case -EPERM:
	case -ELOOP:
		return tell_foreign(job, path, buf_text(&name), buf_text(&who));
	case -EINVAL:
		return plan_note(job->plan, "%s is not a regular file: sshd reads no keys from it", buf_text(&name));
	default:
		return plan_residual(job->plan, "%s cannot be edited: %s", buf_text(&name), strerror(-error));
	}
}

static int strip_path(struct job *job, const struct user *user, const char *path)
{
	_cleanup_buf_ struct buf target = {0};
	int r = path_resolve_for(job->host->root, path, user->uid, &target);
	if (r == 0) {
		r = strset_add(&job->seen, target.data);
		if (r == 0)
			return 0; /* shared with another account, and done */
		if (r > 0)
			r = strip_file(job, user, target.data);
	}
	return r < 0 && r != -ENOMEM ? cannot_strip(job, user, path, r) : r;
}

static int strip_user(struct job *job, const struct user *user)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = job->asker_usable ? key_files_of(&job->asker, user, &paths) : key_files_usual(user, &paths);
	for (size_t i = 0; i < paths.n && r == 0; i++)
		r = strip_path(job, user, paths.v[i]);
	return r;
}

static int strip_users(struct job *job, const struct args *args)
{
	const struct strv *names = args_list(args, "users");
	const struct users *users = &job->asker.users;
	int r = 0;
	if (!args_has(args, "users")) {
		for (size_t i = 0; i < users->n && r == 0; i++)
			r = strip_user(job, &users->v[i]);
		return r;
	}
	for (size_t i = 0; i < names->n && r == 0; i++) {
		const struct user *user = users_by_name(users, names->v[i]);
		_cleanup_buf_ struct buf name = {0};
		escape_str(&name, names->v[i]);
		r = user ? strip_user(job, user) : plan_note(job->plan, "there is no account %s", buf_text(&name));
	}
	return r;
}

static int named(void *ctx, const struct authorized_key *k)
{
	struct stripping *s = ctx;
	if (!is_named(s->wanted, k))
		return 0;
	int r = strv_add_new(&s->fingerprints, k->key.fingerprint);
	s->lines++;
	return r < 0 ? r : 1;
}

/* Its holder signs certificates for every account: with some accounts only that is told. */
static int strip_authority(struct job *job, const char *target, const char *shown, const struct buf *before,
                           struct stripping *s)
{
	_cleanup_buf_ struct buf after = {0};
	int r = authorized_keys_remove(before, named, s, &after);
	if (r < 0 || !s->lines)
		return r;
	if (job->some)
		return plan_residual(job->plan,
		                     "%s (TrustedUserCAKeys) trusts one of these keys to sign certificates for all accounts: "
		                     "strip it without naming users",
		                     shown);
	r = file_edit_plan(job->host, job->plan, target, before, &after, NULL, NULL);
	if (r == 0)
		r = plan_fact(job->plan, "path", target);
	for (size_t i = 0; r == 0 && i < s->fingerprints.n; i++)
		r = plan_fact(job->plan, "fingerprint", s->fingerprints.v[i]);
	job->count += s->lines;
	return r;
}

/* A certificate authority among the keys to strip lets its holder in by certificates,
 * which stand in no file of the accounts. (What is to be kept says nothing about authorities.) */
static int look_at_authorities(struct job *job, const char *path)
{
	_cleanup_buf_ struct buf bytes = {0}, name = {0}, target = {0};
	struct stripping s = {.wanted = &job->wanted};
	escape_str(&name, path);
	int r = sshd_target(job->host->root, path, &target);
	if (r == 0)
		r = strset_add(&job->seen, target.data);
	if (r == 0)
		return 0;
	if (r > 0)
		r = file_edit_read(job->host, job->plan, target.data, &bytes);
	if (r < 0)
		return host_blind(job->host, "cannot read %s (TrustedUserCAKeys): %s", buf_text(&name), strerror(-r));
	r = strip_authority(job, target.data, buf_text(&name), &bytes, &s);
	strv_free(&s.fingerprints);
	return r;
}

/* sshd itself says nothing of it but in its log. */
static int look_at_revoked(struct job *job, const struct buf *dump)
{
	_cleanup_(revocation_free) struct revocation revoked = {0};
	_cleanup_buf_ struct buf shown = {0};
	int r = revocation_read(job->host, job->plan, dump, &revoked);
	if (r < 0 || !revoked.error || revoked.error == -EACCES)
		return r;
	escape_str(&shown, buf_text(&revoked.file));
	return plan_residual(job->plan,
	                     "sshd refuses every key, for it cannot read %s (RevokedKeys): %s; sshd.harden can set "
	                     "RevokedKeys none",
	                     buf_text(&shown), strerror(-revoked.error));
}

static int tell_command(struct job *job, const char *command)
{
	_cleanup_buf_ struct buf shown = {0};
	int r = escape_str(&shown, command);
	return r < 0 ? r : plan_note(job->plan,
	                             "sshd gets keys from a command, too, which is not looked at: %s; sshd.harden can set "
	                             "AuthorizedKeysCommand none",
	                             shown.data);
}

/* Keys that come from elsewhere are not stripped: that must be said. */
static int look_at_case(struct job *job, const struct buf *dump)
{
	_cleanup_buf_ struct buf command = {0}, authorities = {0};
	int r = 0;
	if (sshd_dump_value(dump, "authorizedkeyscommand", &command) == 0 && strcasecmp(buf_text(&command), "none") != 0)
		r = tell_command(job, buf_text(&command));
	if (r == 0 && sshd_dump_value(dump, "trustedusercakeys", &authorities) == 0 && buf_text(&authorities)[0] == '/')
		r = look_at_authorities(job, authorities.data);
	return r < 0 ? r : look_at_revoked(job, dump);
}

static int look_at_other_sources(struct job *job)
{
	static const char *const keywords[] = {"authorizedkeyscommand", "trustedusercakeys", "revokedkeys", NULL};
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	int r = sshd_cases_of(&job->asker, NULL, keywords, &cases);
	for (size_t i = 0; i < cases.n && r == 0; i++) {
		const struct buf *dump;
		r = sshd_asker_dump(&job->asker, &cases.v[i], &dump, NULL);
		if (r == 0)
			r = look_at_case(job, dump);
	}
	return r;
}

static int open_asker(struct job *job)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_asker_open(&job->asker, job->host, job->plan, NULL, 0, &why);
	job->asker_usable = r == 0;
	if (r == -EINVAL)
		r = host_blind(job->host,
			       "sshd's configuration cannot be read (%s): only the usual authorized_keys files were "
			       "looked at",
			       buf_text(&why));
	else if (r == -ENOENT)
		r = plan_note(job->plan,
			      "there is no " SSHD_CONFIG ": only the usual authorized_keys files were looked at");
	if (r == 0 && !job->asker.users.n)
		r = accounts_load(job->host, &job->asker.users);
	return r;
}

static int plan_strip_keys(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(job_end) struct job job = {.host = host, .plan = plan, .some = args_has(args, "users")};
	int r = read_wanted(host, args, plan, &job.wanted);
	const struct wanted *w = &job.wanted;
	if (r == 0 && (w->n_keys || w->fingerprints.list.n || w->comments->n || w->keeps)) {
		r = open_asker(&job);
		if (r == 0)
			r = strip_users(&job, args);
		if (r == 0 && job.asker_usable)
			r = look_at_other_sources(&job);
	}
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}

static const struct param params[] = {
	{"key", TYPE_KEY, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "keys to strip, as in a .pub file"},
	{"fingerprint", TYPE_FINGERPRINT, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "fingerprints of keys to strip"},
	{"comment", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "comments of keys to strip, whole and exact"},
	{"keep", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "keys or fingerprints, or file:/path with them, to keep: all others are stripped"},
	{"users", TYPE_USER, PARAM_LIST, NULL, NULL, "only from these accounts; otherwise from all"},
	{.name = NULL},
};

static const struct fact_decl facts[] = {
	{"path", TYPE_PATH, "files that keys are stripped from"},
	{"user", TYPE_USER, "accounts whose files they are"},
	{"fingerprint", TYPE_FINGERPRINT, "the stripped keys"},
	{"count", TYPE_NUMBER, "how many lines go"},
	{.name = NULL},
};

static const char *const techniques[] = {"T1098.004 Account Manipulation: SSH Authorized Keys", NULL};

const struct action ssh_strip_keys = {
	.name = "ssh.strip-keys",
	.summary = "strip keys from authorized_keys files",
	.params = params,
	.facts = facts,
	.plan = plan_strip_keys,
	.techniques = techniques,
};
