/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The audit daemon: a plugin with "format = string" is given one record a line,
 *
 *     [node=NAME ]type=TYPE msg=audit(SECONDS.MS:SERIAL): NAME=VALUE ... [msg='NAME=VALUE ...']
 *
 * and, where the daemon enriches them, names for numbers behind a group separator, which are not
 * read. A value in quotes is what it says; one of the fields that the kernel and libaudit encode
 * is in bare hexadecimal digits when it has blanks, quotes or control characters.
 *
 * Some programs put a remote name into a record as it is. So a name that a record has twice
 * refuses it: nobody could tell which of the two is the record's own. What a program says under
 * a name that is the kernel's or ours is msg.NAME.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR 0x1d
#define ARGUMENTS_MAX 900 /* of an EXECVE record that are fields: an event has room for more */

/* (The list of libauparse, as far as its fields are text.) */
static const char *const encoded[] = {
	"acct",        "cgroup",   "cmd",      "comm",     "cwd",       "data",        "device", "dir",
	"exe",         "file",     "grp",      "key",      "name",      "new-chardev", "new-disk", "new-fs",
	"new-rng",     "ocomm",    "old-chardev", "old-disk", "old-fs", "old-rng",     "path",   "proctitle",
	"root_dir",    "sw",       "vm",       "watch",    NULL,
};

/* Whose pieces are separated, or ended, by NULs. */
static const char *const with_nuls[] = {"data", "proctitle", NULL};

static const char *const numbers[] = {
	"argc",  "auid",    "cap_fe", "egid",  "euid",     "exit", "fsgid", "fsuid", "gid",   "id",   "inode",
	"item",  "items",   "lport",  "oauid", "old-auid", "old-ses", "opid", "ouid", "ogid", "pid", "ppid",
	"rport", "sauid",   "ses",    "sgid",  "sig",      "spid", "suid",  "syscall", "uid", NULL,
};

/* What the source itself says about a record. */
static const char *const ours[] = {"action", "node", "serial", "srcip", "time", "type", "user", NULL};

struct record {
	struct event event;
	bool execve;
	struct strv outer; /* the kernel's names, when a program's own are read */
	struct buf *why;
};

static bool is_one_of(struct slice name, const char *const *list)
{
	for (; *list; list++)
		if (slice_is(name, *list))
			return true;
	return false;
}

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') || strchr("-_[]", s.p[i])) || !s.p[i])
			return false;
	return s.len > 0 && s.len <= EVENT_NAME_MAX / 2;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	                              : -1;
}

