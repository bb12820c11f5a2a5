/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/unit-command.h"
#include "change/unit-state.h"
#include "unit-job.h"

#include "base/escape.h"

#include <errno.h>
#include <string.h>

#define ALSO_MAX 64 /* units that one step may come to by Also= */

static void target_free(struct unit_target *t)
{
	buf_free(&t->shown);
	buf_free(&t->state);
	unit_links_free(&t->take);
	unit_links_free(&t->make);
}

const char *unit_shown(struct buf *ret, const char *text)
{
	escape_str(ret, text);
	return buf_text(ret);
}

/* ---- what becomes a change -------------------------------------------------------------- */

static int count(struct unit_job *job, const struct unit_target *t)
{
	job->count++;
	return job->quiet ? 0 : plan_fact(job->plan, "unit", t->info->id);
}

/* Everything that systemd would stop with the unit, whatever leads to it. */
static int add_carried(const struct unit_info *unit, struct strset *seen, json_t *with)
{
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = unit->carried.n ? units_show(&unit->carried, &infos, &why) : 0;
	for (size_t i = 0; r == 0 && i < infos.n; i++) {
		const struct unit_info *u = &infos.v[i];
		int new = unit_is_up(u) ? strset_add(seen, u->id) : 0;
		if (new <= 0) {
			r = new;
			continue;
		}
		json_t *one = json_pack("[ooo]", json_text(u->id), json_text(u->fragment), json_text(u->cgroup));
		r = json_array_append_new(with, one) < 0 ? -ENOMEM : add_carried(u, seen, with);
	}
	return r;
}

static int list_carried(struct unit_job *job, const struct unit_info *unit, json_t **ret)
{
	struct strset seen = {0};
	json_t *with = json_array();
	int r = with ? add_carried(unit, &seen, with) : -ENOMEM;
	strset_free(&seen);
	if (r < 0) {
		json_decref(with);
		return r == -ENOMEM ? r : plan_fail(job->plan, r, "what depends on %s cannot be found out", unit->id);
	}
	*ret = with;
	return 0;
}

static int change(struct unit_job *job, struct unit_target *t, const char *verb, bool moves, bool up)
{
	struct unit_plan what = {
		.verb = verb,
		.unit = t->info->id,
		.file = t->file,
		.state = buf_text(&t->state),
		.cgroup = t->info->cgroup,
		.script = t->script,
		.take = &t->take,
		.make = &t->make,
		.up = !moves ? UNIT_UP_KEPT : up ? UNIT_STARTED : UNIT_STOPPED,
	};
	int r = moves && !up ? list_carried(job, t->info, &what.with) : 0;
	if (r == 0)
		r = unit_state_plan(job->host, job->plan, &what, NULL);
	return r < 0 ? r : count(job, t);
}

static bool can_start_again(const struct unit_info *u)
{
	return u->fragment[0] && !u->transient;
}

static int stop_for_good(struct unit_job *job, struct unit_target *t)
{
	const char *why = t->info->transient || unit_has_type(t->info->id, "scope") || unit_has_type(t->info->id, "slice")
	                          ? "it exists only while it runs, so this cannot be undone"
	                          : "its file is gone, so this cannot be undone";
	json_t *with = NULL;
	int r = list_carried(job, t->info, &with);
	if (r == 0)
		r = unit_command_plan(job->plan, "stop", t->info, why, with);
	return r < 0 ? r : count(job, t);
}

static void describe_state(const struct unit_info *u, struct buf *ret)
{
	const char *file = u->file_state[0] ? u->file_state : strcmp(u->load, "not-found") == 0 ? "no file" : "";
	buf_printf(ret, "%s%s%s", file, *file && u->sub[0] ? ", " : "", u->sub);
}

/* What systemd would stop or restart together with the unit, and is up. */
static int each_carried(struct unit_job *job, struct unit_target *t,
                        int (*plan)(struct unit_job *job, struct unit_target *carried))
{
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = t->info->carried.n ? units_show(&t->info->carried, &infos, &why) : 0;
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(job->plan, r, "%s", buf_text(&why));
	for (size_t i = 0; r == 0 && i < infos.n; i++) {
		const struct unit_info *u = &infos.v[i];
		_cleanup_(target_free) struct unit_target carried = {.info = u, .file = u->fragment, .up = unit_is_up(u)};
		if (!carried.up)
			continue;
		describe_state(u, &carried.state);
		r = escape_str(&carried.shown, u->id);
		if (r == 0)
			r = plan(job, &carried);
	}
	return r;
}

