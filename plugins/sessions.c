/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sessions.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/netaddr.h"
#include "base/proc.h"
#include "change/process-describe.h"
#include "change/process-kill.h"
#include "change/process-sockets.h"
#include "process-reading.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#define UTMP_MAX (16 * 1024 * 1024)
#define TITLE_MAX 512

/* ---- sshd ------------------------------------------------------------------------------- */

int session_title_user(const char *title, struct buf *ret)
{
	static const char *const heads[] = {"sshd: ", "sshd-session: "};
	const char *name = NULL, *end;
	for (size_t i = 0; i < 2; i++)
		if (strncmp(title, heads[i], strlen(heads[i])) == 0)
			name = title + strlen(heads[i]);
	if (!name || strstr(name, "[listener]"))
		return -ENOENT;
	/* "mallory [priv]", "mallory [net]", "mallory@pts/0", "mallory@notty"; a name may hold an @. */
	end = strstr(name, " [");
	if (!end)
		end = strrchr(name, '@');
	if (!end || end == name || memchr(name, '/', (size_t)(end - name)))
		return -ENOENT;
	return buf_add(ret, name, (size_t)(end - name));
}

static bool is_sshd_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	return strcmp(name, "sshd") == 0 || strcmp(name, "sshd-session") == 0 || strcmp(name, "sshd-auth") == 0;
}

/* Root's own program: nobody else can make one that looks so. */
static bool runs_sshd(struct host *host, pid_t pid)
{
	_cleanup_buf_ struct buf path = {0};
	struct stat exe;
	bool deleted;
	return proc_exe_stat(host->proc, pid, &exe) == 0 && exe.st_uid == 0 && !(exe.st_mode & 022) &&
	       proc_exe_path(host->proc, pid, &exe, &path, &deleted) == 0 && is_sshd_name(buf_text(&path));
}

