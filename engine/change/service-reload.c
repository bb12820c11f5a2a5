/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/service-reload.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/sockets.h"
#include "base/spawn.h"
#include "change/unit-manager.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEMCTL "/usr/bin/systemctl"
#define SYSTEMCTL_TIMEOUT_MS 30000
#define BACK_TIMEOUT_MS 10000 /* for the daemon to listen again */
#define GONE_TIMEOUT_MS 2000  /* the same where it has ended: somebody may start it anew */
#define BACK_POLL_MS 10
#define HUP_AGAIN_MS 1000

/* Inodes of listening sockets. */
struct inodes {
	uint32_t *v;
	size_t n;
};

static void inodes_free(struct inodes *s)
{
	free(s->v);
}

static int inodes_add(struct inodes *s, uint32_t inode)
{
	uint32_t *v = reallocarray(s->v, s->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->v = v;
	v[s->n++] = inode;
	return 0;
}

static bool inodes_has(const struct inodes *s, uint32_t inode)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == inode)
			return true;
	return false;
}

static int take_listening(void *ctx, const struct socket_info *info)
{
	bool listens = info->protocol == IPPROTO_TCP && info->state == TCP_LISTEN && info->inode;
	return listens ? inodes_add(ctx, info->inode) : 0;
}

static int is_among(void *ctx, uint32_t inode)
{
	return inodes_has(ctx, inode);
}

static bool is_daemon(struct host *host, pid_t pid, const struct service *service)
{
	struct stat exe;
	return proc_exe_stat(host->proc, pid, &exe) == 0 && proc_exe_is_at(host->root, &exe, service->daemon);
}

/* Whether the process is the daemon itself and one of LISTENING is its own. */
static bool is_listener(struct host *host, pid_t pid, const struct service *service, const struct inodes *listening)
{
	struct proc_stat st;
	return is_daemon(host, pid, service) && proc_stat(host->proc, pid, &st) == 0 &&
	       !is_daemon(host, st.ppid, service) && proc_sockets(host->proc, pid, is_among, (void *)listening) == 1;
}

static int find_listeners(struct host *host, const struct service *service, const struct inodes *listening,
                          struct pids *ret)
{
	_cleanup_pids_ struct pids all = {0};
	int r = proc_pids(host->proc, &all);
	for (size_t i = 0; i < all.n && r == 0; i++)
		if (is_listener(host, all.v[i], service, listening))
			r = pids_add(ret, all.v[i]);
	return r;
}

int service_listeners(struct host *host, const struct service *service, struct pids *ret)
{
	_cleanup_(inodes_free) struct inodes listening = {0};
	int r = sockets_visit(take_listening, &listening);
	return r < 0 ? r : find_listeners(host, service, &listening, ret);
}

/* Whether the daemon listens on a socket that is not among OLD: it has begun anew. */
static bool is_back(struct host *host, const struct service *service, const struct inodes *old)
{
	_cleanup_(inodes_free) struct inodes now = {0}, fresh = {0};
	_cleanup_pids_ struct pids pids = {0};
	if (sockets_visit(take_listening, &now) < 0)
		return false;
	for (size_t i = 0; i < now.n; i++)
		if (!inodes_has(old, now.v[i]) && inodes_add(&fresh, now.v[i]) < 0)
			return false;
	return find_listeners(host, service, &fresh, &pids) == 0 && pids.n;
}

/* SIGHUP to PID, held by pidfd before it is looked at a second time. */
static int hang_up(struct host *host, pid_t pid, const struct service *service, const struct inodes *listening)
{
	struct proc_identity id;
	_cleanup_close_ int pidfd = -1;
	int r = proc_hold_pid(host->proc, pid, &id, &pidfd);
	if (r == 0 && !is_listener(host, pid, service, listening))
		r = -ESRCH;
	return r < 0 ? r : proc_signal(pidfd, SIGHUP);
}

/* One that had only just begun to listen may not have heard: it is told again. -ETIMEDOUT;
 * -ESRCH: it has ended. */
static int wait_back(struct host *host, pid_t pid, const struct service *service, const struct inodes *old)
{
	int waited = 0, gone = 0;
	while (waited < BACK_TIMEOUT_MS && gone < GONE_TIMEOUT_MS) {
		sleep_ms(BACK_POLL_MS);
		if (is_back(host, service, old))
			return 0;
		waited += BACK_POLL_MS;
		gone = is_daemon(host, pid, service) ? 0 : gone + BACK_POLL_MS;
		if (waited % HUP_AGAIN_MS == 0)
			(void)hang_up(host, pid, service, old);
	}
	return gone ? -ESRCH : -ETIMEDOUT;
}