int unit_plan_stop(struct unit_job *job, struct unit_target *t)
{
	int r = strset_add(&job->ended, t->info->id);
	if (r <= 0)
		return r;
	r = each_carried(job, t, unit_plan_stop);
	if (r < 0)
		return r;
	return t->script || can_start_again(t->info) ? change(job, t, "stop", true, false) : stop_for_good(job, t);
}

/* Links, and with now = yes the unit itself. */
int unit_plan_links(struct unit_job *job, struct unit_target *t)
{
	bool ends = job->deed->ends, moves = job->now && t->up == ends;
	bool for_good = moves && ends && !t->script && !can_start_again(t->info);
	int r = moves && ends ? strset_add(&job->ended, t->info->id) : 0;
	if (r > 0)
		r = each_carried(job, t, unit_plan_stop);
	if (r == 0 && (t->take.n || t->make.n || (moves && !for_good)))
		r = change(job, t, job->deed->verb, moves && !for_good, !ends);
	return r == 0 && for_good ? stop_for_good(job, t) : r;
}

/* The restart of the first one is that of the others: theirs then find it done. */
int unit_plan_restart(struct unit_job *job, struct unit_target *t)
{
	json_t *with = NULL;
	int r = strset_add(&job->ended, t->info->id);
	if (r <= 0)
		return r;
	r = list_carried(job, t->info, &with);
	if (r == 0)
		r = unit_command_plan(job->plan, "restart", t->info, "a restart cannot be undone", with);
	if (r == 0)
		r = count(job, t);
	return r < 0 ? r : each_carried(job, t, unit_plan_restart);
}

int unit_add_also(struct unit_job *job, const struct unit_target *t, const struct unit_install *install)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < install->also.n; i++) {
		_cleanup_buf_ struct buf name = {0}, ignored = {0};
		_cleanup_strv_ struct strv one = {0};
		if (unit_expand(install->also.v[i], t->info->id, &name) == 0 &&
		    type_check(TYPE_UNIT, NULL, buf_text(&name), &one, &ignored) == 0 && job->names.list.n < ALSO_MAX)
			r = strset_add(&job->names, one.v[0]);
	}
	return r < 0 ? r : 0;
}

/* ---- each unit of the list ---------------------------------------------------------------- */

static int plan_target(struct unit_job *job, struct unit_target *t)
{
	/* An alias and the name itself are one unit. */
	int r = strset_add(&job->seen, t->info->id);
	if (r <= 0)
		return r;
	r = escape_str(&t->shown, t->info->id);
	if (r < 0)
		return r;
	return t->script ? job->deed->plan_script(job, t) : job->deed->plan_unit(job, t);
}

static int plan_info(struct unit_job *job, const struct unit_info *u)
{
	_cleanup_buf_ struct buf file = {0}, shown = {0};
	_cleanup_(target_free) struct unit_target t = {.info = u, .file = u->fragment, .up = unit_is_up(u)};
	bool masked = strcmp(u->load, "masked") == 0;
	if (strcmp(u->load, "not-found") == 0 && !t.up && job->deed->ends && unit_file_find(job->host, u->id, &file) < 0) {
		int r = plan_note(job->plan, "there is no unit %s here", unit_shown(&shown, u->id));
		if (r < 0)
			return r;
	}
	/* Of a masked one systemd sees the mask only. */
	if ((masked || !u->fragment[0]) && unit_file_find(job->host, u->id, &file) == 0)
		t.file = buf_text(&file);
	describe_state(u, &t.state);
	return plan_target(job, &t);
}

/* A template has no state, and where systemd does not run no unit has: what there is are
 * its file and its links. */
