/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-match.h"

#include "base/clock.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE_MAX (1024 * 1024)        /* bytes of argv that are searched */
#define HASH_MAX ((off_t)1 << 30)        /* larger executables are not hashed */
#define SAMPLE_MS 200

void match_free(struct match *match)
{
	free(match->uids);
	free(match->hashes);
	free(match->inodes);
}

bool match_is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static int ask_pid(struct match *match, pid_t pid, const struct strv *wanted)
{
	(void)match;
	for (size_t i = 0; i < wanted->n; i++)
		if (strtol(wanted->v[i], NULL, 10) == pid)
			return 1;
	return 0;
}

static int ask_exe(struct match *match, pid_t pid, const struct strv *wanted)
{
	struct stat st;
	_cleanup_buf_ struct buf path = {0};
	int r = proc_exe_stat(match->host->proc, pid, &st);
	if (r == 0)
		r = proc_exe_path(match->host->proc, pid, &st, &path, NULL);
	for (size_t i = 0; r == 0 && i < wanted->n; i++)
		if (fnmatch(wanted->v[i], buf_text(&path), FNM_PATHNAME) == 0)
			return 1;
	return r;
}

static int ask_deleted(struct match *match, pid_t pid, const struct strv *wanted)
{
	struct stat st;
	_cleanup_buf_ struct buf path = {0};
	bool deleted = false;
	int r = proc_exe_stat(match->host->proc, pid, &st);
	if (r == 0)
		r = proc_exe_path(match->host->proc, pid, &st, &path, &deleted);
	if (r == -ENAMETOOLONG) { /* then the count has to do */
		deleted = st.st_nlink == 0;
		r = 0;
	}
	return r < 0 ? r : wanted->n && deleted == (strcmp(wanted->v[0], "yes") == 0);
}

/* Names are compared without the brackets of ps(1), which an impostor puts on. */
static bool same_name(const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b);
	if (a_len > 2 && a[0] == '[' && a[a_len - 1] == ']') {
		a++;
		a_len -= 2;
	}
	if (b_len > 2 && b[0] == '[' && b[b_len - 1] == ']') {
		b++;
		b_len -= 2;
	}
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool any_name(const char *name, const struct strv *wanted)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (same_name(name, strlen(name), wanted->v[i]))
			return true;
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = path[0] == '[' ? NULL : strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int ask_name(struct match *match, pid_t pid, const struct strv *wanted)
{
	char comm[64];
	int r = proc_comm(match->host->proc, pid, comm);
	if (r < 0)
		return r;
	if (any_name(comm, wanted))
		return 1;
	_cleanup_strv_ struct strv argv = {0};
	r = proc_cmdline(match->host->proc, pid, 4096, &argv, NULL);
	return r < 0 ? r : argv.n && any_name(base_name(argv.v[0]), wanted);
}

static int prepare_user(struct match *match, const struct strv *wanted, struct buf *ret_why)
{
	_cleanup_users_ struct users users = {0};
	int r = users_load(match->host->root, &users);
	if (r < 0) {
		buf_printf(ret_why, "cannot read /etc/passwd: %s", strerror(-r));
		return r;
	}
	free(match->uids);
	match->n_uids = 0;
	match->uids = calloc(wanted->n + 1, sizeof(*match->uids));
	if (!match->uids)
		return -ENOMEM;
	for (size_t i = 0; i < wanted->n; i++) {
		const struct user *user = users_by_name(&users, wanted->v[i]);
		if (user)
			match->uids[match->n_uids++] = user->uid;
		else if (match_is_number(wanted->v[i]))
			match->uids[match->n_uids++] = (uid_t)strtoul(wanted->v[i], NULL, 10);
	}
	return 0;
}

static int ask_user(struct match *match, pid_t pid, const struct strv *wanted)
{
	(void)wanted;
	struct proc_status status;
	int r = proc_status(match->host->proc, pid, &status);
	if (r < 0)
		return r;
	for (size_t i = 0; i < match->n_uids; i++)
		if (match->uids[i] == status.euid)
			return 1;
	return 0;
}

