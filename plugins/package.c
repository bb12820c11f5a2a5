/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * package.ensure: packages that the cleanup needs, fail2ban above all, are there.
 */
#include "core/action.h"

#include "base/escape.h"
#include "change/package-manager.h"
#include "change/package-set.h"

#include <errno.h>
#include <string.h>

static int fail(struct plan *plan, const struct package_backend *b, int r, const struct buf *why)
{
	if (r == -ENOENT && why->len && b)
		return plan_fail(plan, r, "%s; run %s if its lists are old", why->data, packages_refresh(b));
	return why->len ? plan_fail(plan, r, "%s", why->data) : r;
}

static int find_missing(const struct package_backend *b, const struct strv *names, struct plan *plan, struct strv *ret,
                        struct buf *why)
{
	_cleanup_packages_ struct package_set now = {0};
	int r = packages_show(b, names, &now, why);
	for (size_t i = 0; r == 0 && i < now.n; i++) {
		_cleanup_buf_ struct buf name = {0};
		escape_str(&name, now.v[i].name);
		switch (now.v[i].state) {
		case PACKAGE_INSTALLED:
			r = plan_note(plan, "%s is installed", buf_text(&name));
			break;
		case PACKAGE_HALFWAY:
			r = plan_residual(plan, "%s is not wholly installed: run %s", buf_text(&name), packages_repair(b));
			break;
		default:
			r = strv_add_new(ret, now.v[i].name);
		}
	}
	return r;
}

static int ensure_plan(struct host *host, const struct args *args, struct plan *plan)
{
	const struct strv *names = args_list(args, "package");
	_cleanup_strv_ struct strv missing = {0};
	_cleanup_packages_ struct package_set all = {0};
	_cleanup_buf_ struct buf why = {0};
	if (!names->n)
		return plan_fact_number(plan, "count", 0);
	const struct package_backend *b = NULL;
	int r = packages_manager(host, NULL, &b, &why);
	if (r == 0)
		r = find_missing(b, names, plan, &missing, &why);
	if (r == 0 && missing.n)
		r = packages_plan(b, &missing, &all, &why);
	if (r < 0)
		return fail(plan, b, r, &why);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = plan_fact(plan, "package", all.v[i].name);
	if (r == 0)
		r = plan_fact_number(plan, "count", (long long)all.n);
	if (r == 0 && missing.n)
		r = plan_note(plan, "what a package brings may be started by its installation");
	return r < 0 || !missing.n ? r : package_set_plan(plan, packages_name(b), &missing, &all);
}

static const struct param params[] = {
	{"package", TYPE_PACKAGE, PARAM_LIST | PARAM_REQUIRED, NULL, NULL, "names of packages"},
	{0},
};

static const struct fact_decl facts[] = {
	{"package", TYPE_PACKAGE, "packages that are installed, with those that they need"},
	{"count", TYPE_NUMBER, "how many"},
	{0},
};

const struct action package_ensure = {
	.name = "package.ensure",
	.summary = "install packages that are missing; undo removes what was installed",
	.params = params,
	.facts = facts,
	.plan = ensure_plan,
};
