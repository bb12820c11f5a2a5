/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a package.set:
 *     manager     "apt", "dnf": by which it is done, and nothing else undoes it; earlier
 *                 journals do not have it, the one whose packages the host has is meant
 *     names       those that were asked for
 *     packages    all that are installed for it: [[name, version, whether configuration
 *                 files of an earlier installation were there], ...]
 *
 * Rules:
 *  1. What is installed is what was planned: it is worked out again just before, and
 *     another result is drift.
 *  2. Everything is fetched before anything is installed.
 *  3. A later version of a package is the same package: an upgrade is no drift.
 */
#include "change/package-set.h"

#include "base/escape.h"
#include "change/package-manager.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>

int package_set_plan(struct plan *plan, const char *manager, const struct strv *names, const struct package_set *all)
{
	_cleanup_buf_ struct buf target = {0};
	json_t *list = json_array(), *packages = package_set_json(all);
	int r = list && packages ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		r = buf_printf(&target, "%s%s", i ? " " : "", names->v[i]);
		if (r == 0 && json_array_append_new(list, json_text(names->v[i])) < 0)
			r = -ENOMEM;
	}
	json_t *data = json_pack("{ss so so}", "manager", manager, "names", list, "packages", packages);
	if (r == 0 && data)
		return plan_change(plan, &package_set_kind, target.data, data, NULL);
	json_decref(data);
	return -ENOMEM;
}

/* The data, read. */
struct content {
	const char *manager; /* in the change; NULL: not known */
	struct package_set all, wanted;
};

static void content_free(struct content *c)
{
	package_set_free(&c->all);
	package_set_free(&c->wanted);
}
#define _cleanup_content_ _cleanup_(content_free)

static int content_read(const struct change *change, struct content *c)
{
	const json_t *names = json_object_get(change->data, "names"), *manager = json_object_get(change->data, "manager");
	c->manager = json_string_value(manager);
	if (manager && !c->manager)
		return -EBADMSG;
	int r = package_set_from_json(json_object_get(change->data, "packages"), &c->all);
	for (size_t i = 0; r == 0 && i < json_array_size(names); i++) {
		_cleanup_buf_ struct buf name = {0};
		r = json_bytes_get(json_array_get(names, i), &name);
		const struct package *p = r == 0 ? package_set_find(&c->all, buf_text(&name)) : NULL;
		r = p ? package_set_add(&c->wanted, p->name, p->version, p->state) : r < 0 ? r : -EBADMSG;
	}
	return r == -EINVAL ? -EBADMSG : r;
}

static int content_open(struct host *host, const struct change *change, struct content *c,
                        const struct package_backend **ret, struct buf *why)
{
	int r = content_read(change, c);
	return r < 0 ? r : packages_manager(host, c->manager, ret, why);
}

/* RULE 3. */
static int look(const struct package_backend *b, const struct package_set *set, enum change_state *ret, struct buf *why)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_packages_ struct package_set now = {0};
	size_t there = 0, halfway = 0;
	int r = package_set_names(set, &names);
	if (r == 0)
		r = packages_show(b, &names, &now, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < now.n; i++) {
		there += now.v[i].state == PACKAGE_INSTALLED;
		halfway += now.v[i].state == PACKAGE_HALFWAY;
	}
	*ret = there == now.n ? CHANGE_AFTER : there || halfway ? CHANGE_DRIFTED : CHANGE_BEFORE;
	return 0;
}

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_content_ struct content c = {0};
	_cleanup_buf_ struct buf why = {0};
	const struct package_backend *b = NULL;
	int r = content_open(host, change, &c, &b, &why);
	return r < 0 ? r : look(b, &c.all, ret, &why);
}

/* RULE 1. */
static int check_plan(const struct package_backend *b, const struct content *c, struct buf *note)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_packages_ struct package_set now = {0};
	int r = package_set_names(&c->wanted, &names);
	if (r == 0)
		r = packages_plan(b, &names, &now, note);
	if (r == -ENOENT || r == -EPERM)
		return -ESTALE;
	bool same = r == 0 && now.n == c->all.n;
	for (size_t i = 0; same && i < now.n; i++) {
		const struct package *p = package_set_find(&c->all, now.v[i].name);
		same = p && strcmp(p->version, now.v[i].version) == 0;
	}
	if (r < 0 || same)
		return r;
	buf_puts(note, "other packages would be installed by now than were planned");
	return -ESTALE;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_content_ struct content c = {0};
	enum change_state state;
	const struct package_backend *b = NULL;
	int r = content_open(host, change, &c, &b, &effect->note);
	if (r == 0)
		r = look(b, &c.all, &state, &effect->note);
	if (r < 0 || state == CHANGE_AFTER)
		return r;
	r = check_plan(b, &c, &effect->note);
	if (r == 0)
		r = packages_fetch(b, &c.wanted, &effect->note);
	if (r < 0)
		return r;
	r = packages_install(b, &c.wanted, &c.all, &effect->note);
	if (r == 0)
		return 0;
	_cleanup_buf_ struct buf ignored = {0};
	packages_remove(b, &c.all, &ignored); /* what came of it; probe tells what is left */
	return r;
}

