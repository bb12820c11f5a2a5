/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process.find, process.stop, process.kill: which processes are meant, what they lead
 * to, and one change for all of them, so that those which restart each other are
 * stopped together.
 */
#include "change/process-describe.h"
#include "change/process-kill.h"
#include "change/process-select.h"
#include "change/process-stop.h"
#include "core/action.h"
#include "process-facts.h"
#include "process-reading.h"

#include <string.h>

extern const struct action process_find;
extern const struct action process_stop;
extern const struct action process_kill;

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

/* What the three actions have in common. The caller frees both results, after a failure too. */
static int find(struct host *host, const struct args *args, struct plan *plan, struct selector **ret_selector,
                struct processes *ret)
{
	int r = selector_from_args(args, ret_selector);
	if (r == 0)
		r = read_selected(host, *ret_selector, plan, ret);
	return r < 0 ? r : process_facts(host, plan, ret);
}

static int plan_kind(struct host *host, const struct args *args, struct plan *plan, const struct change_kind *kind)
{
	_cleanup_(selector_free) struct selector *selector = NULL;
	_cleanup_processes_ struct processes list = {0}, left = {0};
	int r = find(host, args, plan, &selector, &list);
	if (r == 0) /* a kill takes what another step only stops */
		r = reading_drop_planned(plan, kind == &process_stop_kind, &list, &left);
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
	PROCESS_FACTS,
	{0},
};

static const char *const techniques[] = {"T1496 Resource Hijacking", NULL};

const struct action process_find = {
	.name = "process.find",
	.summary = "look for processes, for the steps that follow",
	.params = params,
	.facts = facts,
	.plan = plan_find,
	.looks = true,
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
