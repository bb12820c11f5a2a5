/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/state.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_POLL_MS 20

static void format_id(struct timespec at, char ret[RUN_ID_LEN])
{
	struct tm utc;
	gmtime_r(&at.tv_sec, &utc);
	size_t n = strftime(ret, RUN_ID_LEN, "%Y%m%d-%H%M%S", &utc);
	snprintf(ret + n, RUN_ID_LEN - n, "-%04x", (unsigned)(at.tv_nsec * 65536LL / 1000000000LL) & 0xffff);
}

void run_id_new(char ret[RUN_ID_LEN])
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	format_id(now, ret);
}

void run_id_at(int64_t ms, char ret[RUN_ID_LEN])
{
	format_id((struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, ret);
}

bool run_id_valid(const char *text)
{
	static const char form[] = "dddddddd-dddddd-xxxx";
	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		const char *ok = form[i] == 'd' ? "0123456789" : form[i] == 'x' ? "0123456789abcdef" : "-";
		if (!strchr(ok, text[i]))
			return false;
	}
	return true;
}

/* Rule 3. */
static int check_dir(int dir)
{
	struct stat st;
	if (fstat(dir, &st) < 0)
		return -errno;
	return st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

static int open_dir(int dir, const char *name, int *ret)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : check_dir(fd);
	if (r < 0)
		return r;
	*ret = fd;
	fd = -1;
	return 0;
}

/* Makes what was just entered into DIR (which may be an O_PATH fd) durable. */
static int sync_dir(int dir)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_sync(fd);
}

/* Opens the directory NAME of DIR, made 0700 and synced where it is missing. */
static int make_dir(int dir, const char *name, int *ret)
{
	int r = mkdirat(dir, name, 0700) == 0 ? sync_dir(dir) : errno == EEXIST ? 0 : -errno;
	return r < 0 ? r : open_dir(dir, name, ret);
}

static int open_state(const struct state *state, bool make, int *ret)
{
	_cleanup_close_ int dir = -1, parent = -1;
	const char *name;
	int r = path_open(state->root, state->dir, O_RDONLY | O_DIRECTORY, &dir);
	if (r == 0)
		r = check_dir(dir);
	if (r == 0) {
		*ret = dir;
		dir = -1;
		return 0;
	}
	if (r != -ENOENT || !make)
		return r;
	r = path_open_parent(state->root, state->dir, &parent, &name);
	return r < 0 ? r : make_dir(parent, name, ret);
}

static int open_part(const struct state *state, const char *part, bool make, int *ret)
{
	_cleanup_close_ int dir = -1;
	int r = open_state(state, make, &dir);
	return r < 0 ? r : make ? make_dir(dir, part, ret) : open_dir(dir, part, ret);
}

