/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal's format, respond-journal(5): records to bytes and back. Pure, no I/O.
 *
 * A journal is a sequence of lines. A line is one JSON object, written compactly with
 * its keys sorted, and a newline. Every record has
 *     "seq"   its number, counted from 1
 *     "prev"  the SHA-256 of the line before without its newline; 64 zeros in the first
 *     "type"  what it records
 * A record is valid if and only if its line is complete, decodes (no duplicate keys),
 * and both numbers are those that the lines before it ask for. NUL bytes after the
 * last newline are space that was laid out in advance. Anything else after the last
 * newline is a torn tail: a record whose writing was interrupted, and which never
 * happened. Any other departure is damage or tampering.
 */
#ifndef RESPOND_CORE_JOURNAL_CODEC_H
#define RESPOND_CORE_JOURNAL_CODEC_H

#include "base/buf.h"
#include "base/hash.h"

#include <jansson.h>

/* Where a chain stands: what the next record builds on. */
struct chain {
	unsigned long long seq; /* of the last record; 0: none */
	struct sha256 head;     /* hash of its line */
};

void chain_start(struct chain *chain);

/* Appends RECORD's line (seq and prev are set in it) to RET and moves the chain on.
 * -EINVAL: not an object; -ENOMEM. */
int journal_encode(json_t *record, struct chain *chain, struct buf *ret);

/* All records as a JSON array (new reference). RET_CHAIN: where to go on; RET_LEN: the
 * length of the valid part (a torn tail is behind it).
 * -EBADMSG: damage or tampering; RET_LINE is the line, from 1, and RET_WHY tells. */
int journal_decode(const char *bytes, size_t len, json_t **ret, struct chain *ret_chain, size_t *ret_len,
                   size_t *ret_line, struct buf *ret_why);

#endif