static int reload_by_signal(struct host *host, const struct service *service, struct buf *note)
{
	_cleanup_(inodes_free) struct inodes listening = {0};
	_cleanup_pids_ struct pids pids = {0};
	int r = sockets_visit(take_listening, &listening);
	if (r == 0)
		r = find_listeners(host, service, &listening, &pids);
	if (r == 0 && !pids.n) {
		buf_printf(note, "%s does not listen here: nothing to reload", service->name);
		return -ESRCH;
	}
	for (size_t i = 0; i < pids.n && r == 0; i++) {
		r = hang_up(host, pids.v[i], service, &listening);
		if (r < 0)
			break;
		int back = wait_back(host, pids.v[i], service, &listening);
		if (back < 0) {
			buf_printf(note, "%s (pid %d) %s after SIGHUP", service->name, (int)pids.v[i],
			           back == -ESRCH ? "ended" : "did not listen again");
			return -ETIMEDOUT;
		}
		buf_printf(note, "%sSIGHUP to pid %d", note->len ? ", " : "", (int)pids.v[i]);
	}
	if (r < 0)
		buf_printf(note, "%s could not be told to reload: %s", service->name, strerror(-r));
	return r;
}

bool service_unit_active(const char *unit)
{
	const char *argv[] = {SYSTEMCTL, "is-active", "--quiet", "--", unit, NULL};
	int status;
	return spawn_read(argv, SYSTEMCTL_TIMEOUT_MS, NULL, NULL, &status) == 0 && status == 0;
}

static int tell_unit(const char *verb, const char *unit, struct buf *note)
{
	const char *argv[] = {SYSTEMCTL, verb, "--", unit, NULL};
	_cleanup_buf_ struct buf err = {0};
	int status = 0;
	int r = spawn_read(argv, SYSTEMCTL_TIMEOUT_MS, NULL, &err, &status);
	if (r == 0 && status == 0)
		return buf_printf(note, "systemctl %s %s", verb, unit);
	buf_printf(note, "systemctl %s %s failed: ", verb, unit);
	if (r < 0)
		buf_puts(note, strerror(-r));
	else
		escape_text(note, buf_text(&err), err.len ? strcspn(err.data, "\n") : 0);
	return r < 0 ? r : -EIO;
}

/* "ssh.service": whether "ssh.socket" is active. */
static bool has_socket(const char *unit)
{
	char name[64];
	size_t len = strlen(unit), ending = strlen(".service");
	if (len <= ending || len >= sizeof(name) || strcmp(unit + len - ending, ".service") != 0)
		return false;
	memcpy(name, unit, len - ending);
	snprintf(name + len - ending, sizeof(name) - len + ending, ".socket");
	return service_unit_active(name);
}

/* Whether a stop ends the daemon alone, and not what it has started. */
static bool lets_sessions_live(const char *unit)
{
	const char *argv[] = {SYSTEMCTL, "show", "--property=KillMode", "--", unit, NULL};
	_cleanup_buf_ struct buf out = {0};
	int status = 0;
	return spawn_read(argv, SYSTEMCTL_TIMEOUT_MS, &out, NULL, &status) == 0 && status == 0 &&
	       strcmp(buf_text(&out), "KillMode=process\n") == 0;
}

/* Where systemd holds the port, a daemon that is told to begin anew cannot bind to it, and
 * ends. Started by systemd it is handed the port again. */
static int reload_unit(const char *unit, struct buf *note)
{
	if (!has_socket(unit))
		return tell_unit("reload", unit, note);
	if (lets_sessions_live(unit))
		return tell_unit("try-restart", unit, note);
	buf_printf(note, "%s was started for its socket, and its sessions would end with it: it reads its configuration when "
	                 "it is next started",
	           unit);
	return -EOPNOTSUPP;
}

int service_reload(struct host *host, const struct service *service, struct buf *ret_note)
{
	if (service->reload)
		return service->reload(host, ret_note);
	bool systemd = service->units && host_runs_systemd(host);
	for (size_t i = 0; systemd && service->units[i]; i++)
		if (service_unit_active(service->units[i]))
			return reload_unit(service->units[i], ret_note);
	return service->daemon ? reload_by_signal(host, service, ret_note) : -ESRCH;
}
