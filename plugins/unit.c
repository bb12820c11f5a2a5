/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * unit.stop, unit.disable, unit.mask, unit.enable, unit.restart: units of systemd, or
 * scripts of init.d where it does not run.
 *
 * Each action plans one deed and no more: a unit that is stopped stays enabled, one that
 * is disabled goes on running, unless now = yes asks for both. What a unit's Also= names
 * is enabled and disabled with it, as systemctl(1) does, each as a change of its own.
 */
#include "core/action.h"
#include "unit-install.h"
#include "unit-job.h"

#include "base/clock.h"
#include "base/proc.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- stop --------------------------------------------------------------------------------- */

/* What would start it again: a timer, a socket, a path. */
static int tell_triggers(struct unit_job *job, struct unit_target *t)
{
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = t->info->triggered_by.n ? units_show(&t->info->triggered_by, &infos, &why) : 0;
	for (size_t i = 0; r == 0 && i < infos.n; i++) {
		_cleanup_buf_ struct buf name = {0};
		if (!unit_is_up(&infos.v[i]))
			continue;
		r = plan_fact(job->plan, "trigger", infos.v[i].id);
		if (r == 0 && !strset_has(&job->names, infos.v[i].id))
			r = plan_note(job->plan, "%s starts %s again: stop it, too", unit_shown(&name, infos.v[i].id),
			              buf_text(&t->shown));
	}
	return r;
}

static int stop_unit(struct unit_job *job, struct unit_target *t)
{
	if (!t->up)
		return 0;
	int r = unit_plan_stop(job, t);
	return r < 0 ? r : tell_triggers(job, t);
}

static int stop_script(struct unit_job *job, struct unit_target *t)
{
	return t->up ? unit_plan_stop(job, t) : 0;
}

/* ---- disable ------------------------------------------------------------------------------ */

/* A file that cannot be read names none. */
static int follow_also(struct unit_job *job, const struct unit_target *t)
{
	_cleanup_(unit_install_free) struct unit_install install = {0};
	int r = t->file[0] ? unit_read_install(job->host, t->file, &t->info->drop_ins, &install) : -ENOENT;
	return r == -ENOMEM ? r : r < 0 ? 0 : unit_add_also(job, t, &install);
}

/* What packages' own links start is not disabled by taking others away. */
static int tell_vendor_links(struct unit_job *job, struct unit_target *t)
{
	_cleanup_links_ struct unit_links links = {0}, masks = {0};
	int r = unit_links_find(job->host, unit_vendor_dirs, &t->info->names, &links);
	if (r == 0)
		r = unit_masks_find(job->host, t->info->id, &masks);
	for (size_t i = 0; r == 0 && !masks.n && i < links.n; i++) {
		_cleanup_buf_ struct buf path = {0};
		/* Below a directory of dependencies: an alias starts nothing. */
		if (!strstr(links.v[i].path, ".wants/") && !strstr(links.v[i].path, ".requires/"))
			continue;
		r = plan_residual(job->plan, "%s is started by %s, which disabling leaves alone: mask it", buf_text(&t->shown),
		                  unit_shown(&path, links.v[i].path));
	}
	return r;
}

static int disable_script(struct unit_job *job, struct unit_target *t)
{
	int r = sysv_turn_links(job->host, t->file, false, &t->take, &t->make);
	return r < 0 ? r : unit_plan_links(job, t);
}

static int disable_unit(struct unit_job *job, struct unit_target *t)
{
	int r = unit_links_find(job->host, unit_link_dirs, &t->info->names, &t->take);
	if (r == 0 && strncmp(t->info->source, "/etc/init.d/", 12) == 0)
		r = sysv_turn_links(job->host, t->info->source, false, &t->take, &t->make);
	if (r == 0)
		r = unit_plan_links(job, t);
	if (r == 0)
		r = tell_vendor_links(job, t);
	return r < 0 ? r : follow_also(job, t);
}

/* ---- mask --------------------------------------------------------------------------------- */

