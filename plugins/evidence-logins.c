/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, logins: who logged in by ssh and who tried to, as auth.log says (or
 * secure; where neither has a word of sshd, the systemd journal), and as wtmp, btmp and utmp
 * say, which an intruder who cleans the one may have forgotten.
 *
 * Of a log, the file and those that were rotated since the time of interest are read (auth.log,
 * auth.log.1, auth.log.2.gz), the last 64 MiB of each, of what gzip has packed the first 16. What
 * is packed otherwise is named.
 */
#include "accounts.h"
#include "evidence.h"
#include "log-tail.h"
#include "login-tally.h"
#include "rotated-logs.h"
#include "utmp-codec.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MAX ((off_t)64 << 20)
#define LOG_MS 10000
#define COPY_MAX ((off_t)64 << 20)
#define RECORDS_MAX ((off_t)8 << 20) /* of wtmp, of btmp */
#define ROWS_MAX 2000
#define NOTES_MAX 20
#define AHEAD 86400 /* clocks differ; what is further ahead is not believed */
#define UNPACKED_MAX ((size_t)16 << 20)
#define GZIP "/usr/bin/gzip"
#define JOURNALCTL "/usr/bin/journalctl"
#define JOURNAL_LINES "100000"
#define JOURNAL_MAX ((size_t)16 << 20)
#define JOURNAL_MS 20000

struct look {
	struct collection *c;
	struct users users;
	struct tally tally;
	json_t *sources;
	unsigned long long lines; /* about logins */
	unsigned ambiguous;       /* that can be read in more than one way */
	unsigned odd_times;
	bool partial;
};

static void look_end(struct look *look)
{
	users_free(&look->users);
	tally_free(&look->tally);
	json_decref(look->sources);
}

static int add_login(struct look *look, const struct login *login)
{
	look->lines++;
	if (login->time > look->c->now + AHEAD)
		look->odd_times++;
	else if (login->time >= look->c->since)
		return tally_add(&look->tally, login);
	return 0;
}

/* Keeps a copy of the file behind FD, which is the plan's afterwards. */
static int keep_copy(struct look *look, const char *path, int *fd)
{
	struct stat st;
	int file = *fd;
	if (!look->c->copy || fstat(file, &st) < 0 || st.st_size == 0 || st.st_size > COPY_MAX)
		return 0;
	*fd = -1;
	return plan_evidence_file(look->c->plan, strrchr(path, '/') + 1, file, "%s as it is", path);
}

static int cannot_read(struct look *look, const char *path, int error)
{
	if (error == -ENOENT || error == -ENOTDIR || error == -ENOMEM)
		return error == -ENOMEM ? error : 0;
	look->partial = true;
	return error == -EINVAL ? host_blind(look->c->host, "cannot read %s: it is no regular file", path)
	                        : host_unreadable(look->c->host, path, error);
}

/* ---- logs of text ------------------------------------------------------------------- */

static int take_line(void *ctx, const char *line, size_t len)
{
	struct look *look = ctx;
	struct login login;
	int r = sshd_log_parse(line, len, look->c->now, &login);
	if (r == -EBADMSG)
		look->ambiguous++;
	return r > 0 ? add_login(look, &login) : 0;
}

static int read_log(struct look *look, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct log_reading reading;
	int r = path_open_regular(look->c->host->root, path, &fd, NULL);
	if (r < 0)
		return cannot_read(look, path, r);
	r = log_tail(fd, LOG_MAX, LOG_MS, take_line, look, &reading);
	if (r < 0)
		return cannot_read(look, path, r);
	look->partial |= reading.skipped || reading.long_lines || reading.timed_out;
	json_t *source = json_pack("{ss sI sI sI sI sb}", "path", path, "size", (json_int_t)reading.size, "skipped-bytes",
	                           (json_int_t)reading.skipped, "lines", (json_int_t)reading.lines, "long-lines",
	                           (json_int_t)reading.long_lines, "timed-out", reading.timed_out);
	if (json_array_append_new(look->sources, source) < 0)
		return -ENOMEM;
	return keep_copy(look, path, &fd);
}

/* ---- logs that were rotated -------------------------------------------------------------- */

static int take_lines(struct look *look, const struct buf *text)
{
	const char *line = text->data, *end = text->data + text->len;
	int r = 0;
	while (r == 0 && line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline ? newline : end) - line);
		if (len > LOG_LINE_MAX)
			look->partial = true;
		else
			r = take_line(look, line, len);
		line += len + 1;
	}
	return r;
}

static int not_read(struct look *look, const char *path)
{
	look->partial = true;
	json_t *source = json_pack("{so sb}", "path", json_text(path), "read", 0);
	return json_array_append_new(look->sources, source) < 0 ? -ENOMEM : 0;
}