static int plan_by_files(struct unit_job *job, const char *name)
{
	_cleanup_buf_ struct buf file = {0};
	struct strv no_drop_ins = {0}, names = {0};
	int found = unit_file_find(job->host, name, &file);
	if (found < 0 && found != -ENOENT)
		return found;
	int r = strv_add(&names, name);
	const struct unit_info info = {
		.id = (char *)name, .names = names, .load = (char *)(found == 0 ? "loaded" : "not-found"),
		.active = (char *)"inactive", .sub = (char *)"", .file_state = (char *)"", .fragment = (char *)buf_text(&file),
		.source = (char *)"", .cgroup = (char *)"", .invocation = (char *)"", .drop_ins = no_drop_ins,
	};
	if (r == 0)
		r = plan_info(job, &info);
	strv_free(&names);
	return r;
}

static int plan_template(struct unit_job *job, const char *name)
{
	if (job->deed->asks || job->now)
		return plan_fail(job->plan, -EINVAL, "%s is a template: it does not run, its instances do; name those", name);
	return plan_by_files(job, name);
}

/* What no package owns is not executed, not even to ask it. */
static int plan_script(struct unit_job *job, const char *name, const char *script)
{
	_cleanup_strv_ struct strv names = {0};
	int r = strv_add(&names, name);
	const struct unit_info info = {
		.id = (char *)name, .names = names, .load = (char *)"loaded", .active = (char *)"", .sub = (char *)"",
		.file_state = (char *)"", .fragment = (char *)script, .source = (char *)"", .cgroup = (char *)"",
		.invocation = (char *)"",
	};
	_cleanup_(target_free) struct unit_target t = {.info = &info, .file = script, .script = true};
	bool asks = job->now || job->deed->asks;
	int up = r == 0 && asks ? sysv_is_up(job->host, script, &t.up) : 0;
	if (up == -EPERM || up == -EOPNOTSUPP)
		return plan_residual(job->plan, "%s: %s; end its processes by process.kill", script,
		                     up == -EPERM ? "no package owns this script, so it is neither asked nor run"
		                                  : "it does not say whether it runs");
	if (r == 0)
		r = up;
	if (r == 0 && asks)
		buf_puts(&t.state, t.up ? "running" : "not running");
	return r < 0 ? r : plan_target(job, &t);
}

static int plan_unmanaged(struct unit_job *job, const char *name)
{
	_cleanup_buf_ struct buf script = {0};
	int r = sysv_script(job->host, name, &script);
	if (r == 0)
		return plan_script(job, name, script.data);
	if (r != -ENOENT)
		return r;
	return unit_is_template(name) ? plan_template(job, name) : plan_by_files(job, name);
}

/* Those from FIRST on, all in one question. */
static int plan_managed(struct unit_job *job, size_t first)
{
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_strv_ struct strv names = {0}, templates = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = 0;
	for (size_t i = first; r == 0 && i < job->names.list.n; i++) {
		const char *name = job->names.list.v[i];
		r = strv_add(unit_is_template(name) ? &templates : &names, name);
	}
	if (r == 0 && names.n && (r = units_show(&names, &infos, &why)) < 0 && r != -ENOMEM)
		return plan_fail(job->plan, r, "%s", buf_text(&why));
	for (size_t i = 0; r == 0 && i < infos.n; i++)
		r = plan_info(job, &infos.v[i]);
	for (size_t i = 0; r == 0 && i < templates.n; i++)
		r = plan_template(job, templates.v[i]);
	return r;
}

static int plan_all(struct unit_job *job)
{
	size_t done = 0;
	int r = 0;
	while (r == 0 && done < job->names.list.n) {
		size_t n = job->names.list.n;
		if (job->systemd)
			r = plan_managed(job, done);
		for (size_t i = done; r == 0 && !job->systemd && i < n; i++)
			r = plan_unmanaged(job, job->names.list.v[i]);
		done = n;
	}
	return r;
}

int unit_job_plan(struct unit_job *job, const struct strv *units)
{
	int r = 0;
	job->systemd = host_runs_systemd(job->host);
	for (size_t i = 0; r >= 0 && i < units->n; i++)
		r = strset_add(&job->names, units->v[i]);
	r = r < 0 ? r : plan_all(job);
	strset_free(&job->names);
	strset_free(&job->seen);
	strset_free(&job->ended);
	return r;
}

int unit_job_run(struct host *host, const struct args *args, struct plan *plan, const struct deed *deed)
{
	struct unit_job job = {
		.host = host,
		.plan = plan,
		.deed = deed,
		.now = args_yes(args, "now"),
	};
	int r = unit_job_plan(&job, args_list(args, "unit"));
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}
