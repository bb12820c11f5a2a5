/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/pam-contain.h"

#include "base/escape.h"
#include "base/fd.h"
#include "change/contained-codec.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAMED 3
#define SHOWN 20

struct containment {
	struct strv who;
	int64_t until; /* 0: without end */
};

static void containment_free(struct containment *c)
{
	strv_free(&c->who);
}

static int decode(const struct change *change, struct containment *ret)
{
	const json_t *list = json_object_get(change->data, "who"), *item;
	size_t i;
	int r = json_is_array(list) ? 0 : -EINVAL;
	json_array_foreach((json_t *)list, i, item) {
		_cleanup_buf_ struct buf who = {0};
		if (r == 0)
			r = json_bytes_get(item, &who);
		if (r == 0)
			r = strv_add(&ret->who, buf_text(&who));
	}
	ret->until = json_integer_value(json_object_get(change->data, "until"));
	return r;
}

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

/* ---- the list ------------------------------------------------------------------------- */

/* An empty one where there is none. */
static int list_read(struct host *host, struct buf *ret)
{
	int r = path_read(host->root, CONTAINED_FILE, CONTAINED_MAX, ret, NULL);
	return r == -ENOENT ? 0 : r;
}

static int sync_dir(int dir)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* O_PATH cannot be synced */
	return fd < 0 ? -errno : fd_sync(fd);
}

/* The directory of the list, made if need be: root's, as all of this program's state. */
static int open_dir(struct host *host, int *ret)
{
	_cleanup_close_ int parent = -1, dir = -1;
	_cleanup_free_ char *path = strdup(CONTAINED_FILE);
	const char *name;
	if (!path)
		return -ENOMEM;
	*strrchr(path, '/') = '\0';
	int r = path_open_parent(host->root, path, &parent, &name);
	if (r < 0)
		return r;
	if (mkdirat(parent, name, 0700) == 0)
		r = sync_dir(parent);
	else if (errno != EEXIST)
		r = -errno;
	if (r < 0)
		return r;
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	*ret = dir;
	dir = -1;
	return 0;
}

static int list_write(struct host *host, const struct buf *text, const char *temporary)
{
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name = strrchr(CONTAINED_FILE, '/') + 1;
	int r = open_dir(host, &dir);
	if (r < 0)
		return r;
	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write(fd, buf_text(text), text->len);
	if (r == 0)
		r = fd_sync(fd);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r == 0)
		r = fd_sync(dir);
	if (r < 0)
		unlinkat(dir, temporary, 0);
	return r;
}

