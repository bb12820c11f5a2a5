/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process-reading.h"

#include "base/proc.h"
#include "change/process-kill.h"
#include "change/process-stop.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int reading_begin(struct reading *reading, struct host *host, struct processes *list)
{
	*reading = (struct reading){.host = host, .list = list, .direct = true};
	return users_load(host->root, &reading->users);
}

void reading_end(struct reading *reading)
{
	users_free(&reading->users);
	pids_free(&reading->known);
}

int reading_one(void *ctx, pid_t pid)
{
	struct reading *reading = ctx;
	struct process p = {0};
	if (pid == getpid() || pids_sorted_has(&reading->known, pid))
		return 0;
	int r = process_read(reading->host, &reading->users, pid, &p);
	if (r < 0)
		return r == -ESRCH || r == -ENOENT ? 0 : r;
	p.direct = reading->direct;
	r = pids_sorted_add(&reading->known, pid);
	if (r < 0) {
		process_free(&p);
		return r;
	}
	return processes_add(reading->list, &p);
}

/* The list grows while it is walked: children of children follow. */
int reading_descendants(struct reading *reading)
{
	int r = 0;
	reading->direct = false;
	for (size_t i = 0; r == 0 && i < reading->list->n; i++) {
		_cleanup_pids_ struct pids children = {0};
		r = proc_children(reading->host->proc, reading->list->v[i].id.pid, &children);
		r = r == -ESRCH ? 0 : r;
		for (size_t k = 0; r == 0 && k < children.n; k++)
			r = reading_one(reading, children.v[k]);
	}
	return r;
}

static int list_planned(const struct plan *plan, struct pids *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < plan_count(plan); i++) {
		const struct change *c = plan_at(plan, i);
		_cleanup_processes_ struct processes list = {0};
		if (!c || (c->kind != &process_kill_kind && c->kind != &process_stop_kind))
			continue;
		r = processes_of(c, &list);
		for (size_t k = 0; r == 0 && k < list.n; k++)
			r = pids_sorted_add(ret, list.v[k].id.pid);
	}
	return r;
}

int reading_drop_planned(const struct plan *plan, bool standing, struct processes *list, struct processes *left)
{
	_cleanup_pids_ struct pids planned = {0};
	int r = list_planned(plan, &planned);
	size_t kept = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < list->n; i++) {
		struct process *p = &list->v[i];
		if (!(standing && p->stopped) && !pids_sorted_has(&planned, p->id.pid))
			list->v[kept++] = *p;
		else if (processes_add(left, p) < 0) /* has freed it */
			r = -ENOMEM;
	}
	list->n = kept;
	return r;
}

int reading_selector(const struct processes *list, struct selector **ret)
{
	json_t *pids = json_array();
	for (size_t i = 0; pids && i < list->n; i++) {
		char pid[16];
		snprintf(pid, sizeof(pid), "%d", (int)list->v[i].id.pid);
		if (list->v[i].direct && json_array_append_new(pids, json_string(pid)) < 0) {
			json_decref(pids);
			return -ENOMEM;
		}
	}
	json_t *json = json_pack("{sb so}", "tree", 1, "pid", pids);
	int r = json ? selector_from_json(json, ret) : -ENOMEM;
	json_decref(json);
	return r;
}
