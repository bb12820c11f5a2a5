/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/package-manager.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define APT "/usr/bin/apt-get"
#define DPKG "/usr/bin/dpkg"
#define DPKG_QUERY "/usr/bin/dpkg-query"
#define ARGS_MAX 512 /* of one command: packages with what they need */
#define ASK_TIMEOUT_MS 60000
#define FETCH_TIMEOUT_MS 600000
#define DO_TIMEOUT_MS 900000
#define LOCK_WAIT_MS 60000
#define LOCK_POLL_MS 100

/* Nobody is asked; a configuration file that is there already stays as it is. Packages that
 * were fetched are not kept. Debian's default of recommended packages is not followed:
 * what comes is what was asked for. */
#define ENV "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_SUSPEND=yes"
#define APT_QUIETLY                                                                                                \
	ENV, APT, "-q", "-y", "--no-install-recommends", "--no-remove", "--no-upgrade", "-o",                      \
		"Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "-o",                  \
		"DPkg::Lock::Timeout=60", "-o", "APT::Keep-Downloaded-Packages=false"

struct argv {
	const char *v[ARGS_MAX + 1];
	size_t n;
	struct strv texts; /* those that are made for it */
};

static void argv_free(struct argv *a)
{
	strv_free(&a->texts);
}
#define _cleanup_argv_ _cleanup_(argv_free)

#define argv_init(a, ...) argv_set(a, (const char *const[]){__VA_ARGS__, NULL})

static void argv_set(struct argv *a, const char *const *words)
{
	for (; *words; words++)
		a->v[a->n++] = *words;
}

static int argv_add(struct argv *a, const char *word)
{
	if (a->n == ARGS_MAX)
		return -E2BIG;
	a->v[a->n++] = word;
	return 0;
}

static int argv_add_names(struct argv *a, const struct package_set *set)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = argv_add(a, set->v[i].name);
	return r;
}

/* Of what apt-get says, errors begin with "E: "; warnings may come before. */
static int explain(int r, int status, const char *what, const struct buf *err, struct buf *why)
{
	_cleanup_buf_ struct buf errors = {0};
	const char *line = strstr(buf_text(err), "E: ");
	buf_puts(&errors, line ? line + 3 : buf_text(err));
	return spawn_explain(r, status, what, &errors, why);
}

static int run_and_read(const struct argv *a, int timeout_ms, const char *what, struct buf *out, struct buf *why)
{
	_cleanup_buf_ struct buf err = {0};
	int status = 0;
	int r = spawn_read(a->v, timeout_ms, out, &err, &status);
	return explain(r, status, what, &err, why);
}

/* Daemons that a package starts may keep the output open: it is not read. */
static int run_and_wait(const struct argv *a, const char *what, struct buf *why)
{
	const struct buf nothing = {0};
	int status = 0;
	int r = spawn_wait(a->v, DO_TIMEOUT_MS, &status);
	r = explain(r, status, what, &nothing, why);
	if (r == -EIO)
		buf_puts(why, "; see /var/log/apt/term.log and dpkg.log(5)");
	return r;
}

static bool can_execute(struct host *host, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	return path_follow(host->root, path, &real) == 0 && path_open_regular(host->root, real.data, &fd, &st) == 0 &&
	       (st.st_mode & 0111);
}

int packages_can(struct host *host, struct buf *ret_why)
{
	if (!host_is_this(host))
		return buf_puts(ret_why, "it is not the host that this program runs on"), -EOPNOTSUPP;
	if (!can_execute(host, APT) || !can_execute(host, DPKG) || !can_execute(host, DPKG_QUERY))
		return buf_puts(ret_why, "no package manager is known here: " APT " is not there"), -EOPNOTSUPP;
	return 0;
}

