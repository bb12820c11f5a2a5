/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of units whose files are about to go: they are stopped, and the links that
 * start them go. And the service "systemd", which reads its unit files again.
 *
 *  1. What the unit says of others counts for nothing: nobody's Also= is followed.
 *  2. What is stopped with it by a link that goes is not: a unit cannot have itself
 *     required by sshd and so be kept.
 */
#include "unit-end.h"
#include "unit-job.h"

#include "core/service.h"

#include <errno.h>
#include <string.h>

/* Beside the packages: those that an administrator or an intruder made. */
static int add_foreign_links(struct unit_job *job, const struct strv *names, struct unit_links *ret)
{
	_cleanup_links_ struct unit_links links = {0};
	int r = unit_links_find(job->host, unit_vendor_dirs, names, &links);
	for (size_t i = 0; r == 0 && i < links.n; i++) {
		_cleanup_buf_ struct buf owner = {0};
		r = host_package_of(job->host, links.v[i].path, &owner);
		if (r == -ENOENT)
			r = unit_links_add(ret, links.v[i].path, links.v[i].target);
	}
	return r;
}

/* Whether UNIT requires ours by one of the links that go: "UNIT.requires/OURS". */
static bool requires_by_link(const struct unit_links *links, const char *unit)
{
	size_t n = strlen(unit);
	for (size_t i = 0; i < links->n; i++) {
		const char *file = strrchr(links->v[i].path, '/'), *dir = file;
		while (dir && dir > links->v[i].path && dir[-1] != '/')
			dir--;
		if (dir && (size_t)(file - dir) == n + strlen(".requires") && strncmp(dir, unit, n) == 0 &&
		    strncmp(dir + n, ".requires", strlen(".requires")) == 0)
			return true;
	}
	return false;
}

static int end_unit(struct unit_job *job, struct unit_target *t)
{
	_cleanup_strv_ struct strv carried = {0};
	struct unit_info info = *t->info;
	int r = unit_links_find(job->host, unit_link_dirs, &info.names, &t->take);
	if (r == 0)
		r = add_foreign_links(job, &info.names, &t->take);
	if (r == 0 && strncmp(info.source, "/etc/init.d/", 12) == 0)
		r = sysv_links_find(job->host, info.source + 12, &t->take);
	for (size_t i = 0; r == 0 && i < info.carried.n; i++)
		if (!requires_by_link(&t->take, info.carried.v[i]))
			r = strv_add(&carried, info.carried.v[i]);
	if (r < 0)
		return r;
	info.carried = carried;
	t->info = &info;
	r = unit_plan_links(job, t);
	t->info = NULL; /* it does not outlive us, and nobody asks again */
	return r;
}

/* A script that no package has put there is not run, not even to stop what it started. A
 * unit of the same name, which hides it where systemd runs, may be going, too. */
static int end_script(struct unit_job *job, struct unit_target *t)
{
	int r = sysv_links_find(job->host, strrchr(t->file, '/') + 1, &t->take);
	if (r == 0)
		r = unit_links_find(job->host, unit_link_dirs, &t->info->names, &t->take);
	return r < 0 ? r : unit_plan_links(job, t);
}

/* Those instances of a template that links start. */
static int add_instances(struct host *host, const char *template, struct strv *ret)
{
	_cleanup_links_ struct unit_links links = {0};
	_cleanup_strv_ struct strv names = {0};
	int r = strv_add(&names, template);
	if (r == 0)
		r = unit_links_find(host, unit_link_dirs, &names, &links);
	for (size_t i = 0; r == 0 && i < links.n; i++) {
		_cleanup_strv_ struct strv checked = {0};
		_cleanup_buf_ struct buf ignored = {0};
		const char *name = strrchr(links.v[i].path, '/') + 1;
		if (unit_is_instance(name) && type_check(TYPE_UNIT, NULL, name, &checked, &ignored) == 0 &&
		    !strv_has(ret, checked.v[0]))
			r = strv_add(ret, checked.v[0]);
	}
	return r;
}

int units_end_plan(struct host *host, struct plan *plan, const struct strv *units)
{
	static const struct deed deed = {"disable", true, false, end_unit, end_script};
	struct unit_job job = {.host = host, .plan = plan, .deed = &deed, .now = host_runs_systemd(host), .quiet = true};
	_cleanup_strv_ struct strv names = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < units->n; i++)
		r = unit_is_template(units->v[i]) ? add_instances(host, units->v[i], &names)
		                                  : strv_add(&names, units->v[i]);
	return r < 0 || !names.n ? r : unit_job_plan(&job, &names);
}

static int reload(struct host *host, struct buf *ret_note)
{
	if (!host_runs_systemd(host))
		return -ESRCH;
	int r = units_reload(ret_note);
	return r < 0 ? r : buf_puts(ret_note, "systemctl daemon-reload");
}

extern const struct service systemd_service;
const struct service systemd_service = {.name = "systemd", .reload = reload};
