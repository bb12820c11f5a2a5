/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules:
 *  1. What came from the host or a playbook is encoded (audit_encode_nv_string) in the
 *     audit log and escaped in syslog: no byte of it can end a field or a line.
 *  2. Host name and terminal are never given to libaudit: it writes them as they are,
 *     and looks a name up in the DNS.
 *  3. A record stays far below the 8,400 bytes after which the kernel's copy loses
 *     its result.
 *  4. What the kernel adds by itself (pid, uid, auid, ses) is not sent.
 */
#include "core/audit.h"
#include "base/clock.h"
#include "base/escape.h"

#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define RECORD_MAX 4096
#define VALUE_MAX 1400   /* raw bytes of one value; encoded at most twice as many */
#define SLOW_MS 2000     /* a record that took longer: the kernel waits for a stuck auditd */

struct trail {
	int fd;          /* -1: the kernel has no audit, or it was given up */
	bool required;
	bool enabled;    /* the kernel says that auditing is on */
};

/* One record while it is put together: the same facts in both spellings. */
struct record {
	struct buf fields; /* for audit: name=value */
	struct buf line;   /* for syslog */
	char address[NETADDR_TEXT_LEN];
};

static void record_free(struct record *r)
{
	buf_free(&r->fields);
	buf_free(&r->line);
}

static void add_escaped(struct buf *line, const char *name, const char *value, size_t len, bool cut)
{
	buf_printf(line, " %s=\"", name);
	_cleanup_buf_ struct buf text = {0};
	escape_text(&text, value, len);
	/* A quote would end the value for whoever reads the line. */
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '"')
			buf_puts(line, "\\x22");
		else
			buf_putc(line, text.data[i]);
	buf_puts(line, cut ? "...\"" : "\"");
}

/* A value that somebody else chose. libaudit writes a harmless one whole, whatever
 * length it is given: it is cut before. */
static void add_value(struct record *r, const char *name, const char *value)
{
	size_t len = strnlen(value, VALUE_MAX + 1);
	bool cut = len > VALUE_MAX;
	if (cut)
		len = VALUE_MAX;
	_cleanup_free_ char *part = strndup(value, len);
	_cleanup_free_ char *encoded = part ? audit_encode_nv_string(name, part, (unsigned)len) : NULL;
	if (!encoded) {
		r->fields.error = -ENOMEM;
		return;
	}
	buf_printf(&r->fields, "%s%s%s", r->fields.len ? " " : "", encoded, cut ? " cut=yes" : "");
	add_escaped(&r->line, name, part, len, cut);
}

/* A word that this program chose. */
static void add_word(struct record *r, const char *name, const char *word)
{
	buf_printf(&r->fields, "%s%s=%s", r->fields.len ? " " : "", name, word);
	buf_printf(&r->line, "%s%s=%s", r->line.len ? " " : "", name, word);
}

struct touched {
	enum subject_type type;
	struct netaddr address;
	char *account;
	unsigned n;
};

static void touched_free(struct touched *t)
{
	free(t->account);
}

/* Two are enough to know that there is not just one; the first is what the target names. */
static int look(void *ctx, const struct subject *subject)
{
	struct touched *t = ctx;
	if (!t->n)
		t->type = subject->type;
	t->address = subject->address;
	if (subject->type == SUBJECT_ACCOUNT && !t->account)
		t->account = strdup(subject->account);
	return ++t->n > 1;
}

/* The target under a field name that ausearch(8) decodes. */
static void add_target(struct record *r, const struct change *change)
{
	static const char *const names[] = {
		[SUBJECT_PROCESS] = "comm",
		[SUBJECT_ADDRESS] = "name",
		[SUBJECT_ALL_BUT] = "name",
		[SUBJECT_PORT] = "data",
		[SUBJECT_EDIT_PATH] = "path",
		[SUBJECT_REMOVE_PATH] = "path",
		[SUBJECT_RIGHTS] = "path",
		[SUBJECT_UNIT] = "unit",
		[SUBJECT_ACCOUNT] = "data",
	};
	_cleanup_(touched_free) struct touched t = {0};
	if (change->kind->subjects)
		change->kind->subjects(change, look, &t);
	add_value(r, t.n ? names[t.type] : "data", change->target ? change->target : "");
	if (t.account)
		add_value(r, "acct", t.account);
	if (t.n == 1 && t.type == SUBJECT_ADDRESS && netaddr_is_host(&t.address))
		netaddr_format(&t.address, r->address);
}

