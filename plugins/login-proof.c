/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "login-proof.h"

#include "authorized-keys-edit.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "base/slice.h"
#include "change/account-shadow.h"
#include "change/file-edit.h"
#include "change/pam-contain.h"
#include "key-files.h"
#include "pam-service.h"

#include <errno.h>
#include <fcntl.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_A_DAY (24 * 60 * 60)

/* The host as a plan (NULL: none) leaves it. */
struct view {
	struct host *host;
	const struct plan *plan;
	struct sshd_asker asker;
	struct buf shadow;
	bool pam_respond; /* sshd's account stack asks pam_respond(8) */
};

static void view_close(struct view *view)
{
	sshd_asker_close(&view->asker);
	buf_free(&view->shadow);
}

/* The accounts are read from the host: an earlier step may have replaced a shell. */
static int take_planned_shells(struct view *view)
{
	_cleanup_buf_ struct buf path = {0}, file = {0};
	_cleanup_users_ struct users planned = {0};
	struct users *users = &view->asker.users;
	int r = path_resolve(view->host->root, "/etc/passwd", &path);
	if (r == 0)
		r = plan_file(view->plan, path.data, &file);
	if (r <= 0)
		return r == -ENOENT ? 0 : r;
	r = users_parse(&file, &planned);
	for (size_t i = 0; r == 0 && i < users->n; i++) {
		const struct user *now = users_by_name(&planned, users->v[i].name);
		char *shell = now ? strdup(now->shell) : NULL;
		if (now && !shell)
			return -ENOMEM;
		if (!now)
			continue;
		free(users->v[i].shell);
		users->v[i].shell = shell;
	}
	return r;
}

static int view_open(struct view *view, struct host *host, const struct plan *plan, struct buf *ret_why)
{
	*view = (struct view){.host = host, .plan = plan};
	int r = sshd_asker_open(&view->asker, host, plan, NULL, 0, ret_why);
	if (r == 0 && plan)
		r = take_planned_shells(view);
	view->pam_respond = pam_service_has(host, plan, "sshd", "pam_respond.so", NULL) == 1;
	return r < 0 ? r : account_shadow_read(host, plan, &view->shadow);
}

/* What /etc/shadow says; an account that is not in it is the name service's affair. */
static int secret_of(const struct view *view, const char *name, bool *ret_expired, enum secret *ret)
{
	struct slice rest = slice_of(&view->shadow);
	*ret_expired = false;
	*ret = SECRET_SET;
	while (rest.len) {
		struct slice whole;
		_cleanup_free_ char *line = slice_dup(skip_blanks(take_line(&rest, false, &whole)));
		const struct spwd *sp = line ? sgetspent(line) : NULL;
		if (!line)
			return -ENOMEM;
		if (!sp || strcmp(sp->sp_namp, name) != 0)
			continue;
		*ret_expired = sp->sp_expire >= 0 && sp->sp_expire <= time(NULL) / SECONDS_A_DAY;
		*ret = shadow_secret(sp->sp_pwdp);
		break;
	}
	return 0;
}

static bool has_shell(const struct view *view, const struct user *user)
{
	static const char *const none[] = {"nologin", "false", "sync", "halt", "shutdown", "true"};
	const char *shell = user->shell[0] ? user->shell : "/bin/sh", *slash = strrchr(shell, '/');
	_cleanup_buf_ struct buf target = {0};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (strcmp(slash ? slash + 1 : shell, none[i]) == 0)
			return false;
	return shell[0] == '/' && path_resolve_for(view->host->root, shell, 0, &target) == 0;
}

/* The part of "user@host" that is about the user; WHOLE: only patterns without a host. */
static bool list_names(const char *list, const char *text, bool whole)
{
	_cleanup_free_ char *copy = strdup(list);
	char *rest = copy, *entry;
	while ((entry = strsep(&rest, ","))) {
		char *at = strrchr(entry, '@');
		if (at && whole)
			continue;
		if (at)
			*at = '\0';
		if (sshd_pattern_list(entry, text, false) == 1)
			return true;
	}
	return false;
}

static bool any_named(const char *list, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		if (list_names(list, texts->v[i], false))
			return true;
	return false;
}