static int ask_parent(struct match *match, pid_t pid, const struct strv *wanted)
{
	struct proc_stat st;
	int r = proc_stat(match->host->proc, pid, &st);
	if (r < 0 || st.ppid == 0)
		return r;
	if (match->parent == st.ppid)
		return match->parent_matched;
	r = ask_name(match, st.ppid, wanted);
	for (size_t i = 0; r == 0 && i < wanted->n; i++)
		r = match_is_number(wanted->v[i]) && strtol(wanted->v[i], NULL, 10) == st.ppid;
	if (r < 0)
		return r == -ESRCH ? 0 : r; /* the parent's end is not its child's */
	match->parent = st.ppid;
	match->parent_matched = r;
	return r;
}

static int forget_parent(struct match *match, const struct strv *wanted, struct buf *ret_why)
{
	(void)wanted, (void)ret_why;
	match->parent = 0;
	return 0;
}

static int ask_cmdline(struct match *match, pid_t pid, const struct strv *wanted)
{
	_cleanup_strv_ struct strv argv = {0};
	_cleanup_buf_ struct buf line = {0};
	int r = proc_cmdline(match->host->proc, pid, CMDLINE_MAX, &argv, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; i < argv.n; i++) {
		buf_puts(&line, i ? " " : "");
		buf_puts(&line, argv.v[i]);
	}
	for (size_t i = 0; i < wanted->n; i++)
		if (strstr(buf_text(&line), wanted->v[i]))
			return 1;
	return buf_error(&line);
}

static const struct hashed *hash_find(const struct match *match, const struct stat *st)
{
	for (size_t i = 0; i < match->n_hashes; i++) {
		const struct hashed *h = &match->hashes[i];
		if (h->dev == st->st_dev && h->ino == st->st_ino && h->size == st->st_size &&
		    h->ctime.tv_sec == st->st_ctim.tv_sec && h->ctime.tv_nsec == st->st_ctim.tv_nsec)
			return h;
	}
	return NULL;
}

