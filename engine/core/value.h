/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The types of the playbook language. A value is a list of texts, each of which has
 * been checked and normalised by its type; a type without "-list" holds exactly one.
 */
#ifndef RESPOND_CORE_VALUE_H
#define RESPOND_CORE_VALUE_H

#include "base/buf.h"

#include <stdint.h>

enum type {
	TYPE_TEXT,        /* any UTF-8, not empty, without control characters but the tab */
	TYPE_NAME,        /* a process name, a command name: like text, not empty, no "/" */
	TYPE_PATH,        /* absolute, without "." and "..", doubled slashes removed; never a pattern */
	TYPE_GLOB,        /* a path in which * ? [ ] \ have their meaning, as fnmatch(3) with FNM_PATHNAME */
	TYPE_ADDRESS,     /* IPv4 or IPv6 address or prefix, or file:/absolute/path with one a line */
	TYPE_ENDPOINT,    /* address or prefix, optionally with a port: 192.0.2.1:3333, [2001:db8::1]:3333 */
	TYPE_PORT,        /* 1 to 65535 */
	TYPE_USER,        /* a user name as in passwd(5); need not exist */
	TYPE_PID,         /* a process id, 1 or more */
	TYPE_SHA256,      /* 64 hexadecimal digits, lower case afterwards */
	TYPE_FINGERPRINT, /* SHA256:BASE64 as ssh-keygen -l prints it */
	TYPE_KEY,         /* an OpenSSH public key: "TYPE BASE64 [COMMENT]"; bare BASE64 is given its type */
	TYPE_NUMBER,      /* a whole number, 0 or more */
	TYPE_PERCENT,     /* 0 or more, "90" or "90%"; one core is 100 */
	TYPE_DURATION,    /* 500ms, 30s, 10m, 24h, 7d; normalised to milliseconds: "86400000ms" */
	TYPE_SIZE,        /* 512B, 64K, 10M, 10G, 2T, powers of 1024; normalised to bytes: "10737418240B" */
	TYPE_TIME,        /* a moment: a duration, that long ago, as such; a date with or without a time of day, local
	                   * or with its zone: 2026-01-31 10:00Z; normalised to seconds since 1970: "@1769853600" */
	TYPE_YES_NO,      /* yes or no */
	TYPE_OPTION,      /* one line of an OpenSSH configuration: "Keyword value" */
	TYPE_UNIT,        /* a systemd unit: systemd.unit(5); without a type it is a service: NAME.service */
	TYPE_PACKAGE,     /* the name of a package, as its manager has it: libc6, libc6:i386, g++ */
	TYPE_CHOICE,      /* one of the words that the parameter lists */
	TYPE_COUNT_,
};

const char *type_name(enum type type, bool list); /* "address", "address-list" */
int type_from_name(const char *name, enum type *ret, bool *ret_list); /* -ENOENT */

/* Checks one element and appends it, normalised, to RET. -EINVAL with a sentence in
 * RET_WHY ("'010.1.2.3' is not an IP address: ..."). CHOICES: for TYPE_CHOICE, "a|b|c". */
int type_check(enum type type, const char *choices, const char *text, struct strv *ret, struct buf *ret_why);

/* Whether a value of type FROM may stand where TO is asked for: the same type; any
 * type for TYPE_TEXT; address for endpoint; duration for time; path for glob (its wildcards are escaped
 * then); pid for number. type_convert() gives the element in its new spelling;
 * -EINVAL also for the one element that has none: a file: of addresses as an endpoint. */
bool type_fits(enum type from, enum type to);
int type_convert(enum type from, enum type to, const char *text, struct strv *ret);

struct value {
	enum type type;
	bool list;
	struct strv items;
};

void value_free(struct value *v);

/* Readers of single normalised elements. */
int64_t value_ms(const char *duration);
int64_t value_bytes(const char *size);
int64_t value_number(const char *number);
int64_t value_time(const char *time, int64_t now); /* both in seconds since 1970 */
bool value_yes(const char *yes_no);

#endif
