/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect: looks at the host and keeps what it saw. It plans no change.
 */
#include "evidence.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROWS_BYTES_MAX ((size_t)5 << 20) /* so that a document fits EVIDENCE_BYTES_MAX with its indentation */
#define ROW_OVERHEAD 64

/* In the order in which an intruder could make them vanish. */
static const struct subject_of_evidence {
	const char *name;
	int (*collect)(struct collection *c);
} subjects[] = {
	{"processes", evidence_processes},
	{"sockets", evidence_sockets},
	{"modules", evidence_modules},
	{"mounts", evidence_mounts},
	{"logins", evidence_logins},
	{"accounts", evidence_accounts},
	{"keys", evidence_keys},
	{"persistence", evidence_persistence},
	{"files", evidence_files},
};

static int add_chunk(const char *bytes, size_t len, void *ctx)
{
	return buf_add(ctx, bytes, len);
}

int evidence_document(struct collection *c, const char *name, json_t *value, bool partial, const char *fmt, ...)
{
	struct buf text = {0};
	_cleanup_buf_ struct buf summary = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&summary, fmt, ap);
	va_end(ap);
	int failed = !value || json_dump_callback(value, add_chunk, &text, JSON_INDENT(1)) < 0;
	json_decref(value);
	buf_putc(&text, '\n');
	if (failed || buf_error(&text) || buf_error(&summary)) {
		buf_free(&text);
		return -ENOMEM;
	}
	return plan_evidence(c->plan, name, &text, partial, "%s", buf_text(&summary));
}

int evidence_row(struct evidence_rows *rows, json_t *item)
{
	if (!rows->array)
		rows->array = json_array();
	if (!item || !rows->array) {
		json_decref(item);
		return -ENOMEM;
	}
	size_t bytes = json_dumpb(item, NULL, 0, JSON_INDENT(1)) + ROW_OVERHEAD;
	if (rows->bytes + bytes > ROWS_BYTES_MAX) {
		rows->partial = true;
		json_decref(item);
		return 0;
	}
	rows->bytes += bytes;
	return json_array_append_new(rows->array, item) < 0 ? -ENOMEM : 0;
}

json_t *evidence_time(int64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm local;
	char text[40], zone[8];
	if (!seconds || !localtime_r(&at, &local) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local))
		return json_null();
	strftime(zone, sizeof(zone), "%z", &local);
	return json_sprintf("%s%.3s:%.2s", text, zone, zone + 3);
}

static const char *type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "link";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	case S_IFCHR: return "character device";
	case S_IFBLK: return "block device";
	default: return "unknown";
	}
}

json_t *evidence_stat(const struct stat *st)
{
	char mode[8];
	snprintf(mode, sizeof(mode), "%04o", (unsigned)st->st_mode & 07777);
	return json_pack("{ss ss sI sI sI sI sI so so so}", "type", type_word(st->st_mode), "mode", mode, "uid",
	                 (json_int_t)st->st_uid, "gid", (json_int_t)st->st_gid, "size", (json_int_t)st->st_size, "links",
	                 (json_int_t)st->st_nlink, "inode", (json_int_t)st->st_ino, "modified",
	                 evidence_time(st->st_mtime), "changed", evidence_time(st->st_ctime), "accessed",
	                 evidence_time(st->st_atime));
}

json_t *evidence_hash(int fd, off_t max)
{
	struct stat st;
	struct sha256 sha256;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > max || sha256_fd(fd, &sha256) < 0)
		return json_null();
	return json_string(sha256.hex);
}

static bool wanted(const struct collection *c, const char *subject)
{
	if (strcmp(subject, "files") == 0 && args_list(c->args, "path")->n)
		return true;
	return strv_has(args_list(c->args, "what"), subject);
}

static int plan_collect(struct host *host, const struct args *args, struct plan *plan)
{
	const char *failures = args_text(args, "failures");
	struct collection c = {
		.host = host,
		.plan = plan,
		.args = args,
		.copy = args_yes(args, "copy"),
		.now = realtime_ms() / 1000,
		.failures = failures ? (unsigned)value_number(failures) : 1,
	};
	c.since = c.now - args_ms(args, "since", 0) / 1000;
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(subjects) / sizeof(*subjects); i++)
		if (wanted(&c, subjects[i].name))
			r = subjects[i].collect(&c);
	return r;
}

static const struct param params[] = {
	{"what", TYPE_CHOICE, PARAM_LIST,
	 "processes, sockets, modules, mounts, logins, accounts, keys, persistence",
	 "processes|sockets|modules|mounts|logins|accounts|keys|persistence|files", "what to look at"},
	{"path", TYPE_GLOB, PARAM_LIST, NULL, NULL, "files to look at: owner, times, hash, texts, kind of executable"},
	{"copy", TYPE_YES_NO, 0, "yes", NULL,
	 "whether files are kept as a whole: those named in path, executables that are deleted, login records"},
	{"since", TYPE_DURATION, 0, "30d", NULL, "how far back logins and changes of accounts are of interest"},
	{"failures", TYPE_NUMBER, 0, "10", NULL, "how many failed logins from one address are an attack"},
	{0},
};

static const struct fact_decl facts[] = {
	{"process-top-pid", TYPE_PID, "processes that use more than a quarter of a core"},
	{"process-top-exe", TYPE_PATH, "their executables, as far as they are still there and no package owns them"},
	{"process-deleted-pid", TYPE_PID, "processes whose executable is no longer on disk"},
	{"process-hidden-pid", TYPE_PID, "processes that are hidden from the list of processes"},
	{"listening-port", TYPE_PORT, "ports that something listens on, loopback left out"},
	{"peer", TYPE_ADDRESS, "remote addresses of connections, loopback left out"},
	{"bruteforce-address", TYPE_ADDRESS, "addresses with as many failed logins as an attack has"},
	{"bruteforce-user", TYPE_USER, "existing accounts that they tried"},
	{"breach-address", TYPE_ADDRESS, "addresses from which a login succeeded after that many had failed"},
	{"breach-user", TYPE_USER, "the accounts of those logins"},
	{"login-address", TYPE_ADDRESS, "addresses from which logins succeeded"},
	{"root-user", TYPE_USER, "accounts with uid 0, but for root"},
	{"recent-user", TYPE_USER, "accounts whose password changed of late"},
	{"key-fingerprint", TYPE_FINGERPRINT, "the keys that accounts may log in with"},
	{"persistence-path", TYPE_PATH, "files in places that start programs, which no package owns and that changed of late"},
	{"sha256", TYPE_SHA256, "hashes of the files named in path"},
	{0},
};

const struct action evidence_collect = {
	.name = "evidence.collect",
	.summary = "look at the host and keep what is seen; changes nothing",
	.params = params,
	.facts = facts,
	.plan = plan_collect,
	.looks = true,
};