static int send_audit(struct trail *trail, int type, const struct record *r, bool success)
{
	if (trail->fd < 0)
		return -ENOTSUP;
	/* Auditing may be turned off while a run is under way. */
	if (trail->required && audit_is_enabled(trail->fd) <= 0)
		return -ENOTSUP;
	int64_t start = monotonic_ms();
	errno = 0;
	int sent = audit_log_user_message(trail->fd, type, buf_text(&r->fields), NULL,
	                                  r->address[0] ? r->address : NULL, NULL, success);
	int error = sent > 0 ? 0 : errno ? -errno : -EIO;
	if (!trail->required && monotonic_ms() - start > SLOW_MS) {
		/* The response must not wait for its own records. */
		syslog(LOG_WARNING, "the kernel's audit is stuck: no more audit records of this run, syslog only");
		audit_close(trail->fd);
		trail->fd = -1;
		trail->enabled = false;
	}
	return error;
}

static int record_send(struct trail *trail, int type, struct record *r, bool success)
{
	if (buf_error(&r->fields) || buf_error(&r->line))
		return -ENOMEM;
	if (r->fields.len > RECORD_MAX)
		return -EMSGSIZE;
	syslog(success ? LOG_NOTICE : LOG_WARNING, "%s res=%s", buf_text(&r->line), success ? "success" : "failed");
	int error = send_audit(trail, type, r, success);
	return trail->required ? error : 0;
}

static int record_change(struct trail *trail, int type, const char *op, const char *run, const struct change *change,
                         const char *rule, bool success)
{
	if (!trail)
		return 0;
	_cleanup_(record_free) struct record r = {0};
	add_word(&r, "op", op);
	add_value(&r, "run", run);
	if (rule)
		add_word(&r, "rule", rule);
	if (change) {
		add_word(&r, "kind", change->kind->name);
		add_value(&r, "step", change->step ? change->step : "");
		add_target(&r, change);
	}
	return record_send(trail, type, &r, success);
}

int trail_change(struct trail *trail, const char *run, const struct change *change, bool success)
{
	const struct change_kind *kind = change->kind;
	int type = kind->audit_type_of ? kind->audit_type_of(change) : kind->audit_type;
	return record_change(trail, type, "apply", run, change, NULL, success);
}

int trail_undo(struct trail *trail, const char *run, const struct change *change, bool success)
{
	return record_change(trail, change->kind->audit_undo_type, "undo", run, change, NULL, success);
}

int trail_purge(struct trail *trail, const char *sha256_hex, bool success)
{
	if (!trail)
		return 0;
	_cleanup_(record_free) struct record r = {0};
	add_word(&r, "op", "purge");
	add_word(&r, "sha256", sha256_hex);
	return record_send(trail, AUDIT_RESP_EXEC, &r, success);
}

int trail_refusal(struct trail *trail, const char *run, const struct change *change, const char *rule)
{
	/* "Anomaly not reacted to": what the change's own type would say did not happen. */
	return record_change(trail, AUDIT_RESP_ANOMALY, "refuse", run, change, rule, false);
}

int trail_begin(struct trail *trail, const char *run, const char *playbook, const char *sha256_hex)
{
	if (!trail)
		return 0;
	_cleanup_(record_free) struct record r = {0};
	add_word(&r, "op", "begin");
	add_value(&r, "run", run);
	add_value(&r, "name", playbook);
	add_value(&r, "sha256", sha256_hex);
	return record_send(trail, AUDIT_RESP_EXEC, &r, true);
}

int trail_end(struct trail *trail, const char *run, const char *outcome, const char *head, bool success)
{
	if (!trail)
		return 0;
	_cleanup_(record_free) struct record r = {0};
	add_word(&r, "op", "end");
	add_value(&r, "run", run);
	add_word(&r, "outcome", outcome);
	add_value(&r, "head", head);
	return record_send(trail, AUDIT_RESP_EXEC, &r, success);
}

static void say_why(const struct trail *trail, int enabled, struct buf *ret)
{
	if (trail->fd < 0)
		buf_printf(ret, "this kernel gives no access to its audit");
	else if (enabled < 0)
		buf_printf(ret, "cannot tell whether the kernel's audit is on (not in the host's own namespaces?)");
	else
		buf_printf(ret, "the kernel's audit is off (auditctl -e 1 turns it on)");
	buf_puts(ret, trail->required ? ", and the configuration asks for audit records"
	                              : ": records of what is done go to syslog only");
}

int trail_open(bool required, struct trail **ret, struct buf *ret_why)
{
	struct trail *trail = calloc(1, sizeof(*trail));
	if (!trail)
		return -ENOMEM;
	trail->required = required;
	trail->fd = audit_open();
	int enabled = trail->fd >= 0 ? audit_is_enabled(trail->fd) : -1;
	trail->enabled = enabled > 0;
	if (!trail->enabled) {
		say_why(trail, enabled, ret_why);
		if (required) {
			trail_close(&trail);
			return -ENOTSUP;
		}
	}
	openlog("respond", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	*ret = trail;
	return 0;
}

void trail_close(struct trail **trail)
{
	if (!*trail)
		return;
	if ((*trail)->fd >= 0)
		audit_close((*trail)->fd);
	closelog();
	free(*trail);
	*trail = NULL;
}

bool trail_active(const struct trail *trail)
{
	return trail && trail->enabled;
}
