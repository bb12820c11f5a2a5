/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * account.find: accounts that an intruder may have made or altered. It tells; what to do
 * about them is a person's to say: many a host has an odd account of its own.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/users.h"
#include "change/account-shadow.h"
#include "change/file-edit.h"
#include "core/action.h"
#include "passwd-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct action account_find;

#define PEOPLE 1000 /* from this uid on, accounts are people's */
#define SHELLS_FILE "/etc/shells"
#define SHELL_MAX (16 * 1024 * 1024)

struct known_shell {
	const char *path;
	struct stat st; /* st_ino 0: there is none */
	struct sha256 sha256;
};

struct look {
	struct host *host;
	struct plan *plan;
	struct users users;
	struct buf passwd, shadow, shells;
	bool shadow_known;
	struct known_shell known[10];
	unsigned count;
	/* Of the account at hand. */
	const struct user *user;
	bool told;
};

static void look_end(struct look *l)
{
	users_free(&l->users);
	buf_free(&l->passwd);
	buf_free(&l->shadow);
	buf_free(&l->shells);
}

/* ---- what is there ---------------------------------------------------------------------- */

static int open_followed(struct host *host, const char *path, int *ret_fd, struct stat *ret_st, struct buf *ret_real)
{
	int r = path_follow(host->root, path, ret_real);
	return r < 0 ? r : path_open_regular(host->root, ret_real->data, ret_fd, ret_st);
}

static void know_shell(struct look *l, const char *path, struct known_shell *ret)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf real = {0};
	ret->path = path;
	if (open_followed(l->host, path, &fd, &ret->st, &real) < 0 || sha256_fd(fd, &ret->sha256) < 0)
		ret->st.st_ino = 0;
}

