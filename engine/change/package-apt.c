/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * apt-get(8) with dpkg(1).
 */
#include "change/package-backend.h"

#include "base/escape.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define APT "/usr/bin/apt-get"
#define DPKG "/usr/bin/dpkg"
#define DPKG_QUERY "/usr/bin/dpkg-query"
#define ERRORS "E: "
#define LOGS "/var/log/apt/term.log and dpkg.log(5)"

/* Nobody is asked; a configuration file that is there already stays as it is. Packages that
 * were fetched are not kept. Debian's default of recommended packages is not followed:
 * what comes is what was asked for. */
#define ENV "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_SUSPEND=yes"
#define APT_QUIETLY                                                                                                \
	ENV, APT, "-q", "-y", "--no-install-recommends", "--no-remove", "--no-upgrade", "-o",                      \
		"Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "-o",                  \
		"DPkg::Lock::Timeout=60", "-o", "APT::Keep-Downloaded-Packages=false"

static int apt_show(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0}, err = {0};
	_cleanup_packages_ struct package_set known = {0}, set = {0};
	int status = 0;
	argv_init(&a, DPKG_QUERY, "--show", "--showformat=" DPKG_FORMAT, "--");
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = argv_add(&a, names->v[i]);
	if (r == 0)
		r = spawn_read(a.v, ASK_TIMEOUT_MS, &out, &err, &status);
	if (r < 0 || status > 1) /* 1: one of them is not known */
		return packages_explain(r, status, ERRORS, "dpkg-query", &err, ret_why);
	r = dpkg_parse_status(&out, &known);
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		const struct package *p = package_set_find(&known, names->v[i]);
		for (size_t k = 0; !p && k < known.n; k++) { /* dpkg-query names the architecture of some */
			size_t len = strlen(names->v[i]);
			if (strncmp(known.v[k].name, names->v[i], len) == 0 && known.v[k].name[len] == ':')
				p = &known.v[k];
		}
		r = package_set_add(&set, names->v[i], p ? p->version : "", p ? p->state : PACKAGE_ABSENT);
	}
	if (r < 0)
		return r;
	*ret = set;
	set = (struct package_set){0};
	return 0;
}

static int apt_plan(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_packages_ struct package_set install = {0}, remove = {0}, before = {0};
	_cleanup_strv_ struct strv all = {0};
	argv_init(&a, ENV, APT, "-q", "--simulate", "--no-install-recommends", "install", "--");
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = argv_add(&a, names->v[i]);
	if (r == 0)
		r = packages_ask(&a, ASK_TIMEOUT_MS, ERRORS, "apt-get --simulate", &out, ret_why);
	if (r < 0)
		return r == -EIO ? -ENOENT : r;
	r = apt_parse_simulation(&out, &install, &remove);
	if (r == -EBADMSG)
		buf_puts(ret_why, "apt-get --simulate says something that cannot be understood");
	if (r == 0 && remove.n)
		r = packages_tell_others(&remove, ret_why);
	if (r == 0)
		r = packages_check_there(names, &install, ret_why);
	if (r == 0)
		r = package_set_names(&install, &all);
	if (r == 0)
		r = apt_show(&all, &before, ret_why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < install.n; i++)
		install.v[i].state = before.v[i].state;
	*ret = install;
	install = (struct package_set){0};
	return 0;
}

static int add_versions(struct argv *a, const struct package_set *set)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = strv_addf(&a->texts, "%s=%s", set->v[i].name, set->v[i].version);
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = argv_add(a, a->texts.v[i]);
	return r;
}

static int apt_fetch(const struct package_set *wanted, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, APT_QUIETLY, "--download-only", "install", "--");
	int r = add_versions(&a, wanted);
	return r < 0 ? r : packages_ask(&a, FETCH_TIMEOUT_MS, ERRORS, "apt-get --download-only", NULL, ret_why);
}

static int apt_install(const struct package_set *wanted, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, APT_QUIETLY, "install", "--");
	int r = add_versions(&a, wanted);
	return r < 0 ? r : packages_do(&a, "apt-get install", LOGS, ret_why);
}

/* ---- removal ------------------------------------------------------------------------- */

