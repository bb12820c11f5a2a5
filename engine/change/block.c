/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/block.h"

#include "base/clock.h"
#include "change/nft-times.h"
#include "core/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define IN_DATA 64 /* longer lists are kept in the vault */
#define SHOWN 10
#define NAMED 3
#define LIST_MAX (64 * 1024 * 1024)

void block_free(struct block *block)
{
	addrs_free(&block->addrs);
	*block = (struct block){0};
}

static json_t *encode_directions(unsigned directions)
{
	json_t *list = json_array();
	for (unsigned d = DIRECTION_IN; list && d <= DIRECTION_FORWARD; d <<= 1)
		if (directions & d)
			json_array_append_new(list, json_string(direction_word(d)));
	return list;
}

static json_t *encode_addresses(const struct addrs *addrs, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < n; i++) {
		char text[NETADDR_TEXT_LEN];
		netaddr_format(&addrs->v[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *encode(const struct block *b)
{
	size_t n = b->addrs.n;
	json_t *data = json_object();
	if (!data)
		return NULL;
	if (json_object_set_new(data, "directions", encode_directions(b->group.directions)) |
	    (b->group.port ? json_object_set_new(data, "port", json_integer(b->group.port)) : 0) |
	    (b->ttl_ms ? json_object_set_new(data, "ttl", json_integer(b->ttl_ms)) |
	                         json_object_set_new(data, "until", json_integer(left_until(b->ttl_ms)))
	               : 0) |
	    json_object_set_new(data, "count", json_integer((json_int_t)n)) |
	    json_object_set_new(data, "addresses", encode_addresses(&b->addrs, n <= IN_DATA ? n : SHOWN))) {
		json_decref(data);
		return NULL;
	}
	return data;
}

static void target_of(const struct block *b, char ret[NETADDR_TEXT_LEN])
{
	if (b->addrs.n == 1)
		netaddr_format(&b->addrs.v[0], ret);
	else
		snprintf(ret, NETADDR_TEXT_LEN, "%zu addresses", b->addrs.n);
}

static int add_list(struct change *change, const struct addrs *addrs)
{
	_cleanup_buf_ struct buf text = {0};
	struct sha256 sha;
	int r = addrs_write(addrs, &text);
	if (r == 0)
		r = change_add_blob(change, &text, &sha);
	if (r == 0 && json_object_set_new(change->data, "list", json_string(sha.hex)) < 0)
		r = -ENOMEM;
	return r;
}

int block_plan(struct plan *plan, const struct change_kind *kind, const struct block *block, struct change **ret)
{
	char target[NETADDR_TEXT_LEN];
	struct change *change = NULL;
	target_of(block, target);
	int r = plan_change(plan, kind, target, encode(block), &change);
	if (r == 0 && block->addrs.n > IN_DATA)
		r = add_list(change, &block->addrs);
	if (r == 0 && ret)
		*ret = change;
	return r;
}

static int decode_scope(const json_t *data, struct block *ret)
{
	const json_t *list = json_object_get(data, "directions"), *word;
	size_t i;
	json_array_foreach((json_t *)list, i, word)
		if (!json_is_string(word) || direction_parse(json_string_value(word), &ret->group.directions) < 0)
			return -EINVAL;
	json_int_t port = json_integer_value(json_object_get(data, "port"));
	ret->ttl_ms = json_integer_value(json_object_get(data, "ttl"));
	ret->until_s = json_integer_value(json_object_get(data, "until"));
	if (!ret->group.directions || port < 0 || port > 65535 || ret->ttl_ms < 0)
		return -EINVAL;
	ret->group.port = (uint16_t)port;
	return 0;
}

static int decode_addresses(const json_t *data, struct addrs *ret)
{
	const json_t *list = json_object_get(data, "addresses"), *text;
	size_t i;
	json_array_foreach((json_t *)list, i, text) {
		struct netaddr a;
		if (!json_is_string(text) || netaddr_parse(json_string_value(text), &a) < 0)
			return -EINVAL;
		if (addrs_add(ret, &a) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int refuse_line(void *ctx, size_t line, const char *text, size_t len, int error)
{
	(void)ctx, (void)line, (void)text, (void)len;
	return error;
}

static int decode_list(struct host *host, const struct change *change, const char *hex, struct addrs *ret)
{
	for (size_t i = 0; i < change->n_blobs; i++)
		if (strcmp(change->blobs[i].sha256.hex, hex) == 0)
			return addrs_read(buf_text(&change->blobs[i].bytes), change->blobs[i].bytes.len, ret, refuse_line, NULL);
	_cleanup_buf_ struct buf text = {0};
	int r = host && host->vault ? vault_read(host->vault, hex, LIST_MAX, &text) : -ENODATA;
	return r < 0 ? r : addrs_read(buf_text(&text), text.len, ret, refuse_line, NULL);
}

int block_read(struct host *host, const struct change *change, struct block *ret)
{
	_cleanup_block_ struct block b = {0};
	const char *hex = json_string_value(json_object_get(change->data, "list"));
	int r = decode_scope(change->data, &b);
	if (r == 0)
		r = hex ? decode_list(host, change, hex, &b.addrs) : decode_addresses(change->data, &b.addrs);
	if (r < 0)
		return r;
	addrs_sort(&b.addrs);
	*ret = b;
	b = (struct block){0};
	return 0;
}

bool block_is_over(const struct block *block)
{
	return block->until_s && time(NULL) > block->until_s;
}

void block_key(const struct block *block, const struct netaddr *address, char ret[BLOCK_KEY_LEN])
{
	char text[NETADDR_TEXT_LEN], port[16] = "";
	unsigned d = block->group.directions;
	netaddr_format(address, text);
	if (block->group.port)
		snprintf(port, sizeof(port), " port %u", block->group.port);
	snprintf(ret, BLOCK_KEY_LEN, "%s%s%s%s%s%s", text, d == DIRECTION_ALL ? " all" : "",
	         d != DIRECTION_ALL && d & DIRECTION_IN ? " in" : "", d != DIRECTION_ALL && d & DIRECTION_OUT ? " out" : "",
	         d != DIRECTION_ALL && d & DIRECTION_FORWARD ? " forward" : "", port);
}

static size_t count_of(const struct change *change)
{
	return (size_t)json_integer_value(json_object_get(change->data, "count"));
}

static const char *address_at(const struct change *change, size_t i)
{
	const char *text = json_string_value(json_array_get(json_object_get(change->data, "addresses"), i));
	return text ? text : "?";
}

int block_describe(const struct change *change, const char *verb, struct buf *ret)
{
	size_t n = count_of(change);
	buf_printf(ret, "%s ", verb);
	if (n == 1)
		return buf_puts(ret, address_at(change, 0));
	buf_printf(ret, "%zu addresses: ", n);
	for (size_t i = 0; i < n && i < NAMED; i++)
		buf_printf(ret, "%s%s", i ? ", " : "", address_at(change, i));
	return n > NAMED ? buf_puts(ret, ", ...") : buf_error(ret);
}

int block_describe_scope(const struct change *change, struct buf *ret)
{
	struct block b = {0};
	if (decode_scope(change->data, &b) < 0)
		return buf_error(ret);
	buf_puts(ret, " (");
	directions_text(b.group.directions, ", ", ret);
	if (b.group.port)
		buf_printf(ret, "; port %u", b.group.port);
	buf_putc(ret, ')');
	if (!b.ttl_ms)
		return buf_error(ret);
	buf_puts(ret, " for ");
	return span_format(b.ttl_ms, ret);
}

int block_detail(const struct change *change, struct buf *ret)
{
	size_t n = count_of(change);
	if (n <= NAMED)
		return 0;
	for (size_t i = 0; i < n && i < SHOWN; i++)
		buf_printf(ret, "%s\n", address_at(change, i));
	return n > SHOWN ? buf_printf(ret, "and %zu more\n", n - SHOWN) : buf_error(ret);
}

int block_subjects(const struct change *change, subject_fn visit, void *ctx)
{
	_cleanup_block_ struct block b = {0};
	int r = block_read(NULL, change, &b);
	if (r == -ENODATA)
		r = decode_addresses(change->data, &b.addrs);
	for (size_t i = 0; r == 0 && i < b.addrs.n; i++) {
		struct subject subject = {.type = SUBJECT_ADDRESS, .address = b.addrs.v[i]};
		r = visit(ctx, &subject);
	}
	return r;
}