static int mask_unit(struct unit_job *job, struct unit_target *t)
{
	_cleanup_buf_ struct buf path = {0}, target = {0}, shown = {0};
	int r = buf_printf(&path, UNIT_ADMIN_DIR "/%s", t->info->id);
	if (r == 0)
		r = unit_link_read(job->host, path.data, &target);
	if (r == -ENOMEM)
		return r;
	bool masked = r == 0 && strcmp(buf_text(&target), UNIT_MASK) == 0;
	if (!masked && r != -ENOENT)
		return plan_residual(job->plan, "%s cannot be masked: %s is in the way, its own file or a link to it; take that "
		                     "away, or disable the unit", buf_text(&t->shown), unit_shown(&shown, path.data));
	r = masked ? 0 : unit_links_add(&t->make, path.data, UNIT_MASK);
	return r < 0 ? r : unit_plan_links(job, t);
}

static int no_mask(struct unit_job *job, struct unit_target *t)
{
	return plan_residual(job->plan, "%s is a script of init.d and systemd does not run: it cannot be masked, disable it",
	                     buf_text(&t->shown));
}

/* ---- enable ------------------------------------------------------------------------------- */

static int explain_links(struct unit_job *job, const struct unit_target *t, int error, const struct buf *why)
{
	_cleanup_buf_ struct buf path = {0};
	const char *unit = buf_text(&t->shown);
	switch (error) {
	case -EEXIST:
		return plan_residual(job->plan, "%s cannot be enabled: something else is at %s", unit,
		                     unit_shown(&path, buf_text(why)));
	case -EDESTADDRREQ:
		return plan_residual(job->plan, "%s cannot be enabled: it is a template, name an instance of it", unit);
	case -EOPNOTSUPP:
		return plan_residual(job->plan, "%s cannot be enabled: its [Install] section says more than can be worked out; "
		                     "use systemctl(1)", unit);
	default:
		return error;
	}
}

static int enable_script(struct unit_job *job, struct unit_target *t)
{
	_cleanup_links_ struct unit_links links = {0};
	int r = sysv_links_find(job->host, strrchr(t->file, '/') + 1, &links);
	if (r == 0 && !links.n)
		return plan_residual(job->plan, "%s has no links in any runlevel that could be turned: use update-rc.d(8)",
		                     buf_text(&t->shown));
	if (r == 0)
		r = sysv_turn_links(job->host, t->file, true, &t->take, &t->make);
	return r < 0 ? r : unit_plan_links(job, t);
}

static int enable_unit(struct unit_job *job, struct unit_target *t)
{
	_cleanup_(unit_install_free) struct unit_install install = {0};
	_cleanup_buf_ struct buf why = {0};
	bool any = false, from_script = strncmp(t->info->source, "/etc/init.d/", 12) == 0;
	int r = unit_masks_find(job->host, t->info->id, &t->take);
	if (r == 0 && from_script)
		r = sysv_turn_links(job->host, t->info->source, true, &t->take, &t->make);
	else if (r == 0 && !t->file[0])
		return plan_residual(job->plan, "%s cannot be enabled: there is no file of it", buf_text(&t->shown));
	else if (r == 0)
		r = unit_read_install(job->host, t->file, &t->info->drop_ins, &install);
	if (r == 0 && !from_script)
		r = unit_missing_links(job->host, &install, t->info->id, t->file, &t->make, &any, &why);
	if (r < 0)
		return explain_links(job, t, r, &why);
	if (!any && !from_script && !t->take.n && !job->now)
		return plan_residual(job->plan, "%s cannot be enabled: it has no [Install] section that says when to start it",
		                     buf_text(&t->shown));
	r = unit_plan_links(job, t);
	return r < 0 ? r : unit_add_also(job, t, &install);
}

/* ---- restart ------------------------------------------------------------------------------ */

/* When this program was started, by the clock of ActiveEnterTimestampMonotonic. */
static int own_start_us(struct host *host, uint64_t *ret)
{
	struct proc_stat st;
	struct timespec boot;
	int r = proc_stat(host->proc, getpid(), &st);
	if (r == 0 && clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		r = -errno;
	if (r < 0)
		return r;
	/* The two clocks differ by the time that the host slept. */
	int64_t slept_us = boot.tv_sec * 1000000 + boot.tv_nsec / 1000 - monotonic_ns() / 1000;
	*ret = (uint64_t)((int64_t)(st.start * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK)) - slept_us);
	return 0;
}

