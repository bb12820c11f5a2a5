/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_MAX (256 * 1024 * 1024)
#define JOURNAL_ROOM (1024 * 1024) /* laid out in advance, so that a full disk shows before the first change */

struct journal {
	int fd;
	struct chain chain;
	off_t end;
};

void run_id_new(char ret[RUN_ID_LEN])
{
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(ret, RUN_ID_LEN, "%Y%m%d-%H%M%S", &utc);
	snprintf(ret + n, RUN_ID_LEN - n, "-%04x", (unsigned)(now.tv_nsec * 65536LL / 1000000000LL) & 0xffff);
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

/* Opens the directory NAME of DIR, made 0700 and synced where it is missing. */
static int make_dir(int dir, const char *name, int *ret)
{
	if (mkdirat(dir, name, 0700) == 0) {
		_cleanup_close_ int sync_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sync_fd < 0 || fsync(sync_fd) < 0)
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int open_state(const struct state *state, bool make, int *ret)
{
	int r = path_open(state->root, state->dir, O_RDONLY | O_DIRECTORY, ret);
	if (r != -ENOENT || !make)
		return r;
	_cleanup_close_ int parent = -1;
	const char *name;
	r = path_open_parent(state->root, state->dir, &parent, &name);
	return r < 0 ? r : make_dir(parent, name, ret);
}

static int open_runs(const struct state *state, bool make, int *ret)
{
	_cleanup_close_ int dir = -1;
	int r = open_state(state, make, &dir);
	if (r < 0)
		return r;
	if (make)
		return make_dir(dir, "runs", ret);
	int fd = openat(dir, "runs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

int state_prepare(const struct state *state)
{
	_cleanup_close_ int runs = -1;
	return open_runs(state, true, &runs);
}

static int journal_new(int fd, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	j->fd = fd;
	chain_start(&j->chain);
	*ret = j;
	return 0;
}

void journal_close(struct journal **journal)
{
	if (!*journal)
		return;
	close((*journal)->fd);
	free(*journal);
	*journal = NULL;
}

int journal_create(const struct state *state, const char *run, struct journal **ret)
{
	_cleanup_close_ int runs = -1, dir = -1, fd = -1;
	int r = open_runs(state, true, &runs);
	if (r == 0 && mkdirat(runs, run, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = make_dir(runs, run, &dir);
	if (r < 0)
		return r;
	fd = openat(dir, "journal", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, JOURNAL_ROOM) < 0 && errno != EOPNOTSUPP)
		return -errno;
	if (fsync(dir) < 0 || fsync(runs) < 0)
		return -errno;
	r = journal_new(fd, ret);
	if (r == 0)
		fd = -1;
	return r;
}

static int open_file(const struct state *state, const char *run, int flags, int *ret)
{
	_cleanup_close_ int runs = -1, dir = -1;
	if (!run_id_valid(run))
		return -EINVAL;
	int r = open_runs(state, false, &runs);
	if (r < 0)
		return r;
	dir = openat(runs, run, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, "journal", flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int read_records(int fd, json_t **ret, struct chain *ret_chain, size_t *ret_len, struct buf *ret_why)
{
	_cleanup_buf_ struct buf bytes = {0}, why = {0};
	int r = fd_read(fd, JOURNAL_MAX, &bytes);
	if (r < 0)
		return r;
	size_t line = 0;
	r = journal_decode(buf_text(&bytes), bytes.len, ret, ret_chain, ret_len, &line, &why);
	if (r == -EBADMSG)
		buf_printf(ret_why, "line %zu is damaged or was tampered with: %s", line, buf_text(&why));
	return r;
}

int journal_open(const struct state *state, const char *run, struct journal **ret, json_t **ret_records,
                 struct buf *ret_why)
{
	_cleanup_close_ int fd = -1;
	int r = open_file(state, run, O_RDWR, &fd);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	struct chain chain;
	size_t len = 0;
	json_t *records = NULL;
	struct journal *journal = NULL;
	r = read_records(fd, &records, &chain, &len, ret_why);
	if (r == 0 && ftruncate(fd, (off_t)len) < 0)
		r = -errno;
	if (r == 0)
		r = journal_new(fd, &journal);
	if (r < 0 || !journal) {
		json_decref(records);
		return r;
	}
	fd = -1;
	journal->chain = chain;
	journal->end = (off_t)len;
	*ret = journal;
	*ret_records = records;
	return 0;
}

int journal_read(const struct state *state, const char *run, json_t **ret_records, struct sha256 *ret_head,
                 struct buf *ret_why)
{
	_cleanup_close_ int fd = -1;
	int r = open_file(state, run, O_RDONLY, &fd);
	if (r < 0)
		return r;
	struct chain chain;
	size_t len;
	r = read_records(fd, ret_records, &chain, &len, ret_why);
	if (r == 0 && ret_head)
		*ret_head = chain.head;
	return r;
}

static int write_at(int fd, const char *bytes, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, bytes, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int journal_append(struct journal *journal, json_t *record)
{
	_cleanup_buf_ struct buf line = {0};
	struct chain chain = journal->chain;
	int r = record ? journal_encode(record, &chain, &line) : -ENOMEM;
	json_decref(record);
	if (r == 0)
		r = write_at(journal->fd, line.data, line.len, journal->end);
	if (r < 0)
		return r;
	journal->chain = chain;
	journal->end += (off_t)line.len;
	return 0;
}

int journal_sync(struct journal *journal)
{
	return fdatasync(journal->fd) < 0 ? -errno : 0;
}

const struct sha256 *journal_head(const struct journal *journal)
{
	return &journal->chain.head;
}

int state_runs(const struct state *state, struct strv *ret)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	int r = open_runs(state, false, &dir);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (run_id_valid(names.v[i]))
			r = strv_add(ret, names.v[i]);
	return r;
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
		sleep_ms(20);
		timeout_ms -= 20;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}