static int settle(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_close_ int dir = -1;
	(void)change;
	int r = open_dir(host, &dir);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return unlinkat(dir, effect->temporary, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- planning --------------------------------------------------------------------------- */

/* Rounded up to a minute: planned twice at the same time, it is the same change. */
static int64_t until_of(int64_t ttl_ms)
{
	return ttl_ms ? (now_s() + (ttl_ms + 999) / 1000 + 59) / 60 * 60 : 0;
}

/* Long enough that asking again is not renewing: a hundredth, and a minute, less will do. */
static bool lasts(int64_t until, int64_t wanted)
{
	int64_t left = wanted - now_s();
	if (until <= 0 || !wanted)
		return until == 0;
	return until >= wanted - left / 100 - (left < 120 ? left / 2 : 60);
}

static int add_change(struct plan *plan, const struct strv *who, int64_t ttl_ms, bool held)
{
	char target[NETADDR_TEXT_LEN + 64];
	struct change *c = NULL;
	json_t *list = json_array();
	if (!who->n) {
		json_decref(list);
		return 0;
	}
	for (size_t i = 0; list && i < who->n; i++)
		if (json_array_append_new(list, json_text(who->v[i])) < 0) {
			json_decref(list);
			return -ENOMEM;
		}
	json_t *data = json_pack("{so}", "who", list);
	if (data && ttl_ms && (json_object_set_new(data, "ttl", json_integer(ttl_ms)) < 0 ||
	                       json_object_set_new(data, "until", json_integer(until_of(ttl_ms))) < 0)) {
		json_decref(data);
		return -ENOMEM;
	}
	snprintf(target, sizeof(target), "%zu users and addresses", who->n);
	int r = plan_change(plan, &pam_contain_kind, who->n == 1 ? strchr(who->v[0], ' ') + 1 : target, data, &c);
	if (r == 0)
		c->held = held;
	return r;
}

int pam_contain_plan(struct host *host, struct plan *plan, const struct strv *who, int64_t ttl_ms)
{
	_cleanup_buf_ struct buf list = {0};
	_cleanup_strv_ struct strv held = {0}, missing = {0};
	int r = who->n > PAM_CONTAIN_MAX ? -E2BIG : list_read(host, &list);
	if (r == -EACCES)
		r = host_blind(host, "cannot read " CONTAINED_FILE ": who is contained already is not known");
	for (size_t i = 0; r == 0 && i < who->n; i++) {
		bool there = lasts(contained_until(&list, who->v[i], now_s()), until_of(ttl_ms));
		r = strv_add_new(there ? &held : &missing, who->v[i]);
	}
	if (r == 0)
		r = add_change(plan, &held, ttl_ms, true);
	return r < 0 ? r : add_change(plan, &missing, ttl_ms, false);
}

int pam_contains(struct host *host, const struct plan *plan, const char *user)
{
	_cleanup_buf_ struct buf who = {0}, list = {0};
	int r = buf_printf(&who, "user %s", user);
	for (size_t i = 0; r == 0 && plan && i < plan_count(plan); i++) {
		const struct change *c = plan_at(plan, i);
		_cleanup_(containment_free) struct containment k = {0};
		if (!c || c->kind != &pam_contain_kind)
			continue;
		r = decode(c, &k);
		if (r == 0 && strv_has(&k.who, buf_text(&who)))
			return 1;
	}
	if (r == 0)
		r = list_read(host, &list);
	return r < 0 ? r : contained_until(&list, buf_text(&who), now_s()) >= 0;
}

/* ---- probe, apply, revert --------------------------------------------------------------- */

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_(containment_free) struct containment k = {0};
	_cleanup_buf_ struct buf list = {0};
	size_t there = 0;
	int r = decode(change, &k);
	if (r == 0)
		r = list_read(host, &list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < k.who.n; i++)
		there += lasts(contained_until(&list, k.who.v[i], now_s()), k.until);
	*ret = there == k.who.n ? CHANGE_AFTER : there ? CHANGE_DRIFTED : CHANGE_BEFORE;
	return 0;
}

/* LIST with WHO set; LIST is the outcome then. */
static int set(struct buf *list, const char *who, int64_t until)
{
	struct buf next = {0};
	int r = contained_set(list, who, until, now_s(), &next);
	if (r < 0) {
		buf_free(&next);
		return r;
	}
	buf_free(list);
	*list = next;
	return 0;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_(containment_free) struct containment k = {0};
	_cleanup_buf_ struct buf list = {0};
	size_t n = 0;
	int r = decode(change, &k);
	if (r == 0)
		r = list_read(host, &list);
	for (size_t i = 0; r == 0 && i < k.who.n; i++) {
		int64_t there = contained_until(&list, k.who.v[i], now_s());
		if (there == 0 || (k.until && there >= k.until))
			continue;
		n++;
		r = set(&list, k.who.v[i], k.until);
	}
	if (r == -EFBIG)
		buf_puts(&effect->note, "the list of who is contained would become too long");
	if (r == 0 && !n)
		return buf_puts(&effect->note, "it was so already");
	return r < 0 ? r : list_write(host, &list, effect->temporary);
}

static int revert(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_(containment_free) struct containment k = {0};
	_cleanup_buf_ struct buf list = {0};
	size_t kept = 0, gone = 0;
	int r = decode(change, &k);
	if (r == 0)
		r = list_read(host, &list);
	for (size_t i = 0; r == 0 && i < k.who.n; i++) {
		const char *by = effect->held_by ? effect->held_by(effect, k.who.v[i]) : NULL;
		int64_t there = contained_until(&list, k.who.v[i], now_s());
		if (by && !kept++)
			buf_printf(&effect->note, "kept: run %s holds %s too", by, k.who.n == 1 ? "it" : "some of them");
		gone += there < 0;
		if (there >= 0)
			r = set(&list, k.who.v[i], by ? effect->held_until(effect, k.who.v[i]) : -1);
	}
	if (r == 0 && gone < k.who.n)
		r = list_write(host, &list, effect->temporary);
	if (r == 0 && gone && !kept)
		buf_puts(&effect->note, gone == k.who.n ? "it had ended already" : "some had ended already");
	return r < 0 ? r : kept == k.who.n ? -EBUSY : 0;
}

/* What has run out by the clock holds nothing any more. */
static int keys(struct host *host, const struct change *change, int (*visit)(void *ctx, const char *key), void *ctx)
{
	_cleanup_(containment_free) struct containment k = {0};
	(void)host;
	int r = decode(change, &k);
	bool over = k.until && k.until <= now_s();
	for (size_t i = 0; r == 0 && !over && i < k.who.n; i++)
		r = visit(ctx, k.who.v[i]);
	return r;
}

static int64_t until(const struct change *change)
{
	return json_integer_value(json_object_get(change->data, "until"));
}

/* ---- for people, and for the guard -------------------------------------------------------- */

static int describe(const struct change *change, struct buf *ret)
{
	_cleanup_(containment_free) struct containment k = {0};
	int r = decode(change, &k);
	buf_puts(ret, "refuse at PAM: ");
	for (size_t i = 0; r == 0 && i < k.who.n && i < NAMED; i++) {
		buf_puts(ret, i ? ", " : "");
		escape_str(ret, k.who.v[i]);
	}
	if (k.who.n > NAMED)
		buf_printf(ret, " and %zu more", k.who.n - NAMED);
	return r < 0 ? r : buf_error(ret);
}

static int detail(const struct change *change, struct buf *ret)
{
	_cleanup_(containment_free) struct containment k = {0};
	int r = decode(change, &k);
	for (size_t i = 0; r == 0 && k.who.n > NAMED && i < k.who.n && i < SHOWN; i++) {
		escape_str(ret, k.who.v[i]);
		buf_putc(ret, '\n');
	}
	return r < 0 ? r : buf_error(ret);
}

static int visit_one(const char *who, subject_fn visit, void *ctx)
{
	struct subject s = {.type = SUBJECT_ACCOUNT, .account = who + 5};
	if (strncmp(who, "user ", 5) == 0)
		return visit(ctx, &s);
	s = (struct subject){.type = SUBJECT_ADDRESS};
	return strncmp(who, "address ", 8) == 0 && netaddr_parse(who + 8, &s.address) == 0 ? visit(ctx, &s) : -EINVAL;
}

static int subjects(const struct change *change, subject_fn visit, void *ctx)
{
	_cleanup_(containment_free) struct containment k = {0};
	int r = decode(change, &k);
	for (size_t i = 0; r == 0 && i < k.who.n; i++)
		r = visit_one(k.who.v[i], visit, ctx);
	return r;
}

const struct change_kind pam_contain_kind = {
	.name = "pam.contain",
	.mark = '+',
	.audit_type = AUDIT_RESP_TERM_ACCESS,
	.audit_undo_type = AUDIT_RESP_TERM_ACCESS,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
	.keys = keys,
	.until = until,
};