/* What was started since this run began has been restarted, by this run or by others. */
static int restart_unit(struct unit_job *job, struct unit_target *t)
{
	uint64_t began;
	if (!t->up)
		return plan_note(job->plan, "%s does not run: nothing to restart", buf_text(&t->shown));
	int r = own_start_us(job->host, &began);
	if (r < 0 || t->info->entered_us >= began)
		return r;
	return unit_plan_restart(job, t);
}

static int no_restart(struct unit_job *job, struct unit_target *t)
{
	return plan_fail(job->plan, -EOPNOTSUPP, "%s: units are restarted where systemd runs only: elsewhere nobody can tell "
	                 "whether it happened", buf_text(&t->shown));
}

/* ---- the actions --------------------------------------------------------------------- */

static int stop_plan(struct host *host, const struct args *args, struct plan *plan)
{
	static const struct deed deed = {"stop", true, true, stop_unit, stop_script};
	return unit_job_run(host, args, plan, &deed);
}

const struct deed unit_disable_deed = {"disable", true, false, disable_unit, disable_script};

static int disable_plan(struct host *host, const struct args *args, struct plan *plan)
{
	return unit_job_run(host, args, plan, &unit_disable_deed);
}

static int mask_plan(struct host *host, const struct args *args, struct plan *plan)
{
	static const struct deed deed = {"mask", true, false, mask_unit, no_mask};
	return unit_job_run(host, args, plan, &deed);
}

static int enable_plan(struct host *host, const struct args *args, struct plan *plan)
{
	static const struct deed deed = {"enable", false, false, enable_unit, enable_script};
	return unit_job_run(host, args, plan, &deed);
}

static int restart_plan(struct host *host, const struct args *args, struct plan *plan)
{
	static const struct deed deed = {"restart", false, true, restart_unit, no_restart};
	return unit_job_run(host, args, plan, &deed);
}

#define UNIT_PARAM {"unit", TYPE_UNIT, PARAM_LIST | PARAM_REQUIRED, NULL, NULL, "units; a name without a type is a service's"}

static const struct param units_only[] = {
	UNIT_PARAM,
	{0},
};

static const struct param units_and_stop[] = {
	UNIT_PARAM,
	{"now", TYPE_YES_NO, 0, "no", NULL, "stop them as well"},
	{0},
};

static const struct param units_and_start[] = {
	UNIT_PARAM,
	{"now", TYPE_YES_NO, 0, "no", NULL, "start them as well"},
	{0},
};

static const struct fact_decl facts[] = {
	{"unit", TYPE_UNIT, "units that are changed, by their real names"},
	{"count", TYPE_NUMBER, "how many"},
	{0},
};

static const struct fact_decl stop_facts[] = {
	{"unit", TYPE_UNIT, "units that are stopped, by their real names"},
	{"trigger", TYPE_UNIT, "timers, sockets and paths that would start them again"},
	{"count", TYPE_NUMBER, "how many units are stopped"},
	{0},
};

static const char *const installed[] = {"T1543.002 Create or Modify System Process: Systemd Service", NULL};
static const char *const stopped[] = {"T1489 Service Stop", NULL};

const struct action unit_stop = {
	.name = "unit.stop",
	.summary = "stop units; they stay enabled",
	.params = units_only,
	.facts = stop_facts,
	.plan = stop_plan,
	.techniques = installed,
};

const struct action unit_disable = {
	.name = "unit.disable",
	.summary = "take away what starts units at boot or on demand",
	.params = units_and_stop,
	.facts = facts,
	.plan = disable_plan,
	.techniques = installed,
};

const struct action unit_mask = {
	.name = "unit.mask",
	.summary = "make units impossible to start",
	.params = units_and_stop,
	.facts = facts,
	.plan = mask_plan,
	.techniques = installed,
};

const struct action unit_enable = {
	.name = "unit.enable",
	.summary = "have units started at boot or on demand, and take masks away",
	.params = units_and_start,
	.facts = facts,
	.plan = enable_plan,
	.techniques = stopped,
};

const struct action unit_restart = {
	.name = "unit.restart",
	.summary = "restart units that have been running since before the run",
	.params = units_only,
	.facts = facts,
	.plan = restart_plan,
};
