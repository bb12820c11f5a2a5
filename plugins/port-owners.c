/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port-owners.h"

#include "base/escape.h"
#include "base/proc.h"
#include "base/sockets.h"
#include "change/process-sockets.h"
#include "change/unit-manager.h"
#include "core/value.h"
#include "process-reading.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define CONNECTED_NAMED 5

struct finding {
	struct host *host;
	const struct port_question *question;
	struct plan *plan;
	struct port_owners *owners;
	struct socket_table table; /* of the sockets at these ports */
	struct reading listening, alone;
	bool systemd;
	bool manager;         /* systemd listens itself */
	bool blind;           /* some processes could not be looked into */
	struct strv sockets, services;
	struct strv heard;    /* the ports, as text, that a process is known for */
	unsigned connected;   /* processes that go on with a connection */
};

void port_owners_free(struct port_owners *owners)
{
	strv_free(&owners->units);
	processes_free(&owners->listening);
	processes_free(&owners->alone);
	*owners = (struct port_owners){0};
}

static void finding_end(struct finding *f)
{
	socket_table_free(&f->table);
	reading_end(&f->listening);
	reading_end(&f->alone);
	strv_free(&f->sockets);
	strv_free(&f->services);
	strv_free(&f->heard);
}

static bool is_asked(const struct port_question *q, const struct socket_info *s)
{
	for (size_t i = 0; i < q->n; i++)
		if (s->protocol == q->protocol && s->local_port == q->ports[i])
			return true;
	return false;
}

/* A UDP socket without a peer waits for whoever comes. */
static bool listens(const struct socket_info *s)
{
	return s->protocol == IPPROTO_TCP ? s->state == TCP_LISTEN : !s->peer_port;
}

static void keep_asked(struct finding *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->table.n; i++)
		if (is_asked(f->question, &f->table.v[i]))
			f->table.v[kept++] = f->table.v[i];
	f->table.n = kept;
}

/* ---- processes --------------------------------------------------------------------------- */

static int hear(void *ctx, const struct socket_info *s)
{
	struct finding *f = ctx;
	char port[8];
	snprintf(port, sizeof(port), "%u", s->local_port);
	return listens(s) ? strv_add_new(&f->heard, port) : 0;
}

static int is_listener(void *ctx, const struct socket_info *s)
{
	(void)ctx;
	return listens(s);
}

static int add_listener(struct finding *f, pid_t pid)
{
	int r = process_sockets(f->host, pid, &f->table, is_listener, NULL);
	if (r == -EACCES || r == -EPERM)
		f->blind = true;
	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	r = process_sockets(f->host, pid, &f->table, hear, f);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (pid == 1) {
		f->manager = true;
		return 0;
	}
	return reading_one(&f->listening, pid);
}

static int find_listeners(struct finding *f)
{
	_cleanup_pids_ struct pids pids = {0};
	int r = proc_pids(f->host->proc, &pids);
	for (size_t i = 0; r == 0 && i < pids.n; i++)
		r = add_listener(f, pids.v[i]);
	if (r == 0 && f->blind)
		r = host_blind(f->host, "cannot see who listens where of other users' processes: not root");
	return r;
}

/* The kernel listens for itself, too (NFS, tunnels), and a process in another pid namespace may
 * share our network. */
static int tell_unheard(struct finding *f)
{
	_cleanup_strv_ struct strv told = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && !f->blind && i < f->table.n; i++) {
		char port[8];
		snprintf(port, sizeof(port), "%u", f->table.v[i].local_port);
		if (!listens(&f->table.v[i]) || strv_has(&f->heard, port) || strv_has(&told, port))
			continue;
		r = strv_add(&told, port);
		if (r == 0)
			r = plan_note(f->plan, "nobody who can be seen listens on port %s: the kernel itself, or a process of "
			              "another pid namespace; it is closed, and nothing is stopped", port);
	}
	return r;
}

/* ---- units ------------------------------------------------------------------------------- */

/* Whether PID has grown from MAIN and runs the same program. */
static bool is_worker(struct finding *f, const struct process *p, pid_t main)
{
	struct proc_identity id;
	pid_t pid = p->ppid;
	if (proc_identify(f->host->proc, main, &id) < 0 || !id.ino || id.dev != p->id.dev || id.ino != p->id.ino)
		return false;
	for (int depth = 0; pid > 1 && pid != main && depth < 64; depth++) {
		struct proc_stat st;
		if (proc_stat(f->host->proc, pid, &st) < 0)
			return false;
		pid = st.ppid;
	}
	return pid == main;
}

static bool is_own(struct finding *f, const struct unit_info *u, const struct process *p)
{
	return u->main_pid == 0 || u->main_pid == p->id.pid || is_worker(f, p, u->main_pid);
}

static bool starts_again(const struct unit_info *u)
{
	return u->fragment[0] && !u->transient;
}

static int note_alone(struct finding *f, const struct process *p, const struct unit_info *u)
{
	_cleanup_buf_ struct buf name = {0}, unit = {0};
	escape_str(&name, process_name(p));
	escape_str(&unit, u->id);
	if (!is_own(f, u, p))
		return plan_note(f->plan, "%d (%s) runs in %s and is not its main process: the process is meant, not the unit",
		                 (int)p->id.pid, buf_text(&name), buf_text(&unit));
	return plan_note(f->plan, "%s could not be started again: its processes are stopped instead; kill = yes ends it",
	                 buf_text(&unit));
}

/* The services of UNIT's that it is triggered by. */
static int add_service(struct finding *f, const struct unit_info *u)
{
	int r = strv_add_new(&f->services, u->id);
	for (size_t i = 0; r == 0 && i < u->triggered_by.n; i++)
		if (unit_has_type(u->triggered_by.v[i], "socket"))
			r = strv_add_new(&f->sockets, u->triggered_by.v[i]);
	return r;
}

