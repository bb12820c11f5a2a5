/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc.h"

#include "base/fd.h"
#include "base/proc-place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOT_LINKED " (deleted)"
#define LOCKS_MAX (4 * 1024 * 1024)

static int add_number(void *ctx, DIR *dir, pid_t number)
{
	(void)dir;
	return pids_add(ctx, number);
}

int proc_pids(int proc, struct pids *ret)
{
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : place_visit(fd, add_number, ret);
}

int proc_last_pid(int proc, pid_t *ret)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = {.path = "loadavg"};
	int r = place_read_record(proc, &at, &text);
	return r < 0 ? r : proc_last_pid_decode(&text, ret);
}

int proc_lease_holder(int proc, const struct stat *file, pid_t *ret)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_close_ int fd = openat(proc, "locks", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_read(fd, LOCKS_MAX, &text);
	return r < 0 ? r : proc_lease_decode(&text, file->st_dev, file->st_ino, ret);
}

static int threads(int proc, pid_t pid, struct pids *ret)
{
	struct place at = place_of(pid, "task");
	int fd = openat(proc, at.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	int r = place_visit(fd, add_number, ret);
	return r == -ENOENT ? -ESRCH : r;
}

/* For kernels without /proc/PID/task/TID/children. */
static int children_by_scan(int proc, pid_t pid, struct pids *ret)
{
	_cleanup_pids_ struct pids all = {0};
	int r = proc_pids(proc, &all);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		struct proc_stat st;
		if (proc_stat(proc, all.v[i], &st) == 0 && st.ppid == pid)
			r = pids_add(ret, all.v[i]);
	}
	return r;
}

static int children_place_of_thread(int proc, pid_t pid, pid_t tid, struct pids *ret)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of_thread(pid, tid, "children");
	int r = place_read(proc, &at, 16 * 1024 * 1024, &text, NULL);
	return r < 0 ? r : proc_children_decode(&text, ret);
}

/* Only the main thread, as the link count of the directory tells: most processes. */
static bool is_alone(int proc, pid_t pid)
{
	struct stat st;
	struct place at = place_of(pid, "task");
	return fstatat(proc, at.path, &st, 0) == 0 && st.st_nlink == 3;
}

int proc_children(int proc, pid_t pid, struct pids *ret)
{
	_cleanup_pids_ struct pids tids = {0};
	int r = is_alone(proc, pid) ? pids_add(&tids, pid) : threads(proc, pid, &tids);
	for (size_t i = 0; r == 0 && i < tids.n; i++) {
		r = children_place_of_thread(proc, pid, tids.v[i], ret);
		if (r == -ENOENT) {
			struct place known = place_of_thread(pid, tids.v[i], "stat");
			struct stat st;
			if (fstatat(proc, known.path, &st, 0) == 0)
				return children_by_scan(proc, pid, ret);
		}
		if (r == -ENOENT || r == -ESRCH) /* that thread has ended */
			r = 0;
	}
	return r;
}

static int stat_place(int proc, const struct place *at, struct proc_stat *ret)
{
	_cleanup_buf_ struct buf text = {0};
	int r = place_read_record(proc, at, &text);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	return proc_stat_decode(&text, ret);
}

int proc_stat(int proc, pid_t pid, struct proc_stat *ret)
{
	struct place at = place_of(pid, "stat");
	return stat_place(proc, &at, ret);
}

static bool ended(char state)
{
	return state == 'Z' || state == 'X';
}

/* A thread that still runs in a process whose main thread has ended. */
static int living_thread(int proc, pid_t pid, pid_t *ret)
{
	_cleanup_pids_ struct pids tids = {0};
	int r = threads(proc, pid, &tids);
	if (r < 0)
		return r;
	for (size_t i = 0; i < tids.n; i++) {
		struct proc_stat st;
		struct place at = place_of_thread(pid, tids.v[i], "stat");
		if (stat_place(proc, &at, &st) == 0 && !ended(st.state)) {
			*ret = tids.v[i];
			return 0;
		}
	}
	return -ENOENT;
}

bool proc_alive(int proc, const struct proc_stat *st)
{
	pid_t tid;
	return !ended(st->state) || (st->threads > 1 && living_thread(proc, st->pid, &tid) == 0);
}

/* The place of NAME in a living thread; -ENOENT unless the main thread alone has ended. */
static int elsewhere(int proc, pid_t pid, const char *name, struct place *ret)
{
	struct proc_stat st;
	int r = proc_stat(proc, pid, &st);
	if (r < 0)
		return r;
	if (!ended(st.state) || st.threads < 2)
		return -ENOENT;
	pid_t tid;
	r = living_thread(proc, pid, &tid);
	if (r == 0)
		*ret = place_of_thread(pid, tid, name);
	return r;
}

