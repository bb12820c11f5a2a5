/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line that says how the journal is spoilt ("cut 40", "put 10 0", "insert 10 65",
 * "zero 100 512", "drop 2", "swap 1", or anything else for not at all), and records, one
 * JSON object a line; "sync" means that those before it reached the disk, and "!" before
 * an object that it is authenticated as it stands, chained or not.
 *
 * What was written is read the same. Of a spoilt journal, nothing is read but records
 * that were written, in their order from the first one; all of them, where a seal counts
 * them; and those that are known to have been on disk are not lost in silence.
 */
#include "fuzz.h"

#include "core/journal-codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 32

static const struct journal_key key = {.bytes = "a key of thirty-two bytes, or so", .run = "r", .host = "h"};

struct written {
	struct buf bytes;
	struct chain chain;
	json_t *records;
	size_t ends[RECORDS_MAX];                /* of the lines */
	unsigned long long synced[RECORDS_MAX];
	size_t n;
	bool odd; /* with lines that the codec did not write */
};

static json_t *read_record(const char *line)
{
	json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(record) && !json_is_string(json_object_get(record, "type")))
		json_object_set_new(record, "type", json_string("x"));
	return record;
}

static void write_record(struct written *w, const char *line)
{
	json_t *record = read_record(line);
	w->synced[w->n] = w->chain.synced;
	int r = journal_encode(record, &key, &w->chain, &w->bytes);
	MUST(r == (json_is_object(record) ? 0 : -EINVAL));
	if (r == 0) {
		MUST(json_array_append(w->records, record) == 0);
		MUST(w->chain.len == w->bytes.len && w->chain.seq == w->n + 1);
		w->ends[w->n++] = w->bytes.len;
	}
	json_decref(record);
}

/* What somebody who has the key could write. */
static void write_as_it_stands(struct written *w, const char *line)
{
	struct sha256 mac;
	size_t len = strlen(line);
	hmac_sha256_hex(key.bytes, line, len, &mac);
	buf_add(&w->bytes, line, len ? len - 1 : 0);
	buf_printf(&w->bytes, ",\"mac\":\"%s\"}\n", mac.hex);
	w->odd = true;
}

static void write_all(struct fuzz_input *in, struct written *w)
{
	w->records = json_array();
	chain_start(&w->chain);
	while (in->left && w->n < RECORDS_MAX) {
		_cleanup_free_ char *line = fuzz_line(in);
		if (strcmp(line, "sync") == 0)
			w->chain.synced = w->chain.seq;
		else if (line[0] == '!')
			write_as_it_stands(w, line + 1);
		else if (!w->odd)
			write_record(w, line);
	}
}

static size_t start_of(const struct written *w, size_t line)
{
	return line ? w->ends[line - 1] : 0;
}

static void spoil(const char *how, const struct written *w, struct buf *ret)
{
	const struct buf *b = &w->bytes;
	char word[8] = "";
	unsigned long at = 0, what = 0;
	MUST(buf_copy(ret, b) == 0);
	if (sscanf(how, "%7s %lu %lu", word, &at, &what) < 2)
		return;
	if (strcmp(word, "cut") == 0 && at < b->len) {
		ret->len = at;
	} else if (strcmp(word, "put") == 0 && at < b->len) {
		ret->data[at] = (char)what;
	} else if (strcmp(word, "insert") == 0 && at <= b->len) {
		buf_reset(ret);
		buf_add(ret, buf_text(b), at);
		buf_putc(ret, (char)what);
		buf_add(ret, buf_text(b) + at, b->len - at);
	} else if (strcmp(word, "zero") == 0 && at < b->len) {
		memset(ret->data + at, 0, what < b->len - at ? what : b->len - at);
	} else if (at < w->n && (strcmp(word, "drop") == 0 || (strcmp(word, "swap") == 0 && at + 1 < w->n))) {
		size_t start = start_of(w, at), end = w->ends[at], next = word[0] == 's' ? w->ends[at + 1] : end;
		buf_reset(ret);
		buf_add(ret, b->data, start);
		buf_add(ret, b->data + end, next - end);
		buf_add(ret, b->data + start, word[0] == 's' ? end - start : 0);
		buf_add(ret, b->data + next, b->len - next);
	}
}