/* Rule 2: whole under a name of its own first; the first one to name it "key" wins. */
static int make_key(int dir)
{
	char name[RANDOM_NAME_LEN];
	uint8_t bytes[SHA256_LEN];
	if (faccessat(dir, "key", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	int r = random_name(name);
	if (r == 0 && getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		r = -EIO;
	if (r < 0)
		return r;
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd < 0)
		return -errno;
	r = fd_write(fd, bytes, sizeof(bytes));
	if (r == 0)
		r = fd_sync(fd);
	if (r == 0 && renameat2(dir, name, dir, "key", RENAME_NOREPLACE) < 0)
		r = errno == EEXIST ? 0 : -errno;
	unlinkat(dir, name, 0);
	return r < 0 ? r : sync_dir(dir);
}

static int read_key(int dir, struct buf *ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = name_open_regular(dir, "key", &fd, &st);
	if (r == -ENOENT)
		return -ENOKEY;
	if (r == -ELOOP || r == -EINVAL) /* no regular file */
		return -EPERM;
	if (r == 0 && (st.st_uid != geteuid() || (st.st_mode & 077) || st.st_size != SHA256_LEN))
		r = -EPERM;
	if (r == 0)
		r = fd_read(fd, SHA256_LEN, ret);
	return r == 0 && ret->len != SHA256_LEN ? -EPERM : r;
}

int state_prepare(const struct state *state)
{
	_cleanup_close_ int dir = -1, runs = -1, pending = -1;
	_cleanup_buf_ struct buf bytes = {0};
	int r = open_state(state, true, &dir);
	if (r == 0)
		r = make_key(dir);
	if (r == 0)
		r = read_key(dir, &bytes);
	if (r == 0)
		r = make_dir(dir, "runs", &runs);
	return r < 0 ? r : make_dir(dir, "pending", &pending);
}

int state_key(const struct state *state, const char *run, struct journal_key *ret)
{
	_cleanup_close_ int dir = -1;
	_cleanup_buf_ struct buf bytes = {0};
	int r = open_state(state, false, &dir);
	if (r == 0)
		r = read_key(dir, &bytes);
	if (r == 0)
		journal_key_derive((const uint8_t *)bytes.data, run, ret);
	return r;
}

int state_open_run(const struct state *state, const char *run, int *ret_dir)
{
	_cleanup_close_ int runs = -1;
	if (!run_id_valid(run))
		return -EINVAL;
	int r = open_part(state, "runs", false, &runs);
	return r < 0 ? r : open_dir(runs, run, ret_dir);
}

int state_make_run(const struct state *state, const char *run, int *ret_dir)
{
	_cleanup_close_ int runs = -1, dir = -1;
	int r = open_part(state, "runs", true, &runs);
	if (r == 0)
		r = state_mark(state, run);
	if (r == 0 && mkdirat(runs, run, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = open_dir(runs, run, &dir);
	if (r == 0)
		r = sync_dir(runs);
	if (r < 0)
		return r;
	*ret_dir = dir;
	dir = -1;
	return 0;
}

int state_open_hooks(const struct state *state, bool make, int *ret_dir)
{
	return open_part(state, "hooks", make, ret_dir);
}

int state_drop_run(const struct state *state, const char *run)
{
	static const char *const names[] = {"journal", "seal.new"};
	_cleanup_close_ int runs = -1, dir = -1;
	int r = open_part(state, "runs", false, &runs);
	if (r == 0)
		r = open_dir(runs, run, &dir);
	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(*names); i++)
		if (unlinkat(dir, names[i], 0) < 0 && errno != ENOENT)
			r = -errno;
	if (r == 0 && unlinkat(runs, run, AT_REMOVEDIR) < 0)
		r = -errno;
	return r < 0 && r != -ENOENT ? r : state_unmark(state, run);
}

static int list_runs(const struct state *state, const char *part, struct strv *ret)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	int r = open_part(state, part, false, &dir);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (run_id_valid(names.v[i]))
			r = strv_add(ret, names.v[i]);
	return r;
}

int state_runs(const struct state *state, struct strv *ret)
{
	return list_runs(state, "runs", ret);
}

int state_pending(const struct state *state, struct strv *ret)
{
	return list_runs(state, "pending", ret);
}

int state_mark(const struct state *state, const char *run)
{
	_cleanup_close_ int dir = -1;
	int r = open_part(state, "pending", true, &dir);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = openat(dir, run, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd_sync(dir);
}

bool state_marked(const struct state *state, const char *run)
{
	_cleanup_close_ int dir = -1;
	return open_part(state, "pending", false, &dir) == 0 && faccessat(dir, run, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_unmark(const struct state *state, const char *run)
{
	_cleanup_close_ int dir = -1;
	int r = open_part(state, "pending", false, &dir);
	if (r == 0 && unlinkat(dir, run, 0) < 0)
		r = -errno;
	return r == -ENOENT ? 0 : r;
}

int state_hold_mark(const struct state *state, const char *run, int *ret_fd)
{
	_cleanup_close_ int dir = -1, fd = -1;
	int r = open_part(state, "pending", false, &dir);
	if (r < 0)
		return r;
	fd = openat(dir, run, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int state_find_run(const struct state *state, const char *text, char ret[RUN_ID_LEN])
{
	_cleanup_strv_ struct strv runs = {0};
	int r = state_runs(state, &runs);
	if (r < 0)
		return r;
	const char *found = NULL;
	for (size_t i = 0; i < runs.n; i++) {
		if (strcmp(text, "last") != 0 && strncmp(runs.v[i], text, strlen(text)) != 0)
			continue;
		if (found && strcmp(text, "last") != 0)
			return -ENOTUNIQ;
		found = runs.v[i];
	}
	if (!found || !*text)
		return -ENOENT;
	snprintf(ret, RUN_ID_LEN, "%s", found);
	return 0;
}

int state_lock(const struct state *state, int timeout_ms, int *ret_fd)
{
	_cleanup_close_ int dir = -1, fd = -1;
	int r = open_state(state, true, &dir);
	if (r < 0)
		return r;
	fd = openat(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (timeout_ms <= 0)
			return -EWOULDBLOCK;
		sleep_ms(LOCK_POLL_MS);
		timeout_ms -= LOCK_POLL_MS;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}
