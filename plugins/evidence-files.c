/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, files: those that the step names, each with what it is, its hash, the
 * texts in it, and a copy.
 */
#include "elf-codec.h"
#include "evidence.h"
#include "glob-walk.h"
#include "printable-codec.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/hash.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MAX ((size_t)4 << 20) /* of a file, that is searched for texts */
#define TEXTS_MAX ((size_t)32 << 10)
#define HASH_MAX ((off_t)1 << 30)

struct look {
	struct collection *c;
	struct evidence_rows rows;
	unsigned files, executables;
};

static const char *machine_word(unsigned machine)
{
	switch (machine) {
	case EM_386: return "i386";
	case EM_X86_64: return "x86-64";
	case EM_ARM: return "arm";
	case EM_AARCH64: return "aarch64";
	case EM_MIPS: return "mips";
	case EM_PPC64: return "ppc64";
	case EM_RISCV: return "riscv";
	case EM_S390: return "s390";
	default: return "other";
	}
}

static json_t *elf_json(struct look *look, const struct buf *head)
{
	static const char *const types[] = {"none", "relocatable", "executable", "shared", "core"};
	struct elf_info info;
	if (elf_decode(buf_text(head), head->len, &info) < 0)
		return json_null();
	look->executables++;
	return json_pack("{si sb ss ss si sI si si sb so sb sb}", "bits", (int)info.bits, "big-endian", info.big_endian, "type",
	                 info.type <= ET_CORE ? types[info.type] : "other", "machine", machine_word(info.machine),
	                 "machine-number", (int)info.machine, "entry", (json_int_t)info.entry, "segments",
	                 (int)info.segments, "sections", (int)info.sections, "static", !info.dynamic, "interpreter",
	                 info.interpreter ? json_bytes(info.interpreter, info.interpreter_len) : json_null(), "packed",
	                 info.packed, "damaged", info.damaged);
}

static json_t *texts_json(struct look *look, const struct buf *head)
{
	_cleanup_strv_ struct strv texts = {0};
	int r = printable_find(buf_text(head), head->len, TEXTS_MAX, &texts);
	json_t *array = r < 0 ? NULL : json_array();
	look->rows.partial |= r > 0;
	for (size_t i = 0; array && i < texts.n; i++)
		json_array_append_new(array, json_text(texts.v[i]));
	return array;
}

static int read_head(int fd, struct buf *ret)
{
	int r = buf_reserve(ret, HEAD_MAX);
	ssize_t n = r == 0 ? pread(fd, ret->data, HEAD_MAX, 0) : 0;
	if (n < 0)
		return -errno;
	ret->len = (size_t)n;
	return r;
}

static int keep_copy(struct look *look, const char *path, int *fd)
{
	_cleanup_buf_ struct buf shown = {0};
	char name[32];
	int file = *fd;
	if (!look->c->copy)
		return 0;
	*fd = -1;
	escape_str(&shown, path);
	snprintf(name, sizeof(name), "file-%u.bin", look->files);
	return plan_evidence_file(look->c->plan, name, file, "a copy of %s", buf_text(&shown));
}

static int add_regular(struct look *look, const char *path, const struct stat *st)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf head = {0};
	int r = path_open_regular(look->c->host->root, path, &fd, NULL);
	if (r == 0)
		r = read_head(fd, &head);
	if (r < 0)
		return r;
	look->files++;
	json_t *hash = evidence_hash(fd, HASH_MAX);
	const char *sha256 = json_string_value(hash);
	look->rows.partial |= !sha256;
	r = sha256 ? plan_fact(look->c->plan, "sha256", sha256) : 0;
	json_t *row = json_pack("{so so so so so si}", "path", json_text(path), "stat", evidence_stat(st), "sha256", hash, "elf",
	                        elf_json(look, &head), "texts", texts_json(look, &head), "number", (int)look->files);
	if (r < 0) {
		json_decref(row);
		return r;
	}
	r = evidence_row(&look->rows, row);
	return r < 0 ? r : keep_copy(look, path, &fd);
}

static int add_link(struct look *look, const char *path, int fd, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	return evidence_row(&look->rows, json_pack("{so so so}", "path", json_text(path), "stat", evidence_stat(st), "leads-to",
	                                           json_bytes(target, (size_t)n)));
}

static int look_at(struct look *look, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int dir = -1, fd = -1;
	const char *name;
	struct stat st;
	int r = path_resolve(look->c->host->root, path, &real);
	if (r == 0)
		r = path_open_parent(look->c->host->root, real.data, &dir, &name);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return add_regular(look, real.data, &st);
	if (S_ISLNK(st.st_mode))
		return add_link(look, real.data, fd, &st);
	return evidence_row(&look->rows, json_pack("{so so}", "path", json_text(real.data), "stat", evidence_stat(&st)));
}

static int visit(void *ctx, const char *path)
{
	struct look *look = ctx;
	int r = look_at(look, path);
	if (r == 0 || r == -ENOENT || r == -ENOTDIR || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	look->rows.partial = true;
	return host_unreadable(look->c->host, path, r);
}

int evidence_files(struct collection *c)
{
	struct look look = {.c = c, .rows = {.array = json_array()}};
	const struct strv *patterns = args_list(c->args, "path");
	int r = look.rows.array ? 0 : -ENOMEM;
	if (!patterns->n) {
		json_decref(look.rows.array);
		return r;
	}
	for (size_t i = 0; r == 0 && i < patterns->n; i++) {
		r = glob_walk(c->host, patterns->v[i], visit, &look);
		look.rows.partial |= r == -E2BIG;
		r = r == -E2BIG ? 0 : r;
	}
	if (r < 0) {
		json_decref(look.rows.array);
		return r;
	}
	return evidence_document(c, "files.json", look.rows.array, look.rows.partial, "%u file%s, %u of them executable",
	                         look.files, look.files == 1 ? "" : "s", look.executables);
}
