/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bundle.h"

#include "base/archive.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/new-file.h"
#include "base/proc.h"
#include "base/strset.h"
#include "base/tar-codec.h"
#include "core/record.h"
#include "core/vault-usage.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define JOURNAL_MAX ((size_t)256 << 20)
#define SMALL_MAX 4096

/* A file to be. */
struct member {
	char *name;      /* below RUN/ */
	struct sha256 sha256;
	int64_t size;
	bool from_vault; /* the object of that hash; otherwise: */
	struct buf bytes;
};

struct bundle {
	const struct engine *engine;
	const struct run *run;
	struct vault *vault;
	struct member *members;
	size_t n;
	struct strset names, objects;
	json_t *files; /* of the manifest */
	bool with_files;
	struct bundle_result *result;
};

static void bundle_end(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->members[i].name);
		buf_free(&b->members[i].bytes);
	}
	free(b->members);
	strset_free(&b->names);
	strset_free(&b->objects);
	json_decref(b->files);
}

/* ---- what goes in ------------------------------------------------------------------- */

/* Takes the member over, also on failure. */
static int add_member(struct bundle *b, struct member *m)
{
	struct member *v = m->name ? reallocarray(b->members, b->n + 1, sizeof(*v)) : NULL;
	if (!v) {
		free(m->name);
		buf_free(&m->bytes);
		return -ENOMEM;
	}
	b->members = v;
	v[b->n++] = *m;
	return 0;
}

/* DETAILS (reference stolen): what the manifest says besides. */
static int list_file(struct bundle *b, const struct member *m, json_t *details)
{
	json_t *item = json_pack("{ss ss sI}", "name", m->name, "sha256", m->sha256.hex, "size", (json_int_t)m->size);
	int failed = !item || !details || json_object_update(item, details) < 0;
	json_decref(details);
	if (failed) {
		json_decref(item);
		return -ENOMEM;
	}
	return json_array_append_new(b->files, item) < 0 ? -ENOMEM : 0;
}

/* Bytes (taken over) under this name. */
static int add_bytes(struct bundle *b, const char *name, struct buf *bytes, json_t *details)
{
	struct member m = {.name = strdup(name), .size = (int64_t)bytes->len, .bytes = *bytes};
	sha256_bytes(buf_text(bytes), bytes->len, &m.sha256);
	*bytes = (struct buf){0};
	int r = !m.name || (details && list_file(b, &m, details) < 0) ? -ENOMEM : 0;
	if (r < 0) {
		free(m.name);
		buf_free(&m.bytes);
		return r;
	}
	return add_member(b, &m);
}

/* 1: there and whole; 0: it is not. */
static int look_up(struct bundle *b, const char *sha256, int64_t *ret_size)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = b->vault ? vault_open_object(b->vault, sha256, &fd) : -ENOENT;
	if (r == -ENOMEM)
		return r;
	b->result->missing += r == -ENOENT;
	b->result->damaged += r < 0 && r != -ENOENT;
	if (r < 0 || fstat(fd, &st) < 0)
		return 0;
	*ret_size = st.st_size;
	return 1;
}

static int add_object(struct bundle *b, const char *name, const char *sha256, json_t *details)
{
	struct member m = {.from_vault = true};
	int r = look_up(b, sha256, &m.size);
	if (r <= 0) {
		json_decref(details);
		return r;
	}
	memcpy(m.sha256.hex, sha256, SHA256_HEX_LEN + 1);
	m.name = strdup(name);
	r = m.name ? list_file(b, &m, details) : -ENOMEM;
	if (r < 0) {
		if (!m.name)
			json_decref(details);
		free(m.name);
		return r;
	}
	r = strset_add(&b->objects, sha256);
	return r < 0 ? (free(m.name), r) : add_member(b, &m);
}

/* Fit for any file system, and never "." or "..". */
static void put_safe(struct buf *ret, const char *text, size_t max)
{
	for (size_t i = 0; text[i] && i < max; i++)
		buf_putc(ret, isalnum((unsigned char)text[i]) || strchr("-_", text[i]) || (text[i] == '.' && i) ? text[i] : '_');
}

