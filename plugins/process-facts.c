/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process-facts.h"

#include "base/escape.h"
#include "base/fd.h"
#include "change/process-sockets.h"
#include "own-program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What facts are made from. */
struct yielding {
	struct host *host;
	struct plan *plan;
	struct socket_table table;
};

static void yielding_end(struct yielding *y)
{
	socket_table_free(&y->table);
}

/* Its arguments are its own to write: what they name is for people to judge. */
static int note_interpreter(struct yielding *y, const struct process *p)
{
	_cleanup_buf_ struct buf name = {0}, exe = {0};
	escape_str(&name, p->comm);
	escape_str(&exe, p->exe);
	return plan_note(y->plan, "%d (%s) is run by %s: the file of its script is not followed; name it where files are taken away",
	                 (int)p->id.pid, buf_text(&name), buf_text(&exe));
}

static int yield_exe(struct yielding *y, const struct process *p)
{
	const struct stat exe = {.st_dev = p->id.dev, .st_ino = p->id.ino};
	if (p->exe[0] != '/' || p->deleted || !proc_exe_is_at(y->host->root, &exe, p->exe))
		return 0;
	int r = own_program(y->host, p);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return host_blind(y->host, "cannot tell whether a package owns the executable of process %d: %s",
		                  (int)p->id.pid, strerror(-r));
	if (r == 0 && p->direct && is_interpreter(p->exe))
		return note_interpreter(y, p);
	return r ? plan_fact(y->plan, "exe", p->exe) : 0;
}

static int yield_cwd(struct host *host, struct plan *plan, const struct process *p)
{
	int fd;
	if (p->cwd[0] != '/' || path_open(host->root, p->cwd, O_PATH | O_DIRECTORY, &fd) < 0)
		return 0;
	close(fd);
	return plan_fact(plan, "cwd", p->cwd);
}

static int yield_peers(struct yielding *y, const struct process *p)
{
	_cleanup_strv_ struct strv peers = {0};
	int r = process_peers(y->host, p->id.pid, &y->table, &peers);
	if (r == -EACCES || r == -EPERM)
		return host_blind(y->host, "cannot see the connections of other users' processes: not root");
	if (r < 0)
		return r == -ESRCH || r == -ENOENT ? 0 : r;
	for (size_t i = 0; r == 0 && i < peers.n; i++)
		r = plan_fact(y->plan, "peer", peers.v[i]);
	return r;
}

static int yield_process(struct yielding *y, const struct process *p)
{
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)p->id.pid);
	int r = plan_fact(y->plan, "pid", pid);
	if (r == 0)
		r = plan_fact(y->plan, "user", p->user);
	if (r == 0)
		r = yield_exe(y, p);
	if (r == 0)
		r = yield_cwd(y->host, y->plan, p);
	return r < 0 ? r : yield_peers(y, p);
}

int process_facts(struct host *host, struct plan *plan, const struct processes *list)
{
	_cleanup_(yielding_end) struct yielding y = {.host = host, .plan = plan};
	int r = list->n ? socket_table_load(&y.table) : 0;
	if (r < 0)
		r = host_blind(host, "cannot list the connections of this host: %s", strerror(-r));
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = yield_process(&y, &list->v[i]);
	return r < 0 ? r : plan_fact_number(plan, "count", (long long)list->n);
}
