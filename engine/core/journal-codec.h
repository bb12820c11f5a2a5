/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal's format, respond-journal(5): records to bytes and back. Pure, no I/O.
 *
 * A journal is a sequence of lines. A line is one JSON object, written compactly with
 * its keys sorted but for "mac", which is last, and a newline. Every record has
 *     "seq"     its number, counted from 1
 *     "prev"    the SHA-256 of the line before without its newline; 64 zeros in the first
 *     "synced"  how many records were known to be on disk when this one was written
 *     "type"    what it records
 *     "mac"     HMAC-SHA256, under the run's key, of the line as it is without "mac"
 * A record is valid if and only if its line is complete, its MAC is right, it decodes
 * (no duplicate keys), and "seq" and "prev" are those that the lines before it ask for.
 * The journal ends before the first record that is not valid. What follows there is
 *   - space that was laid out in advance: NUL bytes to the end;
 *   - a torn tail, records whose writing was interrupted and which never happened: a
 *     line without its newline, or one with NUL bytes where blocks were never written,
 *     if nothing says that it was whole before: neither an authentic record behind it
 *     whose "synced" counts it, nor the seal;
 *   - otherwise damage or tampering.
 * A seal, written when a run or a rollback ends, says how long the journal was then.
 */
#ifndef RESPOND_CORE_JOURNAL_CODEC_H
#define RESPOND_CORE_JOURNAL_CODEC_H

#include "base/buf.h"
#include "base/hash.h"

#include <jansson.h>

#define RUN_ID_LEN 24
#define KEY_ID_LEN 17

/* What authenticates the journal of one run, derived from the host's key. */
struct journal_key {
	uint8_t bytes[SHA256_LEN];
	char run[RUN_ID_LEN];
	char host[KEY_ID_LEN]; /* which host key it is derived from; no secret */
};

void journal_key_derive(const uint8_t host_key[SHA256_LEN], const char *run, struct journal_key *ret);

/* Where a chain stands: what the next record builds on. */
struct chain {
	unsigned long long seq;    /* of the last record; 0: none */
	unsigned long long synced; /* records that are known to be on disk */
	struct sha256 head;        /* hash of the last line */
	size_t len;                /* bytes up to its end */
};

void chain_start(struct chain *chain);

/* The end of a journal at a time when it was complete. */
struct seal {
	unsigned long long seq;
	struct sha256 head;
};

/* Appends RECORD's line (seq, prev, synced are set in it) to RET and moves the chain on.
 * -EINVAL: not an object; -ENOMEM. */
int journal_encode(json_t *record, const struct journal_key *key, struct chain *chain, struct buf *ret);

/* All records as a JSON array (new reference). SEAL may be NULL. RET_CHAIN: where to go on;
 * a torn tail is behind its len. -EBADMSG: damage or tampering, RET_WHY tells where. */
int journal_decode(const char *bytes, size_t len, const struct journal_key *key, const struct seal *seal,
                   json_t **ret, struct chain *ret_chain, struct buf *ret_why);

/* A seal's file: one line. -EBADMSG with the reason. */
int seal_encode(const struct seal *seal, const struct journal_key *key, struct buf *ret);
int seal_decode(const char *bytes, size_t len, const struct journal_key *key, struct seal *ret, struct buf *ret_why);

#endif