int packages_show(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0}, err = {0};
	_cleanup_packages_ struct package_set known = {0}, set = {0};
	int status = 0;
	argv_init(&a, DPKG_QUERY, "--show", "--showformat=" DPKG_FORMAT, "--");
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = argv_add(&a, names->v[i]);
	if (r == 0)
		r = spawn_read(a.v, ASK_TIMEOUT_MS, &out, &err, &status);
	if (r < 0 || status > 1) /* 1: one of them is not known */
		return explain(r, status, "dpkg-query", &err, ret_why);
	r = dpkg_parse_status(&out, &known);
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		const struct package *p = package_set_find(&known, names->v[i]);
		for (size_t k = 0; !p && k < known.n; k++) { /* dpkg-query names the architecture of some */
			size_t len = strlen(names->v[i]);
			if (strncmp(known.v[k].name, names->v[i], len) == 0 && known.v[k].name[len] == ':')
				p = &known.v[k];
		}
		r = package_set_add(&set, names->v[i], p ? p->version : "", p ? p->state : PACKAGE_ABSENT);
	}
	if (r < 0)
		return r;
	*ret = set;
	set = (struct package_set){0};
	return 0;
}

static int tell_others(const struct package_set *remove, struct buf *why)
{
	buf_puts(why, "others would have to be removed or upgraded for it: ");
	for (size_t i = 0; i < remove->n && i < 5; i++) {
		buf_puts(why, i ? ", " : "");
		escape_str(why, remove->v[i].name);
	}
	return -EPERM;
}

/* Where a name stands for others, or is the pattern of some: it is not there itself. */
static int check_all_are_there(const struct strv *names, const struct package_set *install, struct buf *why)
{
	for (size_t i = 0; i < names->n; i++)
		if (!package_set_find(install, names->v[i])) {
			buf_puts(why, "no package that can be installed has the name ");
			escape_str(why, names->v[i]);
			return -ENOENT;
		}
	return 0;
}

int packages_plan(const struct strv *names, struct package_set *ret, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_packages_ struct package_set install = {0}, remove = {0}, before = {0};
	_cleanup_strv_ struct strv all = {0};
	argv_init(&a, ENV, APT, "-q", "--simulate", "--no-install-recommends", "install", "--");
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = argv_add(&a, names->v[i]);
	if (r == 0)
		r = run_and_read(&a, ASK_TIMEOUT_MS, "apt-get --simulate", &out, ret_why);
	if (r < 0)
		return r == -EIO ? -ENOENT : r;
	r = apt_parse_simulation(&out, &install, &remove);
	if (r == -EBADMSG)
		buf_puts(ret_why, "apt-get --simulate says something that cannot be understood");
	if (r == 0 && remove.n)
		r = tell_others(&remove, ret_why);
	if (r == 0)
		r = check_all_are_there(names, &install, ret_why);
	if (r == 0)
		r = package_set_names(&install, &all);
	if (r == 0)
		r = packages_show(&all, &before, ret_why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < install.n; i++)
		install.v[i].state = before.v[i].state;
	*ret = install;
	install = (struct package_set){0};
	return 0;
}

static int add_versions(struct argv *a, const struct package_set *set)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = strv_addf(&a->texts, "%s=%s", set->v[i].name, set->v[i].version);
	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = argv_add(a, a->texts.v[i]);
	return r;
}

int packages_fetch(const struct package_set *wanted, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, APT_QUIETLY, "--download-only", "install", "--");
	int r = add_versions(&a, wanted);
	return r < 0 ? r : run_and_read(&a, FETCH_TIMEOUT_MS, "apt-get --download-only", NULL, ret_why);
}

int packages_install(const struct package_set *wanted, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0};
	argv_init(&a, APT_QUIETLY, "install", "--");
	int r = add_versions(&a, wanted);
	return r < 0 ? r : run_and_wait(&a, "apt-get install", ret_why);
}

/* ---- removal ------------------------------------------------------------------------- */

