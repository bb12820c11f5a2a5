/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/package-backend.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/packages.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE LOCALSTATEDIR "/lib/respond/packages" /* held by what respond has begun */
#define DO_TIMEOUT_MS 900000
#define LOCK_WAIT_MS 60000
#define LOCK_POLL_MS 100
#define SAID_MAX (16 * 1024 * 1024)
#define TOLD_MAX 5

static const struct package_backend *const backends[] = {&apt_backend, &dnf_backend};

#define N_BACKENDS (sizeof(backends) / sizeof(*backends))

/* ---- which one -------------------------------------------------------------------------- */

/* The programs of another system may be installed, too: what counts is whose packages there are. */
static bool is_here(const struct package_backend *b)
{
	for (size_t i = 0; i < sizeof(b->programs) / sizeof(*b->programs) && b->programs[i]; i++)
		if (access(b->programs[i], X_OK) < 0)
			return false;
	return packages_have_database(b->database, sizeof(b->database) / sizeof(*b->database));
}

static const struct package_backend *find(const char *name)
{
	for (size_t i = 0; i < N_BACKENDS; i++)
		if (name ? strcmp(backends[i]->name, name) == 0 : is_here(backends[i]))
			return backends[i];
	return NULL;
}

int packages_manager(struct host *host, const char *name, const struct package_backend **ret, struct buf *ret_why)
{
	const struct package_backend *b = find(name);
	if (!host_is_this(host))
		return buf_puts(ret_why, "it is not the host that this program runs on"), -EOPNOTSUPP;
	if (!name && !b)
		return buf_puts(ret_why, "no package manager is known here: neither apt-get(8) nor dnf(8) is there"),
		       -EOPNOTSUPP;
	if (!b || !is_here(b)) {
		buf_puts(ret_why, "it was done by ");
		escape_str(ret_why, name);
		buf_puts(ret_why, b ? ", which is no longer there" : ", which is not known here");
		return -EOPNOTSUPP;
	}
	*ret = b;
	return 0;
}

const char *packages_name(const struct package_backend *b)
{
	return b->name;
}

const char *packages_refresh(const struct package_backend *b)
{
	return b->refresh;
}

const char *packages_repair(const struct package_backend *b)
{
	return b->repair;
}

int packages_show(const struct package_backend *b, const struct strv *names, struct package_set *ret,
                  struct buf *ret_why)
{
	return b->show(names, ret, ret_why);
}

int packages_plan(const struct package_backend *b, const struct strv *names, struct package_set *ret,
                  struct buf *ret_why)
{
	return b->plan(names, ret, ret_why);
}

int packages_fetch(const struct package_backend *b, const struct package_set *wanted, struct buf *ret_why)
{
	return b->fetch(wanted, ret_why);
}

static void tell(const struct strv *others, const char *how, struct buf *why)
{
	if (others->n)
		buf_printf(why, "%s%s: ", why->len ? "; " : "", how);
	for (size_t i = 0; i < others->n && i < TOLD_MAX; i++) {
		buf_puts(why, i ? ", " : "");
		escape_str(why, others->v[i]);
	}
	if (others->n > TOLD_MAX)
		buf_printf(why, " and %zu more", others->n - TOLD_MAX);
}

int packages_install(const struct package_backend *b, const struct package_set *wanted, const struct package_set *all,
                     struct buf *ret_why)
{
	_cleanup_buf_ struct buf before = {0}, after = {0}, ignored = {0};
	_cleanup_strv_ struct strv came = {0}, went = {0};
	int r = b->list(&before, ret_why);
	if (r == 0)
		r = b->install(wanted, ret_why);
	if (r < 0 || b->list(&after, &ignored) < 0 || packages_compare(&before, &after, all, &came, &went) < 0)
		return r;
	tell(&came, "others came, too, and stay", ret_why);
	tell(&went, "others are gone", ret_why);
	return 0;
}

int packages_remove(const struct package_backend *b, const struct package_set *set, struct buf *ret_why)
{
	return b->remove(set, ret_why);
}

int packages_settle(const struct package_backend *b, const struct package_set *set, struct buf *ret_why)
{
	int r = packages_await_lock(LOCK_FILE, ret_why);
	return r < 0 ? r : b->settle(set, ret_why);
}

/* ---- what they share ----------------------------------------------------------------------- */

void argv_free(struct argv *a)
{
	strv_free(&a->texts);
}

void argv_set(struct argv *a, const char *const *words)
{
	for (; *words; words++)
		a->v[a->n++] = *words;
}

int argv_add(struct argv *a, const char *word)
{
	if (a->n == ARGS_MAX)
		return -E2BIG;
	a->v[a->n++] = word;
	return 0;
}

int argv_add_names(struct argv *a, const struct package_set *set)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = argv_add(a, set->v[i].name);
	return r;
}

/* Warnings may come before. */
int packages_explain(int r, int status, const char *prefix, const char *what, const struct buf *err, struct buf *why)
{
	_cleanup_buf_ struct buf errors = {0};
	const char *line = strstr(buf_text(err), prefix);
	buf_puts(&errors, line ? line + strlen(prefix) : buf_text(err));
	return spawn_explain(r, status, what, &errors, why);
}

int packages_ask(const struct argv *a, int timeout_ms, const char *prefix, const char *what, struct buf *out,
                 struct buf *why)
{
	_cleanup_buf_ struct buf err = {0};
	int status = 0;
	int r = spawn_read_at_most(a->v, timeout_ms, SAID_MAX, out, &err, &status);
	return packages_explain(r, status, prefix, what, &err, why);
}

int packages_do(const struct argv *a, const char *what, const char *logs, struct buf *why)
{
	const struct buf nothing = {0};
	_cleanup_close_ int lock = -1;
	int status = 0;
	int r = packages_await_lock(LOCK_FILE, why);
	if (r < 0)
		return r;
	lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = lock < 0 ? -errno : spawn_through(a->v, lock, DO_TIMEOUT_MS, &status);
	if (r == -ETIMEDOUT)
		return buf_printf(why, "%s is still at work, and was left at it", what), r;
	r = spawn_explain(r, status, what, &nothing, why);
	if (r == -EIO)
		buf_printf(why, "; see %s", logs);
	return r;
}

int packages_tell_others(const struct package_set *remove, struct buf *why)
{
	buf_puts(why, "others would have to be removed or upgraded for it: ");
	for (size_t i = 0; i < remove->n && i < 5; i++) {
		buf_puts(why, i ? ", " : "");
		escape_str(why, remove->v[i].name);
	}
	return -EPERM;
}

int packages_check_there(const struct strv *names, const struct package_set *install, struct buf *why)
{
	for (size_t i = 0; i < names->n; i++)
		if (!package_set_find(install, names->v[i])) {
			buf_puts(why, "no package that can be installed has the name ");
			escape_str(why, names->v[i]);
			return -ENOENT;
		}
	return 0;
}

int packages_await_lock(const char *path, struct buf *why)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int waited = 0; waited < LOCK_WAIT_MS; waited += LOCK_POLL_MS) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		if (fcntl(fd, F_GETLK, &lock) < 0)
			return -errno;
		if (lock.l_type == F_UNLCK)
			return 0;
		sleep_ms(LOCK_POLL_MS);
	}
	buf_puts(why, "another package manager is at work");
	return -EBUSY;
}
