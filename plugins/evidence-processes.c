/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, processes: all of them with what they run, who uses the processor and
 * the memory, what has lost its executable, what is hidden.
 */
#include "evidence.h"
#include "hidden-processes.h"
#include "own-program.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "change/process-describe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_MS 200
#define BUSY_PERCENT 25 /* the host may have more to do than it can */
#define LEADERS 10
#define EXE_MAX ((off_t)256 << 20)
#define HASH_MS 5000 /* for all executables */
#define TREE_MAX ((size_t)2 << 20)

struct row {
	uint64_t cpu_ns; /* at the beginning of the sample, then within it */
	uint64_t memory;
	unsigned percent; /* of a core */
};

/* Executables that many processes share are hashed once. */
struct hashed {
	uint64_t dev, ino;
	json_t *sha256;
};

struct look {
	struct collection *c;
	struct users users;
	struct processes list;
	struct row *rows; /* one for each of the list */
	struct pids kernel;
	struct hashed *hashed;
	size_t n_hashed;
	int64_t from; /* when the sample began */
	int64_t deadline;
	unsigned deleted, unhashed;
};

static void look_end(struct look *look)
{
	for (size_t i = 0; i < look->n_hashed; i++)
		json_decref(look->hashed[i].sha256);
	free(look->hashed);
	free(look->rows);
	users_free(&look->users);
	processes_free(&look->list);
	pids_free(&look->kernel);
}