static int look_begin(struct look *l)
{
	static const char *const paths[] = {"/bin/sh",  "/bin/bash", "/bin/dash", "/bin/zsh",     "/bin/ksh",
	                                    "/bin/ash", "/bin/fish", "/bin/tcsh", "/bin/busybox", "/bin/mksh"};
	_cleanup_buf_ struct buf path = {0}, shells = {0};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		know_shell(l, paths[i], &l->known[i]);
	int r = path_resolve(l->host->root, "/etc/passwd", &path);
	if (r == 0)
		r = file_edit_read(l->host, l->plan, path.data, &l->passwd);
	if (r == 0)
		r = users_parse(&l->passwd, &l->users);
	if (r == 0 && path_follow(l->host->root, SHELLS_FILE, &shells) == 0)
		path_read(l->host->root, shells.data, FILE_EDIT_MAX, &l->shells, NULL);
	if (r < 0)
		return r;
	r = account_shadow_read(l->host, l->plan, &l->shadow);
	l->shadow_known = r == 0;
	if (r == 0 || r == -ENOENT || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	return host_blind(l->host, "cannot read " SHADOW_FILE " (%s): passwords were not looked at", strerror(-r));
}

/* ---- what is said --------------------------------------------------------------------------- */

static int tell(struct look *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One reason; the account is yielded once. */
static int tell(struct look *l, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = {0}, why = {0};
	_cleanup_strv_ struct strv fits = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, l->user->name);
	l->count += !l->told;
	l->told = true;
	int r = plan_note(l->plan, "%s: %s", buf_text(&name), buf_text(&text));
	if (r == 0 && type_check(TYPE_USER, NULL, l->user->name, &fits, &why) == 0)
		return plan_fact(l->plan, "user", l->user->name);
	return r < 0 ? r : plan_residual(l->plan, "%s cannot be the name of an account in a playbook: lock it by hand", buf_text(&name));
}

static bool has_shell(const struct user *user)
{
	const char *slash = strrchr(user->shell, '/'), *name = slash ? slash + 1 : user->shell;
	static const char *const none[] = {"nologin", "false", "true", "sync", "halt", "shutdown"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (strcmp(name, none[i]) == 0)
			return false;
	return true;
}

/* ---- uid ------------------------------------------------------------------------------------ */

static bool is_root(const struct user *user)
{
	return user->uid == 0 && strcmp(user->name, "root") == 0;
}

static int check_uid(struct look *l)
{
	const struct user *u = l->user, *first = users_by_uid(&l->users, u->uid);
	_cleanup_buf_ struct buf name = {0};
	_cleanup_strv_ struct strv fits = {0};
	if (u->uid == 0 && !is_root(u)) {
		int r = tell(l, "has uid 0 and is not root");
		return r == 0 && type_check(TYPE_USER, NULL, u->name, &fits, &name) == 0 ? plan_fact(l->plan, "uid0", u->name) : r;
	}
	escape_str(&name, first->name);
	return u->uid != 0 && first != u ? tell(l, "has the uid %u of %s, too", (unsigned)u->uid, buf_text(&name)) : 0;
}

static int check_name(struct look *l)
{
	return users_by_name(&l->users, l->user->name) == l->user
	               ? 0
	               : tell(l, "stands in /etc/passwd more than once: the first entry counts");
}

/* ---- password --------------------------------------------------------------------------------- */

static int check_password(struct look *l)
{
	_cleanup_buf_ struct buf here = {0}, there = {0};
	struct shadow_entry e;
	if (users_by_name(&l->users, l->user->name) != l->user)
		return 0;
	int r = passwd_password(&l->passwd, l->user->name, &here);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	enum secret secret = shadow_secret(buf_text(&here));
	if (secret == SECRET_SET)
		return tell(l, "has its password in /etc/passwd, not in " SHADOW_FILE);
	if (secret == SECRET_EMPTY)
		return tell(l, "needs no password");
	if (!l->shadow_known || strcmp(here.data, "x") != 0 || !shadow_find(&l->shadow, l->user->name, &e))
		return 0;
	r = shadow_field(l->shadow.data + e.at, e.len, SHADOW_PASSWORD, &there);
	if (r == 0 && shadow_secret(buf_text(&there)) == SECRET_EMPTY && has_shell(l->user))
		r = tell(l, "needs no password");
	if (r == 0 && shadow_count(&l->shadow, l->user->name) > 1)
		r = tell(l, "stands in " SHADOW_FILE " more than once: the first entry counts");
	return r;
}

/* ---- shell ------------------------------------------------------------------------------------ */

static bool is_listed(const struct look *l, const char *shell)
{
	size_t len = strlen(shell);
	for (const char *at = buf_text(&l->shells); (at = strstr(at, shell)); at += len)
		if ((at == l->shells.data || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

/* The shell of which this is a copy that stands elsewhere; NULL: of none. */
static const char *copied_from(const struct look *l, int fd, const struct stat *st)
{
	struct sha256 sha256;
	for (size_t i = 0; i < sizeof(l->known) / sizeof(*l->known); i++)
		if (l->known[i].st.st_ino == st->st_ino && l->known[i].st.st_dev == st->st_dev)
			return NULL; /* it is that one */
	if (st->st_size > SHELL_MAX || sha256_fd(fd, &sha256) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(l->known) / sizeof(*l->known); i++)
		if (l->known[i].st.st_ino && strcmp(l->known[i].sha256.hex, sha256.hex) == 0)
			return l->known[i].path;
	return NULL;
}

static int tell_odd(struct look *l, const char *real, const char *shown, const struct stat *st)
{
	_cleanup_buf_ struct buf package = {0};
	if (st->st_mode & 06000)
		return tell(l, "its shell %s gives rights to who runs it", shown);
	if (is_listed(l, l->user->shell))
		return 0;
	int r = host_package_of(l->host, real, &package);
	return r == -ENOENT ? tell(l, "its shell %s is not in " SHELLS_FILE " and of no package", shown) : r == -ENOMEM ? r : 0;
}

static int check_shell(struct look *l)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf real = {0}, shown = {0};
	struct stat st;
	const char *shell = l->user->shell;
	if (!has_shell(l->user) || shell[0] != '/')
		return 0;
	escape_str(&shown, shell);
	int r = open_followed(l->host, shell, &fd, &st, &real);
	if (r == -ENOENT || r == -EACCES)
		return 0; /* nobody gets in by it */
	if (r < 0)
		return r == -ENOMEM ? r : tell(l, "its shell %s is no file of root's", buf_text(&shown));
	const char *original = copied_from(l, fd, &st);
	if (!original)
		return tell_odd(l, real.data, buf_text(&shown), &st);
	r = tell(l, "its shell %s is a copy of %s", buf_text(&shown), original);
	return r < 0 ? r : plan_fact(l->plan, "shell", real.data);
}

/* ---- home ------------------------------------------------------------------------------------- */

/* The account before this one that has the same home. */
static const struct user *who_had_it(const struct look *l)
{
	for (const struct user *other = l->users.v; other < l->user; other++)
		if (has_shell(other) && strcmp(other->home, l->user->home) == 0 && strcmp(other->name, l->user->name) != 0)
			return other;
	return NULL;
}

/* Of accounts that somebody logs in to: those of daemons share all kinds of directories. */
static int check_home(struct look *l)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf real = {0}, shown = {0}, name = {0};
	struct stat st;
	const struct user *u = l->user, *other = who_had_it(l);
	if (!has_shell(u) || is_root(u) || (u->uid != 0 && u->uid < PEOPLE) || u->home[0] != '/')
		return 0;
	escape_str(&shown, u->home);
	if (other) {
		escape_str(&name, other->name);
		return tell(l, "its home %s is that of %s, too", buf_text(&shown), buf_text(&name));
	}
	if (path_follow(l->host->root, u->home, &real) < 0 ||
	    path_open(l->host->root, real.data, O_PATH | O_DIRECTORY, &fd) < 0 || fstat(fd, &st) < 0)
		return 0;
	return st.st_uid == u->uid ? 0 : tell(l, "its home %s is not its own: uid %u has it", buf_text(&shown), (unsigned)st.st_uid);
}

static int look_at(struct look *l, const struct user *user)
{
	static int (*const checks[])(struct look *l) = {check_uid, check_name, check_password, check_shell, check_home};
	int r = 0;
	l->user = user;
	l->told = false;
	for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(*checks); i++)
		r = checks[i](l);
	return r;
}

static int plan_find(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(look_end) struct look l = {.host = host, .plan = plan};
	(void)args;
	int r = look_begin(&l);
	for (size_t i = 0; r == 0 && i < l.users.n; i++)
		r = look_at(&l, &l.users.v[i]);
	return r < 0 ? r : plan_fact_number(plan, "count", l.count);
}

static const struct param params[] = {
	{0},
};

static const struct fact_decl facts[] = {
	{"user", TYPE_USER, "accounts that there is something to say about"},
	{"uid0", TYPE_USER, "of these, accounts of uid 0 that are not root"},
	{"shell", TYPE_PATH, "copies of shells that accounts have for theirs"},
	{"count", TYPE_NUMBER, "how many accounts"},
	{0},
};

const struct action account_find = {
	.name = "account.find",
	.summary = "look for accounts that an intruder may have made or altered",
	.params = params,
	.facts = facts,
	.plan = plan_find,
	.looks = true,
};
