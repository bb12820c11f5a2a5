/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is never signalled.
 *
 * A service is told by its executable, never by its name or title: a file that root
 * owns and nobody else can write, in a directory that the system installs programs to.
 * So a miner that calls itself "postgres: checkpointer", or that is /tmp/mysqld, has
 * no protection. Where the executable may not be looked at, the name has to do, and
 * errs on the safe side.
 */
#include "core/guard-rules.h"
#include "base/escape.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process_facts {
	pid_t self;
	struct proc_stat own;
	struct pids ancestors;
	uid_t *users; /* protected ones */
	size_t n_users;
};

struct service_name {
	const char *name; /* base name of the executable */
	const char *rule;
	const char *what;
};

#define DATABASE(name) {name, "process.database", "a database server: killing it loses data and takes the service down"}
#define ESSENTIAL(name, what) {name, "process.essential", what}

static const struct service_name service_names[] = {
	{"auditd", "process.audit-daemon", "the audit daemon: without it the host keeps no audit log"},
	ESSENTIAL("systemd", "the service manager"),
	ESSENTIAL("init", "the service manager"),
	ESSENTIAL("systemd-journald", "the journal"),
	ESSENTIAL("rsyslogd", "the system log"),
	ESSENTIAL("syslog-ng", "the system log"),
	ESSENTIAL("systemd-udevd", "the device manager"),
	ESSENTIAL("udevd", "the device manager"),
	ESSENTIAL("systemd-logind", "the login manager"),
	ESSENTIAL("elogind", "the login manager"),
	ESSENTIAL("dbus-daemon", "the message bus"),
	ESSENTIAL("dbus-broker", "the message bus"),
	ESSENTIAL("dbus-broker-launch", "the message bus"),
	ESSENTIAL("systemd-networkd", "the network manager"),
	ESSENTIAL("systemd-resolved", "the name resolver"),
	ESSENTIAL("NetworkManager", "the network manager"),
	ESSENTIAL("dhclient", "the DHCP client"),
	ESSENTIAL("dhcpcd", "the DHCP client"),
	ESSENTIAL("wpa_supplicant", "the network authenticator"),
	ESSENTIAL("dockerd", "a container runtime"),
	ESSENTIAL("docker-proxy", "a container runtime"),
	ESSENTIAL("containerd", "a container runtime"),
	ESSENTIAL("containerd-shim", "a container runtime"),
	ESSENTIAL("containerd-shim-runc-v2", "a container runtime"),
	ESSENTIAL("runc", "a container runtime"),
	ESSENTIAL("crun", "a container runtime"),
	ESSENTIAL("conmon", "a container runtime"),
	ESSENTIAL("crio", "a container runtime"),
	ESSENTIAL("lxcfs", "a container runtime"),
	ESSENTIAL("lxd", "a container runtime"),
	ESSENTIAL("incusd", "a container runtime"),
	ESSENTIAL("kubelet", "a container runtime"),
	ESSENTIAL("libvirtd", "the virtual machine manager"),
	DATABASE("mysqld"),
	DATABASE("mariadbd"),
	DATABASE("postgres"),
	DATABASE("mongod"),
	DATABASE("mongos"),
	DATABASE("redis-server"),
	DATABASE("valkey-server"),
	DATABASE("etcd"),
	DATABASE("influxd"),
	DATABASE("clickhouse-server"),
	DATABASE("slapd"),
	DATABASE("oracle"),
	DATABASE("sqlservr"),
};

/* Newer OpenSSH keeps listener and session in programs of their own. */
static const char *const sshd_names[] = {"sshd", "sshd-session", "sshd-auth"};

/* Where systems install programs. A path of another mount namespace can be judged by
 * no more than this. */
static const char *const program_dirs[] = {
	"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/",
};

void process_facts_free(struct process_facts **facts)
{
	if (!*facts)
		return;
	pids_free(&(*facts)->ancestors);
	free((*facts)->users);
	free(*facts);
	*facts = NULL;
}