static uint64_t memory_of(struct host *host, pid_t pid)
{
	char path[32];
	_cleanup_buf_ struct buf text = {0};
	unsigned long long size, resident;
	snprintf(path, sizeof(path), "%d/statm", (int)pid);
	_cleanup_close_ int fd = openat(host->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read(fd, 256, &text) < 0 || sscanf(buf_text(&text), "%llu %llu", &size, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int read_one(struct look *look, pid_t pid)
{
	struct host *host = look->c->host;
	struct process p = {0};
	struct proc_stat st;
	if (pid == getpid())
		return 0;
	int r = process_read(host, &look->users, pid, &p);
	if (r == -ENOENT && proc_stat(host->proc, pid, &st) == 0)
		return pids_add(&look->kernel, pid); /* a kernel thread, or one that is dead */
	if (r < 0)
		return r == -ESRCH || r == -ENOENT ? 0 : r;
	p.direct = true;
	return processes_add(&look->list, &p);
}

static int read_all(struct look *look)
{
	struct host *host = look->c->host;
	_cleanup_pids_ struct pids pids = {0};
	int r = users_load(host->root, &look->users);
	if (r == 0)
		r = proc_pids(host->proc, &pids);
	for (size_t i = 0; r == 0 && i < pids.n; i++)
		r = read_one(look, pids.v[i]);
	if (r < 0)
		return r;
	look->rows = calloc(look->list.n + 1, sizeof(*look->rows));
	return look->rows ? 0 : -ENOMEM;
}

static void begin_sample(struct look *look)
{
	look->from = monotonic_ns();
	for (size_t i = 0; i < look->list.n; i++)
		if (proc_cpu_ns(look->list.v[i].id.pid, &look->rows[i].cpu_ns) < 0)
			look->rows[i].cpu_ns = 0;
}

static void end_sample(struct look *look)
{
	int64_t left = SAMPLE_MS - (monotonic_ns() - look->from) / 1000000;
	if (left > 0)
		sleep_ms((unsigned)left);
	for (size_t i = 0; i < look->list.n; i++) {
		struct row *row = &look->rows[i];
		uint64_t now, before = row->cpu_ns;
		row->cpu_ns = before && proc_cpu_ns(look->list.v[i].id.pid, &now) == 0 && now > before ? now - before : 0;
		row->percent = (unsigned)(row->cpu_ns * 100 / (uint64_t)(monotonic_ns() - look->from + 1));
		row->memory = memory_of(look->c->host, look->list.v[i].id.pid);
	}
}

static json_t *read_hash(struct look *look, const struct process *p)
{
	_cleanup_close_ int fd = -1;
	if (monotonic_ms() > look->deadline || proc_exe_open(look->c->host->proc, p->id.pid, &fd) < 0) {
		look->unhashed++;
		return json_null();
	}
	return evidence_hash(fd, EXE_MAX);
}

static json_t *hash_of(struct look *look, const struct process *p)
{
	for (size_t i = 0; i < look->n_hashed; i++)
		if (look->hashed[i].dev == p->id.dev && look->hashed[i].ino == p->id.ino)
			return json_incref(look->hashed[i].sha256);
	json_t *sha256 = p->id.ino ? read_hash(look, p) : json_null();
	struct hashed *v = reallocarray(look->hashed, look->n_hashed + 1, sizeof(*v));
	if (!v)
		return sha256;
	look->hashed = v;
	v[look->n_hashed++] = (struct hashed){p->id.dev, p->id.ino, json_incref(sha256)};
	return sha256;
}

static json_t *row_json(struct look *look, size_t i)
{
	const struct process *p = &look->list.v[i];
	const struct row *row = &look->rows[i];
	json_t *json = process_to_json(p);
	if (!json)
		return NULL;
	json_object_set_new(json, "sha256", hash_of(look, p));
	json_object_set_new(json, "percent", json_integer(row->percent));
	json_object_set_new(json, "memory", json_integer((json_int_t)row->memory));
	json_object_set_new(json, "poses-as-kernel", json_boolean(process_poses_as_kernel(p)));
	json_object_del(json, "direct");
	return json;
}

/* ---- leaders ------------------------------------------------------------------ */

struct leader {
	pid_t pid;
	uint64_t value;
};

static int by_value(const void *a, const void *b)
{
	const struct leader *x = a, *y = b;
	return x->value < y->value ? 1 : x->value > y->value ? -1 : x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* The first by processor time or memory, as pids. */
static json_t *leaders(const struct look *look, bool memory)
{
	_cleanup_free_ struct leader *v = calloc(look->list.n + 1, sizeof(*v));
	json_t *array = v ? json_array() : NULL;
	for (size_t i = 0; array && i < look->list.n; i++)
		v[i] = (struct leader){look->list.v[i].id.pid, memory ? look->rows[i].memory : look->rows[i].cpu_ns};
	if (array)
		qsort(v, look->list.n, sizeof(*v), by_value);
	for (size_t i = 0; array && i < look->list.n && i < LEADERS && v[i].value; i++)
		json_array_append_new(array, json_integer(v[i].pid));
	return array;
}

/* ---- facts --------------------------------------------------------------------- */

static int yield_pid(struct collection *c, const char *fact, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	return plan_fact(c->plan, fact, text);
}

static int yield_busy(struct look *look, const struct process *p)
{
	const struct stat exe = {.st_dev = p->id.dev, .st_ino = p->id.ino};
	struct host *host = look->c->host;
	int r = yield_pid(look->c, "process-top-pid", p->id.pid);
	if (r < 0 || p->deleted || p->exe[0] != '/' || !proc_exe_is_at(host->root, &exe, p->exe))
		return r;
	int own = own_program(host, p);
	return own == -ENOMEM ? own : own == 1 ? plan_fact(look->c->plan, "process-top-exe", p->exe) : 0;
}

/* Whether a process before the Ith of the list has the same one. */
static bool is_kept(const struct look *look, size_t i)
{
	const struct process *v = look->list.v;
	for (size_t k = 0; k < i; k++)
		if (v[k].deleted && v[k].id.dev == v[i].id.dev && v[k].id.ino == v[i].id.ino)
			return true;
	return false;
}

/* A file that is nowhere else than in memory. */
static int keep_executable(struct look *look, size_t i)
{
	char name[64];
	int fd = -1;
	_cleanup_buf_ struct buf shown = {0};
	const struct process *p = &look->list.v[i];
	if (!look->c->copy || is_kept(look, i) || proc_exe_open(look->c->host->proc, p->id.pid, &fd) < 0)
		return 0;
	snprintf(name, sizeof(name), "deleted-executable-%d.bin", (int)p->id.pid);
	escape_str(&shown, p->exe);
	return plan_evidence_file(look->c->plan, name, fd, "executable of process %d, deleted: %s", (int)p->id.pid,
	                          buf_text(&shown));
}

static int yield_all(struct look *look)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < look->list.n; i++) {
		const struct process *p = &look->list.v[i];
		if (look->rows[i].percent > BUSY_PERCENT)
			r = yield_busy(look, p);
		if (r == 0 && p->deleted) {
			look->deleted++;
			r = yield_pid(look->c, "process-deleted-pid", p->id.pid);
			if (r == 0)
				r = keep_executable(look, i);
		}
	}
	return r;
}

static json_t *pids_json(const struct pids *pids)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < pids->n; i++)
		json_array_append_new(array, json_integer(pids->v[i]));
	return array;
}

