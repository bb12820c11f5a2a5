/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/ledger-parts.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024 * 1024)
#define POLL_MS 5

static int lock_file(int dir, const char *name, int timeout_ms, int *ret)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (timeout_ms <= 0)
			return -EWOULDBLOCK;
		sleep_ms(POLL_MS);
		timeout_ms -= POLL_MS;
	}
	*ret = fd;
	fd = -1;
	return 0;
}

/* Nobody holds it for long. */
#define LOCK_WAIT_MS 10000

int ledger_lock(struct ledger *l)
{
	int r = lock_file(l->dir, "lock", LOCK_WAIT_MS, &l->lock);
	if (r == 0)
		r = ledger_refresh(l);
	if (r < 0)
		ledger_unlock(l);
	return r;
}

void ledger_unlock(struct ledger *l)
{
	close_fd(&l->lock);
	l->lock = -1;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* It must be root's own, like the directory that it is in. */
static int read_file(struct ledger *l)
{
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf bytes = {0};
	struct stat st;
	int r = name_open_regular(l->dir, "ledger", &fd, &st);
	if (r == 0 && (st.st_uid != geteuid() || (st.st_mode & 022)))
		r = -EPERM;
	if (r == 0)
		r = fd_read(fd, FILE_MAX, &bytes);
	if (r == 0)
		r = ledger_decode(l, &bytes);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	l->stat = st;
	l->read = true;
	return 0;
}

int ledger_refresh(struct ledger *l)
{
	struct stat st;
	if (l->dir < 0)
		return 0;
	if (fstatat(l->dir, "ledger", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return l->read && same_file(&st, &l->stat) ? 0 : read_file(l);
}

static int replace_file(struct ledger *l, const struct buf *bytes)
{
	_cleanup_close_ int fd = openat(l->dir, "ledger.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int r = fd < 0 ? -errno : fd_write(fd, bytes->data, bytes->len);
	if (r == 0)
		r = fd_sync_data(fd);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && renameat(l->dir, "ledger.new", l->dir, "ledger") < 0)
		r = -errno;
	if (r < 0)
		return r;
	l->stat = st;
	l->read = true;
	return 0;
}

static void settle_counts(struct ledger *l)
{
	for (size_t i = 0; i < l->n_rules; i++)
		for (size_t t = 0; t < TALLIES; t++) {
			l->rules[i].saved[t] += l->rules[i].fresh[t];
			l->rules[i].fresh[t] = 0;
		}
}

int ledger_save(struct ledger *l)
{
	_cleanup_buf_ struct buf bytes = {0};
	int r = ledger_encode(l, &bytes);
	if (r == 0)
		r = replace_file(l, &bytes);
	if (r == 0)
		settle_counts(l);
	return r;
}

/* ---- journals --------------------------------------------------------------------------------- */

/* All runs, or those from the moment FROM on. A journal that cannot be read has its own alarm. */
static int take_runs(struct ledger *l, int64_t from_ms)
{
	_cleanup_strv_ struct strv runs = {0};
	char first[RUN_ID_LEN];
	run_id_at(from_ms, first);
	int r = state_runs(l->state, &runs);
	for (size_t i = 0; r == 0 && i < runs.n; i++) {
		_cleanup_buf_ struct buf why = {0};
		struct run *run = NULL;
		if (strcmp(runs.v[i], first) < 0)
			continue;
		r = run_load(l->state, runs.v[i], l->kinds, &run, &why);
		r = r == 0 ? ledger_take_run(l, run) : r == -ENOMEM ? r : 0;
		run_free(&run);
	}
	return r;
}

#define SWEEP_MS (3600 * 1000)

static int sweep(struct ledger *l, int64_t now_ms)
{
	for (size_t i = 0; i < l->n_keys; i++)
		l->keys[i].n = 0;
	l->swept = now_ms;
	int r = take_runs(l, 0);
	return r < 0 ? r : ledger_save(l);
}

/* A clock that was set back holds nothing up. */
static bool was_swept(const struct ledger *l, int64_t now_ms)
{
	return l->swept <= now_ms && now_ms - l->swept < SWEEP_MS;
}

int ledger_sweep(struct ledger *l, int64_t now_ms)
{
	if (!ledger_is_full(l) || was_swept(l, now_ms))
		return 0;
	int r = ledger_lock(l);
	if (r == 0 && !was_swept(l, now_ms))
		r = sweep(l, now_ms);
	ledger_unlock(l);
	return r;
}

/* The damaged file is kept to be looked at. */
static int make_anew(struct ledger *l, bool damaged, struct buf *ret_why)
{
	if (damaged)
		buf_puts(ret_why, "the ledger of the hooks was damaged: it has been made anew from the journals, without its "
		                  "counts");
	if (damaged && renameat(l->dir, "ledger", l->dir, "ledger.damaged") < 0)
		return -errno;
	int r = take_runs(l, 0);
	return r < 0 ? r : ledger_save(l);
}

static int open_in(struct ledger *l, struct buf *ret_why)
{
	struct stat st;
	int r = ledger_lock(l);
	if (r == -EBADMSG) {
		r = lock_file(l->dir, "lock", LOCK_WAIT_MS, &l->lock);
		return r < 0 ? r : make_anew(l, true, ret_why);
	}
	if (r < 0)
		return r;
	return fstatat(l->dir, "ledger", &st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : make_anew(l, false, ret_why);
}

int ledger_open(const struct state *state, const struct change_kind *const *kinds, struct ledger **ret,
                struct buf *ret_why)
{
	_cleanup_(ledger_free) struct ledger *l = NULL;
	int r = ledger_new(&l);
	if (r < 0)
		return r;
	l->state = state;
	l->kinds = kinds;
	r = state_open_hooks(state, true, &l->dir);
	if (r == 0)
		r = open_in(l, ret_why);
	ledger_unlock(l);
	if (r < 0) {
		if (!ret_why->len)
			buf_printf(ret_why, "%s/hooks cannot be used: %s", state->dir, strerror(-r));
		return r;
	}
	*ret = l;
	l = NULL;
	return 0;
}

int ledger_open_to_read(const struct state *state, struct ledger **ret)
{
	_cleanup_(ledger_free) struct ledger *l = NULL;
	int r = ledger_new(&l);
	if (r == 0) {
		l->state = state;
		r = state_open_hooks(state, false, &l->dir);
	}
	if (r == 0)
		r = ledger_refresh(l);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = l;
	l = NULL;
	return 0;
}

/* ---- acting ------------------------------------------------------------------------------------ */

/* Rule 2: nobody else can be at work on a key while this one holds "act". */
static int close_open(struct ledger *l)
{
	int64_t from = 0;
	size_t open = 0;
	for (size_t i = 0; i < l->n_keys; i++) {
		from = l->keys[i].open && (!open || l->keys[i].ran < from) ? l->keys[i].ran : from;
		open += l->keys[i].open;
	}
	int r = open ? take_runs(l, from) : 0;
	if (r < 0 || !open)
		return r;
	for (size_t i = 0; i < l->n_keys; i++) {
		struct ledger_key *k = &l->keys[i];
		if (k->open) /* it is not known how far it came: the next alert is acted upon at once */
			k->ran = 0;
		k->open = false;
	}
	return ledger_save(l);
}

int ledger_take_turn(struct ledger *l, int timeout_ms)
{
	int r = lock_file(l->dir, "act", timeout_ms, &l->turn);
	if (r < 0)
		return r;
	r = ledger_lock(l);
	if (r == 0)
		r = close_open(l);
	ledger_unlock(l);
	if (r < 0)
		ledger_end_turn(l);
	return r;
}

void ledger_end_turn(struct ledger *l)
{
	close_fd(&l->turn);
	l->turn = -1;
}