/* This program as HOST's /proc numbers it. */
static int find_self(const struct guard *guard, pid_t *ret)
{
	char text[24];
	ssize_t n = readlinkat(guard->host->proc, "self", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	*ret = (pid_t)strtol(text, NULL, 10);
	return *ret > 0 ? 0 : -EINVAL;
}

static int find_ancestors(const struct guard *guard, struct process_facts *f)
{
	int r = proc_stat(guard->host->proc, f->self, &f->own);
	for (pid_t pid = f->own.ppid; r == 0 && pid > 1 && !pids_has(&f->ancestors, pid);) {
		struct proc_stat st;
		r = pids_add(&f->ancestors, pid);
		if (r == 0)
			r = proc_stat(guard->host->proc, pid, &st);
		if (r == -ESRCH) /* it has just ended: its child is init's now */
			return 0;
		pid = r == 0 ? st.ppid : 0;
	}
	return r;
}

static int find_users(struct guard *guard, struct process_facts *f)
{
	const struct strv *names = &guard->config->users;
	const struct users *users = NULL;
	int r = names->n ? guard_users(guard, &users) : 0;
	if (r < 0 || !names->n)
		return r;
	f->users = calloc(names->n, sizeof(*f->users));
	if (!f->users)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++) {
		const struct user *user = users_by_name(users, names->v[i]);
		if (user)
			f->users[f->n_users++] = user->uid;
		else
			host_blind(guard->host,
			           "the protected user %s is not in /etc/passwd: its processes cannot be told",
			           names->v[i]);
	}
	return 0;
}

static int get_facts(struct guard *guard, const struct process_facts **ret)
{
	if (!guard->process) {
		struct process_facts *f = calloc(1, sizeof(*f));
		int r = f ? find_self(guard, &f->self) : -ENOMEM;
		if (r == 0)
			r = find_ancestors(guard, f);
		if (r == 0)
			r = find_users(guard, f);
		if (r < 0) {
			process_facts_free(&f);
			return r;
		}
		guard->process = f;
	}
	*ret = guard->process;
	return 0;
}

int guard_ancestors(struct guard *guard, const struct pids **ret)
{
	const struct process_facts *f;
	int r = get_facts(guard, &f);
	if (r == 0)
		*ret = &f->ancestors;
	return r;
}

/* The process that is judged. */
struct target {
	struct proc_stat stat;
	struct stat exe;
	int exe_error;    /* 0; -ENOENT: has none; -EACCES: may not be looked at */
	struct buf path;  /* of the executable, in its own mount namespace */
	bool at_home;     /* that path leads to the very file on the host */
	bool installed;   /* root's own file, in a place for programs */
	char name[64];    /* base name of path; the process's name when the executable is out of sight */
	struct buf shown; /* the process's name, escaped */
};

static void target_free(struct target *t)
{
	buf_free(&t->path);
	buf_free(&t->shown);
}

static bool below_program_dir(const char *path)
{
	for (size_t i = 0; i < sizeof(program_dirs) / sizeof(program_dirs[0]); i++)
		if (strncmp(path, program_dirs[i], strlen(program_dirs[i])) == 0)
			return true;
	return false;
}

/* Whether root alone could have put the executable where it is. */
static bool is_installed(const struct guard *guard, const struct target *t)
{
	if (!S_ISREG(t->exe.st_mode) || t->exe.st_uid != 0 || (t->exe.st_mode & 022))
		return false;
	if (!t->at_home) /* of a container, or replaced by an upgrade since it was started */
		return below_program_dir(buf_text(&t->path));
	_cleanup_buf_ struct buf ignored = {0};
	return path_trusted(guard->host->root, buf_text(&t->path), &ignored) == 0;
}

static void set_name(struct target *t, const char *name)
{
	strncpy(t->name, name, sizeof(t->name) - 1);
	t->name[sizeof(t->name) - 1] = '\0';
}

static void blind_exe(struct guard *guard)
{
	host_blind(guard->host,
	           "cannot look at the executables of some processes (no permission): they are protected by "
	           "their names");
}

/* 0: found out all there is. -ESRCH: it has gone. */
static int look_at(struct guard *guard, pid_t pid, struct target *t)
{
	int proc = guard->host->proc;
	int r = proc_stat(proc, pid, &t->stat);
	if (r < 0)
		return r;
	escape_str(&t->shown, t->stat.comm);
	set_name(t, t->stat.comm);
	bool deleted;
	t->exe_error = proc_exe_stat(proc, pid, &t->exe);
	if (t->exe_error == 0)
		t->exe_error = proc_exe_path(proc, pid, &t->exe, &t->path, &deleted);
	switch (t->exe_error) {
	case 0:
		break;
	case -EPERM:
	case -EACCES:
		t->exe_error = -EACCES;
		t->installed = true;
		blind_exe(guard);
		return 0;
	case -ENOENT:
		return 0;
	default:
		return t->exe_error;
	}
	const char *path = buf_text(&t->path), *slash = strrchr(path, '/');
	set_name(t, slash ? slash + 1 : path);
	t->at_home = proc_exe_is_at(guard->host->root, &t->exe, path);
	t->installed = is_installed(guard, t);
	return buf_error(&t->path) ? buf_error(&t->path) : buf_error(&t->shown);
}

