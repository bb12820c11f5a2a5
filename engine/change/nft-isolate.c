/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-isolate.h"

#include "change/isolation-stops.h"
#include "change/isolation.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>

#define NAMED 4

static json_t *encode(const struct addrs *management)
{
	json_t *data = json_object(), *list = json_array();
	int bad = !data || !list;
	for (size_t i = 0; !bad && i < management->n; i++) {
		char text[NETADDR_TEXT_LEN];
		netaddr_format(&management->v[i], text);
		bad = json_array_append_new(list, json_string(text));
	}
	if (!bad && json_object_set(data, "management", list) == 0) {
		json_decref(list);
		return data;
	}
	json_decref(list);
	json_decref(data);
	return NULL;
}

static int decode(const struct change *change, struct addrs *ret)
{
	_cleanup_addrs_ struct addrs addrs = {0};
	const json_t *list = json_object_get(change->data, "management"), *text;
	size_t i;
	json_array_foreach((json_t *)list, i, text) {
		struct netaddr a;
		if (!json_is_string(text) || netaddr_parse(json_string_value(text), &a) < 0)
			return -EINVAL;
		if (addrs_add(&addrs, &a) < 0)
			return -ENOMEM;
	}
	if (!addrs.n)
		return -EINVAL;
	addrs_sort(&addrs);
	*ret = addrs;
	addrs = (struct addrs){0};
	return 0;
}

static int look(struct host *host, struct plan *plan, const struct addrs *management, enum isolation_state *ret)
{
	_cleanup_buf_ struct buf why = {0};
	int r = isolation_read(management, ret, &why);
	if (r == -EPERM || r == -EACCES || r == -EOPNOTSUPP) {
		*ret = ISOLATION_NONE;
		return host_blind(host, "cannot read the nftables ruleset (%s): whether the host is isolated is not known",
		                  strerror(-r));
	}
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(plan, r, "cannot read the nftables ruleset: %s", strerror(-r));
	switch (*ret) {
	case ISOLATION_NONE:
	case ISOLATION_WHOLE: return 0;
	case ISOLATION_BROKEN:
		return plan_fail(plan, -ESTALE,
		                 "the host was isolated for these addresses, but %s: put it in order with --verify and "
		                 "--reapply, or take the run back that did it",
		                 buf_text(&why));
	case ISOLATION_OTHER:
		return plan_fail(plan, -EEXIST,
		                 "the host is isolated already, for other management addresses: take that run back first");
	case ISOLATION_FOREIGN: break;
	}
	return plan_fail(plan, -EEXIST, "a table inet %s is there that this program did not make: rename or delete it",
	                 isolation_table.name);
}

int nft_isolate_plan(struct host *host, struct plan *plan, const struct addrs *management)
{
	enum isolation_state state;
	struct change *change = NULL;
	int r = look(host, plan, management, &state);
	if (r == 0)
		r = plan_change(plan, &nft_isolate_kind, "this host", encode(management), &change);
	if (r < 0)
		return r;
	change->held = state == ISOLATION_WHOLE;
	return change->held ? 0 : isolation_stops_find(host, management, change->data);
}

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_addrs_ struct addrs management = {0};
	enum isolation_state state;
	(void)host;
	int r = decode(change, &management);
	if (r == 0)
		r = isolation_read(&management, &state, NULL);
	if (r == 0)
		*ret = state == ISOLATION_WHOLE ? CHANGE_AFTER : state == ISOLATION_BROKEN ? CHANGE_DRIFTED : CHANGE_BEFORE;
	return r;
}

static int put(const struct change *change, struct effect *effect, bool repair)
{
	_cleanup_addrs_ struct addrs management = {0};
	int r = decode(change, &management);
	return r < 0 ? r : isolation_put(&management, repair, &effect->note);
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	(void)host;
	return put(change, effect, false);
}