/* AllowUsers, DenyUsers, AllowGroups, DenyGroups. */
static int is_admitted(const struct user *user, const struct buf *dump)
{
	_cleanup_buf_ struct buf au = {0}, du = {0}, ag = {0}, dg = {0};
	_cleanup_strv_ struct strv groups = {0};
	if (sshd_dump_value(dump, "denyusers", &du) == 0 && list_names(buf_text(&du), user->name, true))
		return 0;
	if (sshd_dump_value(dump, "allowusers", &au) == 0 && !list_names(buf_text(&au), user->name, false))
		return 0;
	int denies = sshd_dump_value(dump, "denygroups", &dg), allows = sshd_dump_value(dump, "allowgroups", &ag);
	if (denies < 0 && allows < 0)
		return 1;
	int r = account_groups(user->name, &groups);
	if (r < 0)
		return r;
	return !(denies == 0 && any_named(buf_text(&dg), &groups)) && (allows < 0 || any_named(buf_text(&ag), &groups));
}

static int stop_at_key(void *ctx, const struct authorized_key *key)
{
	const struct revocation *revoked = ctx;
	return !strset_has(&revoked->fingerprints, key->key.fingerprint);
}

static int file_has_key(const struct view *view, const struct user *user, const char *path, bool strict,
                        struct revocation *revoked)
{
	_cleanup_buf_ struct buf target = {0}, bytes = {0};
	int r = path_resolve_for(view->host->root, path, user->uid, &target);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (strict && !key_file_is_strict(view->host, &view->asker.users, user, target.data, NULL))
		return 0;
	r = view->plan ? plan_file(view->plan, target.data, &bytes) : 0;
	if (r == 0)
		r = path_read(view->host->root, target.data, FILE_EDIT_MAX, &bytes, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return authorized_keys_visit(&bytes, stop_at_key, revoked);
}

static int has_key(const struct view *view, const struct user *user, const struct buf *dump)
{
	_cleanup_(revocation_free) struct revocation revoked = {0};
	_cleanup_strv_ struct strv paths = {0};
	int r = revocation_read(view->host, view->plan, dump, &revoked);
	if (r < 0 || revoked.error)
		return r < 0 ? r : 0;
	if (!sshd_dump_is(dump, "authorizedkeyscommand", "none") || !sshd_dump_is(dump, "trustedusercakeys", "none"))
		return 1;
	bool strict = !sshd_dump_is(dump, "strictmodes", "no");
	r = key_files_in(&view->asker, user, dump, &paths);
	for (size_t i = 0; i < paths.n && r == 0; i++)
		r = file_has_key(view, user, paths.v[i], strict, &revoked);
	return r;
}

/* What sshd accepts of an account, for one connection. */
struct methods {
	bool publickey, password, keyboard;
};

static bool has_method(const struct methods *m, const char *name)
{
	size_t len = strcspn(name, ":"); /* publickey, keyboard-interactive:pam */
	return (m->publickey && len == 9 && strncmp(name, "publickey", len) == 0) ||
	       (m->password && len == 8 && strncmp(name, "password", len) == 0) ||
	       (m->keyboard && len == 20 && strncmp(name, "keyboard-interactive", len) == 0);
}

static bool has_all(const struct methods *m, char *list)
{
	char *name;
	while ((name = strsep(&list, ",")))
		if (!has_method(m, name))
			return false;
	return true;
}

/* AuthenticationMethods: one of the lists must be met in full. */
static bool suffices(const struct methods *m, const struct buf *dump)
{
	_cleanup_buf_ struct buf value = {0};
	if (sshd_dump_value(dump, "authenticationmethods", &value) < 0 || strcmp(buf_text(&value), "any") == 0)
		return m->publickey || m->password || m->keyboard;
	char *save = NULL;
	for (char *list = value.len ? strtok_r(value.data, " ", &save) : NULL; list; list = strtok_r(NULL, " ", &save))
		if (has_all(m, list))
			return true;
	return false;
}

/* 1: this connection gets in, *RET_HOW says with what. */
static int gets_in(const struct view *view, const struct user *user, const struct buf *dump, const char **ret_how)
{
	bool expired, pam = sshd_dump_is(dump, "usepam", "yes");
	enum secret secret;
	int r = secret_of(view, user->name, &expired, &secret);
	if (r < 0)
		return r;
	bool root_any = user->uid != 0 || sshd_dump_is(dump, "permitrootlogin", "yes");
	bool root_key = root_any || sshd_dump_is(dump, "permitrootlogin", "prohibit-password") ||
	                sshd_dump_is(dump, "permitrootlogin", "without-password");
	if (expired || !root_key || (secret == SECRET_LOCKED && !pam))
		return 0;
	r = pam && view->pam_respond ? pam_contains(view->host, view->plan, user->name) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = is_admitted(user, dump);
	if (r <= 0)
		return r;
	bool known = root_any && (secret == SECRET_SET ||
	                          (secret == SECRET_EMPTY && sshd_dump_is(dump, "permitemptypasswords", "yes")));
	struct methods m = {
		.password = known && sshd_dump_is(dump, "passwordauthentication", "yes"),
		.keyboard = known && pam && sshd_dump_is(dump, "kbdinteractiveauthentication", "yes"),
	};
	r = sshd_dump_is(dump, "pubkeyauthentication", "yes") ? has_key(view, user, dump) : 0;
	if (r < 0)
		return r;
	m.publickey = r == 1;
	*ret_how = m.publickey ? "with a key" : "with a password";
	return suffices(&m, dump);
}

static int has_way(struct view *view, const struct user *user, const char **ret_how)
{
	static const char *const keywords[] = {
		"authorizedkeysfile", "authorizedkeyscommand", "trustedusercakeys", "revokedkeys", "pubkeyauthentication",
		"passwordauthentication", "kbdinteractiveauthentication", "permitrootlogin", "permitemptypasswords",
		"authenticationmethods", "allowusers", "denyusers", "allowgroups", "denygroups", NULL,
	};
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	if (!has_shell(view, user))
		return 0;
	int r = sshd_cases_of(&view->asker, user->name, keywords, &cases);
	for (size_t i = 0; i < cases.n && r == 0; i++) {
		const struct buf *dump;
		r = sshd_asker_dump(&view->asker, &cases.v[i], &dump, NULL);
		if (r == 0)
			r = gets_in(view, user, dump, ret_how);
	}
	return r;
}

/* The first account that has a way in: 1, or 0 when none has. */
static int find_way(struct view *view, const struct user **ret, const char **ret_how)
{
	const struct users *users = &view->asker.users;
	for (size_t i = 0; i < users->n; i++) {
		int r = has_way(view, &users->v[i], ret_how);
		if (r == 0)
			continue;
		*ret = &users->v[i];
		return r;
	}
	return 0;
}

static bool alters_logins(const struct plan *plan)
{
	for (size_t i = 0; i < plan_count(plan); i++) {
		const struct change *c = plan_at(plan, i);
		if (c && (c->writes_target || c->takes_target || c->kind == &pam_contain_kind))
			return true;
	}
	return false;
}

/* 1: somebody can log in, as the view has it; RET gets the sentence. 0: nobody. Without
 * a configuration, or without a view of the passwords, nothing can be told: 1. */
static int anybody(struct host *host, const struct plan *plan, struct buf *ret)
{
	_cleanup_(view_close) struct view view = {0};
	_cleanup_buf_ struct buf why = {0};
	const struct user *user = NULL;
	const char *how = "";
	int r = view_open(&view, host, plan, &why);
	if (r == -ENOENT || r == -EINVAL || r == -EACCES)
		return 1;
	if (r == 0)
		r = find_way(&view, &user, &how);
	if (r == 1) {
		escape_str(ret, user->name);
		buf_printf(ret, " %s", how);
	}
	return r;
}

static int check(struct host *host, const struct plan *plan, struct buf *ret_why)
{
	_cleanup_buf_ struct buf before = {0}, after = {0};
	if (geteuid() != 0 || !alters_logins(plan))
		return 0;
	int r = anybody(host, plan, &after);
	if (r != 0)
		return r < 0 ? r : 0;
	r = anybody(host, NULL, &before);
	if (r <= 0 || !before.len)
		return r < 0 ? r : 0; /* there was no way before, either */
	buf_printf(ret_why,
		   "after this nobody could log in over ssh any more; now %s can: leave one key or password that "
		   "sshd accepts",
		   before.data);
	return -EPERM;
}

const struct proof login_last_way = {.rule = "login.last-way", .check = check};