static int keep_packed(struct look *look, const char *path)
{
	_cleanup_close_ int fd = -1;
	return path_open_regular(look->c->host->root, path, &fd, NULL) < 0 ? 0 : keep_copy(look, path, &fd);
}

static int read_compressed(struct look *look, const char *path)
{
	const char *const argv[] = {GZIP, "-dc", "--", path, NULL};
	_cleanup_buf_ struct buf out = {0};
	int status = 0;
	if (!host_is_this(look->c->host))
		return not_read(look, path);
	int r = spawn_read_at_most(argv, LOG_MS, UNPACKED_MAX, &out, NULL, &status);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !out.len)
		return not_read(look, path);
	bool whole = status == 0 && out.len < UNPACKED_MAX;
	look->partial |= !whole;
	json_t *source = json_pack("{so sI sb}", "path", json_text(path), "unpacked-bytes", (json_int_t)out.len, "whole", whole);
	if (json_array_append_new(look->sources, source) < 0)
		return -ENOMEM;
	r = take_lines(look, &out);
	return r < 0 ? r : keep_packed(look, path);
}

static bool ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name), len = strlen(ending);
	return n >= len && strcmp(name + n - len, ending) == 0;
}

static int read_rotated(struct look *look, const char *path)
{
	if (ends_in(path, ".gz"))
		return read_compressed(look, path);
	return ends_in(path, ".xz") || ends_in(path, ".zst") || ends_in(path, ".bz2") ? not_read(look, path)
	                                                                              : read_log(look, path);
}

/* The oldest first: a login counts by what failed before it. */
static int read_older(struct look *look, const char *name)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = rotated_logs(look->c->host, name, look->c->since, &paths, &look->partial);
	if (r < 0)
		return cannot_read(look, "/var/log", r);
	for (size_t i = 0; r == 0 && i < paths.n; i++)
		r = read_rotated(look, paths.v[i]);
	return r;
}

/* ---- the systemd journal ---------------------------------------------------------------- */

/* TEXT has the newest line first: it is cut at its end where there is too much. */
static int take_backwards(struct look *look, const struct buf *text)
{
	const char *end = text->data + text->len;
	int r = 0;
	while (r == 0 && end > text->data) {
		const char *newline = memrchr(text->data, '\n', (size_t)(end - text->data));
		const char *line = newline ? newline + 1 : text->data;
		r = take_line(look, line, (size_t)(end - line));
		end = newline ? newline : text->data;
	}
	return r;
}

