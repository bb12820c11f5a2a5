/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-ports.h"

#include "base/clock.h"
#include "change/nft-times.h"

#include <errno.h>
#include <libaudit.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_LEN 32
#define NAMED 6

struct closing {
	struct closed_ports ports;
	int64_t ttl_ms;  /* 0: it does not end by itself */
	int64_t until_s; /* 0: as ttl_ms */
};

static void closing_free(struct closing *c)
{
	closed_free(&c->ports);
}

#define _cleanup_closing_ _cleanup_(closing_free)

static const char *protocol_word(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static json_t *encode(const struct closed_ports *ports, int64_t ttl_ms)
{
	json_t *list = json_array(), *data = json_pack("{s:s, s:o}", "protocol", protocol_word(ports->protocol), "ports", list);
	int bad = !data;
	for (size_t i = 0; !bad && i < ports->n; i++)
		bad = json_array_append_new(list, json_integer(ports->v[i].port));
	if (!bad && ttl_ms)
		bad = json_object_set_new(data, "ttl", json_integer(ttl_ms)) |
		      json_object_set_new(data, "until", json_integer(left_until(ttl_ms)));
	if (!bad)
		return data;
	json_decref(data);
	return NULL;
}

static int decode_ports(const json_t *list, struct closed_ports *ret)
{
	const json_t *number;
	size_t i;
	if (!json_array_size(list) || json_array_size(list) > CLOSED_MAX)
		return -EINVAL;
	json_array_foreach((json_t *)list, i, number) {
		json_int_t port = json_integer_value(number);
		if (port < 1 || port > 65535)
			return -EINVAL;
		ret->v[ret->n++].port = (uint16_t)port;
	}
	return 0;
}

/* What is not read anew stays zero: RET is empty. */
static int decode(const struct change *change, struct closing *ret)
{
	const char *protocol = json_string_value(json_object_get(change->data, "protocol"));
	if (!protocol || (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0))
		return -EINVAL;
	ret->ports.protocol = strcmp(protocol, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	ret->ttl_ms = json_integer_value(json_object_get(change->data, "ttl"));
	ret->until_s = json_integer_value(json_object_get(change->data, "until"));
	return ret->ttl_ms < 0 ? -EINVAL : decode_ports(json_object_get(change->data, "ports"), &ret->ports);
}

/* ---- planning -------------------------------------------------------------------------- */

static void target_of(const struct closed_ports *ports, char ret[KEY_LEN])
{
	if (ports->n == 1)
		snprintf(ret, KEY_LEN, "%s port %u", protocol_word(ports->protocol), ports->v[0].port);
	else
		snprintf(ret, KEY_LEN, "%zu %s ports", ports->n, protocol_word(ports->protocol));
}

static int plan_some(struct plan *plan, const struct closed_ports *ports, bool held, int64_t ttl_ms)
{
	struct closed_ports some = {.protocol = ports->protocol};
	struct change *change = NULL;
	char target[KEY_LEN];
	for (size_t i = 0; i < ports->n; i++)
		if (held == (ports->complete && ports->v[i].state == CLOSED_FULL))
			some.v[some.n++].port = ports->v[i].port;
	if (!some.n)
		return 0;
	target_of(&some, target);
	int r = plan_change(plan, &nft_ports_kind, target, encode(&some, ttl_ms), &change);
	if (r == 0)
		change->held = held;
	return r;
}

static int by_port(const void *a, const void *b)
{
	return ((const struct closed_port *)a)->port - ((const struct closed_port *)b)->port;
}

/* Sorted, each once. */
static void fill(struct closed_ports *ports, const uint16_t *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		ports->v[i].port = v[i];
	qsort(ports->v, n, sizeof(*ports->v), by_port);
	for (size_t i = 0; i < n; i++)
		if (!kept || ports->v[kept - 1].port != ports->v[i].port)
			ports->v[kept++].port = ports->v[i].port;
	ports->n = kept;
}

int nft_ports_plan(struct host *host, struct plan *plan, uint8_t protocol, const uint16_t *ports, size_t n,
                   int64_t ttl_ms)
{
	_cleanup_closed_ struct closed_ports all = {.protocol = protocol};
	if (n > CLOSED_MAX)
		return plan_fail(plan, -E2BIG, "%zu ports are more than %d: close them in several steps", n, CLOSED_MAX);
	fill(&all, ports, n);
	int r = closed_read(&all, left_enough(ttl_ms));
	if (r == -EPERM || r == -EACCES || r == -EOPNOTSUPP) {
		all.complete = false;
		r = host_blind(host, "cannot read the nftables ruleset (%s): what is closed already is not known", strerror(-r));
	}
	if (r == -EEXIST)
		return plan_fail(plan, r, "a table inet respond is there that this program did not make: rename or delete it");
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(plan, r, "cannot read the nftables ruleset: %s", strerror(-r));
	r = plan_some(plan, &all, true, ttl_ms);
	return r < 0 ? r : plan_some(plan, &all, false, ttl_ms);
}

/* ---- the kind ---------------------------------------------------------------------------- */

static size_t count(const struct closed_ports *ports, enum closed_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < ports->n; i++)
		n += ports->v[i].state == state;
	return n;
}

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_closing_ struct closing c = {0};
	(void)host;
	int r = decode(change, &c);
	if (r == 0)
		r = closed_read(&c.ports, left_enough_since(c.ttl_ms, c.until_s));
	if (r < 0 && r != -EEXIST)
		return r;
	size_t full = r == 0 ? count(&c.ports, CLOSED_FULL) : 0;
	if (full == c.ports.n && c.ports.complete)
		*ret = CHANGE_AFTER;
	else
		*ret = full ? CHANGE_DRIFTED : CHANGE_BEFORE;
	return 0;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_closing_ struct closing c = {0};
	_cleanup_buf_ struct buf comment = {0};
	(void)host;
	int r = decode(change, &c);
	if (r == 0)
		r = buf_printf(&comment, "run %s", effect->run);
	if (r == 0)
		r = closed_put(&c.ports, c.ttl_ms, comment.data, &effect->note);
	size_t renewed = r == 0 ? count(&c.ports, CLOSED_SHORTER) : 0;
	if (renewed)
		buf_printf(&effect->note, "%zu of %zu renewed", renewed, c.ports.n);
	return r;
}