int proc_status(int proc, pid_t pid, struct proc_status *ret)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of(pid, "status");
	int r = place_read_record(proc, &at, &text);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	struct proc_status st;
	r = proc_status_decode(&text, &st);
	if (r < 0)
		return r;
	if (!st.tgid)
		st.tgid = pid;
	*ret = st;
	return 0;
}

int proc_comm(int proc, pid_t pid, char ret[64])
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of(pid, "comm");
	int r = place_read_record(proc, &at, &text);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	proc_comm_decode(&text, ret);
	return 0;
}

/* A list of strings that the process keeps in its own memory. */
static int memory_list(int proc, pid_t pid, const char *name, size_t max, struct buf *ret, bool *ret_cut)
{
	struct place at = place_of(pid, name);
	int r = place_read(proc, &at, max, ret, ret_cut);
	if (r < 0)
		return place_failure(proc, pid, -r);
	if (ret->len == 0 && elsewhere(proc, pid, name, &at) == 0)
		r = place_read(proc, &at, max, ret, ret_cut);
	return r;
}

int proc_cmdline(int proc, pid_t pid, size_t max, struct strv *ret, bool *ret_cut)
{
	_cleanup_buf_ struct buf text = {0};
	bool cut = false;
	int r = memory_list(proc, pid, "cmdline", max, &text, &cut);
	if (r < 0)
		return r;
	if (ret_cut)
		*ret_cut = cut;
	return proc_cmdline_decode(&text, ret);
}

int proc_environ_names(int proc, pid_t pid, size_t max, struct strv *ret)
{
	_cleanup_buf_ struct buf text = {0};
	int r = memory_list(proc, pid, "environ", max, &text, NULL);
	return r < 0 ? r : proc_environ_decode(&text, ret);
}

static int link_text(int proc, const char *path, struct buf *ret)
{
	char text[PATH_MAX + 1];
	ssize_t n = readlinkat(proc, path, text, sizeof(text));
	if (n < 0)
		return -errno;
	return buf_add(ret, text, (size_t)n);
}

static int process_link(int proc, pid_t pid, const char *name, struct buf *ret)
{
	struct place at = place_of(pid, name);
	int r = link_text(proc, at.path, ret);
	if (r == -ENOENT && elsewhere(proc, pid, name, &at) == 0)
		r = link_text(proc, at.path, ret);
	return r < 0 ? place_failure(proc, pid, -r) : 0;
}

int proc_cwd(int proc, pid_t pid, struct buf *ret)
{
	return process_link(proc, pid, "cwd", ret);
}

int proc_exe_stat(int proc, pid_t pid, struct stat *ret)
{
	struct place at = place_of(pid, "exe");
	struct stat st;
	int error = fstatat(proc, at.path, &st, 0) < 0 ? errno : 0;
	if (error == ENOENT && elsewhere(proc, pid, "exe", &at) == 0)
		error = fstatat(proc, at.path, &st, 0) < 0 ? errno : 0;
	if (error)
		return place_failure(proc, pid, error);
	*ret = st;
	return 0;
}

