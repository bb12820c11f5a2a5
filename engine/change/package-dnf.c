/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * dnf(8) with rpm(8).
 *
 * Rules:
 *  1. Everything goes by the metadata that is in dnf's cache: what is planned and what is
 *     fetched and installed is worked out from the same lists, and planning asks no mirror.
 *     Logs and a history it keeps even then, but in memory. What is left is a lock file for a
 *     moment, and the index and the log that sqlite has beside the database of rpm.
 *  2. What is installed was fetched before: the installation asks no mirror either.
 *  3. What is removed is named to rpm, which takes no others with it.
 */
#include "change/package-backend.h"

#include "base/escape.h"
#include "base/packages.h"
#include "base/spawn.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DNF "/usr/bin/dnf"
#define RPM "/usr/bin/rpm"
#define ERRORS "rror: " /* rpm and dnf differ in how they begin it */
#define PROBLEM "Problem: " /* below an error that says no more */
#define STATE "/var/lib/dnf" /* its history */
#define LOGS "/var/log/dnf.log and dnf.rpm.log"

/* Weak dependencies are what apt calls recommended: what comes is what was asked for. */
#define DNF_QUIETLY                                                                                                \
	DNF, "--setopt=install_weak_deps=False", "--setopt=metadata_expire=-1", "--setopt=*.metadata_expire=-1",   \
		"--color=never"
#define WITHOUT_DOING "--cacheonly", "--assumeno", "install", "--"

static const char *const locks[] = {"/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"};

static int dnf_show(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0}, err = {0};
	_cleanup_packages_ struct package_set known = {0}, set = {0};
	int status = 0;
	size_t absent = 0;
	argv_init(&a, RPM, "--query", "--queryformat", RPM_FORMAT, "--");
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = argv_add(&a, names->v[i]);
	if (r == 0)
		r = spawn_read(a.v, ASK_TIMEOUT_MS, &out, &err, &status);
	if (r == 0)
		r = rpm_parse_query(&out, &known, &absent);
	/* The status is how many there are not, as far as it goes. */
	if (r < 0 || (status && (size_t)status != (absent < 255 ? absent : 255)))
		return packages_explain(r, status, ERRORS, "rpm --query", &err, ret_why);
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		const struct package *p = package_set_find(&known, names->v[i]);
		r = package_set_add(&set, names->v[i], p ? p->version : "", p ? PACKAGE_INSTALLED : PACKAGE_ABSENT);
	}
	if (r < 0)
		return r;
	*ret = set;
	set = (struct package_set){0};
	return 0;
}

/* RULE 1. Where that is not granted, as in some containers, dnf keeps its logs and its history as ever. */
static int ask_for_plan(const struct strv *names, struct buf *out, struct buf *err, int *ret_status)
{
	_cleanup_argv_ struct argv in_memory = {0}, plain = {0};
	argv_init(&in_memory, DNF_QUIETLY, "--setopt=logdir=" STATE, "--setopt=persistdir=" STATE, WITHOUT_DOING);
	argv_init(&plain, DNF_QUIETLY, WITHOUT_DOING);
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		r = argv_add(&in_memory, names->v[i]);
		if (r == 0)
			r = argv_add(&plain, names->v[i]);
	}
	if (r == 0)
		r = spawn_read_scratch(in_memory.v, STATE, ASK_TIMEOUT_MS, out, err, ret_status);
	return r < 0 && r != -ETIMEDOUT ? spawn_read(plain.v, ASK_TIMEOUT_MS, out, err, ret_status) : r;
}

static int dnf_plan(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf out = {0}, err = {0};
	_cleanup_packages_ struct package_set install = {0}, remove = {0};
	int status = 0;
	int r = ask_for_plan(names, &out, &err, &status);
	if (r == 0)
		r = dnf_parse_transaction(&out, &install, &remove, ret_why);
	/* Its status is 1 in any case: nobody has agreed. */
	if (r == -ENODATA && status) {
		packages_explain(0, status, strstr(buf_text(&err), PROBLEM) ? PROBLEM : ERRORS, "dnf --assumeno", &err, ret_why);
		return -ENOENT;
	}
	if (r == -EBADMSG)
		buf_puts(ret_why, "dnf --assumeno says something that cannot be understood");
	if (r == 0 && remove.n)
		r = packages_tell_others(&remove, ret_why);
	if (r == 0 || r == -ENODATA)
		r = packages_check_there(names, &install, ret_why);
	if (r < 0)
		return r;
	*ret = install;
	install = (struct package_set){0};
	return 0;
}