static bool is_sshd_name(const char *name)
{
	for (size_t i = 0; i < sizeof(sshd_names) / sizeof(sshd_names[0]); i++)
		if (strcmp(name, sshd_names[i]) == 0)
			return true;
	return false;
}

static bool target_is_sshd(const struct target *t)
{
	return t->installed && is_sshd_name(t->name);
}

static bool is_sshd(struct guard *guard, pid_t pid)
{
	_cleanup_(target_free) struct target t = {0};
	return look_at(guard, pid, &t) == 0 && target_is_sshd(&t);
}

static int find_listener(void *ctx, uint32_t inode)
{
	const struct socket_fact *s = socket_by_inode(ctx, inode);
	return s && s->listens;
}

/* A child of the sshd PARENT that somebody has logged in to: it is no sshd and has a session of
 * its own, unlike what sshd asks before it lets anybody in (AuthorizedKeysCommand,
 * unix_chkpwd). One that is ending has no executable any more. */
static bool is_logged_in(struct guard *guard, pid_t pid, const struct proc_stat *parent)
{
	_cleanup_(target_free) struct target t = {0};
	int r = look_at(guard, pid, &t);
	if (r == -ESRCH || (r == 0 && t.exe_error == -ENOENT))
		return false;
	return r < 0 || (!target_is_sshd(&t) && t.stat.session != parent->session);
}

/* Where that cannot be told it does: it may be somebody's way in. */
static bool serves_login(struct guard *guard, pid_t pid, unsigned depth)
{
	_cleanup_pids_ struct pids children = {0};
	struct proc_stat st;
	int r = proc_stat(guard->host->proc, pid, &st);
	if (r == 0)
		r = proc_children(guard->host->proc, pid, &children);
	if (r < 0)
		return r != -ESRCH;
	for (size_t i = 0; i < children.n; i++)
		if (is_logged_in(guard, children.v[i], &st) || (depth && serves_login(guard, children.v[i], depth - 1)))
			return true;
	return false;
}

/* The one that holds the connection may have another one between itself and the shell. */
bool guard_is_login(struct guard *guard, pid_t pid)
{
	return is_sshd(guard, pid) && serves_login(guard, pid, 2);
}

bool guard_accepts_logins(struct guard *guard, pid_t pid)
{
	struct proc_stat st;
	return is_sshd(guard, pid) && proc_stat(guard->host->proc, pid, &st) == 0 && !is_sshd(guard, st.ppid);
}

/* 1: it accepts connections; 0: it does not; -errno with the sentence. */
static int is_listener(struct guard *guard, pid_t pid, struct refusal *v)
{
	const struct socket_facts *sockets;
	int r = guard_sockets(guard, &sockets);
	if (r < 0)
		return guard_unsure(v, r, "cannot list sockets, and pid %d is an sshd", (int)pid);
	r = proc_sockets(guard->host->proc, pid, find_listener, (void *)sockets);
	if (r >= 0 || r == -ESRCH || r == -ENOENT)
		return r > 0;
	/* Out of sight: it has no sshd above it, so it is taken for the listener. */
	if (r == -EACCES || r == -EPERM)
		return 1;
	return guard_unsure(v, r, "cannot list the sockets of pid %d, an sshd", (int)pid);
}

/* sshd's sessions listen too, for what they forward; their parent is sshd itself. */
static int check_sshd(struct guard *guard, const struct subject *subject, const struct target *t, struct refusal *v)
{
	pid_t pid = subject->pid;
	if (!target_is_sshd(t))
		return 0;
	int listens = is_sshd(guard, t->stat.ppid) ? 0 : is_listener(guard, pid, v);
	if (listens < 0)
		return listens;
	if (listens)
		return guard_refuse(
			guard, v, "process.sshd-listener",
			"pid %d is the sshd that accepts logins: killing it locks everybody out; narrow the step's "
			"matchers",
			(int)pid);
	if (subject->login || !serves_login(guard, pid, 2))
		return 0;
	return guard_refuse(
		guard, v, "process.ssh-session",
		"pid %d is the sshd of somebody who is logged in, which may be an operator: end what runs in the "
		"session instead, or make sure that it is the intruder's",
		(int)pid);
}

/* In a session with a terminal somebody works. Without one only its leader is more to
 * us than any other process: a daemon's children share its session. */