static void key_of(const struct closed_ports *ports, size_t i, char ret[KEY_LEN])
{
	snprintf(ret, KEY_LEN, "%s port %u closed", protocol_word(ports->protocol), ports->v[i].port);
}

/* Marks what other runs hold. Returns how many; one of their ids goes to RET_BY. */
static size_t mark_kept(struct closed_ports *ports, struct effect *effect, struct buf *ret_by)
{
	size_t n = 0;
	for (size_t i = 0; i < ports->n; i++) {
		struct closed_port *p = &ports->v[i];
		char key[KEY_LEN];
		key_of(ports, i, key);
		const char *by = effect->held_by(effect, key);
		p->kept = by != NULL;
		p->keep_ms = by ? left_held(effect, key) : 0;
		n += p->kept;
		if (by && !ret_by->len)
			buf_puts(ret_by, by);
	}
	return n;
}

static void note_revert(struct buf *note, const struct closed_ports *ports, size_t kept, const char *by)
{
	size_t gone = 0, shortened = 0;
	for (size_t i = 0; i < ports->n; i++) {
		const struct closed_port *p = &ports->v[i];
		gone += p->state == CLOSED_NOT && !p->kept;
		shortened += p->state != CLOSED_NOT && p->kept && left_exceeds(p->left_ms, p->keep_ms);
	}
	if (kept == ports->n)
		buf_printf(note, "kept: run %s holds %s too", by, kept == 1 ? "it" : "them");
	else if (kept)
		buf_printf(note, "%zu of %zu kept: run %s holds them too", kept, ports->n, by);
	if (shortened)
		buf_printf(note, "; %zu of %zu shortened to what is left of the time there", shortened, ports->n);
	if (gone)
		buf_printf(note, "%s%zu of %zu no longer closed", kept ? "; " : "", gone, ports->n);
}