/* The bytes of bare hexadecimal digits. False: it is none. */
static bool decode(struct slice value, struct buf *ret)
{
	if (!value.len || value.len % 2)
		return false;
	for (size_t i = 0; i < value.len; i += 2) {
		int high = digit_of(value.p[i]), low = digit_of(value.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		buf_putc(ret, (char)(high << 4 | low));
	}
	return true;
}

static void join_pieces(struct buf *b)
{
	while (b->len && !b->data[b->len - 1])
		b->len--;
	for (size_t i = 0; i < b->len; i++)
		if (!b->data[i])
			b->data[i] = ' ';
}

/* "a0", "a12[3]": an argument, and which. */
static bool is_argument(struct slice name, unsigned long *ret)
{
	if (name.len < 2 || name.p[0] != 'a' || name.p[1] < '0' || name.p[1] > '9')
		return false;
	*ret = 0;
	for (size_t i = 1; i < name.len && name.p[i] >= '0' && name.p[i] <= '9' && *ret <= ARGUMENTS_MAX; i++)
		*ret = *ret * 10 + (unsigned long)(name.p[i] - '0');
	return true;
}

static bool is_encoded(const struct record *record, struct slice name)
{
	unsigned long which;
	return record->execve ? is_argument(name, &which) && !slice_holds(name, "_len") : is_one_of(name, encoded);
}

/* Bytes that are no text stay as they are written. */
static int add_encoded(struct record *record, const char *name, struct slice of, struct slice value)
{
	_cleanup_buf_ struct buf bytes = {0};
	if (!decode(value, &bytes))
		return event_add_text(&record->event, name, value);
	if (is_one_of(of, with_nuls))
		join_pieces(&bytes);
	int r = buf_error(&bytes) ? buf_error(&bytes) : event_add_text(&record->event, name, slice_of(&bytes));
	return r == -EILSEQ ? event_add_text(&record->event, name, value) : r;
}

static int add_number(struct record *record, const char *name, struct slice value)
{
	char text[24], *end;
	if (value.len && value.len < sizeof(text) && value.p[0] != '+') {
		memcpy(text, value.p, value.len);
		text[value.len] = '\0';
		errno = 0;
		long long number = strtoll(text, &end, 10);
		if (!errno && end == text + value.len)
			return event_add_number(&record->event, name, number);
	}
	return event_add_text(&record->event, name, value);
}

struct value {
	struct slice text;
	bool quoted;
};

static int add_value(struct record *record, const char *name, struct slice of, const struct value *value)
{
	if (value->quoted)
		return event_add_text(&record->event, name, value->text);
	if (!value->text.len || slice_is(value->text, "(null)"))
		return event_add_empty(&record->event, name);
	if (is_encoded(record, of))
		return add_encoded(record, name, of, value->text);
	return is_one_of(of, numbers) ? add_number(record, name, value->text)
	                              : event_add_text(&record->event, name, value->text);
}

static int add_field(struct record *record, struct slice of, const struct value *value, bool inner)
{
	char name[EVENT_NAME_MAX + 1];
	unsigned long which;
	if (!is_name(of) || (record->execve && is_argument(of, &which) && which >= ARGUMENTS_MAX))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)of.len, of.p);
	if (is_one_of(of, ours) || (inner && strv_has(&record->outer, name)))
		snprintf(name, sizeof(name), "msg.%.*s", (int)of.len, of.p);
	int r = add_value(record, name, of, value);
	if (r == -EILSEQ) /* a program wrote it, and a stranger had a say in it */
		r = event_add_empty(&record->event, name);
	return flatten_refuse(r, name, record->why);
}

/* A value off the front of S; one that QUOTE opens ends at the next one, or at the LAST. -EINVAL:
 * nothing closes it. */
static int take_quoted(struct slice *s, char quote, bool last, struct slice *ret)
{
	struct slice rest = slice_from(*s, 1);
	const char *end = last ? memrchr(rest.p, quote, rest.len) : memchr(rest.p, quote, rest.len);
	if (!end)
		return -EINVAL;
	*ret = (struct slice){rest.p, (size_t)(end - rest.p)};
	*s = slice_from(rest, ret->len + 1);
	return 0;
}

static struct slice take_bare(struct slice *s)
{
	struct slice word = {s->p, 0};
	while (word.len < s->len && s->p[word.len] != ' ')
		word.len++;
	*s = slice_from(*s, word.len);
	if (word.len && word.p[word.len - 1] == ',')
		word.len--;
	return word;
}

static int add_fields(struct record *record, struct slice s, bool inner);

static int add_message(struct record *record, struct slice text)
{
	for (size_t i = 0; i < record->event.n; i++)
		strv_add_new(&record->outer, record->event.v[i].name);
	int r = strv_error(&record->outer);
	return r < 0 ? r : add_fields(record, text, true);
}

static int take_value(struct record *record, struct slice *s, struct slice name, bool inner)
{
	struct value value = {0};
	bool message = !inner && slice_is(name, "msg");
	int r = 0;
	value.quoted = s->len && (s->p[0] == '"' || s->p[0] == '\'');
	if (value.quoted)
		r = take_quoted(s, s->p[0], message && s->p[0] == '\'', &value.text);
	else
		value.text = take_bare(s);
	if (r < 0) {
		buf_puts(record->why, "no record of the audit system: a quote is not closed");
		return r;
	}
	return message && value.quoted ? add_message(record, value.text) : add_field(record, name, &value, inner);
}

/* Words that are no NAME=VALUE, such as "avc: denied { read } for", are passed over. */
static int add_fields(struct record *record, struct slice s, bool inner)
{
	int r = 0;
	while (r == 0 && s.len) {
		struct slice name = {s.p, 0};
		while (name.len < s.len && s.p[name.len] != '=' && s.p[name.len] != ' ')
			name.len++;
		s = slice_from(s, name.len);
		bool equals = s.len && s.p[0] == '=';
		if (s.len)
			s = slice_from(s, 1);
		if (equals)
			r = take_value(record, &s, name, inner);
	}
	return r;
}