static int yield_hiding(struct collection *c, const struct pids *pids, const char *how)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < pids->n; i++) {
		r = yield_pid(c, "process-hidden-pid", pids->v[i]);
		if (r == 0)
			r = plan_note(c->plan, "process %d is hidden: %s", (int)pids->v[i], how);
	}
	return r;
}

static int yield_hidden(struct collection *c, const struct hidden *hidden)
{
	int r = yield_hiding(c, &hidden->covered, "it is not to be seen in the host's /proc");
	return r < 0 ? r : yield_hiding(c, &hidden->unlisted, "it answers, and no listing has it");
}

/* ---- documents ------------------------------------------------------------------- */

static int keep_tree(struct look *look)
{
	struct buf tree = {0};
	int r = processes_tree(&look->list, &tree);
	bool partial = tree.len > TREE_MAX;
	if (partial)
		tree.len = TREE_MAX;
	if (r < 0) {
		buf_free(&tree);
		return r;
	}
	return plan_evidence(look->c->plan, "process-tree.txt", &tree, partial, "who started whom");
}

static int keep_list(struct look *look, const struct hidden *hidden)
{
	struct evidence_rows rows = {.array = json_array()};
	int r = rows.array ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < look->list.n; i++)
		r = evidence_row(&rows, row_json(look, i));
	if (r < 0) {
		json_decref(rows.array);
		return r;
	}
	size_t n_hidden = hidden->covered.n + hidden->unlisted.n;
	bool partial = rows.partial || hidden->partial || look->unhashed;
	json_t *document = json_pack("{so so so so so si so}", "processor-leaders", leaders(look, false), "memory-leaders",
	                             leaders(look, true), "covered-in-proc", pids_json(&hidden->covered),
	                             "in-no-listing", pids_json(&hidden->unlisted), "kernel-threads",
	                             pids_json(&look->kernel), "not-hashed", (int)look->unhashed, "processes",
	                             rows.array);
	return evidence_document(look->c, "processes.json", document, partial,
	                         "%zu processes, %zu hidden, %u with a deleted executable", look->list.n, n_hidden,
	                         look->deleted);
}

int evidence_processes(struct collection *c)
{
	_cleanup_(look_end) struct look look = {.c = c, .deadline = monotonic_ms() + HASH_MS};
	_cleanup_(hidden_free) struct hidden hidden = {0};
	int r = read_all(&look);
	if (r < 0)
		return r;
	begin_sample(&look);
	r = hidden_find(c->host, &hidden); /* takes time that need not be slept */
	end_sample(&look);
	if (r < 0 && r != -ENOMEM)
		r = host_blind(c->host, "cannot look for hidden processes: %s", strerror(-r));
	if (r == 0)
		r = yield_all(&look);
	if (r == 0)
		r = yield_hidden(c, &hidden);
	if (r == 0)
		r = keep_list(&look, &hidden);
	return r < 0 ? r : keep_tree(&look);
}