/* A step that kept something of the same name in a later round does not replace it. */
static int name_evidence(struct bundle *b, const struct run_evidence *e, struct buf *ret)
{
	int fresh = 0;
	for (unsigned i = 1; fresh == 0; i++) {
		buf_reset(ret);
		buf_puts(ret, "evidence/");
		put_safe(ret, e->step, 24);
		if (i > 1)
			buf_printf(ret, "/again-%u", i);
		buf_putc(ret, '/');
		put_safe(ret, e->name, 31);
		fresh = buf_error(ret) ? -ENOMEM : strset_add(&b->names, ret->data);
	}
	return fresh < 0 ? fresh : 0;
}

static int add_evidence(struct bundle *b, const struct run_evidence *e)
{
	_cleanup_buf_ struct buf name = {0};
	if (e->lost)
		return 0;
	int r = name_evidence(b, e, &name);
	return r < 0 ? r
	             : add_object(b, name.data, e->sha256.hex,
	                          json_pack("{ss so so ss so sb}", "what", "evidence", "step", json_text(e->step), "kept-as",
	                                    json_text(e->name), "time", e->time, "summary", json_string(e->summary),
	                                    "partial", e->partial));
}

/* An object that a change needs: listed, and in the bundle where it is wanted. */
static int add_file(void *ctx, const char *sha256, const char *field)
{
	struct bundle *b = ctx;
	char name[16 + SHA256_HEX_LEN];
	(void)field;
	if (strset_has(&b->objects, sha256) || !b->vault || !vault_names(b->vault, sha256))
		return 0;
	if (!b->with_files) {
		int r = strset_add(&b->objects, sha256);
		b->result->left_out++;
		return r < 0 ? r : 0;
	}
	snprintf(name, sizeof(name), "files/%s.bin", sha256);
	return add_object(b, name, sha256, json_pack("{ss}", "what", "file of a change; see the journal"));
}

static int add_changes(struct bundle *b)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < b->run->n; i++)
		r = change_objects(b->run->entries[i].change, add_file, b);
	return r;
}

static int add_record(struct bundle *b, const char *name, size_t max, const char *what)
{
	_cleanup_close_ int dir = -1, fd = -1;
	struct buf bytes = {0};
	int r = state_open_run(b->engine->state, b->run->id, &dir);
	if (r == 0)
		r = name_open_regular(dir, name, &fd, NULL);
	if (r == 0)
		r = fd_read(fd, max, &bytes);
	if (r == 0)
		r = add_bytes(b, name, &bytes, json_pack("{ss}", "what", what));
	buf_free(&bytes);
	return r == -ENOENT && strcmp(name, "seal") == 0 ? 0 : r; /* an unfinished run has none */
}

/* ---- the manifest --------------------------------------------------------------------- */

static json_t *first_line(const struct host *host, const char *path)
{
	_cleanup_buf_ struct buf text = {0};
	if (path_read(host->root, path, SMALL_MAX, &text, NULL) < 0)
		return json_null();
	return json_bytes(buf_text(&text), strcspn(buf_text(&text), "\n"));
}

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)" */
static json_t *system_name(const struct host *host)
{
	static const char key[] = "PRETTY_NAME=";
	static const char *const paths[] = {"/etc/os-release", "/usr/lib/os-release"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		_cleanup_buf_ struct buf real = {0}, text = {0};
		if (path_follow(host->root, paths[i], &real) < 0 || path_read(host->root, real.data, SMALL_MAX, &text, NULL) < 0)
			continue;
		const char *at = strstr(buf_text(&text), key);
		if (!at || (at > text.data && at[-1] != '\n'))
			continue;
		at += strlen(key);
		at += *at == '"';
		return json_bytes(at, strcspn(at, "\"\n"));
	}
	return json_null();
}

static json_t *host_json(const struct host *host)
{
	struct utsname u = {0};
	char boot[40] = "";
	uname(&u);
	if (proc_boot_id(host->proc, boot) < 0)
		boot[0] = '\0';
	return json_pack("{so so so ss so so}", "hostname", json_text(u.nodename), "machine-id",
	                 first_line(host, "/etc/machine-id"), "system", system_name(host), "boot-id", boot, "kernel",
	                 json_text(u.release), "architecture", json_text(u.machine));
}

