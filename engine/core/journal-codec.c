/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal-codec.h"

#include <errno.h>
#include <string.h>

static const char genesis[] = "0000000000000000000000000000000000000000000000000000000000000000";

void chain_start(struct chain *chain)
{
	chain->seq = 0;
	memcpy(chain->head.hex, genesis, sizeof(genesis));
}

static int dump(const char *bytes, size_t len, void *buf)
{
	return buf_add(buf, bytes, len);
}

int journal_encode(json_t *record, struct chain *chain, struct buf *ret)
{
	if (!json_is_object(record))
		return -EINVAL;
	if (json_object_set_new(record, "seq", json_integer((json_int_t)(chain->seq + 1))) < 0 ||
	    json_object_set_new(record, "prev", json_string(chain->head.hex)) < 0)
		return -ENOMEM;
	size_t start = ret->len;
	if (json_dump_callback(record, dump, ret, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return buf_error(ret) ? buf_error(ret) : -ENOMEM;
	struct sha256 head;
	sha256_bytes(ret->data + start, ret->len - start, &head);
	int r = buf_putc(ret, '\n');
	if (r < 0)
		return r;
	chain->seq++;
	chain->head = head;
	return 0;
}

static int check_link(const json_t *record, const struct chain *chain, struct buf *ret_why)
{
	const json_t *seq = json_object_get(record, "seq");
	const char *prev = json_string_value(json_object_get(record, "prev"));
	if (!json_is_integer(seq) || (unsigned long long)json_integer_value(seq) != chain->seq + 1)
		return buf_printf(ret_why, "record %llu is missing here", chain->seq + 1), -EBADMSG;
	if (!prev || strcmp(prev, chain->head.hex) != 0)
		return buf_puts(ret_why, "it does not follow from the line before it"), -EBADMSG;
	if (!json_is_string(json_object_get(record, "type")))
		return buf_puts(ret_why, "it has no type"), -EBADMSG;
	return 0;
}

static int decode_line(const char *line, size_t len, json_t *records, struct chain *chain, struct buf *ret_why)
{
	json_error_t error;
	json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(record)) {
		json_decref(record);
		buf_puts(ret_why, "it is not a JSON object");
		return -EBADMSG;
	}
	int r = check_link(record, chain, ret_why);
	if (r == 0) {
		chain->seq++;
		sha256_bytes(line, len, &chain->head);
	}
	if (r < 0) {
		json_decref(record);
		return r;
	}
	return json_array_append_new(records, record) < 0 ? -ENOMEM : 0;
}

int journal_decode(const char *bytes, size_t len, json_t **ret, struct chain *ret_chain, size_t *ret_len,
                   size_t *ret_line, struct buf *ret_why)
{
	json_t *records = json_array();
	if (!records)
		return -ENOMEM;
	struct chain chain;
	chain_start(&chain);
	size_t at = 0;
	const char *end;
	while (at < len && (end = memchr(bytes + at, '\n', len - at))) {
		size_t line_len = (size_t)(end - bytes) - at;
		int r = decode_line(bytes + at, line_len, records, &chain, ret_why);
		if (r < 0) {
			*ret_line = (size_t)chain.seq + 1;
			json_decref(records);
			return r;
		}
		at += line_len + 1;
	}
	*ret = records;
	*ret_chain = chain;
	*ret_len = at;
	return 0;
}
