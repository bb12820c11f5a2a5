/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which files are never edited or taken away.
 *
 * Every rule judges the resolved path: /bin/perl and /usr/bin/perl are one file. A path
 * that leads through somebody else's symbolic link is refused whatever it names.
 * An interpreter is told by its name only where the system installs programs, so a
 * miner does not gain protection by calling itself bash.
 */
#include "core/guard-rules.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SELINUX_MAGIC
#define SELINUX_MAGIC 0xf97cff8c
#endif

struct file_facts {
	struct strv protected;     /* of the configuration, resolved */
	struct stat self;          /* this program's executable */
};

void file_facts_free(struct file_facts **facts)
{
	if (!*facts)
		return;
	strv_free(&(*facts)->protected);
	free(*facts);
	*facts = NULL;
}

/* Resolves as far as the host goes; what is not there yet, or any more, keeps the name
 * that it would have in its directory. */
static int resolve(const struct guard *guard, const char *path, bool follow_last, struct buf *ret)
{
	int root = guard->host->root;
	int r = follow_last ? path_follow(root, path, ret) : path_resolve(root, path, ret);
	const char *slash = strrchr(path, '/');
	if ((r != -ENOENT && r != -ENOTDIR && r != -EACCES) || !slash)
		return r;
	buf_reset(ret);
	_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return -ENOMEM;
	r = dir[0] ? resolve(guard, dir, true, ret) : 0;
	return r < 0 ? r : buf_puts(ret, slash);
}

static int get_facts(struct guard *guard, struct file_facts **ret)
{
	if (!guard->file) {
		struct file_facts *f = calloc(1, sizeof(*f));
		int r = f ? 0 : -ENOMEM;
		if (r == 0 && fstatat(guard->host->proc, "self/exe", &f->self, 0) < 0)
			r = -errno;
		for (size_t i = 0; r == 0 && i < guard->config->paths.n; i++) {
			_cleanup_buf_ struct buf path = {0};
			r = resolve(guard, guard->config->paths.v[i], false, &path);
			if (r == 0)
				r = strv_add(&f->protected, buf_text(&path));
			else if (r == -ELOOP) /* protected as it is written, then */
				r = strv_add(&f->protected, guard->config->paths.v[i]);
		}
		if (r < 0) {
			file_facts_free(&f);
			return r;
		}
		guard->file = f;
	}
	*ret = guard->file;
	return 0;
}

/* The file that is judged. */
struct target {
	const char *path;  /* resolved */
	const char *name;  /* its last component */
	const char *shown; /* escaped */
	bool privileged;   /* subject.privileged */
	bool exists;
	struct statx stx;
	long fs; /* magic number of its filesystem, 0: unknown */
};

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/' || (len && dir[len - 1] == '/'));
}

static const char *below_any(const char *path, const char *const *dirs)
{
	for (; *dirs; dirs++)
		if (is_below(path, *dirs))
			return *dirs;
	return NULL;
}