/* 1 with the user, 0. */
static int sshd_user(struct host *host, pid_t pid, struct buf *ret)
{
	_cleanup_strv_ struct strv argv = {0};
	char comm[64];
	if (proc_comm(host->proc, pid, comm) < 0 || strncmp(comm, "sshd", 4) != 0 || !runs_sshd(host, pid) ||
	    proc_cmdline(host->proc, pid, TITLE_MAX, &argv, NULL) < 0 || !argv.n)
		return 0;
	int r = session_title_user(argv.v[0], ret);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* ---- the sessions ------------------------------------------------------------------------- */

struct gathering {
	struct host *host;
	struct sessions *sessions;
	struct socket_table sockets;
	struct pids own; /* this program and what started it */
	int64_t boot_ms; /* since the boot */
	int64_t ticks;   /* of proc_stat.start in a second */
};

static void gathering_end(struct gathering *g)
{
	socket_table_free(&g->sockets);
	pids_free(&g->own);
}

static void session_clear(struct session *s)
{
	free(s->user);
	strv_free(&s->peers);
}

void sessions_free(struct sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		session_clear(&s->v[i]);
	free(s->v);
	*s = (struct sessions){0};
}

static int find_own(struct gathering *g)
{
	pid_t pid = getpid();
	int r = 0;
	while (r == 0 && pid > 0 && !pids_has(&g->own, pid)) {
		struct proc_stat st;
		r = pids_add(&g->own, pid);
		if (r == 0 && proc_stat(g->host->proc, pid, &st) < 0)
			break;
		pid = st.ppid;
	}
	return r;
}

static int gathering_begin(struct gathering *g, struct host *host, struct sessions *ret)
{
	struct timespec now;
	*g = (struct gathering){.host = host, .sessions = ret, .ticks = sysconf(_SC_CLK_TCK)};
	clock_gettime(CLOCK_BOOTTIME, &now);
	g->boot_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	int r = socket_table_load(&g->sockets);
	if (r < 0)
		r = host_blind(host, "cannot list the connections of this host: %s", strerror(-r));
	return r < 0 ? r : find_own(g);
}

static struct session *session_add(struct gathering *g, pid_t leader, const char *user, const struct proc_stat *st)
{
	struct session *v = reallocarray(g->sessions->v, g->sessions->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	g->sessions->v = v;
	struct session *s = &v[g->sessions->n];
	*s = (struct session){.leader = leader, .user = strdup(user), .own = pids_has(&g->own, leader),
	                      .age_ms = g->boot_ms - (int64_t)st->start * 1000 / g->ticks};
	if (!s->user)
		return NULL;
	g->sessions->n++;
	return s;
}

static int add_sshd(struct gathering *g, pid_t pid)
{
	_cleanup_buf_ struct buf user = {0}, above = {0};
	struct proc_stat st;
	int r = sshd_user(g->host, pid, &user);
	if (r <= 0 || proc_stat(g->host->proc, pid, &st) < 0)
		return r < 0 ? r : 0;
	r = sshd_user(g->host, st.ppid, &above);
	if (r != 0) /* a part of that one's */
		return r < 0 ? r : 0;
	struct session *s = session_add(g, pid, user.data, &st);
	r = s ? process_peers(g->host, pid, &g->sockets, &s->peers) : -ENOMEM;
	return r == -ENOMEM ? r : 0;
}

static int add_all_sshd(struct gathering *g)
{
	_cleanup_pids_ struct pids all = {0};
	int r = proc_pids(g->host->proc, &all);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_sshd(g, all.v[i]);
	return r;
}

/* Whether PID is in a session that is known: its leader is above it. */
static bool is_known(const struct gathering *g, pid_t pid)
{
	for (int depth = 0; pid > 1 && depth < 64; depth++) {
		struct proc_stat st;
		for (size_t i = 0; i < g->sessions->n; i++)
			if (g->sessions->v[i].leader == pid)
				return true;
		if (proc_stat(g->host->proc, pid, &st) < 0)
			return false;
		pid = st.ppid;
	}
	return false;
}

/* Whether the process was there when the entry was written: pids are given away again. */
static bool is_as_old(const struct gathering *g, const struct proc_stat *st, const struct utmp *u)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t started = (int64_t)now.tv_sec - (g->boot_ms - (int64_t)st->start * 1000 / g->ticks) / 1000;
	return started <= (int64_t)u->ut_tv.tv_sec + 2;
}

static int add_peer(const struct utmp *u, struct session *s)
{
	struct netaddr a;
	char text[NETADDR_TEXT_LEN];
	bool v6 = u->ut_addr_v6[1] || u->ut_addr_v6[2] || u->ut_addr_v6[3];
	if (!v6 && !u->ut_addr_v6[0])
		return 0;
	netaddr_from_bytes(v6 ? AF_INET6 : AF_INET, u->ut_addr_v6, &a);
	netaddr_format(&a, text);
	return strv_add_new(&s->peers, text);
}

static int add_entry(struct gathering *g, const struct utmp *u)
{
	struct proc_stat st;
	char user[sizeof(u->ut_user) + 1] = "";
	memcpy(user, u->ut_user, sizeof(u->ut_user));
	if (u->ut_type != USER_PROCESS || u->ut_pid <= 1 || !user[0] || proc_stat(g->host->proc, u->ut_pid, &st) < 0 ||
	    st.kthread || !is_as_old(g, &st, u) || is_known(g, u->ut_pid))
		return 0;
	struct session *s = session_add(g, u->ut_pid, user, &st);
	return s ? add_peer(u, s) : -ENOMEM;
}

static int add_utmp(struct gathering *g)
{
	_cleanup_buf_ struct buf path = {0}, file = {0};
	int r = path_follow(g->host->root, "/var/run/utmp", &path);
	if (r == 0)
		r = path_read(g->host->root, path.data, UTMP_MAX, &file, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* there is none in a container, or on a host with logind alone */
	for (size_t at = 0; r == 0 && at + sizeof(struct utmp) <= file.len; at += sizeof(struct utmp)) {
		struct utmp u;
		memcpy(&u, file.data + at, sizeof(u));
		r = add_entry(g, &u);
	}
	return r;
}

int sessions_load(struct host *host, struct sessions *ret)
{
	_cleanup_(gathering_end) struct gathering g = {0};
	int r = gathering_begin(&g, host, ret);
	if (r == 0)
		r = add_all_sshd(&g);
	return r < 0 ? r : add_utmp(&g);
}

/* ---- ending them ---------------------------------------------------------------------------- */

static bool is_from(const struct session *s, const struct strv *addresses)
{
	for (size_t i = 0; i < s->peers.n; i++)
		for (size_t k = 0; k < addresses->n; k++) {
			struct netaddr peer, net;
			if (netaddr_parse(s->peers.v[i], &peer) == 0 && netaddr_parse(addresses->v[k], &net) == 0 &&
			    netaddr_contains(&net, &peer))
				return true;
		}
	return false;
}

static bool is_meant(const struct session *s, const struct session_filter *f)
{
	return (!f->users || strv_has(f->users, s->user)) && (!f->addresses || is_from(s, f->addresses)) &&
	       s->age_ms >= f->older_ms;
}

static int tell(struct plan *plan, const struct session *s, bool facts)
{
	_cleanup_buf_ struct buf age = {0}, user = {0};
	char pid[16];
	int r = 0;
	span_format(s->age_ms / 1000 * 1000, &age);
	escape_str(&user, s->user);
	snprintf(pid, sizeof(pid), "%d", (int)s->leader);
	if (s->own)
		return plan_note(plan, "the session of %s that this program runs in (%s) is left alone", buf_text(&user), pid);
	if (facts)
		r = plan_fact(plan, "pid", pid);
	if (r == 0 && facts)
		r = plan_fact(plan, "user", s->user);
	for (size_t i = 0; r == 0 && facts && i < s->peers.n; i++)
		r = plan_fact(plan, "address", s->peers.v[i]);
	return r < 0 ? r
	             : plan_note(plan, "%s: process %s, %s old%s%s", buf_text(&user), pid, buf_text(&age),
	                         s->peers.n ? ", from " : "", s->peers.n ? s->peers.v[0] : "");
}

static int plan_kill(struct host *host, struct plan *plan, struct processes *list)
{
	_cleanup_(selector_free) struct selector *selector = NULL;
	_cleanup_processes_ struct processes planned = {0};
	const struct processes none = {0};
	int r = reading_drop_planned(plan, false, list, &planned);
	if (r < 0 || !list->n)
		return r;
	r = reading_selector(list, &selector);
	if (r == 0)
		r = processes_plan(host, plan, &process_kill_kind, selector, list, &none);
	if (r < 0)
		return r;
	struct change *c = plan_at(plan, plan_count(plan) - 1);
	return json_object_set_new(c->data, "login", json_true()) < 0 ? -ENOMEM : 0;
}

int sessions_plan_end(struct host *host, struct plan *plan, const struct session_filter *filter, bool facts)
{
	_cleanup_(sessions_free) struct sessions sessions = {0};
	_cleanup_(reading_end) struct reading reading;
	_cleanup_processes_ struct processes list = {0};
	unsigned n = 0;
	int r = reading_begin(&reading, host, &list);
	if (r == 0)
		r = sessions_load(host, &sessions);
	for (size_t i = 0; r == 0 && i < sessions.n; i++) {
		const struct session *s = &sessions.v[i];
		if (!is_meant(s, filter))
			continue;
		n += !s->own;
		r = tell(plan, s, facts);
		if (r == 0 && !s->own)
			r = reading_one(&reading, s->leader);
	}
	if (r == 0)
		r = reading_descendants(&reading);
	if (r == 0 && facts)
		r = plan_fact_number(plan, "count", n);
	return r < 0 ? r : plan_kill(host, plan, &list);
}