int proc_exe_open(int proc, pid_t pid, int *ret_fd)
{
	struct place at = place_of(pid, "exe");
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = openat(proc, at.path, flags);
	if (fd < 0 && errno == ENOENT && elsewhere(proc, pid, "exe", &at) == 0)
		fd = openat(proc, at.path, flags);
	if (fd < 0)
		return place_failure(proc, pid, errno);
	*ret_fd = fd;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool proc_exe_is_at(int root, const struct stat *exe, const char *path)
{
	int fd;
	if (path_open(root, path, O_PATH, &fd) < 0)
		return false;
	struct stat st;
	bool same = fstat(fd, &st) == 0 && same_file(&st, exe);
	close(fd);
	return same;
}

/* Whether TEXT, taken literally, leads to EXE where the process itself lives. */
static bool leads_to(int proc, pid_t pid, const char *text, const struct stat *exe)
{
	struct place at = place_of(pid, "root");
	_cleanup_close_ int root = openat(proc, at.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && elsewhere(proc, pid, "root", &at) == 0)
		root = openat(proc, at.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return false;
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, root, text, &how, sizeof(how));
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && same_file(&st, exe);
}

int proc_exe_path(int proc, pid_t pid, const struct stat *exe, struct buf *ret, bool *ret_deleted)
{
	_cleanup_buf_ struct buf text = {0};
	int r = process_link(proc, pid, "exe", &text);
	if (r < 0)
		return r;
	size_t mark = strlen(NOT_LINKED);
	bool marked = text.len > mark && memcmp(text.data + text.len - mark, NOT_LINKED, mark) == 0;
	/* Another hard link keeps the count above 0, and a name may end like that. */
	bool deleted = exe->st_nlink == 0 || (marked && !leads_to(proc, pid, text.data, exe));
	if (marked && deleted)
		text.data[text.len -= mark] = '\0';
	r = buf_add(ret, buf_text(&text), text.len);
	if (r == 0 && ret_deleted)
		*ret_deleted = deleted;
	return r;
}

struct socket_visit {
	int (*visit)(void *ctx, uint32_t inode);
	void *ctx;
	size_t seen;
};

static int visit_fd(void *ctx, DIR *dir, pid_t number)
{
	struct socket_visit *v = ctx;
	char name[16], text[64];
	v->seen++;
	snprintf(name, sizeof(name), "%d", (int)number);
	ssize_t n = readlinkat(dirfd(dir), name, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	uint32_t inode;
	return proc_socket_decode(text, &inode) == 0 ? v->visit(v->ctx, inode) : 0;
}

int proc_sockets(int proc, pid_t pid, int (*visit)(void *ctx, uint32_t inode), void *ctx)
{
	struct socket_visit v = {.visit = visit, .ctx = ctx};
	struct place at = place_of(pid, "fd");
	int fd = openat(proc, at.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return place_failure(proc, pid, errno);
	int r = place_visit(fd, visit_fd, &v);
	if (r == 0 && !v.seen && elsewhere(proc, pid, "fd", &at) == 0) {
		fd = openat(proc, at.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : place_visit(fd, visit_fd, &v);
	}
	return r == -ENOENT ? place_failure(proc, pid, ENOENT) : r;
}

/* A line is "N:CONTROLLERS:PATH". */
static bool line_is_below(const char *line, const char *cgroup)
{
	size_t len = strlen(cgroup);
	const char *path = strchr(line, ':');
	path = path ? strchr(path + 1, ':') : NULL;
	return path && strncmp(path + 1, cgroup, len) == 0 && (path[1 + len] == '\0' || path[1 + len] == '/');
}

bool proc_in_cgroup(int proc, pid_t pid, const char *cgroup)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of(pid, "cgroup");
	char *save = NULL;
	if (place_read(proc, &at, 65536, &text, NULL) < 0 || !text.len)
		return false;
	for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line_is_below(line, cgroup))
			return true;
	return false;
}

bool proc_in_unit(int proc, pid_t pid, const char *unit)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of(pid, "cgroup");
	char *save = NULL;
	if (place_read(proc, &at, 65536, &text, NULL) < 0 || !text.len)
		return false;
	for (char *part = strtok_r(text.data, "/\n", &save); part; part = strtok_r(NULL, "/\n", &save))
		if (strcmp(part, unit) == 0)
			return true;
	return false;
}

/* PATH is cut into its parts. */
static int unit_of_path(char *path, struct buf *ret)
{
	char *save = NULL;
	for (char *part = strtok_r(path, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		const char *dot = strrchr(part, '.');
		if (part[0] == '_') /* what would look like a file of the kernel's is escaped */
			part++;
		if (dot && strcmp(dot, ".slice") != 0)
			return buf_puts(ret, part);
		if (!dot)
			break;
	}
	return -ENOENT;
}

int proc_unit(int proc, pid_t pid, struct buf *ret)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of(pid, "cgroup");
	char *save = NULL;
	int r = place_read(proc, &at, 65536, &text, NULL);
	if (r < 0)
		return place_failure(proc, pid, -r);
	for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path || (path != controllers + 1 && strncmp(controllers, ":name=systemd:", 14) != 0))
			continue; /* other hierarchies of version 1 are for anybody */
		r = unit_of_path(path + 1, ret);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

int proc_cpu_ns(pid_t pid, uint64_t *ret)
{
	clockid_t clock;
	struct timespec ts;
	int r = clock_getcpuclockid(pid, &clock);
	if (r)
		return r == ENOENT ? -ESRCH : -r;
	if (clock_gettime(clock, &ts) < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	*ret = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	return 0;
}

int proc_boot_id(int proc, char ret[40])
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = {.path = "sys/kernel/random/boot_id"};
	int r = place_read_record(proc, &at, &text);
	return r < 0 ? r : proc_boot_id_decode(&text, ret);
}

int proc_loginuid(int proc, pid_t pid, uid_t *ret)
{
	_cleanup_buf_ struct buf text = {0};
	struct place at = place_of(pid, "loginuid");
	char *end;
	int r = place_read_record(proc, &at, &text);
	if (r == -ENOENT && proc_comm(proc, pid, (char[64]){0}) == 0) {
		*ret = PROC_NO_LOGIN;
		return 0;
	}
	if (r < 0)
		return r;
	unsigned long uid = strtoul(buf_text(&text), &end, 10);
	if (end == buf_text(&text) || uid > PROC_NO_LOGIN)
		return -EBADMSG;
	*ret = (uid_t)uid;
	return 0;
}