static int reapply(struct host *host, struct change *change, struct effect *effect)
{
	(void)host;
	return put(change, effect, true);
}

/* One for each set of addresses: the table of another is not this run's to hold. */
static int key_of(const struct addrs *management, struct buf *ret)
{
	buf_puts(ret, "isolate but");
	for (size_t i = 0; i < management->n; i++) {
		char text[NETADDR_TEXT_LEN];
		netaddr_format(&management->v[i], text);
		buf_printf(ret, " %s", text);
	}
	return buf_error(ret);
}

static int revert(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_addrs_ struct addrs management = {0};
	_cleanup_buf_ struct buf key = {0};
	enum isolation_state found = ISOLATION_NONE;
	(void)host;
	int r = decode(change, &management);
	if (r == 0)
		r = key_of(&management, &key);
	if (r < 0)
		return r;
	const char *by = effect->held_by(effect, key.data);
	if (by) {
		buf_printf(&effect->note, "kept: run %s holds it too", by);
		return -EBUSY;
	}
	r = isolation_take(&management, &found, &effect->note);
	if (r == 0 && found != ISOLATION_WHOLE && found != ISOLATION_BROKEN)
		buf_puts(&effect->note, "it was no longer in force");
	return r;
}

/* The table is this program's, and is removed whatever has become of it. */
static int drift(struct host *host, const struct change *change, struct buf *ret)
{
	_cleanup_addrs_ struct addrs management = {0};
	_cleanup_buf_ struct buf why = {0};
	enum isolation_state state;
	(void)host;
	int r = decode(change, &management);
	if (r == 0)
		r = isolation_read(&management, &state, &why);
	return r < 0 ? r : buf_printf(ret, "table inet %s: %s", isolation_table.name, buf_text(&why));
}

static int describe(const struct change *change, struct buf *ret)
{
	const json_t *list = json_object_get(change->data, "management"), *text;
	size_t i, n = json_array_size(list);
	buf_puts(ret, "isolate this host from all but ");
	json_array_foreach((json_t *)list, i, text)
		if (i < NAMED)
			buf_printf(ret, "%s%s", i ? ", " : "", json_string_value(text) ? json_string_value(text) : "?");
	return n > NAMED ? buf_printf(ret, ", and %zu more", n - NAMED) : buf_error(ret);
}

static int detail(const struct change *change, struct buf *ret)
{
	const json_t *list = json_object_get(change->data, "management"), *text;
	size_t i, n = json_array_size(list);
	json_array_foreach((json_t *)list, i, text)
		if (n > NAMED)
			buf_printf(ret, "management: %s\n", json_string_value(text) ? json_string_value(text) : "?");
	return isolation_stops_text(change->data, ret);
}

static int subjects(const struct change *change, subject_fn visit, void *ctx)
{
	_cleanup_addrs_ struct addrs management = {0};
	int r = decode(change, &management);
	const struct subject subject = {.type = SUBJECT_ALL_BUT, .kept = &management};
	return r < 0 ? r : visit(ctx, &subject);
}

static int keys(struct host *host, const struct change *change, int (*visit)(void *ctx, const char *key), void *ctx)
{
	_cleanup_addrs_ struct addrs management = {0};
	_cleanup_buf_ struct buf key = {0};
	(void)host;
	int r = decode(change, &management);
	if (r == 0)
		r = key_of(&management, &key);
	return r < 0 ? r : visit(ctx, key.data);
}

/* There is nothing to settle: the table is made and removed in one transaction each. */
const struct change_kind nft_isolate_kind = {
	.name = "nft.isolate",
	.mark = '+',
	.audit_type = AUDIT_RESP_ORIGIN_BLOCK,
	.audit_undo_type = AUDIT_RESP_ORIGIN_UNBLOCK_TIMED,
	.probe = probe,
	.apply = apply,
	.reapply = reapply,
	.revert = revert,
	.drift = drift,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
	.keys = keys,
};