static bool matches_any(const char *text, const char *const *patterns)
{
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, text, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static bool kernel_filesystem(long magic)
{
	static const long magics[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC, DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
		DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, (long)BPF_FS_MAGIC, (long)EFIVARFS_MAGIC,
		NSFS_MAGIC, BINFMTFS_MAGIC, PSTOREFS_MAGIC, (long)SELINUX_MAGIC,
	};
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (magic == magics[i])
			return true;
	return false;
}

static int check_pseudo(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	static const char *const dirs[] = {"/proc", "/sys", NULL};
	(void)facts;
	if (below_any(t->path, dirs) || kernel_filesystem(t->fs))
		return guard_refuse(guard, v, "file.pseudo",
		                    "%s is not a file on a disk, the kernel makes it: leave it out "
		                    "of the step",
		                    t->shown);
	if (t->exists && (S_ISCHR(t->stx.stx_mode) || S_ISBLK(t->stx.stx_mode)))
		return guard_refuse(guard, v, "file.pseudo", "%s is a device: leave it out of the step", t->shown);
	return 0;
}

static int check_own(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	static const char *const dirs[] = {LOCALSTATEDIR "/lib/respond", SYSCONFDIR "/respond", PKGDATADIR, NULL};
	bool self = t->exists && t->stx.stx_ino == facts->self.st_ino &&
	            makedev(t->stx.stx_dev_major, t->stx.stx_dev_minor) == facts->self.st_dev;
	if (!self && !below_any(t->path, dirs))
		return 0;
	return guard_refuse(guard, v, "file.own-state", "%s belongs to this program itself: leave it out of the step",
	                    t->shown);
}

static int check_mount_point(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	(void)facts;
	if (!t->exists || !(t->stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	return guard_refuse(guard, v, "file.mount-point",
	                    "something is mounted on %s, so it does not show the file below: unmount it first",
	                    t->shown);
}

static int check_device(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	(void)facts;
	if (!is_below(t->path, "/dev") || is_below(t->path, "/dev/shm"))
		return 0;
	return guard_refuse(guard, v, "file.device", "%s is below /dev, where devices live: check it by hand",
	                    t->shown);
}

static int check_interpreter(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	static const char *const places[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", NULL};
	static const char *const names[] = {
		"sh", "bash", "rbash", "dash", "ash", "zsh", "zsh[0-9]*", "ksh", "ksh[0-9]*", "mksh", "csh",
		"tcsh", "fish", "busybox", "toybox", "perl", "perl[0-9]*", "python", "python[0-9]*", "pypy*",
		"ruby", "ruby[0-9]*", "php", "php[0-9]*", "lua", "lua[0-9]*", "luajit*", "node", "nodejs",
		"tclsh*", "expect", "awk", "gawk", "mawk", "original-awk", "guile*", "java", "libc.so*",
		"libc-*.so", "ld-*.so*", "ld.so", "libpthread*.so*", "libdl*.so*", "libcrypt.so*",
		"libpam*.so*", "libnss_*.so*", "pam_*.so", "sshd", "sshd-session", "sshd-auth", "sftp-server",
		"login", "su", "sudo", "doas", "getty", "agetty", "init", "systemd", "libc.musl*", "vmlinuz*",
		NULL,
	};
	(void)facts;
	if (is_below(t->path, "/boot"))
		return guard_refuse(guard, v, "file.interpreter", "%s is in /boot: without it the host may not start",
		                    t->shown);
	if (!below_any(t->path, places) || !matches_any(t->name, names))
		return 0;
	return guard_refuse(guard, v, "file.interpreter",
	                    "%s is an interpreter or a part of the system that others run on: name the script that it "
	                    "runs instead", t->shown);
}

static int check_essential(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	static const char *const patterns[] = {
		"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid",
		"/etc/sudoers", "/etc/login.defs", "/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf",
		"/etc/fstab", "/etc/crypttab", "/etc/machine-id", "/etc/ld.so.cache", "/etc/ld.so.conf",
		"/etc/crontab", "/etc/profile", "/etc/shells", "/etc/pam.d/common-*", "/etc/pam.d/sshd",
		"/etc/pam.d/login", "/etc/pam.d/su", "/etc/pam.d/sudo", "/etc/pam.d/other",
		"/etc/pam.d/system-auth*", "/etc/pam.d/password-auth*", "/etc/ssh/sshd_config",
		"/etc/ssh/ssh_host_*", "/etc/network/interfaces", "/etc/selinux/config", NULL,
	};
	(void)facts;
	if (!matches_any(t->path, patterns))
		return 0;
	return guard_refuse(guard, v, "file.essential",
	                    "without %s the host may not start, or nobody may log in: edit it "
	                    "instead of taking it away",
	                    t->shown);
}

static int check_packaged(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	(void)facts;
	if (guard_lifted(guard, "file.packaged"))
		return 0;
	_cleanup_buf_ struct buf owner = {0}, shown = {0};
	int r = host_package_of(guard->host, t->path, &owner);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return guard_unsure(v, r, "cannot find out whether %s belongs to a package", t->shown);
	return guard_refuse(guard, v, "file.packaged",
	                    "%s belongs to the package %s: reinstall the package if the file was "
	                    "altered, and name the script if it is an interpreter",
	                    t->shown, guard_text(&shown, buf_text(&owner)));
}

static int check_data(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	static const char *const dirs[] = {
		"/var/lib/mysql", "/var/lib/mariadb", "/var/lib/postgresql", "/var/lib/pgsql",
		"/var/lib/mongodb", "/var/lib/mongo", "/var/lib/redis", "/var/lib/ldap",
		"/var/lib/elasticsearch", "/var/lib/opensearch", "/var/lib/influxdb", "/var/lib/clickhouse",
		"/var/lib/cassandra", "/var/lib/etcd", "/var/lib/dpkg", "/var/lib/rpm", "/usr/lib/sysimage/rpm",
		"/var/lib/apt", "/var/backups", "/var/log", "/var/mail", "/var/spool/mail",
		"/var/spool/postfix", "/var/spool/exim4", "/var/vmail", "/var/lib/docker/volumes", NULL,
	};
	(void)facts;
	const char *dir = below_any(t->path, dirs);
	if (!dir)
		return 0;
	return guard_refuse(guard, v, "file.data", "%s is below %s, which holds data: make sure that it is none of it",
	                    t->shown, dir);
}

static int check_protected(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	for (size_t i = 0; i < facts->protected.n; i++) {
		_cleanup_buf_ struct buf shown = {0};
		if (is_below(t->path, facts->protected.v[i]))
			return guard_refuse(guard, v, "file.protected",
			                    "%s is protected by respond.conf(5), which names %s", t->shown,
			                    guard_text(&shown, facts->protected.v[i]));
	}
	return 0;
}

/* Whether PATH is where sshd looks for keys of USER: the home directory's .ssh, or a
 * file for users elsewhere that is theirs by name or owner. */
static bool holds_keys_of(const struct target *t, const struct user *user)
{
	_cleanup_buf_ struct buf dir = {0};
	buf_printf(&dir, "%s/.ssh", user->home);
	if (user->home[0] == '/' && user->home[1] && is_below(t->path, buf_text(&dir)))
		return true;
	bool keys = strstr(t->path, "authorized_keys") || is_below(t->path, "/etc/ssh");
	return keys &&
	       (strcmp(t->name, user->name) == 0 || (t->exists && t->stx.stx_uid == user->uid && user->uid != 0));
}

static int check_user(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	const struct strv *names = &guard->config->users;
	const struct users *users;
	(void)facts;
	int r = names->n ? guard_users(guard, &users) : 0;
	if (r < 0)
		return guard_unsure(v, r, "cannot read the users that respond.conf(5) protects");
	for (size_t i = 0; i < names->n; i++) {
		const struct user *user = users_by_name(users, names->v[i]);
		if (user && holds_keys_of(t, user))
			return guard_refuse(guard, v, "user.protected",
			                    "%s holds keys of %s, whom respond.conf(5) protects", t->shown,
			                    names->v[i]);
	}
	return 0;
}

/* su and sudo are nothing without their rights; a shell must have none. */
static int check_rights(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	static const char *const places[] = {"/usr", "/bin", NULL};
	static const char *const shells[] = {
		"sh", "bash", "rbash", "dash", "ash", "zsh", "zsh[0-9]*", "ksh", "ksh[0-9]*", "mksh", "csh", "tcsh", "fish",
		"busybox", "perl", "perl[0-9]*", "python", "python[0-9]*", "find", "vim*", "nano", "cp", "env", "awk", "gawk",
		"mawk", NULL,
	};
	return below_any(t->path, places) && matches_any(t->name, shells) ? 0 : check_packaged(guard, facts, t, v);
}

/* What was taken away as an attacker's back door must not become one again unnoticed. */
static int check_setuid(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v)
{
	(void)facts;
	if (!t->privileged)
		return 0;
	return guard_refuse(guard, v, "file.setuid",
	                    "%s would give its rights again to whoever runs it (set-user-ID, set-group-ID or "
	                    "capabilities): look at it first, in the vault if it was quarantined, and do that only if you know it",
	                    t->shown);
}

#define EDIT 1u
#define REMOVE 2u
#define UNDO 4u
#define RIGHTS 8u

static const struct {
	unsigned when;
	int (*check)(struct guard *guard, struct file_facts *facts, const struct target *t, struct refusal *v);
} checks[] = {
	{EDIT | REMOVE | RIGHTS | UNDO, check_pseudo},
	{EDIT | REMOVE | RIGHTS | UNDO, check_own},
	{EDIT | REMOVE | RIGHTS | UNDO, check_mount_point},
	{EDIT | REMOVE, check_device},
	{EDIT | REMOVE, check_interpreter},
	{REMOVE, check_essential},
	{REMOVE, check_packaged},
	{RIGHTS, check_rights},
	{REMOVE, check_data},
	{UNDO, check_setuid},
	{EDIT | REMOVE | RIGHTS | UNDO, check_protected},
	{EDIT | REMOVE, check_user},
};

/* What stands at the path; for one that is not there, what its directory is on. */
static int look_at(const struct guard *guard, struct target *t)
{
	_cleanup_close_ int fd = -1;
	int r = path_open(guard->host->root, t->path, O_PATH, &fd);
	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
		return 0;
	if (r < 0)
		return r;
	struct statfs fs;
	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &t->stx) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (!(t->stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return -EOPNOTSUPP;
	t->exists = true;
	t->fs = (long)fs.f_type;
	return 0;
}

int guard_path(struct guard *guard, const struct subject *subject, enum deed deed, struct refusal *v)
{
	const char *path = subject->path;
	_cleanup_buf_ struct buf resolved = {0}, shown = {0};
	struct file_facts *facts;
	int r = get_facts(guard, &facts);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out which paths are protected");
	guard_text(&shown, path);
	r = path[0] == '/' ? resolve(guard, path, false, &resolved) : -EINVAL;
	if (r < 0)
		return guard_unsure(v, r, "cannot tell what %s leads to", buf_text(&shown));
	guard_text(&shown, buf_text(&resolved));
	struct target t = {.path = buf_text(&resolved), .shown = buf_text(&shown),
	                   .privileged = subject->privileged};
	t.name = strrchr(t.path, '/') + 1;
	r = look_at(guard, &t);
	if (r < 0)
		return guard_unsure(v, r, "cannot look at %s", t.shown);
	unsigned when = deed == DEED_UNDO                    ? UNDO
	                : subject->type == SUBJECT_EDIT_PATH ? EDIT
	                : subject->type == SUBJECT_RIGHTS    ? RIGHTS
	                                                     : REMOVE;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		r = checks[i].when & when ? checks[i].check(guard, facts, &t, v) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