/* Hashes what is open, which need not be what was there a moment ago. */
static int hash_add(struct match *match, pid_t pid, const struct hashed **ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = proc_exe_open(match->host->proc, pid, &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	struct hashed *v = reallocarray(match->hashes, match->n_hashes + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	match->hashes = v;
	struct hashed h = {.dev = st.st_dev, .ino = st.st_ino, .size = st.st_size, .ctime = st.st_ctim};
	if (st.st_size > HASH_MAX)
		r = host_blind(match->host, "process %d runs an executable of over %lld MiB: not hashed", (int)pid,
		               (long long)(HASH_MAX >> 20));
	else
		r = sha256_fd(fd, &h.sha256);
	if (r < 0)
		return r;
	v[match->n_hashes] = h;
	*ret = &v[match->n_hashes++];
	return 0;
}

static int ask_sha256(struct match *match, pid_t pid, const struct strv *wanted)
{
	struct stat st;
	int r = proc_exe_stat(match->host->proc, pid, &st);
	if (r < 0)
		return r;
	const struct hashed *h = hash_find(match, &st);
	r = h ? 0 : hash_add(match, pid, &h);
	return r < 0 ? r : strv_has(wanted, h->sha256.hex);
}

struct endpoint {
	struct netaddr address;
	unsigned port; /* 0: any */
};

/* "192.0.2.1", "192.0.2.0/24:443", "2001:db8::/32", "[2001:db8::1]:3333" */
static int parse_endpoint(const char *text, struct endpoint *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	char *address = copy, *port = NULL;
	if (copy[0] == '[') {
		char *end = strchr(copy, ']');
		if (!end)
			return -EINVAL;
		address = copy + 1;
		*end = '\0';
		port = end[1] == ':' ? end + 2 : NULL;
	} else if (strchr(copy, '.') && (port = strchr(copy, ':'))) {
		*port++ = '\0';
	}
	ret->port = port ? (unsigned)strtoul(port, NULL, 10) : 0;
	return netaddr_parse(address, &ret->address);
}

struct endpoints {
	struct endpoint *v;
	size_t n;
	struct match *match;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static int add_if_wanted(void *ctx, const struct socket_info *info)
{
	struct endpoints *e = ctx;
	struct match *match = e->match;
	for (size_t i = 0; info->inode && socket_has_peer(info) && i < e->n; i++) {
		if (!netaddr_contains(&e->v[i].address, &info->peer) ||
		    (e->v[i].port && e->v[i].port != info->peer_port))
			continue;
		uint32_t *v = reallocarray(match->inodes, match->n_inodes + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		match->inodes = v;
		v[match->n_inodes++] = info->inode;
		break;
	}
	return 0;
}

static int prepare_connects(struct match *match, const struct strv *wanted, struct buf *ret_why)
{
	_cleanup_free_ struct endpoint *v = calloc(wanted->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; r == 0 && i < wanted->n; i++)
		r = parse_endpoint(wanted->v[i], &v[i]);
	struct endpoints all = {.v = v, .n = wanted->n, .match = match};
	match->n_inodes = 0;
	if (r == 0)
		r = sockets_visit(add_if_wanted, &all);
	if (r < 0)
		buf_printf(ret_why, "cannot list the connections of this host: %s", strerror(-r));
	else if (match->n_inodes)
		qsort(match->inodes, match->n_inodes, sizeof(*match->inodes), by_number);
	return r;
}

static int has_inode(void *ctx, uint32_t inode)
{
	const struct match *match = ctx;
	return bsearch(&inode, match->inodes, match->n_inodes, sizeof(inode), by_number) != NULL;
}

static int ask_connects(struct match *match, pid_t pid, const struct strv *wanted)
{
	(void)wanted;
	return match->n_inodes ? proc_sockets(match->host->proc, pid, has_inode, match) : 0;
}

const struct matcher matchers[MATCH_COUNT] = {
	[MATCH_PID] = {"pid", NULL, ask_pid},
	[MATCH_EXE] = {"exe", NULL, ask_exe},
	[MATCH_DELETED_EXE] = {"deleted-exe", NULL, ask_deleted},
	[MATCH_NAME] = {"name", NULL, ask_name},
	[MATCH_USER] = {"user", prepare_user, ask_user},
	[MATCH_PARENT] = {"parent", forget_parent, ask_parent},
	[MATCH_CMDLINE] = {"cmdline", NULL, ask_cmdline},
	[MATCH_EXE_SHA256] = {"exe-sha256", NULL, ask_sha256},
	[MATCH_CONNECTS_TO] = {"connects-to", prepare_connects, ask_connects},
	[MATCH_CPU_ABOVE] = {"cpu-above", NULL, NULL},
};

int match_cpu_above(struct pids *pids, unsigned percent)
{
	_cleanup_free_ uint64_t *used = calloc(pids->n + 1, sizeof(*used));
	if (!used)
		return -ENOMEM;
	for (size_t i = 0; i < pids->n; i++)
		if (proc_cpu_ns(pids->v[i], &used[i]) < 0)
			used[i] = UINT64_MAX;
	int64_t start = monotonic_ns();
	if (pids->n)
		sleep_ms(SAMPLE_MS);
	uint64_t passed = (uint64_t)(monotonic_ns() - start);
	size_t kept = 0;
	for (size_t i = 0; i < pids->n; i++) {
		uint64_t used_now;
		if (used[i] == UINT64_MAX || proc_cpu_ns(pids->v[i], &used_now) < 0 || used_now < used[i])
			continue;
		if ((used_now - used[i]) * 100 > passed * percent)
			pids->v[kept++] = pids->v[i];
	}
	pids->n = kept;
	return 0;
}
