/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-record.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void process_free(struct process *process)
{
	strv_free(&process->argv);
	free(process->user);
	free(process->exe);
	free(process->cwd);
	*process = (struct process){0};
}

void processes_free(struct processes *list)
{
	for (size_t i = 0; i < list->n; i++)
		process_free(&list->v[i]);
	free(list->v);
	*list = (struct processes){0};
}

int processes_add(struct processes *list, struct process *process)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct process *v = reallocarray(list->v, cap, sizeof(*v));
		if (!v) {
			process_free(process);
			return -ENOMEM;
		}
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = *process;
	*process = (struct process){0};
	return 0;
}

/* What may be missing: another user's process seen without root, or a path of over a
 * page. The process is told by its pid then. */
static int missing(int r)
{
	return r == -EACCES || r == -EPERM || r == -ENAMETOOLONG ? 0 : r;
}

/* -ENOENT: none of its threads has one any more, so it is ending. */
static int read_exe(struct host *host, struct process *p)
{
	_cleanup_buf_ struct buf path = {0};
	struct stat st;
	int r = proc_exe_stat(host->proc, p->id.pid, &st);
	if (r == 0)
		r = proc_exe_path(host->proc, p->id.pid, &st, &path, &p->deleted);
	p->exe = buf_steal(&path);
	return p->exe ? missing(r) : -ENOMEM;
}

static int read_cwd(struct host *host, struct process *p)
{
	_cleanup_buf_ struct buf path = {0};
	int r = proc_cwd(host->proc, p->id.pid, &path);
	p->cwd = buf_steal(&path);
	return !p->cwd ? -ENOMEM : r == -ENOENT ? 0 : missing(r);
}

static int read_user(struct host *host, const struct users *users, struct process *p)
{
	struct proc_status status;
	int r = proc_status(host->proc, p->id.pid, &status);
	if (r < 0)
		return r;
	_cleanup_buf_ struct buf name = {0};
	users_name(users, status.euid, &name);
	p->uid = status.euid;
	p->user = buf_steal(&name);
	return p->user ? 0 : -ENOMEM;
}

/* What has no executable any more died while it was read: not a thing to record. */
static int still_alive(struct host *host, const struct process *p)
{
	struct proc_stat st;
	int r = p->exe[0] ? 0 : proc_stat(host->proc, p->id.pid, &st);
	return r < 0 ? r : p->exe[0] || proc_alive(host->proc, &st) ? 0 : -ENOENT;
}

static int read_all(struct host *host, const struct users *users, pid_t pid, struct process *p)
{
	struct proc_stat st;
	int r = proc_stat(host->proc, pid, &st);
	if (r < 0)
		return r;
	if (st.kthread || !proc_alive(host->proc, &st))
		return -ENOENT;
	r = proc_identify(host->proc, pid, &p->id);
	if (r < 0)
		return r;
	p->ppid = st.ppid;
	p->stopped = st.state == 'T';
	memcpy(p->comm, st.comm, sizeof(p->comm));
	r = missing(proc_cmdline(host->proc, pid, PROCESS_ARGV_MAX, &p->argv, &p->argv_cut));
	if (r == 0)
		r = read_exe(host, p);
	if (r == 0)
		r = read_cwd(host, p);
	if (r == 0)
		r = read_user(host, users, p);
	return r < 0 ? r : still_alive(host, p);
}

int process_read(struct host *host, const struct users *users, pid_t pid, struct process *ret)
{
	_cleanup_(process_free) struct process p = {0};
	int r = read_all(host, users, pid, &p);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct process){0};
	return 0;
}

/* ps(1) writes a process without argv in brackets, and so do those who want to pass
 * for one. A real kernel thread is never recorded. */
bool process_poses_as_kernel(const struct process *p)
{
	static const char *const names[] = {"kthreadd", "kworker/", "ksoftirqd/", "kswapd", "migration/", "rcu_",
	                                    "khugepaged", "kdevtmpfs", "kauditd", "kcompactd", "khungtaskd", "kblockd",
	                                    "watchdogd"};
	if (p->argv.n && p->argv.v[0][0] == '[')
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncmp(p->comm, names[i], strlen(names[i])) == 0)
			return true;
	return p->argv.n == 0;
}

const char *process_name(const struct process *p)
{
	return p->argv.n && p->argv.v[0][0] == '[' ? p->argv.v[0] : p->comm;
}