static int check_session(struct guard *guard, const struct process_facts *f, const struct target *t,
                         struct refusal *v)
{
	const struct proc_stat *own = &f->own, *st = &t->stat;
	bool ours = st->pid == own->session || (st->session == own->session && own->tty);
	if (!ours)
		return 0;
	return guard_refuse(guard, v, "process.session",
	                    "pid %d (%s) belongs to the session that this program runs in: killing it may end your own "
	                    "work; narrow the step's matchers", (int)st->pid, buf_text(&t->shown));
}

static int check_service(struct guard *guard, const struct target *t, struct refusal *v)
{
	if (!t->installed)
		return 0;
	for (size_t i = 0; i < sizeof(service_names) / sizeof(service_names[0]); i++) {
		const struct service_name *s = &service_names[i];
		if (strcmp(s->name, t->name) != 0)
			continue;
		return guard_refuse(guard, v, s->rule,
		                    "pid %d (%s) is %s; narrow the step's matchers, or stop the service "
		                    "by its own means",
		                    (int)t->stat.pid, buf_text(&t->shown), s->what);
	}
	return 0;
}

/* The kernel cuts names to 15 bytes. */
static bool is_named(const struct guard *guard, const struct target *t, const char *protected)
{
	if (protected[0] == '/')
		return t->exe_error == 0 && proc_exe_is_at(guard->host->root, &t->exe, protected);
	return strncmp(t->stat.comm, protected, 15) == 0 || strcmp(t->name, protected) == 0;
}

static int check_config(struct guard *guard, const struct process_facts *f, const struct target *t, struct refusal *v)
{
	const struct strv *names = &guard->config->processes;
	for (size_t i = 0; i < names->n; i++)
		if (is_named(guard, t, names->v[i]))
			return guard_refuse(
				guard, v, "process.protected",
				"pid %d (%s) is protected by respond.conf(5) as %s; narrow the step's matchers",
				(int)t->stat.pid, buf_text(&t->shown), names->v[i]);
	if (!f->n_users)
		return 0;
	struct proc_status status;
	int r = proc_status(guard->host->proc, t->stat.pid, &status);
	if (r < 0)
		return r == -ESRCH ? 0 : guard_unsure(v, r, "cannot tell whose process pid %d is", (int)t->stat.pid);
	for (size_t i = 0; i < f->n_users; i++)
		if (status.uid == f->users[i] || status.euid == f->users[i])
			return guard_refuse(
				guard, v, "user.protected",
				"pid %d (%s) runs as user %u, whom respond.conf(5) protects; narrow the step's "
				"matchers",
				(int)t->stat.pid, buf_text(&t->shown), (unsigned)f->users[i]);
	return 0;
}

/* What is known from the pid alone. */
static int check_pid(struct guard *guard, const struct process_facts *f, pid_t pid, struct refusal *v)
{
	if (pid == 1)
		return guard_refuse(guard, v, "process.init",
		                    "pid 1 is init: killing it stops the host; narrow the step's matchers");
	if (pid == f->self)
		return guard_refuse(guard, v, "process.self",
		                    "pid %d is this program itself; narrow the step's matchers", (int)pid);
	if (pids_has(&f->ancestors, pid))
		return guard_refuse(
			guard, v, "process.ancestor",
			"pid %d is what this program was started by: killing it ends the response halfway; narrow "
			"the step's matchers",
			(int)pid);
	return 0;
}

int guard_process(struct guard *guard, const struct subject *subject, struct refusal *v)
{
	pid_t pid = subject->pid;
	/* 0, -1 and below are groups of processes to kill(2). */
	if (pid <= 0)
		return guard_unsure(v, -EINVAL, "%d is not the pid of a process", (int)pid);
	const struct process_facts *f;
	int r = get_facts(guard, &f);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out who this program's ancestors are");
	r = check_pid(guard, f, pid, v);
	if (r < 0)
		return r;
	_cleanup_(target_free) struct target t = {0};
	r = look_at(guard, pid, &t);
	if (r < 0)
		return r == -ESRCH ? 0 : guard_unsure(v, r, "cannot look at pid %d", (int)pid);
	if (t.stat.kthread)
		return guard_refuse(
			guard, v, "process.kernel-thread",
			"pid %d (%s) is a thread of the kernel: it cannot be killed; narrow the step's matchers",
			(int)pid, buf_text(&t.shown));
	r = check_session(guard, f, &t, v);
	if (r == 0)
		r = check_sshd(guard, subject, &t, v);
	if (r == 0)
		r = check_service(guard, &t, v);
	return r < 0 ? r : check_config(guard, f, &t, v);
}
