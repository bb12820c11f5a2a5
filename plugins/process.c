/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process.find, process.stop, process.kill: which processes are meant, what they lead
 * to, and one change for all of them, so that those which restart each other are
 * stopped together.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "change/process-describe.h"
#include "change/process-kill.h"
#include "change/process-select.h"
#include "change/process-sockets.h"
#include "change/process-stop.h"
#include "core/action.h"
#include "own-program.h"
#include "process-reading.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

extern const struct action process_find;
extern const struct action process_stop;
extern const struct action process_kill;

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

static int yield_facts(struct host *host, struct plan *plan, const struct processes *list)
{
	_cleanup_(yielding_end) struct yielding y = {.host = host, .plan = plan};
	int r = list->n ? socket_table_load(&y.table) : 0;
	if (r < 0)
		r = host_blind(host, "cannot list the connections of this host: %s", strerror(-r));
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = yield_process(&y, &list->v[i]);
	return r < 0 ? r : plan_fact_number(plan, "count", (long long)list->n);
}

static int read_selected(struct host *host, const struct selector *selector, struct plan *plan, struct processes *list)
{
	_cleanup_(reading_end) struct reading reading;
	_cleanup_(scan_free) struct scan *scan = NULL;
	_cleanup_buf_ struct buf why = {0};
	int r = reading_begin(&reading, host, list);
	if (r == 0)
		r = scan_new(host, selector, &scan, &why);
	if (r < 0)
		return plan_fail(plan, r, "%s", why.len ? buf_text(&why) : strerror(-r));
	r = scan_run(scan, NULL, reading_one, &reading);
	if (r == 0 && selector_tree(selector))
		r = reading_descendants(&reading);
	return r;
}

/* A kill takes what another step only stops. LEFT gets what is dropped. */
static int drop_planned(const struct plan *plan, const struct change_kind *kind, struct processes *list,
                        struct processes *left)
{
	_cleanup_pids_ struct pids planned = {0};
	int r = reading_planned(plan, &planned);
	size_t kept = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < list->n; i++) {
		struct process *p = &list->v[i];
		bool standing = kind == &process_stop_kind && p->stopped;
		if (!standing && !pids_sorted_has(&planned, p->id.pid))
			list->v[kept++] = *p;
		else if (processes_add(left, p) < 0) /* has freed it */
			r = -ENOMEM;
	}
	list->n = kept;
	return r;
}

/* What the three actions have in common. The caller frees both results, after a failure too. */
static int find(struct host *host, const struct args *args, struct plan *plan, struct selector **ret_selector,
                struct processes *ret)
{
	int r = selector_from_args(args, ret_selector);
	if (r == 0)
		r = read_selected(host, *ret_selector, plan, ret);
	return r < 0 ? r : yield_facts(host, plan, ret);
}

static int plan_kind(struct host *host, const struct args *args, struct plan *plan, const struct change_kind *kind)
{
	_cleanup_(selector_free) struct selector *selector = NULL;
	_cleanup_processes_ struct processes list = {0}, left = {0};
	int r = find(host, args, plan, &selector, &list);
	if (r == 0)
		r = drop_planned(plan, kind, &list, &left);
	return r < 0 ? r : processes_plan(host, plan, kind, selector, &list, &left);
}

static int plan_stop(struct host *host, const struct args *args, struct plan *plan)
{
	return plan_kind(host, args, plan, &process_stop_kind);
}

static int plan_kill(struct host *host, const struct args *args, struct plan *plan)
{
	return plan_kind(host, args, plan, &process_kill_kind);
}

static int note_tree(struct plan *plan, const struct processes *list)
{
	_cleanup_buf_ struct buf text = {0};
	int r = processes_tree(list, &text);
	char *save = NULL;
	for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; r == 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = plan_note(plan, "%s", line);
	return r;
}

static int plan_find(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(selector_free) struct selector *selector = NULL;
	_cleanup_processes_ struct processes list = {0};
	int r = find(host, args, plan, &selector, &list);
	return r < 0 ? r : note_tree(plan, &list);
}

#define MATCHER_LIST (PARAM_LIST | PARAM_MATCHER)

static const struct param params[] = {
	{"name", TYPE_NAME, MATCHER_LIST, NULL, NULL, "its name, or the last component of argv[0]"},
	{"exe", TYPE_GLOB, MATCHER_LIST, NULL, NULL, "path of its executable, also after that was deleted"},
	{"exe-sha256", TYPE_SHA256, MATCHER_LIST, NULL, NULL, "hash of its executable's content"},
	{"cmdline", TYPE_TEXT, MATCHER_LIST, NULL, NULL, "fixed text in its command line"},
	{"user", TYPE_USER, MATCHER_LIST, NULL, NULL, "the user that it runs as"},
	{"pid", TYPE_PID, MATCHER_LIST, NULL, NULL, "its number"},
	{"cpu-above", TYPE_PERCENT, PARAM_MATCHER, NULL, NULL, "it uses more of a core than this, over a short sample"},
	{"connects-to", TYPE_ENDPOINT, MATCHER_LIST, NULL, NULL, "it is connected to this address, prefix or port"},
	{"deleted-exe", TYPE_YES_NO, PARAM_MATCHER, NULL, NULL, "whether its executable is no longer on disk"},
	{"parent", TYPE_NAME, MATCHER_LIST, NULL, NULL, "name or number of its parent"},
	{"tree", TYPE_YES_NO, 0, "yes", NULL, "descendants, too"},
	{0},
};

static const struct fact_decl facts[] = {
	{"pid", TYPE_PID, "the processes"},
	{"exe", TYPE_PATH, "their executables, without interpreters and what packages own"},
	{"user", TYPE_USER, "the users that they run as"},
	{"peer", TYPE_ADDRESS, "remote addresses that they are connected to, without loopback"},
	{"cwd", TYPE_PATH, "their working directories"},
	{"count", TYPE_NUMBER, "how many they are"},
	{0},
};

static const char *const techniques[] = {"T1496 Resource Hijacking", NULL};

const struct action process_find = {
	.name = "process.find",
	.summary = "look for processes, for the steps that follow",
	.params = params,
	.facts = facts,
	.plan = plan_find,
};

const struct action process_stop = {
	.name = "process.stop",
	.summary = "stop processes; undo lets them go on",
	.params = params,
	.facts = facts,
	.plan = plan_stop,
	.techniques = techniques,
};

const struct action process_kill = {
	.name = "process.kill",
	.summary = "kill processes with their trees; evidence is kept, no undo",
	.params = params,
	.facts = facts,
	.plan = plan_kill,
	.techniques = techniques,
};
