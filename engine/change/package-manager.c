/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/package-backend.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DO_TIMEOUT_MS 900000
#define LOCK_WAIT_MS 60000
#define LOCK_POLL_MS 100

static const struct package_backend *const backends[] = {&apt_backend, &dnf_backend};

#define N_BACKENDS (sizeof(backends) / sizeof(*backends))

/* ---- which one -------------------------------------------------------------------------- */

/* The programs of another system may be installed, too: what counts is whose packages there are. */
static bool is_here(const struct package_backend *b)
{
	struct stat st;
	bool any = false;
	for (size_t i = 0; i < sizeof(b->programs) / sizeof(*b->programs) && b->programs[i]; i++)
		if (access(b->programs[i], X_OK) < 0)
			return false;
	for (size_t i = 0; i < sizeof(b->database) / sizeof(*b->database) && b->database[i]; i++)
		any |= stat(b->database[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
	return any;
}

/* NULL: none. */
static const struct package_backend *backend(void)
{
	for (size_t i = 0; i < N_BACKENDS; i++)
		if (is_here(backends[i]))
			return backends[i];
	return NULL;
}

int packages_can(struct host *host, struct buf *ret_why)
{
	if (!host_is_this(host))
		return buf_puts(ret_why, "it is not the host that this program runs on"), -EOPNOTSUPP;
	if (!backend())
		return buf_puts(ret_why, "no package manager is known here: neither apt-get(8) nor dnf(8) is there"),
		       -EOPNOTSUPP;
	return 0;
}

const char *packages_refresh(void)
{
	const struct package_backend *b = backend();
	return b ? b->refresh : "";
}

const char *packages_repair(void)
{
	const struct package_backend *b = backend();
	return b ? b->repair : "";
}

int packages_show(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	const struct package_backend *b = backend();
	return b ? b->show(names, ret, ret_why) : -EOPNOTSUPP;
}

int packages_plan(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	const struct package_backend *b = backend();
	return b ? b->plan(names, ret, ret_why) : -EOPNOTSUPP;
}

int packages_fetch(const struct package_set *wanted, struct buf *ret_why)
{
	const struct package_backend *b = backend();
	return b ? b->fetch(wanted, ret_why) : -EOPNOTSUPP;
}

int packages_install(const struct package_set *wanted, struct buf *ret_why)
{
	const struct package_backend *b = backend();
	return b ? b->install(wanted, ret_why) : -EOPNOTSUPP;
}

int packages_remove(const struct package_set *set, struct buf *ret_why)
{
	const struct package_backend *b = backend();
	return b ? b->remove(set, ret_why) : -EOPNOTSUPP;
}

int packages_settle(const struct package_set *set, struct buf *ret_why)
{
	const struct package_backend *b = backend();
	return b ? b->settle(set, ret_why) : -EOPNOTSUPP;
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
	int r = spawn_read(a->v, timeout_ms, out, &err, &status);
	return packages_explain(r, status, prefix, what, &err, why);
}

int packages_do(const struct argv *a, const char *what, const char *logs, struct buf *why)
{
	const struct buf nothing = {0};
	int status = 0;
	int r = spawn_wait(a->v, DO_TIMEOUT_MS, &status);
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