static bool take_text(struct slice *s, const char *text)
{
	if (!slice_starts(*s, text))
		return false;
	*s = slice_from(*s, strlen(text));
	return true;
}

static struct slice take_until(struct slice *s, const char *ends)
{
	struct slice part = {s->p, 0};
	while (part.len < s->len && (!s->p[part.len] || !strchr(ends, s->p[part.len])))
		part.len++;
	*s = slice_from(*s, part.len);
	return part;
}

/* "1696894457.995:42): " */
static int take_stamp(struct record *record, struct slice *s)
{
	struct slice time = take_until(s, ":) "), serial = {0};
	if (!time.len || !take_text(s, ":"))
		return -EINVAL;
	serial = take_until(s, ") ");
	if (!take_text(s, "):") || (s->len && !take_text(s, " ")))
		return -EINVAL;
	int r = event_add_text(&record->event, "time", time);
	if (r == 0)
		r = add_number(record, "serial", serial);
	return r == 0 && event_field(&record->event, "serial")->type != FIELD_NUMBER ? -EINVAL : r;
}

/* Up to the fields. */
static int take_head(struct record *record, struct slice *s)
{
	int r = 0;
	if (take_text(s, "node=")) {
		r = event_add_text(&record->event, "node", take_until(s, " "));
		take_text(s, " ");
	}
	if (r < 0 || !take_text(s, "type="))
		return -EINVAL;
	struct slice type = take_until(s, " ");
	if (!type.len || !take_text(s, " msg=audit("))
		return -EINVAL;
	record->execve = slice_is(type, "EXECVE");
	r = event_add_text(&record->event, "type", type);
	return r < 0 ? r : take_stamp(record, s);
}

/* "?" is what programs write for what they do not know. */
static int copy_known(struct event *event, const char *name, const char *from, struct buf *ret_why)
{
	const struct field *f = event_field(event, from);
	return f && f->type == FIELD_TEXT && strcmp(f->text, "?") == 0 ? 0 : COMMON_COPY(event, name, ret_why, from);
}

static int add_common(struct event *event, struct buf *ret_why)
{
	int r = common_text(event, "action", "alert", ret_why);
	if (r == 0)
		r = copy_known(event, "srcip", "addr", ret_why);
	return r < 0 ? r : copy_known(event, "user", "acct", ret_why);
}

static struct slice without_names(struct slice s)
{
	const char *separator = memrchr(s.p, SEPARATOR, s.len);
	return separator ? (struct slice){s.p, (size_t)(separator - s.p)} : s;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	struct record record = {.why = ret_why};
	while (message.len && strchr("\r\n", message.p[message.len - 1]) && message.p[message.len - 1])
		message.len--;
	struct slice s = without_names(message);
	int r = take_head(&record, &s);
	if (r < 0 && r != -ENOMEM) {
		buf_puts(ret_why, "no record of the audit system: no type=TYPE msg=audit(TIME:SERIAL): at its front");
		r = -EINVAL;
	}
	bool empty = r == 0 && strcmp(event_field(&record.event, "type")->text, "EOE") == 0;
	if (r == 0)
		r = add_fields(&record, s, false);
	if (r == 0)
		r = add_common(&record.event, ret_why);
	if (r == 0 && !empty)
		r = events_add(ret, &record.event);
	event_free(&record.event);
	strv_free(&record.outer);
	return r;
}

static const struct source_field fields[] = {
	{"type", FIELD_TEXT, "of the record: USER_LOGIN, ANOM_LOGIN_FAILURES, ..."},
	{"time", FIELD_TEXT, "of the event, in seconds since 1970 with a fraction"},
	{"serial", FIELD_NUMBER, "of the event: its records have the same"},
	{"node", FIELD_TEXT, "the host, where the daemon says it"},
	ACTION_FIELD("alert"),
	SRCIP_FIELD("addr"),
	USER_FIELD("acct"),
	PID_FIELD("the record's own"),
	{0},
};

const struct source source_auditd = {
	.name = "auditd",
	.summary = "records of the audit daemon, whose plugin it is",
	.input = INPUT_LINE,
	.size_max = 16 * 1024,
	.lines = true,
	.lives = true,
	.fields = fields,
	.parse = parse,
};
