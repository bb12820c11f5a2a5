/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, persistence: what stands in the places from which programs are started
 * without anybody asking for it.
 */
#include "accounts.h"
#include "evidence.h"

#include "base/escape.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 3
#define FILES_MAX 20000
#define HASH_MAX ((off_t)16 << 20)

static const char *const places[] = {
	"/etc/crontab", "/etc/anacrontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly",
	"/etc/cron.monthly", "/var/spool/cron", "/var/spool/at", "/etc/systemd/system", "/etc/systemd/user",
	"/run/systemd/system", "/run/systemd/generator", "/usr/local/lib/systemd", "/etc/systemd/system-generators",
	"/usr/local/lib/systemd/system-generators", "/etc/init.d", "/etc/rc.local", "/etc/ld.so.preload",
	"/etc/ld.so.conf.d", "/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/zsh", "/etc/environment",
	"/etc/pam.d", "/etc/sudoers", "/etc/sudoers.d", "/etc/modules", "/etc/modules-load.d", "/etc/modprobe.d",
	"/etc/udev/rules.d", "/etc/update-motd.d", "/etc/xdg/autostart", "/etc/NetworkManager/dispatcher.d",
	"/etc/network/if-up.d", "/etc/apt/apt.conf.d", "/etc/ssh/sshrc", "/etc/inittab",
};

/* Below each home. */
static const char *const own_places[] = {
	".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zprofile", ".zshenv",
	".ssh/rc", ".ssh/environment", ".config/autostart", ".config/systemd/user", ".pam_environment",
};

struct look {
	struct collection *c;
	struct evidence_rows rows;
	unsigned files, suspects;
};

static int visit_path(struct look *look, const char *path, unsigned depth);

static int visit_directory(struct look *look, const char *path, int fd, unsigned depth)
{
	_cleanup_strv_ struct strv names = {0};
	if (depth == DEPTH_MAX) {
		look->rows.partial = true;
		return 0;
	}
	int r = dir_names(fd, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf below = {0};
		buf_printf(&below, "%s/%s", path, names.v[i]);
		r = buf_error(&below) ? buf_error(&below) : visit_path(look, below.data, depth + 1);
	}
	return r;
}

/* What no package has put there, and what is new. */
static int judge(struct look *look, const char *path, const struct stat *st, json_t *row)
{
	_cleanup_buf_ struct buf owner = {0};
	int r = host_package_of(look->c->host, path, &owner);
	if (r < 0 && r != -ENOENT)
		return r == -ENOMEM ? r : 0;
	bool suspect = r == -ENOENT && st->st_ctime >= look->c->since;
	json_object_set_new(row, "package", r == 0 ? json_text(buf_text(&owner)) : json_null());
	look->suspects += suspect;
	return suspect ? plan_fact(look->c->plan, "persistence-path", path) : 0;
}

static int add_file(struct look *look, const char *path, const struct stat *st)
{
	_cleanup_close_ int fd = -1;
	json_t *row = json_pack("{so so}", "path", json_text(path), "stat", evidence_stat(st));
	if (!row)
		return -ENOMEM;
	look->files++;
	if (path_open_regular(look->c->host->root, path, &fd, NULL) == 0)
		json_object_set_new(row, "sha256", evidence_hash(fd, HASH_MAX));
	int r = judge(look, path, st, row);
	if (r < 0) {
		json_decref(row);
		return r;
	}
	return evidence_row(&look->rows, row);
}

/* A link that enables a unit, or one that leads who knows where. */
static int add_link(struct look *look, const char *path, int fd, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	look->files++;
	return evidence_row(&look->rows, json_pack("{so so so}", "path", json_text(path), "stat", evidence_stat(st), "leads-to",
	                                           json_bytes(target, n > 0 ? (size_t)n : 0)));
}

static int visit_path(struct look *look, const char *path, unsigned depth)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	struct stat st;
	int r = path_open_parent(look->c->host->root, path, &dir, &name);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (look->files >= FILES_MAX) {
		look->rows.partial = true;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return visit_directory(look, path, fd, depth);
	if (S_ISLNK(st.st_mode))
		return add_link(look, path, fd, &st);
	return S_ISREG(st.st_mode) ? add_file(look, path, &st) : 0;
}

static int look_at(struct look *look, const char *path)
{
	_cleanup_buf_ struct buf real = {0}, shown = {0};
	int r = path_resolve(look->c->host->root, path, &real);
	if (r == 0)
		r = visit_path(look, real.data, 0);
	if (r == 0 || r == -ENOENT || r == -ENOTDIR || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	escape_str(&shown, path);
	look->rows.partial = true;
	return host_blind(look->c->host, "cannot read %s: %s", buf_text(&shown), strerror(-r));
}

static int look_at_home(struct look *look, const struct user *user)
{
	int r = 0;
	for (size_t i = 0; r == 0 && user->home[0] == '/' && i < sizeof(own_places) / sizeof(*own_places); i++) {
		_cleanup_buf_ struct buf path = {0};
		buf_printf(&path, "%s/%s", strcmp(user->home, "/") == 0 ? "" : user->home, own_places[i]);
		r = buf_error(&path) ? buf_error(&path) : look_at(look, path.data);
	}
	return r;
}

int evidence_persistence(struct collection *c)
{
	struct look look = {.c = c, .rows = {.array = json_array()}};
	_cleanup_users_ struct users users = {0};
	int r = look.rows.array ? accounts_load(c->host, &users) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(*places); i++)
		r = look_at(&look, places[i]);
	for (size_t i = 0; r == 0 && i < users.n; i++)
		r = look_at_home(&look, &users.v[i]);
	if (r < 0) {
		json_decref(look.rows.array);
		return r;
	}
	return evidence_document(c, "persistence.json", look.rows.array, look.rows.partial,
	                         "%u files and links that start programs, %u of them new and of no package", look.files,
	                         look.suspects);
}