static int add_manifest(struct bundle *b)
{
	struct buf text = {0};
	json_t *json = record_new("bundle", json_pack("{ss ss so si si si sO}", "run", b->run->id, "version", PACKAGE_VERSION,
	                                              "host", host_json(b->engine->host), "files-left-out",
	                                              (int)b->result->left_out, "missing", (int)b->result->missing,
	                                              "damaged", (int)b->result->damaged, "files", b->files));
	char *dump = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	json_decref(json);
	if (!dump)
		return -ENOMEM;
	buf_puts(&text, dump);
	buf_putc(&text, '\n');
	free(dump);
	int r = buf_error(&text) ? -ENOMEM : add_bytes(b, "manifest.json", &text, NULL);
	buf_free(&text);
	return r;
}

static int add_sums(struct bundle *b)
{
	struct buf text = {0};
	for (size_t i = 0; i < b->n; i++)
		buf_printf(&text, "%s  %s\n", b->members[i].sha256.hex, b->members[i].name);
	int r = buf_error(&text) ? -ENOMEM : add_bytes(b, "SHA256SUMS", &text, NULL);
	buf_free(&text);
	return r;
}

/* ---- writing --------------------------------------------------------------------------- */

static int write_member(struct bundle *b, struct archive *archive, const struct member *m)
{
	char name[TAR_NAME_MAX + 64];
	int64_t now = realtime_ms() / 1000;
	_cleanup_close_ int fd = -1;
	snprintf(name, sizeof(name), "%s/%s", b->run->id, m->name);
	b->result->files++;
	if (!m->from_vault)
		return archive_add(archive, name, now, &m->bytes);
	int r = vault_open_object(b->vault, m->sha256.hex, &fd);
	return r < 0 ? r : archive_add_file(archive, name, now, fd);
}

/* The manifest, which comes last, is what a reader wants first. */
static int write_all(struct bundle *b, int fd)
{
	struct archive *archive = NULL;
	int r = archive_new(fd, &archive);
	for (size_t i = b->n; r == 0 && i-- > b->n - 2;)
		r = write_member(b, archive, &b->members[i]);
	for (size_t i = 0; r == 0 && i < b->n - 2; i++)
		r = write_member(b, archive, &b->members[i]);
	if (r == 0)
		r = archive_end(archive);
	archive_free(&archive);
	return r;
}

static int gather(struct bundle *b)
{
	int r = add_record(b, "journal", JOURNAL_MAX, "the record of the run, respond-journal(5)");
	if (r == 0)
		r = add_record(b, "seal", SMALL_MAX, "how long the journal was when the run ended");
	for (size_t i = 0; r == 0 && i < b->run->n_evidence; i++)
		r = add_evidence(b, &b->run->evidence[i]);
	if (r == 0)
		r = add_changes(b);
	if (r == 0)
		r = add_manifest(b);
	return r < 0 ? r : add_sums(b);
}

static int write_file(struct bundle *b, const char *path, struct buf *ret_why)
{
	struct new_file file;
	struct stat st;
	int r = new_file_make(b->engine->host->root, path, &file);
	if (r < 0) {
		buf_puts(ret_why, r == -EEXIST ? "it is there already: nothing is overwritten"
		                  : r == -ELOOP ? "a symbolic link that others than root can change is on the way to it"
		                                : strerror(-r));
		return r;
	}
	r = write_all(b, file.fd);
	if (r == 0)
		r = sha256_fd(file.fd, &b->result->sha256);
	if (r == 0 && fstat(file.fd, &st) == 0)
		b->result->size = st.st_size;
	if (r < 0)
		new_file_drop(&file);
	else
		r = new_file_finish(&file);
	if (r < 0)
		buf_puts(ret_why, r == -ENOPKG ? "libzstd is not installed" : strerror(-r));
	return r;
}

int bundle_write(const struct engine *engine, const struct run *run, bool with_files, const char *path,
                 struct bundle_result *ret, struct buf *ret_why)
{
	*ret = (struct bundle_result){0};
	_cleanup_(bundle_end) struct bundle b = {
		.engine = engine,
		.run = run,
		.vault = engine->host->vault,
		.files = json_array(),
		.with_files = with_files,
		.result = ret,
	};
	int r = b.files ? gather(&b) : -ENOMEM;
	if (r < 0)
		buf_puts(ret_why, strerror(-r));
	return r < 0 ? r : write_file(&b, path, ret_why);
}