/* Others that would go as well. */
static int check_needed(const struct package_set *set, struct buf *why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_packages_ struct package_set install = {0}, remove = {0};
	argv_init(&a, ENV, APT, "-q", "--simulate", "remove", "--");
	int r = argv_add_names(&a, set);
	if (r == 0)
		r = packages_ask(&a, ASK_TIMEOUT_MS, ERRORS, "apt-get --simulate", &out, why);
	if (r == 0)
		r = apt_parse_simulation(&out, &install, &remove);
	for (size_t i = 0; r == 0 && i < remove.n + install.n; i++) {
		const char *name = i < remove.n ? remove.v[i].name : install.v[i - remove.n].name;
		if (i < remove.n && package_set_find(set, name))
			continue;
		buf_puts(why, i < remove.n ? "by now it is needed by " : "without it there would have to be ");
		escape_str(why, name);
		r = -ESTALE;
	}
	return r;
}

/* The packages whose configuration files go with them. */
static int find_to_purge(const struct package_set *set, struct package_set *ret, struct buf *why)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++) {
		const char *const argv[] = {DPKG, "--verify", set->v[i].name, NULL};
		_cleanup_buf_ struct buf out = {0};
		int status = 0;
		if (set->v[i].state == PACKAGE_REMOVED)
			continue;
		r = spawn_read(argv, ASK_TIMEOUT_MS, &out, NULL, &status);
		if (r == 0 && dpkg_configuration_changed(&out)) {
			buf_puts(why, why->len ? ", " : "configuration that was changed since is kept: ");
			escape_str(why, set->v[i].name);
		} else if (r == 0) {
			r = package_set_add(ret, set->v[i].name, set->v[i].version, set->v[i].state);
		}
	}
	return r;
}

static int apt_remove(const struct package_set *set, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0}, purge = {0};
	_cleanup_packages_ struct package_set clean = {0};
	_cleanup_buf_ struct buf kept = {0};
	int r = check_needed(set, ret_why);
	if (r == 0)
		r = find_to_purge(set, &clean, &kept);
	argv_init(&a, ENV, APT, "-q", "-y", "-o", "DPkg::Lock::Timeout=60", "remove", "--");
	if (r == 0)
		r = argv_add_names(&a, set);
	if (r == 0)
		r = packages_do(&a, "apt-get remove", LOGS, ret_why);
	argv_init(&purge, ENV, DPKG, "--purge", "--");
	if (r == 0)
		r = argv_add_names(&purge, &clean);
	if (r == 0 && clean.n)
		r = packages_do(&purge, "dpkg --purge", LOGS, ret_why);
	if (r == 0 && kept.len)
		buf_puts(ret_why, kept.data);
	return r;
}

/* ---- what was cut short -------------------------------------------------------------- */

static int apt_settle(const struct package_set *set, struct buf *ret_why)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_packages_ struct package_set now = {0}, halfway = {0};
	_cleanup_argv_ struct argv a = {0};
	/* dpkg goes on for a while when the apt-get that runs it has been killed; others may be at work. */
	int r = packages_await_lock("/var/lib/dpkg/lock", ret_why);
	if (r == 0)
		r = package_set_names(set, &names);
	if (r == 0)
		r = apt_show(&names, &now, ret_why);
	for (size_t i = 0; r == 0 && i < now.n; i++)
		if (now.v[i].state == PACKAGE_HALFWAY)
			r = package_set_add(&halfway, now.v[i].name, now.v[i].version, now.v[i].state);
	argv_init(&a, ENV, DPKG, "--force-confdef", "--force-confold", "--configure", "--");
	if (r == 0)
		r = argv_add_names(&a, &halfway);
	return r < 0 || !halfway.n ? r : packages_do(&a, "dpkg --configure", LOGS, ret_why);
}

static int apt_list(struct buf *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, DPKG_QUERY, "--show", "--showformat=" DPKG_LIST_FORMAT);
	return packages_ask(&a, ASK_TIMEOUT_MS, ERRORS, "dpkg-query", ret, ret_why);
}

const struct package_backend apt_backend = {
	.name = "apt",
	.programs = {APT, DPKG, DPKG_QUERY},
	.database = {"/var/lib/dpkg/status"},
	.refresh = "apt-get update",
	.repair = "dpkg --configure -a",
	.show = apt_show,
	.plan = apt_plan,
	.fetch = apt_fetch,
	.install = apt_install,
	.remove = apt_remove,
	.settle = apt_settle,
	.list = apt_list,
};