/* Those that others have removed since, at the versions that there are by now. */
static int reapply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_content_ struct content c = {0};
	_cleanup_strv_ struct strv names = {0}, missing = {0};
	_cleanup_packages_ struct package_set now = {0}, planned = {0};
	struct buf *note = &effect->note;
	const struct package_backend *b = NULL;
	int r = content_open(host, change, &c, &b, note);
	if (r == 0)
		r = package_set_names(&c.all, &names);
	if (r == 0)
		r = packages_show(b, &names, &now, note);
	for (size_t i = 0; r == 0 && i < now.n; i++)
		if (now.v[i].state != PACKAGE_INSTALLED)
			r = strv_add(&missing, now.v[i].name);
	if (r < 0 || !missing.n)
		return r;
	r = packages_plan(b, &missing, &planned, note);
	for (size_t i = 0; r == 0 && i < planned.n; i++)
		if (!package_set_find(&c.all, planned.v[i].name)) { /* the undo would not know it */
			buf_puts(note, "by now others would have to come with it");
			return -ESTALE;
		}
	if (r == 0)
		r = packages_fetch(b, &planned, note);
	return r < 0 ? r : packages_install(b, &planned, &c.all, note);
}

static int revert(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_content_ struct content c = {0};
	enum change_state state;
	const struct package_backend *b = NULL;
	buf_reset(&effect->note); /* of settle: what hinders that, if it still does, is found again */
	int r = content_open(host, change, &c, &b, &effect->note);
	if (r == 0)
		r = look(b, &c.all, &state, &effect->note);
	if (r < 0 || state == CHANGE_BEFORE)
		return r;
	return packages_remove(b, &c.all, &effect->note);
}

static int settle(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_content_ struct content c = {0};
	const struct package_backend *b = NULL;
	_cleanup_buf_ struct buf why = {0};
	int r = content_open(host, change, &c, &b, &why);
	if (r == 0)
		r = packages_settle(b, &c.all, &why);
	if (!effect->note.len) /* what failed before says more */
		buf_puts(&effect->note, buf_text(&why));
	return r;
}

/* Some of them were removed by others: the rest can be, too. */
static int drift(struct host *host, const struct change *change, struct buf *ret)
{
	(void)host;
	(void)change;
	return buf_puts(ret, "some of its packages are not installed, or not wholly");
}

static int describe(const struct change *change, struct buf *ret)
{
	_cleanup_content_ struct content c = {0};
	int r = content_read(change, &c);
	if (r < 0)
		return r;
	buf_puts(ret, "install ");
	for (size_t i = 0; i < c.wanted.n; i++) {
		buf_puts(ret, i ? ", " : "");
		escape_str(ret, c.wanted.v[i].name);
		buf_putc(ret, ' ');
		escape_str(ret, c.wanted.v[i].version);
	}
	size_t more = c.all.n - c.wanted.n;
	if (more)
		buf_printf(ret, more == 1 ? " and one that it needs" : " and %zu that it needs", more);
	return buf_error(ret);
}

static int detail(const struct change *change, struct buf *ret)
{
	_cleanup_content_ struct content c = {0};
	int r = content_read(change, &c);
	for (size_t i = 0; r == 0 && c.all.n > c.wanted.n && i < c.all.n; i++) {
		if (package_set_find(&c.wanted, c.all.v[i].name))
			continue;
		buf_puts(ret, "+ ");
		escape_str(ret, c.all.v[i].name);
		buf_putc(ret, ' ');
		escape_str(ret, c.all.v[i].version);
		r = buf_putc(ret, '\n');
	}
	return r;
}

/* What is new on the host is nothing that a rule protects. */
static int subjects(const struct change *change, subject_fn visit, void *ctx)
{
	(void)change;
	(void)visit;
	(void)ctx;
	return 0;
}

const struct change_kind package_set_kind = {
	.name = "package.set",
	.mark = '+',
	.audit_type = AUDIT_RESP_EXEC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.reapply = reapply,
	.drift = drift,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
};
