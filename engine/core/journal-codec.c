/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal-codec.h"

#include "base/json-read.h"

#include <errno.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>

#define MAC_HEAD ",\"mac\":\""
#define MAC_HEAD_LEN (sizeof(MAC_HEAD) - 1)
#define MAC_LEN (MAC_HEAD_LEN + SHA256_HEX_LEN + 2) /* from the comma to the closing brace */

static const char genesis[] = "0000000000000000000000000000000000000000000000000000000000000000";

void journal_key_derive(const uint8_t host_key[SHA256_LEN], const char *run, struct journal_key *ret)
{
	char label[RUN_ID_LEN + 16];
	struct sha256 id;
	snprintf(label, sizeof(label), "journal %s", run);
	hmac_sha256(host_key, label, strlen(label), ret->bytes);
	snprintf(ret->run, sizeof(ret->run), "%s", run);
	hmac_sha256_hex(host_key, "id", 2, &id);
	snprintf(ret->host, sizeof(ret->host), "%.16s", id.hex);
}

void chain_start(struct chain *chain)
{
	*chain = (struct chain){0};
	memcpy(chain->head.hex, genesis, sizeof(genesis));
}

static int dump(const char *bytes, size_t len, void *buf)
{
	return buf_add(buf, bytes, len);
}

/* Appends OBJECT's line, authenticated, without a newline. */
static int encode_line(const json_t *object, const struct journal_key *key, struct buf *ret)
{
	size_t start = ret->len;
	if (json_dump_callback(object, dump, ret, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return buf_error(ret) ? buf_error(ret) : -ENOMEM;
	struct sha256 mac;
	hmac_sha256_hex(key->bytes, ret->data + start, ret->len - start, &mac);
	ret->len--; /* the closing brace moves behind the MAC */
	return buf_printf(ret, MAC_HEAD "%s\"}", mac.hex);
}

/* Whether the line ends in the MAC of the rest of it. */
static int check_mac(const char *line, size_t len, const struct journal_key *key)
{
	_cleanup_buf_ struct buf plain = {0};
	if (len < MAC_LEN + 1)
		return -EBADMSG;
	const char *tail = line + len - MAC_LEN, *hex = tail + MAC_HEAD_LEN;
	if (memcmp(tail, MAC_HEAD, MAC_HEAD_LEN) != 0 || memcmp(line + len - 2, "\"}", 2) != 0)
		return -EBADMSG;
	buf_add(&plain, line, len - MAC_LEN);
	int r = buf_putc(&plain, '}');
	if (r < 0)
		return r;
	struct sha256 mac;
	hmac_sha256_hex(key->bytes, plain.data, plain.len, &mac);
	return memeql_sec(mac.hex, hex, SHA256_HEX_LEN) ? 0 : -EBADMSG;
}

/* RET is set where there is JSON, authentic or not, and NULL otherwise. */
static int load_authentic(const char *bytes, size_t len, const struct journal_key *key, json_t **ret)
{
	*ret = NULL;
	int r = json_read(bytes, len, 0, ret, NULL);
	if (r != -ENOMEM)
		r = check_mac(bytes, len, key);
	return r == 0 && !json_is_object(*ret) ? -EBADMSG : r;
}

int journal_encode(json_t *record, const struct journal_key *key, struct chain *chain, struct buf *ret)
{
	if (!json_is_object(record))
		return -EINVAL;
	if (json_object_set_new(record, "seq", json_integer((json_int_t)(chain->seq + 1))) < 0 ||
	    json_object_set_new(record, "synced", json_integer((json_int_t)chain->synced)) < 0 ||
	    json_object_set_new(record, "prev", json_string(chain->head.hex)) < 0)
		return -ENOMEM;
	json_object_del(record, "mac");
	size_t start = ret->len;
	int r = encode_line(record, key, ret);
	if (r < 0)
		return r;
	struct sha256 head;
	sha256_bytes(ret->data + start, ret->len - start, &head);
	r = buf_putc(ret, '\n');
	if (r < 0)
		return r;
	chain->seq++;
	chain->head = head;
	chain->len += ret->len - start;
	return 0;
}

static unsigned long long number(const json_t *record, const char *field)
{
	json_int_t n = json_integer_value(json_object_get(record, field));
	return n > 0 ? (unsigned long long)n : 0;
}

static int bad(struct buf *ret_why, const char *why)
{
	buf_puts(ret_why, why);
	return -EBADMSG;
}

static int check_link(const json_t *record, const struct chain *chain, struct buf *ret_why)
{
	const char *prev = json_string_value(json_object_get(record, "prev"));
	if (number(record, "seq") != chain->seq + 1)
		return buf_printf(ret_why, "record %llu is missing here", chain->seq + 1), -EBADMSG;
	if (!prev || strcmp(prev, chain->head.hex) != 0)
		return bad(ret_why, "it does not follow from the line before it");
	if (number(record, "synced") > chain->seq)
		return bad(ret_why, "it counts more records than there were");
	if (!json_is_string(json_object_get(record, "type")))
		return bad(ret_why, "it has no type");
	return 0;
}

/* Why the MAC is not right, as far as the record itself tells: what it says is a hint
 * and no more. */
static int explain_mac(const json_t *record, const struct journal_key *key, struct buf *ret_why)
{
	const char *host = json_string_value(json_object_get(record, "key"));
	const char *run = json_string_value(json_object_get(record, "run"));
	if (host && strcmp(host, key->host) != 0)
		return bad(ret_why, "it was written on another host, or under a key that is no longer there");
	if (run && strcmp(run, key->run) != 0)
		return bad(ret_why, "it is the journal of another run");
	return bad(ret_why, "it was changed");
}

static int decode_record(const char *line, size_t len, const struct journal_key *key, const struct chain *chain,
                         json_t **ret, struct buf *ret_why)
{
	json_t *record;
	int r = load_authentic(line, len, key, &record);
	if (r == 0)
		r = check_link(record, chain, ret_why);
	else if (r == -EBADMSG && json_is_object(record))
		explain_mac(record, key, ret_why);
	else if (r == -EBADMSG)
		bad(ret_why, "it is not a JSON object");
	if (r < 0)
		json_decref(record);
	else
		*ret = record;
	return r;
}

static int decode_line(const char *line, size_t len, const struct journal_key *key, const struct seal *seal,
                       json_t *records, struct chain *chain, struct buf *ret_why)
{
	json_t *record = NULL;
	int r = decode_record(line, len, key, chain, &record, ret_why);
	if (r < 0)
		return r;
	chain->synced = number(record, "synced");
	chain->seq++;
	chain->len += len + 1;
	sha256_bytes(line, len, &chain->head);
	if (json_array_append_new(records, record) < 0)
		return -ENOMEM;
	if (seal && chain->seq == seal->seq && strcmp(chain->head.hex, seal->head.hex) != 0)
		return chain->seq--, bad(ret_why, "it is not what the seal says");
	return 0;
}

/* Whether an authentic line from AT on says that record SEQ was on disk: 1 or 0. */
static int was_synced(const char *bytes, size_t len, size_t at, const struct journal_key *key, unsigned long long seq)
{
	const char *end;
	for (; at < len && (end = memchr(bytes + at, '\n', len - at)); at = (size_t)(end - bytes) + 1) {
		size_t n = (size_t)(end - bytes) - at;
		json_t *record;
		int r = load_authentic(bytes + at, n, key, &record);
		unsigned long long synced = r == 0 ? number(record, "synced") : 0;
		json_decref(record);
		if (r < 0 && r != -EBADMSG)
			return r;
		if (synced >= seq)
			return 1;
	}
	return 0;
}

static int decode_lines(const char *bytes, size_t len, const struct journal_key *key, const struct seal *seal,
                        json_t *records, struct chain *chain, struct buf *ret_why)
{
	const char *end;
	while (chain->len < len && (end = memchr(bytes + chain->len, '\n', len - chain->len))) {
		const char *line = bytes + chain->len;
		size_t n = (size_t)(end - line);
		int r = decode_line(line, n, key, seal, records, chain, ret_why);
		bool blank = r == -EBADMSG && memchr(line, '\0', n);
		int whole = blank ? was_synced(bytes, len, chain->len + n + 1, key, chain->seq + 1) : 1;
		if (whole == 0) {
			buf_reset(ret_why);
			return 0; /* a torn tail */
		}
		if (whole < 0 || r < 0)
			return whole < 0 ? whole : r;
	}
	return 0;
}

static int check_end(const struct chain *chain, const struct seal *seal, struct buf *ret_why)
{
	if (!seal || chain->seq >= seal->seq)
		return 0;
	unsigned long long n = seal->seq - chain->seq;
	buf_printf(ret_why, n == 1 ? "it was cut off: the last record is missing" : "it was cut off: the last %llu records are missing", n);
	return -EBADMSG;
}

int journal_decode(const char *bytes, size_t len, const struct journal_key *key, const struct seal *seal,
                   json_t **ret, struct chain *ret_chain, struct buf *ret_why)
{
	struct chain chain;
	_cleanup_buf_ struct buf why = {0};
	json_t *records = json_array();
	if (!records)
		return -ENOMEM;
	chain_start(&chain);
	int r = decode_lines(bytes, len, key, seal, records, &chain, &why);
	if (r == 0)
		r = check_end(&chain, seal, &why);
	if (r < 0) {
		json_decref(records);
		if (r == -EBADMSG)
			buf_printf(ret_why, "line %llu is damaged or was tampered with: %s", chain.seq + 1, buf_text(&why));
		return r;
	}
	*ret = records;
	*ret_chain = chain;
	return 0;
}

int seal_encode(const struct seal *seal, const struct journal_key *key, struct buf *ret)
{
	json_t *object = json_pack("{sI ss}", "seq", (json_int_t)seal->seq, "head", seal->head.hex);
	int r = object ? encode_line(object, key, ret) : -ENOMEM;
	json_decref(object);
	return r < 0 ? r : buf_putc(ret, '\n');
}

int seal_decode(const char *bytes, size_t len, const struct journal_key *key, struct seal *ret, struct buf *ret_why)
{
	json_t *object = NULL;
	int r = len && bytes[len - 1] == '\n' ? load_authentic(bytes, len - 1, key, &object) : -EBADMSG;
	const char *head = json_string_value(json_object_get(object, "head"));
	struct seal seal = {.seq = number(object, "seq")};
	if (r == 0 && head && sha256_is_hex(head) && seal.seq) {
		memcpy(seal.head.hex, head, sizeof(seal.head.hex));
		*ret = seal;
	} else if (r == 0 || r == -EBADMSG) {
		r = bad(ret_why, "its seal is damaged or was tampered with");
	}
	json_decref(object);
	return r;
}