static int revert(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_closing_ struct closing c = {0};
	_cleanup_buf_ struct buf by = {0}, comment = {0};
	(void)host;
	int r = decode(change, &c);
	if (r < 0)
		return r;
	size_t kept = mark_kept(&c.ports, effect, &by);
	r = buf_printf(&comment, "run %s", buf_text(&by));
	if (r == 0)
		r = closed_take(&c.ports, comment.data, &effect->note);
	if (r == 0 && kept < c.ports.n)
		r = closed_clean(&effect->note);
	if (r < 0)
		return r;
	note_revert(&effect->note, &c.ports, kept, buf_text(&by));
	return kept == c.ports.n ? -EBUSY : 0;
}

/* Closing and opening are one transaction each. Only after the latter, what the ports needed may
 * be there yet, with nothing in it: it is ours, and goes. */
static int settle(struct host *host, const struct change *change, struct effect *effect)
{
	(void)host, (void)change;
	return closed_clean(&effect->note);
}

static int describe(const struct change *change, struct buf *ret)
{
	_cleanup_closing_ struct closing c = {0};
	int r = decode(change, &c);
	if (r < 0)
		return r;
	buf_printf(ret, "close %s port%s ", protocol_word(c.ports.protocol), c.ports.n == 1 ? "" : "s");
	for (size_t i = 0; i < c.ports.n && i < NAMED; i++)
		buf_printf(ret, "%s%u", i ? ", " : "", c.ports.v[i].port);
	if (c.ports.n > NAMED)
		buf_printf(ret, " and %zu more", c.ports.n - NAMED);
	buf_puts(ret, " to everybody outside");
	if (!c.ttl_ms)
		return buf_error(ret);
	buf_puts(ret, " for ");
	return span_format(c.ttl_ms, ret);
}

static int detail(const struct change *change, struct buf *ret)
{
	_cleanup_closing_ struct closing c = {0};
	int r = decode(change, &c);
	for (size_t i = 0; r == 0 && c.ports.n > NAMED && i < c.ports.n; i++)
		r = buf_printf(ret, "%u\n", c.ports.v[i].port);
	return r;
}

static int subjects(const struct change *change, subject_fn visit, void *ctx)
{
	_cleanup_closing_ struct closing c = {0};
	int r = decode(change, &c);
	for (size_t i = 0; r == 0 && i < c.ports.n; i++) {
		const struct subject s = {.type = SUBJECT_PORT, .protocol = c.ports.protocol, .port = c.ports.v[i].port};
		r = visit(ctx, &s);
	}
	return r;
}

/* What has run out by the clock holds nothing any more. */
static int keys(struct host *host, const struct change *change, int (*visit)(void *ctx, const char *key), void *ctx)
{
	_cleanup_closing_ struct closing c = {0};
	(void)host;
	int r = decode(change, &c);
	bool over = c.until_s && time(NULL) > c.until_s;
	for (size_t i = 0; r == 0 && !over && i < c.ports.n; i++) {
		char key[KEY_LEN];
		key_of(&c.ports, i, key);
		r = visit(ctx, key);
	}
	return r;
}

static int64_t until(const struct change *change)
{
	return json_integer_value(json_object_get(change->data, "until"));
}

static int audit_type_of(const struct change *change)
{
	return json_object_get(change->data, "ttl") ? AUDIT_RESP_ORIGIN_BLOCK_TIMED : AUDIT_RESP_ORIGIN_BLOCK;
}

const struct change_kind nft_ports_kind = {
	.name = "nft.ports",
	.mark = '+',
	.audit_type = AUDIT_RESP_ORIGIN_BLOCK,
	.audit_undo_type = AUDIT_RESP_ORIGIN_UNBLOCK_TIMED,
	.audit_type_of = audit_type_of,
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