static size_t count_lines(const struct buf *text)
{
	size_t n = 0;
	for (const char *p = text->data, *end = p + text->len; p && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

/* Only what root's processes have said: anybody may call himself sshd. */
static int read_journal(struct look *look)
{
	char since[40];
	snprintf(since, sizeof(since), "--since=@%" PRId64, look->c->since);
	const char *const argv[] = {JOURNALCTL, "--no-pager", "--quiet", "--reverse", "--output=short-unix", since,
	                            "--lines=" JOURNAL_LINES, "--identifier=sshd", "--identifier=sshd-session", "_UID=0",
	                            NULL};
	_cleanup_buf_ struct buf out = {0};
	int status = 0;
	if (!host_is_this(look->c->host))
		return 0;
	int r = spawn_read_at_most(argv, JOURNAL_MS, JOURNAL_MAX, &out, NULL, &status);
	if (r < 0 || status != 0)
		return r == -ENOENT || r == 0 ? 0 : cannot_read(look, "the systemd journal", r);
	size_t lines = count_lines(&out);
	bool cut = out.len == JOURNAL_MAX || lines >= strtoul(JOURNAL_LINES, NULL, 10);
	look->partial |= cut;
	json_t *source = json_pack("{ss sI sb}", "path", "systemd journal", "lines", (json_int_t)lines, "cut", cut);
	if (json_array_append_new(look->sources, source) < 0)
		return -ENOMEM;
	return out.len ? take_backwards(look, &out) : 0;
}

static int read_logs(struct look *look)
{
	static const struct {
		const char *name, *last, *now;
	} logs[] = {
		{"auth.log", "/var/log/auth.log.1", "/var/log/auth.log"},
		{"secure", "/var/log/secure.1", "/var/log/secure"},
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(logs) / sizeof(*logs); i++) {
		r = read_older(look, logs[i].name);
		if (r == 0)
			r = read_log(look, logs[i].last);
		if (r == 0)
			r = read_log(look, logs[i].now);
	}
	return r == 0 && !look->lines ? read_journal(look) : r;
}

/* ---- wtmp, btmp, utmp ---------------------------------------------------------------------- */

struct records {
	struct login *v;
	size_t n, cap;
	json_t *sessions; /* that are open, by utmp */
	unsigned junk;
};

static int add_record(struct records *list, const struct utmp_record *record, bool failed)
{
	struct login login = {.time = record->time, .times = 1, .accepted = !failed, .has_address = record->has_address,
	                      .address = record->address};
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 256;
		struct login *v = reallocarray(list->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		list->v = v;
		list->cap = cap;
	}
	snprintf(login.user, sizeof(login.user), "%s", record->user);
	snprintf(login.method, sizeof(login.method), "%.31s", record->line);
	list->v[list->n++] = login;
	return 0;
}

static int add_session(struct records *list, const struct utmp_record *record)
{
	json_t *item = json_pack("{so so so sI so}", "user", json_text(record->user), "line", json_text(record->line), "host",
	                         json_text(record->host), "pid", (json_int_t)record->pid, "time",
	                         evidence_time(record->time));
	return !item || json_array_append_new(list->sessions, item) < 0 ? -ENOMEM : 0;
}

enum records_of { WTMP, BTMP, UTMP };

static int take_record(struct records *list, const char *bytes, enum records_of what)
{
	struct utmp_record record;
	int r = utmp_decode(bytes, &record);
	if (r < 0) {
		list->junk += r == -EBADMSG;
		return 0;
	}
	if (what == UTMP)
		return record.type == USER_PROCESS && json_array_size(list->sessions) < ROWS_MAX ? add_session(list, &record)
		                                                                                  : 0;
	if (!record.user[0] || (what == WTMP && record.type != USER_PROCESS))
		return 0;
	return add_record(list, &record, what == BTMP);
}

static int read_records(struct look *look, const char *path, enum records_of what, struct records *list)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *bytes = NULL;
	struct stat st;
	unsigned junk = list->junk;
	int r = path_open_regular(look->c->host->root, path, &fd, &st);
	if (r < 0)
		return cannot_read(look, path, r);
	off_t whole = st.st_size - st.st_size % (off_t)UTMP_RECORD_LEN;
	off_t at = whole > RECORDS_MAX ? whole - RECORDS_MAX / (off_t)UTMP_RECORD_LEN * (off_t)UTMP_RECORD_LEN : 0;
	bytes = malloc((size_t)(whole - at) + 1);
	if (!bytes)
		return -ENOMEM;
	ssize_t n = pread(fd, bytes, (size_t)(whole - at), at);
	if (n < 0)
		return cannot_read(look, path, -errno);
	for (ssize_t i = 0; r == 0 && i + (ssize_t)UTMP_RECORD_LEN <= n; i += (ssize_t)UTMP_RECORD_LEN)
		r = take_record(list, bytes + i, what);
	look->partial |= at > 0 || whole < st.st_size || list->junk > junk;
	json_t *source = json_pack("{ss sI sI sI}", "path", path, "size", (json_int_t)st.st_size, "skipped-bytes",
	                           (json_int_t)(at + st.st_size - whole), "junk-records", (json_int_t)(list->junk - junk));
	if (json_array_append_new(look->sources, source) < 0)
		return -ENOMEM;
	return r < 0 ? r : keep_copy(look, path, &fd);
}

static int by_time(const void *a, const void *b)
{
	const struct login *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->accepted - y->accepted;
}

static int read_all_records(struct look *look, struct records *list)
{
	int r = read_records(look, "/var/log/wtmp", WTMP, list);
	if (r == 0)
		r = read_records(look, "/var/log/btmp", BTMP, list);
	if (r == 0)
		r = read_records(look, "/run/utmp", UTMP, list);
	if (r == 0 && list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_time);
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = add_login(look, &list->v[i]);
	return r;
}

/* ---- what it comes to ------------------------------------------------------------------------- */

static json_t *row_json(const struct tally_row *row, const char *what)
{
	return json_pack("{so sI sI sI sI so so}", what, json_text(row->key), "failed", (json_int_t)row->failed, "keys-refused",
	                 (json_int_t)row->refused, "accepted", (json_int_t)row->accepted, "failed-before-accepted",
	                 (json_int_t)row->worst, "first", evidence_time(row->first), "last", evidence_time(row->last));
}

static json_t *rows_json(struct look *look, struct tally_table *table, const char *what)
{
	json_t *array = json_array();
	tally_sort(table);
	look->partial |= table->full || table->n > ROWS_MAX;
	for (size_t i = 0; array && i < table->n && i < ROWS_MAX; i++)
		json_array_append_new(array, row_json(&table->v[i], what));
	return array;
}

static json_t *success_json(const struct tally_success *s)
{
	char address[NETADDR_TEXT_LEN] = "";
	if (s->login.has_address)
		netaddr_format(&s->login.address, address);
	return json_pack("{so so ss ss so sI}", "time", evidence_time(s->login.time), "user", json_text(s->login.user), "address",
	                 address, "key", s->login.fingerprint, "method", json_text(s->login.method), "failed-before",
	                 (json_int_t)s->failed_before);
}

static json_t *successes_json(struct look *look, bool breaches)
{
	const struct tally *t = &look->tally;
	json_t *array = json_array();
	look->partial |= t->forgot;
	for (size_t i = t->n_successes; array && i-- > 0;) { /* the newest first */
		if (tally_is_breach(t, &t->successes[i]) != breaches)
			continue;
		if (json_array_size(array) == ROWS_MAX) {
			look->partial = true;
			break;
		}
		json_array_append_new(array, success_json(&t->successes[i]));
	}
	return array;
}

static int note_breach(struct look *look, const struct tally_success *s, const char *address)
{
	_cleanup_buf_ struct buf user = {0};
	escape_str(&user, s->login.user);
	return plan_note(look->c->plan, "login of %s from %s succeeded after %u had failed", buf_text(&user), address,
	                 s->failed_before);
}

static int yield_success(struct look *look, const struct tally_success *s, size_t *n_breaches)
{
	char address[NETADDR_TEXT_LEN];
	struct plan *plan = look->c->plan;
	if (!s->login.has_address)
		return 0;
	netaddr_format(&s->login.address, address);
	int r = plan_fact(plan, "login-address", address);
	if (r < 0 || !tally_is_breach(&look->tally, s))
		return r;
	r = plan_fact(plan, "breach-address", address);
	if (r == 0 && users_by_name(&look->users, s->login.user))
		r = plan_fact(plan, "breach-user", s->login.user);
	return r == 0 && ++*n_breaches <= NOTES_MAX ? note_breach(look, s, address) : r;
}

static int yield(struct look *look, size_t *ret_attacks, size_t *ret_breaches)
{
	const struct tally *t = &look->tally;
	struct plan *plan = look->c->plan;
	int r = 0;
	for (size_t i = 0; r == 0 && i < t->addresses.n; i++) {
		if (!tally_is_attack(t, &t->addresses.v[i]))
			continue;
		++*ret_attacks;
		r = plan_fact(plan, "bruteforce-address", t->addresses.v[i].key);
	}
	for (size_t i = 0; r == 0 && i < t->users.n; i++)
		if (tally_is_attack(t, &t->users.v[i]) && users_by_name(&look->users, t->users.v[i].key))
			r = plan_fact(plan, "bruteforce-user", t->users.v[i].key);
	for (size_t i = 0; r == 0 && i < t->n_successes; i++)
		r = yield_success(look, &t->successes[i], ret_breaches);
	return r;
}

static int keep(struct look *look, const char *name, const char *source, json_t *sessions)
{
	size_t attacks = 0, breaches = 0;
	json_t *document = json_pack("{sO sI sI sI sI so so so so so*}", "sources", look->sources, "failed",
	                             (json_int_t)look->tally.failed, "accepted", (json_int_t)look->tally.accepted,
	                             "ambiguous-lines", (json_int_t)look->ambiguous, "times-ahead",
	                             (json_int_t)look->odd_times, "succeeded-after-attack", successes_json(look, true),
	                             "addresses", rows_json(look, &look->tally.addresses, "address"), "users",
	                             rows_json(look, &look->tally.users, "user"), "succeeded",
	                             successes_json(look, false), "sessions", sessions);
	int r = yield(look, &attacks, &breaches);
	if (r < 0) {
		json_decref(document);
		return r;
	}
	return evidence_document(look->c, name, document, look->partial,
	                         "%s: %llu logins failed, %llu succeeded; %zu address%s made an attack, %zu login%s "
	                         "succeeded after one%s",
	                         source, look->tally.failed, look->tally.accepted, attacks, attacks == 1 ? "" : "es",
	                         breaches, breaches == 1 ? "" : "s", look->ambiguous ? "; some lines are ambiguous" : "");
}

static int open_look(struct look *look, struct collection *c)
{
	*look = (struct look){.c = c, .tally = {.threshold = c->failures ? c->failures : 1}, .sources = json_array()};
	return look->sources ? accounts_load(c->host, &look->users) : -ENOMEM;
}

static int look_at_logs(struct collection *c)
{
	_cleanup_(look_end) struct look look;
	int r = open_look(&look, c);
	if (r == 0)
		r = read_logs(&look);
	return r < 0 ? r : keep(&look, "logins.json", "logs", NULL);
}

static int look_at_records(struct collection *c)
{
	_cleanup_(look_end) struct look look;
	struct records list = {.sessions = json_array()};
	int r = open_look(&look, c);
	if (r == 0)
		r = list.sessions ? read_all_records(&look, &list) : -ENOMEM;
	free(list.v);
	if (r < 0) {
		json_decref(list.sessions);
		return r;
	}
	return keep(&look, "login-records.json", "wtmp, btmp", list.sessions);
}

int evidence_logins(struct collection *c)
{
	int r = look_at_logs(c);
	return r < 0 ? r : look_at_records(c);
}