/* Whoever may make control groups chooses their names. */
static bool is_service(const char *name)
{
	_cleanup_strv_ struct strv checked = {0};
	_cleanup_buf_ struct buf ignored = {0};
	return unit_has_type(name, "service") && !unit_is_template(name) && strncmp(name, "user@", 5) != 0 &&
	       type_check(TYPE_UNIT, NULL, name, &checked, &ignored) == 0;
}

/* The unit of the process, if it owns it. 1: it does, and is listed. */
static int find_unit(struct finding *f, const struct process *p)
{
	_cleanup_buf_ struct buf name = {0}, why = {0};
	_cleanup_units_ struct unit_infos infos = {0};
	int r = f->systemd ? proc_unit(f->host->proc, p->id.pid, &name) : -ENOENT;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!is_service(name.data))
		return 0;
	r = unit_show(name.data, &infos, &why);
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(f->plan, r, "%s", buf_text(&why));
	const struct unit_info *u = &infos.v[0];
	if (!unit_is_up(u))
		return 0;
	if (!is_own(f, u, p) || !(starts_again(u) || f->question->for_good)) {
		r = note_alone(f, p, u);
		return r < 0 ? r : 0;
	}
	r = add_service(f, u);
	return r < 0 ? r : 1;
}

/* The processes of a unit that ends end with it. */
static int sort_out(struct finding *f)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < f->owners->listening.n; i++) {
		r = find_unit(f, &f->owners->listening.v[i]);
		if (r == 0)
			r = reading_one(&f->alone, f->owners->listening.v[i].id.pid);
	}
	return r < 0 ? r : reading_descendants(&f->alone);
}

static bool listens_there(const struct finding *f, const struct unit_info *u)
{
	for (size_t i = 0; i < f->question->n; i++)
		if (unit_listens_on(u, f->question->protocol == IPPROTO_UDP, f->question->ports[i]))
			return true;
	return false;
}

/* What systemd listens on itself. */
static int find_sockets(struct finding *f)
{
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf why = {0};
	size_t before = f->sockets.n;
	if (!f->manager || !f->systemd)
		return 0;
	int r = units_show_sockets(&infos, &why);
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(f->plan, r, "%s", buf_text(&why));
	for (size_t i = 0; r == 0 && i < infos.n; i++)
		if (unit_is_up(&infos.v[i]) && listens_there(f, &infos.v[i]))
			r = strv_add_new(&f->sockets, infos.v[i].id);
	if (r == 0 && f->sockets.n == before && !before)
		r = plan_residual(f->plan, "systemd itself listens there, and no socket unit of it says so");
	return r;
}

/* ---- connections ------------------------------------------------------------------------- */

static int is_connection(void *ctx, const struct socket_info *s)
{
	(void)ctx;
	return s->protocol == IPPROTO_TCP && s->state == TCP_ESTABLISHED;
}

/* Whether it ends or stands still with what is planned. */
static bool is_ended(const struct finding *f, pid_t pid)
{
	for (size_t i = 0; i < f->owners->alone.n; i++)
		if (f->owners->alone.v[i].id.pid == pid)
			return true;
	for (size_t i = 0; i < f->services.n; i++)
		if (proc_in_unit(f->host->proc, pid, f->services.v[i]))
			return true;
	return false;
}

/* Who came by the port before stays: that may be an operator. */
static int tell_connected(struct finding *f)
{
	_cleanup_pids_ struct pids pids = {0};
	int r = f->table.n ? proc_pids(f->host->proc, &pids) : 0;
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		char comm[64];
		_cleanup_buf_ struct buf name = {0};
		if (process_sockets(f->host, pids.v[i], &f->table, is_connection, NULL) <= 0 || is_ended(f, pids.v[i]) ||
		    proc_comm(f->host->proc, pids.v[i], comm) < 0)
			continue;
		escape_str(&name, comm);
		if (++f->connected <= CONNECTED_NAMED)
			r = plan_note(f->plan, "%d (%s) goes on with a connection that came by there", (int)pids.v[i],
			              buf_text(&name));
	}
	if (r == 0 && f->connected > CONNECTED_NAMED)
		r = plan_note(f->plan, "so do %u more", f->connected - CONNECTED_NAMED);
	return r;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int find(struct finding *f)
{
	int r = socket_table_load(&f->table);
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(f->plan, r, "cannot list the sockets of this host: %s", strerror(-r));
	keep_asked(f);
	r = find_listeners(f);
	if (r == 0)
		r = tell_unheard(f);
	if (r == 0)
		r = sort_out(f);
	if (r == 0)
		r = find_sockets(f);
	/* What waits at a socket starts its service again at once. */
	if (r == 0)
		r = strv_add_all(&f->owners->units, &f->sockets);
	if (r == 0)
		r = strv_add_all(&f->owners->units, &f->services);
	return r < 0 ? r : tell_connected(f);
}

int port_owners_find(struct host *host, const struct port_question *question, struct plan *plan,
                     struct port_owners *ret)
{
	_cleanup_port_owners_ struct port_owners owners = {0};
	_cleanup_(finding_end) struct finding f = {
		.host = host, .question = question, .plan = plan, .owners = &owners, .systemd = host_runs_systemd(host),
	};
	int r = reading_begin(&f.listening, host, &owners.listening);
	if (r == 0)
		r = reading_begin(&f.alone, host, &owners.alone);
	if (r == 0)
		r = find(&f);
	if (r < 0)
		return r;
	*ret = owners;
	owners = (struct port_owners){0};
	return 0;
}
