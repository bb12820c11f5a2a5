/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes that an attacker may have chosen, made fit for a terminal, a log line or
 * a JSON string, and back again.
 *
 * Printable UTF-8 stays. A backslash becomes \\, newline \n, tab \t, CR \r; every
 * other byte of a control character (C0, DEL, C1, line and paragraph separators,
 * bidirectional and zero-width controls) or of invalid UTF-8 becomes \xNN. So the
 * text holds no control byte, and unescape_text() gives the very same bytes back.
 */
#ifndef RESPOND_BASE_ESCAPE_H
#define RESPOND_BASE_ESCAPE_H

#include "base/buf.h"

#include <jansson.h>

int escape_text(struct buf *out, const char *bytes, size_t len);
int escape_str(struct buf *out, const char *text);

/* 0, -EINVAL if TEXT has a backslash that escape_text() would not write, -ENOMEM. It may
 * spell more than it must: another version may have escaped more. */
int unescape_text(struct buf *out, const char *text, size_t len);

/* For text that people read as it is (lines of a file), and for output that is escaped
 * already: control bytes other than newline and tab, and invalid UTF-8, become \xNN;
 * backslashes stay. The last net before a terminal. */
int escape_controls(struct buf *out, const char *bytes, size_t len);

/* The length in bytes of the valid UTF-8 sequence at S, 0 if there is none; its
 * code point goes to *ret. RFC 3629: no surrogates, nothing overlong. */
size_t utf8_next(const char *s, size_t len, unsigned *ret);
bool utf8_valid(const char *s, size_t len);

/* Whether a code point acts on a terminal, or makes text look like other text. */
bool utf8_is_control(unsigned c);

/* A JSON string that holds the bytes escaped (new reference, NULL for no memory),
 * and the bytes of such a string: 0, -EINVAL, -ENOMEM. */
json_t *json_bytes(const char *bytes, size_t len);
json_t *json_text(const char *text);
int json_bytes_get(const json_t *string, struct buf *ret);

/* A field of an object as a malloc'd NUL-terminated string of raw bytes.
 * -ENOENT, -EINVAL (not a string, or NUL inside), -ENOMEM. */
int json_field_text(const json_t *object, const char *field, char **ret);

#endif