json_t *json_texts(const struct strv *list)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->n; i++) {
		if (json_array_append_new(array, json_text(list->v[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int json_texts_get(const json_t *array, struct strv *ret)
{
	if (!json_is_array(array))
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(array); i++) {
		_cleanup_buf_ struct buf text = {0};
		int r = json_bytes_get(json_array_get(array, i), &text);
		if (r < 0)
			return r;
		strv_add(ret, buf_text(&text));
	}
	return strv_error(ret);
}

json_t *identity_to_json(const struct proc_identity *id)
{
	return json_pack("{s:i, s:I, s:I, s:I, s:I}", "pid", (int)id->pid, "start", (json_int_t)id->start, "dev",
	                 (json_int_t)id->dev, "ino", (json_int_t)id->ino, "unique", (json_int_t)id->unique);
}

int identity_from_json(const json_t *json, struct proc_identity *ret)
{
	int pid;
	json_int_t start, dev, ino, unique;
	if (json_unpack((json_t *)json, "{s:i, s:I, s:I, s:I, s:I}", "pid", &pid, "start", &start, "dev", &dev, "ino", &ino,
	                "unique", &unique) < 0 || pid <= 0)
		return -EINVAL;
	*ret = (struct proc_identity){.pid = pid, .start = (uint64_t)start, .dev = (uint64_t)dev, .ino = (uint64_t)ino,
	                              .unique = (uint64_t)unique};
	return 0;
}

json_t *process_to_json(const struct process *p)
{
	json_t *json = identity_to_json(&p->id);
	json_t *more = json_pack("{s:i, s:I, s:b, s:b, s:o, s:o, s:b, s:o, s:o, s:b, s:o}", "ppid", (int)p->ppid, "uid",
	                         (json_int_t)p->uid, "direct", p->direct, "stopped", p->stopped, "comm", json_text(p->comm),
	                         "argv", json_texts(&p->argv), "argv-cut", p->argv_cut, "user", json_text(p->user), "exe",
	                         json_text(p->exe), "deleted", p->deleted, "cwd", json_text(p->cwd));
	if (json && (!more || json_object_update(json, more) < 0)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
}

static int comm_from_json(const json_t *json, char ret[64])
{
	_cleanup_free_ char *comm = NULL;
	int r = json_field_text(json, "comm", &comm);
	if (r < 0)
		return r;
	size_t len = strlen(comm);
	if (len > 63)
		return -EINVAL;
	memcpy(ret, comm, len + 1);
	return 0;
}

static int texts_from_json(const json_t *json, struct process *p)
{
	int r = comm_from_json(json, p->comm);
	if (r == 0)
		r = json_texts_get(json_object_get(json, "argv"), &p->argv);
	if (r == 0)
		r = json_field_text(json, "user", &p->user);
	if (r == 0)
		r = json_field_text(json, "exe", &p->exe);
	return r < 0 ? r : json_field_text(json, "cwd", &p->cwd);
}

int process_from_json(const json_t *json, struct process *ret)
{
	_cleanup_(process_free) struct process p = {0};
	int ppid, direct, stopped, cut, deleted;
	json_int_t uid;
	int r = identity_from_json(json, &p.id);
	if (r < 0 || json_unpack((json_t *)json, "{s:i, s:I, s:b, s:b, s:b, s:b}", "ppid", &ppid, "uid", &uid, "direct",
	                         &direct, "stopped", &stopped, "argv-cut", &cut, "deleted", &deleted) < 0)
		return -EINVAL;
	p.ppid = ppid;
	p.uid = (uid_t)uid;
	p.direct = direct;
	p.stopped = stopped;
	p.argv_cut = cut;
	p.deleted = deleted;
	r = texts_from_json(json, &p);
	if (r < 0)
		return r == -ENOENT ? -EINVAL : r;
	*ret = p;
	p = (struct process){0};
	return 0;
}

static int add_all(const json_t *array, struct processes *ret)
{
	if (array && !json_is_array(array))
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct process p = {0};
		int r = process_from_json(json_array_get(array, i), &p);
		if (r == 0)
			r = processes_add(ret, &p);
		if (r < 0)
			return r;
	}
	return 0;
}

int processes_of(const struct change *change, struct processes *ret)
{
	_cleanup_processes_ struct processes list = {0};
	int r = add_all(json_object_get(change->data, "processes"), &list);
	const json_t *grown = json_object_get(change->data, "grown");
	for (size_t i = 0; r == 0 && i < json_array_size(grown); i++)
		r = add_all(json_object_get(json_array_get(grown, i), "processes"), &list);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct processes){0};
	return 0;
}

int process_same_boot(struct host *host, const struct change *change)
{
	char now[40];
	const char *then = json_string_value(json_object_get(change->data, "boot"));
	if (!then)
		return -EINVAL;
	int r = proc_boot_id(host->proc, now);
	return r < 0 ? r : strcmp(now, then) == 0;
}
