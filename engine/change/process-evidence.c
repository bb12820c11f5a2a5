/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-evidence.h"

#include "base/escape.h"
#include "change/process-sockets.h"
#include "core/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARGV_MAX 32768
#define ENVIRON_MAX 32768
#define SOCKETS_MAX 256
#define PARENTS_MAX 32
#define EXE_MAX ((off_t)512 << 20) /* larger executables are not read */

/* Executables that many processes share are read once. */
struct kept {
	uint64_t dev, ino;
	struct sha256 sha256;
	bool in_vault;
};

struct evidence {
	struct freeze *f;
	struct socket_table sockets;
	struct kept *kept;
	size_t n_kept;
};

static void evidence_end(struct evidence *e)
{
	socket_table_free(&e->sockets);
	free(e->kept);
}

static json_t *argv_json(struct host *host, pid_t pid)
{
	_cleanup_strv_ struct strv argv = {0};
	return proc_cmdline(host->proc, pid, ARGV_MAX, &argv, NULL) < 0 ? json_null() : json_texts(&argv);
}

static json_t *environ_json(struct host *host, pid_t pid)
{
	_cleanup_strv_ struct strv names = {0};
	return proc_environ_names(host->proc, pid, ENVIRON_MAX, &names) < 0 ? json_null() : json_texts(&names);
}

/* "412 xmrig" for the parent, its parent, and so on. */
static json_t *parents_json(struct host *host, pid_t pid)
{
	_cleanup_strv_ struct strv parents = {0};
	struct proc_stat st;
	while (parents.n < PARENTS_MAX && proc_stat(host->proc, pid, &st) == 0) {
		if (st.pid != pid)
			break;
		pid = st.ppid;
		if (pid == 0 || proc_stat(host->proc, pid, &st) < 0)
			break;
		strv_addf(&parents, "%d %s", (int)pid, st.comm);
	}
	return json_texts(&parents);
}

static int add_socket(void *ctx, const struct socket_info *info)
{
	struct strv *list = ctx;
	_cleanup_buf_ struct buf text = {0};
	if (list->n >= SOCKETS_MAX)
		return 1;
	socket_format(info, &text);
	return strv_add(list, buf_text(&text));
}

static json_t *sockets_json(struct evidence *e, pid_t pid)
{
	_cleanup_strv_ struct strv list = {0};
	return process_sockets(e->f->host, pid, &e->sockets, add_socket, &list) < 0 ? json_null() : json_texts(&list);
}

static int read_exe(struct evidence *e, pid_t pid, bool deleted, struct kept *ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = proc_exe_open(e->f->host->proc, pid, &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > EXE_MAX)
		return -EFBIG;
	struct kept k = {.dev = st.st_dev, .ino = st.st_ino, .in_vault = deleted && e->f->host->vault};
	r = k.in_vault ? vault_put_fd(e->f->host->vault, fd, &k.sha256) : sha256_fd(fd, &k.sha256);
	if (r == 0)
		*ret = k;
	return r;
}

static int exe_of(struct evidence *e, const struct held *h, bool deleted, const struct kept **ret)
{
	for (size_t i = 0; i < e->n_kept; i++) {
		if (e->kept[i].dev == h->id.dev && e->kept[i].ino == h->id.ino) {
			*ret = &e->kept[i];
			return 0;
		}
	}
	struct kept *v = reallocarray(e->kept, e->n_kept + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	e->kept = v;
	int r = read_exe(e, h->id.pid, deleted, &v[e->n_kept]);
	if (r == 0)
		*ret = &v[e->n_kept++];
	return r;
}

static bool exe_deleted(struct evidence *e, pid_t pid)
{
	struct stat st;
	_cleanup_buf_ struct buf path = {0};
	bool deleted = false;
	if (proc_exe_stat(e->f->host->proc, pid, &st) < 0)
		return false;
	if (proc_exe_path(e->f->host->proc, pid, &st, &path, &deleted) < 0)
		return st.st_nlink == 0;
	return deleted;
}

static int set_exe(struct evidence *e, const struct held *h, json_t *json)
{
	const struct kept *kept = NULL;
	int r = exe_of(e, h, exe_deleted(e, h->id.pid), &kept);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return json_object_set_new(json, "exe-error", json_string(strerror(-r))) < 0 ? -ENOMEM : 0;
	if (json_object_set_new(json, "exe-sha256", json_string(kept->sha256.hex)) < 0 ||
	    json_object_set_new(json, "exe-in-vault", json_boolean(kept->in_vault)) < 0)
		return -ENOMEM;
	return 0;
}

static int add_evidence(struct evidence *e, const struct held *h, json_t *array)
{
	struct host *host = e->f->host;
	pid_t pid = h->id.pid;
	json_t *json = json_pack("{s:i, s:o, s:o, s:o, s:o}", "pid", (int)pid, "argv", argv_json(host, pid), "environ",
	                         environ_json(host, pid), "parents", parents_json(host, pid), "sockets",
	                         sockets_json(e, pid));
	if (!json)
		return -ENOMEM;
	int r = set_exe(e, h, json);
	return json_array_append_new(array, json) < 0 ? -ENOMEM : r;
}

int evidence_keep(struct freeze *f, size_t first)
{
	_cleanup_(evidence_end) struct evidence e = {.f = f};
	json_t *array = json_array(), *more = array ? json_pack("{s:o}", "evidence", array) : NULL;
	if (!more)
		return -ENOMEM;
	/* Without sock_diag there is less evidence, and the process goes all the same. */
	int r = socket_table_load(&e.sockets);
	r = r == -ENOMEM ? r : 0;
	size_t n = 0;
	for (size_t i = first; r == 0 && i < f->n; i++) {
		if (proc_ended(f->held[i].pidfd))
			continue;
		r = add_evidence(&e, &f->held[i], array);
		n++;
	}
	if (r < 0 || n == 0) {
		json_decref(more);
		return r;
	}
	return f->effect->grow(f->effect, f->change, more); /* syncs the vault, too */
}