/* "NAME-VERSION" */
static int add_versions(struct argv *a, const struct package_set *set)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = strv_addf(&a->texts, "%s-%s", set->v[i].name, set->v[i].version);
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = argv_add(a, a->texts.v[i]);
	return r;
}

/* RULE 1. */
static int dnf_fetch(const struct package_set *wanted, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, DNF_QUIETLY, "--assumeyes", "--downloadonly", "install", "--");
	int r = add_versions(&a, wanted);
	return r < 0 ? r : packages_ask(&a, FETCH_TIMEOUT_MS, ERRORS, "dnf --downloadonly", NULL, ret_why);
}

/* RULE 2. */
static int dnf_install(const struct package_set *wanted, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, DNF_QUIETLY, "--cacheonly", "--assumeyes", "install", "--");
	int r = add_versions(&a, wanted);
	return r < 0 ? r : packages_do(&a, "dnf install", LOGS, ret_why);
}

/* ---- removal ------------------------------------------------------------------------- */

/* Those of the set that are installed: rpm refuses to remove others. */
static int find_installed(const struct package_set *set, struct package_set *ret, struct buf *why)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_packages_ struct package_set now = {0};
	int r = package_set_names(set, &names);
	if (r == 0)
		r = dnf_show(&names, &now, why);
	for (size_t i = 0; r == 0 && i < now.n; i++)
		if (now.v[i].state == PACKAGE_INSTALLED)
			r = package_set_add(ret, now.v[i].name, now.v[i].version, now.v[i].state);
	return r;
}

static int check_needed(const struct package_set *set, struct buf *why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf err = {0};
	int status = 0;
	argv_init(&a, RPM, "--erase", "--test", "--");
	int r = argv_add_names(&a, set);
	if (r == 0)
		r = spawn_read(a.v, ASK_TIMEOUT_MS, NULL, &err, &status);
	if (r < 0 || !status)
		return r;
	_cleanup_buf_ struct buf who = {0};
	if (!rpm_needed_by(&err, &who))
		return packages_explain(0, status, ERRORS, "rpm --erase --test", &err, why);
	buf_puts(why, "by now it is needed by ");
	escape_str(why, buf_text(&who));
	return -ESTALE;
}

/* rpm keeps a configuration file that was changed beside its name, as .rpmsave. */
static int tell_changed(const struct package_set *set, struct buf *why)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++) {
		const char *const argv[] = {RPM, "--verify", "--nodeps", "--", set->v[i].name, NULL};
		_cleanup_buf_ struct buf out = {0};
		int status = 0;
		r = spawn_read(argv, ASK_TIMEOUT_MS, &out, NULL, &status);
		if (r < 0 || !dpkg_configuration_changed(&out))
			continue;
		buf_puts(why, why->len ? ", " : "configuration that was changed since is kept as .rpmsave: ");
		escape_str(why, set->v[i].name);
	}
	return r;
}

/* RULE 3. */
static int dnf_remove(const struct package_set *set, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_packages_ struct package_set there = {0};
	_cleanup_buf_ struct buf kept = {0};
	int r = find_installed(set, &there, ret_why);
	if (r < 0 || !there.n)
		return r;
	r = check_needed(&there, ret_why);
	if (r == 0)
		r = tell_changed(&there, &kept);
	argv_init(&a, RPM, "--erase", "--");
	if (r == 0)
		r = argv_add_names(&a, &there);
	if (r == 0)
		r = packages_do(&a, "rpm --erase", "journalctl(1)", ret_why);
	if (r == 0 && kept.len)
		buf_puts(ret_why, kept.data);
	return r;
}

/* What was begun has ended by itself (packages_do), so that each package is there as a whole or
 * not at all; probe says so. Another may be at work by now. */
static int dnf_settle(const struct package_set *set, struct buf *ret_why)
{
	int r = 0;
	(void)set;
	for (size_t i = 0; r == 0 && i < sizeof(locks) / sizeof(*locks); i++)
		r = packages_await_lock(locks[i], ret_why);
	return r;
}

static int dnf_list(struct buf *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, RPM, "--query", "--all", "--queryformat", RPM_FORMAT);
	return packages_ask(&a, ASK_TIMEOUT_MS, ERRORS, "rpm --query", ret, ret_why);
}

const struct package_backend dnf_backend = {
	.name = "dnf",
	.programs = {DNF, RPM},
	.database = {RPM_DATABASES},
	.refresh = "dnf makecache",
	.repair = "dnf distro-sync",
	.show = dnf_show,
	.plan = dnf_plan,
	.fetch = dnf_fetch,
	.install = dnf_install,
	.remove = dnf_remove,
	.settle = dnf_settle,
	.list = dnf_list,
};
