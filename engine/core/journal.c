/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAX (256 * 1024 * 1024)
#define FIRST_ROOM (256 * 1024) /* for a usual run */
#define SEAL_MAX 1024

struct journal {
	const struct state *state;
	int dir; /* of the run */
	int fd;
	struct journal_key key;
	struct chain chain;
	size_t room_end; /* up to where space is laid out */
	bool marked;     /* rule 6 */
};

void journal_close(struct journal **journal)
{
	if (!*journal)
		return;
	close((*journal)->dir);
	close((*journal)->fd);
	free(*journal);
	*journal = NULL;
}

/* An open file description lock: it can be asked about, and dies with the last holder
 * of the description. */
static int lock_file(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
	return 0;
}

static int journal_new(const struct state *state, const struct journal_key *key, int *dir, int *fd,
                       struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	*j = (struct journal){.state = state, .dir = *dir, .fd = *fd, .key = *key};
	chain_start(&j->chain);
	*dir = *fd = -1;
	*ret = j;
	return 0;
}

int journal_create(const struct state *state, const char *run, struct journal **ret)
{
	_cleanup_close_ int dir = -1, fd = -1;
	struct journal_key key;
	struct journal *journal = NULL;
	int r = state_key(state, run, &key);
	if (r == 0)
		r = state_make_run(state, run, &dir);
	if (r < 0)
		return r;
	fd = openat(dir, "journal", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : lock_file(fd);
	if (r == 0)
		r = journal_new(state, &key, &dir, &fd, &journal);
	if (r == 0) {
		journal->marked = true;
		r = journal_reserve(journal, FIRST_ROOM);
	}
	if (r == 0)
		r = fd_sync(journal->dir);
	if (r < 0) {
		journal_close(&journal);
		state_drop_run(state, run); /* nobody is to look for what never began */
		return r;
	}
	*ret = journal;
	return 0;
}

/* A run whose journal was never begun is as good as an empty one; a sealed one was. */
static int missing(int dir, struct buf *ret_why)
{
	if (faccessat(dir, "seal", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ENOENT : -errno;
	buf_puts(ret_why, "it was removed, and only its seal is left");
	return -EBADMSG;
}

static int open_journal(const struct state *state, const char *run, int flags, int *ret_dir, int *ret,
                        struct buf *ret_why)
{
	_cleanup_close_ int dir = -1;
	struct stat st;
	int r = state_open_run(state, run, &dir);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = openat(dir, "journal", flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return missing(dir, ret_why);
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return -errno;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		buf_puts(ret_why, "something else stands in its place: it is no regular file");
		return -EBADMSG;
	}
	*ret_dir = dir;
	dir = -1;
	*ret = fd;
	fd = -1;
	return 0;
}

/* 1, 0 where the run has none yet. */
static int read_seal(int dir, const struct journal_key *key, struct seal *ret, struct buf *ret_why)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf bytes = {0};
	int r = name_open_regular(dir, "seal", &fd, NULL);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = fd_read(fd, SEAL_MAX, &bytes);
	if (r == 0)
		r = seal_decode(buf_text(&bytes), bytes.len, key, ret, ret_why);
	return r < 0 ? r : 1;
}

static int read_records(int dir, int fd, const struct journal_key *key, json_t **ret, struct chain *ret_chain,
                        struct buf *ret_why)
{
	_cleanup_buf_ struct buf bytes = {0};
	_cleanup_buf_ struct buf seal_why = {0};
	struct seal seal;
	json_t *records = NULL;
	int sealed = read_seal(dir, key, &seal, &seal_why);
	int r = sealed < 0 && sealed != -EBADMSG ? sealed : fd_read(fd, JOURNAL_MAX, &bytes);
	if (r == -EFBIG)
		buf_printf(ret_why, "it is larger than %d MiB: this is not the journal that was written", JOURNAL_MAX >> 20);
	if (r == 0)
		r = journal_decode(buf_text(&bytes), bytes.len, key, sealed > 0 ? &seal : NULL, &records, ret_chain, ret_why);
	if (r == 0 && sealed < 0) { /* what is wrong with the journal itself says more */
		buf_puts(ret_why, buf_text(&seal_why));
		json_decref(records);
		return sealed;
	}
	if (r == 0)
		*ret = records;
	return r;
}

static int read_key(const struct state *state, const char *run, struct journal_key *ret, struct buf *ret_why)
{
	int r = state_key(state, run, ret);
	if (r == -ENOKEY)
		buf_printf(ret_why, "%s/key, which authenticates it, is missing", state->dir);
	else if (r == -EPERM)
		buf_printf(ret_why, "%s/key is not a key that only root could read: it is not trusted", state->dir);
	return r == -ENOKEY || r == -EPERM ? -EBADMSG : r;
}

/* Rule 3. Only where there is one: cutting gives up the space that is laid out behind. */
static int cut_tail(int fd, size_t len)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_size > (off_t)len && TEMP_FAILURE_RETRY(ftruncate(fd, (off_t)len)) < 0 ? -errno : 0;
}

int journal_open(const struct state *state, const char *run, struct journal **ret, json_t **ret_records,
                 struct buf *ret_why)
{
	_cleanup_close_ int dir = -1, fd = -1;
	struct journal_key key;
	struct chain chain;
	json_t *records = NULL;
	struct journal *journal = NULL;
	int r = read_key(state, run, &key, ret_why);
	if (r == 0)
		r = open_journal(state, run, O_RDWR, &dir, &fd, ret_why);
	if (r == 0)
		r = lock_file(fd);
	if (r == 0)
		r = read_records(dir, fd, &key, &records, &chain, ret_why);
	if (r == 0)
		r = cut_tail(fd, chain.len);
	if (r == 0)
		r = journal_new(state, &key, &dir, &fd, &journal);
	if (r < 0) {
		json_decref(records);
		return r;
	}
	journal->chain = chain;
	journal->room_end = chain.len;
	*ret = journal;
	*ret_records = records;
	return 0;
}

int journal_read(const struct state *state, const char *run, json_t **ret_records, struct sha256 *ret_head,
                 struct buf *ret_why)
{
	_cleanup_close_ int dir = -1, fd = -1;
	struct journal_key key;
	struct chain chain;
	int r = read_key(state, run, &key, ret_why);
	if (r == 0)
		r = open_journal(state, run, O_RDONLY, &dir, &fd, ret_why);
	if (r == 0)
		r = read_records(dir, fd, &key, ret_records, &chain, ret_why);
	if (r == 0 && ret_head)
		*ret_head = chain.head;
	return r;
}

int journal_busy(const struct state *state, const char *run)
{
	_cleanup_close_ int dir = -1, fd = -1;
	_cleanup_buf_ struct buf why = {0};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int r = open_journal(state, run, O_RDONLY, &dir, &fd, &why);
	if (r < 0)
		return r;
	return fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type != F_UNLCK;
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

/* One that is only looked at gets no mark: nobody would take it away. */
static int mark(struct journal *journal)
{
	int r = journal->marked ? 0 : state_mark(journal->state, journal->key.run);
	journal->marked = r == 0;
	return r;
}

int journal_append(struct journal *journal, json_t *record)
{
	_cleanup_buf_ struct buf line = {0};
	struct chain chain = journal->chain;
	int r = record ? journal_encode(record, &journal->key, &chain, &line) : -ENOMEM;
	json_decref(record);
	if (r == 0)
		r = mark(journal);
	if (r == 0)
		r = write_at(journal->fd, line.data, line.len, (off_t)journal->chain.len);
	if (r == 0)
		journal->chain = chain;
	return r;
}

int journal_sync(struct journal *journal)
{
	int r = fd_sync_data(journal->fd);
	if (r == 0)
		journal->chain.synced = journal->chain.seq;
	return r;
}

/* Where the filesystem cannot lay out space, zeros are written. */
int journal_reserve(struct journal *journal, size_t room)
{
	size_t end = journal->chain.len + room;
	if (end <= journal->room_end)
		return 0;
	int r;
	do {
		r = fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, (off_t)journal->chain.len, (off_t)room) < 0 ? errno : 0;
		if (r == EOPNOTSUPP)
			r = posix_fallocate(journal->fd, (off_t)journal->chain.len, (off_t)room);
	} while (r == EINTR);
	if (r == 0)
		journal->room_end = end;
	return -r;
}

int journal_seal(struct journal *journal)
{
	const struct seal seal = {.seq = journal->chain.seq, .head = journal->chain.head};
	_cleanup_buf_ struct buf line = {0};
	int r = seal_encode(&seal, &journal->key, &line);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = openat(journal->dir, "seal.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write(fd, line.data, line.len);
	if (r == 0)
		r = fd_sync_data(fd);
	if (r == 0 && renameat(journal->dir, "seal.new", journal->dir, "seal") < 0)
		r = -errno;
	if (r == 0)
		r = fd_sync(journal->dir);
	return r == -ENOSPC || r == -EDQUOT ? 0 : r;
}

int journal_rest(struct journal *journal, size_t room, bool done)
{
	/* To the size it has: what is laid out behind it goes. That there is room now, or
	 * will be, is a kindness and no condition. */
	if (ftruncate(journal->fd, (off_t)journal->chain.len) == 0) {
		journal->room_end = journal->chain.len;
		journal_reserve(journal, room);
	}
	if (!done)
		return 0;
	journal->marked = false;
	return state_unmark(journal->state, journal->key.run);
}

const struct sha256 *journal_head(const struct journal *journal)
{
	return &journal->chain.head;
}

const struct journal_key *journal_key(const struct journal *journal)
{
	return &journal->key;
}