/* The number of records; -1: refused, with a reason. */
static long decode(const struct buf *bytes, const struct seal *seal, const struct written *w)
{
	struct chain chain = {0};
	json_t *records = NULL;
	_cleanup_buf_ struct buf why = {0};
	int r = journal_decode(buf_text(bytes), bytes->len, &key, seal, &records, &chain, &why);
	MUST(r == 0 ? records && !why.len : r == -EBADMSG && !records && why.len);
	MUST(fuzz_printable(&why, false));
	if (r < 0)
		return -1;
	size_t n = json_array_size(records);
	MUST(chain.seq == n && chain.len <= bytes->len);
	for (size_t i = 0; w && i < n; i++) {
		json_t *record = json_array_get(records, i);
		MUST(json_object_del(record, "mac") == 0);
		MUST(i < w->n && json_equal(record, json_array_get(w->records, i)));
	}
	json_decref(records);
	return (long)n;
}

static struct seal seal_of(const struct written *w)
{
	return (struct seal){.seq = w->chain.seq, .head = w->chain.head};
}

static void is_read_as_written(const struct written *w)
{
	struct seal seal = seal_of(w);
	MUST(decode(&w->bytes, NULL, w) == (long)w->n);
	MUST(decode(&w->bytes, w->n ? &seal : NULL, w) == (long)w->n);
}

/* Whether line number I of the journal still stands, whole, behind AT. */
static bool still_there(const struct buf *bytes, const struct written *w, size_t i)
{
	const char *line = w->bytes.data + start_of(w, i), *p = buf_text(bytes), *found;
	size_t len = w->ends[i] - start_of(w, i);
	while ((found = memmem(p, bytes->len - (size_t)(p - bytes->data), line, len))) {
		if (found == bytes->data || found[-1] == '\n')
			return true;
		p = found + 1;
	}
	return false;
}

static void nothing_else_is_read(const struct buf *bytes, const struct written *w)
{
	struct seal seal = seal_of(w);
	long n = decode(bytes, NULL, w);
	for (size_t i = 0; n >= 0 && i < w->n; i++)
		MUST(w->synced[i] <= (unsigned long long)n || !bytes->len || !still_there(bytes, w, i));
	if (!w->n)
		return;
	n = decode(bytes, &seal, w);
	MUST(n == -1 || (n == (long)w->n && memcmp(bytes->data, w->bytes.data, w->bytes.len) == 0));
}

static void a_seal_is_whole_or_refused(const char *how, const struct written *w)
{
	struct seal seal = seal_of(w), back = {0};
	_cleanup_buf_ struct buf bytes = {0}, spoilt = {0}, why = {0};
	unsigned long at = 0, what = 0;
	if (!w->n)
		return;
	MUST(seal_encode(&seal, &key, &bytes) == 0);
	MUST(seal_decode(bytes.data, bytes.len, &key, &back, &why) == 0 && !why.len);
	MUST(back.seq == seal.seq && strcmp(back.head.hex, seal.head.hex) == 0);
	if (sscanf(how, "put %lu %lu", &at, &what) != 2 || at >= bytes.len || bytes.data[at] == (char)what)
		return;
	MUST(buf_copy(&spoilt, &bytes) == 0);
	spoilt.data[at] = (char)what;
	MUST(seal_decode(spoilt.data, spoilt.len, &key, &back, &why) == -EBADMSG && why.len);
	MUST(seal_decode(bytes.data, at, &key, &back, &why) == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size}, whole = in;
	_cleanup_buf_ struct buf raw = fuzz_rest(&whole), spoilt = {0}, why = {0};
	_cleanup_free_ char *how = fuzz_line(&in);
	struct written w = {0};
	struct seal seal;
	decode(&raw, NULL, NULL);
	seal_decode(buf_text(&raw), raw.len, &key, &seal, &why);
	write_all(&in, &w);
	spoil(how, &w, &spoilt);
	if (w.odd) {
		decode(&spoilt, NULL, NULL);
	} else {
		is_read_as_written(&w);
		nothing_else_is_read(&spoilt, &w);
		a_seal_is_whole_or_refused(how, &w);
	}
	json_decref(w.records);
	buf_free(&w.bytes);
	return 0;
}