/* Others that would go as well. */
static int check_needed(const struct package_set *set, struct buf *why)
{
	_cleanup_argv_ struct argv a = {0};
	_cleanup_buf_ struct buf out = {0};
	_cleanup_packages_ struct package_set install = {0}, remove = {0};
	argv_init(&a, ENV, APT, "-q", "--simulate", "remove", "--");
	int r = argv_add_names(&a, set);
	if (r == 0)
		r = run_and_read(&a, ASK_TIMEOUT_MS, "apt-get --simulate", &out, why);
	if (r == 0)
		r = apt_parse_simulation(&out, &install, &remove);
	for (size_t i = 0; r == 0 && i < remove.n + install.n; i++) {
		const char *name = i < remove.n ? remove.v[i].name : install.v[i - remove.n].name;
		if (i < remove.n && package_set_find(set, name))
			continue;
		buf_puts(why, i < remove.n ? "by now it is needed by " : "without it there would have to be ");
		escape_str(why, name);
		r = -ESTALE;
	}
	return r;
}

/* The packages whose configuration files go with them. */
static int find_to_purge(const struct package_set *set, struct package_set *ret, struct buf *why)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < set->n; i++) {
		const char *const argv[] = {DPKG, "--verify", set->v[i].name, NULL};
		_cleanup_buf_ struct buf out = {0};
		int status = 0;
		if (set->v[i].state == PACKAGE_REMOVED)
			continue;
		r = spawn_read(argv, ASK_TIMEOUT_MS, &out, NULL, &status);
		if (r == 0 && dpkg_configuration_changed(&out)) {
			buf_puts(why, why->len ? ", " : "configuration that was changed since is kept: ");
			escape_str(why, set->v[i].name);
		} else if (r == 0) {
			r = package_set_add(ret, set->v[i].name, set->v[i].version, set->v[i].state);
		}
	}
	return r;
}

int packages_remove(const struct package_set *set, struct buf *ret_why)
{
	_cleanup_argv_ struct argv a = {0}, purge = {0};
	_cleanup_packages_ struct package_set clean = {0};
	_cleanup_buf_ struct buf kept = {0};
	int r = check_needed(set, ret_why);
	if (r == 0)
		r = find_to_purge(set, &clean, &kept);
	argv_init(&a, ENV, APT, "-q", "-y", "-o", "DPkg::Lock::Timeout=60", "remove", "--");
	if (r == 0)
		r = argv_add_names(&a, set);
	if (r == 0)
		r = run_and_wait(&a, "apt-get remove", ret_why);
	argv_init(&purge, ENV, DPKG, "--purge", "--");
	if (r == 0)
		r = argv_add_names(&purge, &clean);
	if (r == 0 && clean.n)
		r = run_and_wait(&purge, "dpkg --purge", ret_why);
	if (r == 0 && kept.len)
		buf_puts(ret_why, kept.data);
	return r;
}

/* ---- what was cut short -------------------------------------------------------------- */

/* dpkg goes on for a while when the apt-get that runs it has been killed. */
static int await_lock(struct buf *why)
{
	_cleanup_close_ int fd = open("/var/lib/dpkg/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
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

int packages_settle(const struct package_set *set, struct buf *ret_why)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_packages_ struct package_set now = {0}, halfway = {0};
	_cleanup_argv_ struct argv a = {0};
	int r = await_lock(ret_why);
	if (r == 0)
		r = package_set_names(set, &names);
	if (r == 0)
		r = packages_show(&names, &now, ret_why);
	for (size_t i = 0; r == 0 && i < now.n; i++)
		if (now.v[i].state == PACKAGE_HALFWAY)
			r = package_set_add(&halfway, now.v[i].name, now.v[i].version, now.v[i].state);
	argv_init(&a, ENV, DPKG, "--force-confdef", "--force-confold", "--configure", "--");
	if (r == 0)
		r = argv_add_names(&a, &halfway);
	return r < 0 || !halfway.n ? r : run_and_wait(&a, "dpkg --configure", ret_why);
}
