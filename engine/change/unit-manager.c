/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/unit-manager.h"

#include "base/fd.h"
#include "base/proc.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMCTL "/usr/bin/systemctl"
#define SERVICE "/usr/sbin/service"
#define SHOW_TIMEOUT_MS 30000
#define STATUS_TIMEOUT_MS 10000
#define DO_TIMEOUT_MS 120000 /* systemd itself kills after 90 s what does not stop */
#define UNITS_AT_ONCE 200

bool host_runs_systemd(struct host *host)
{
	char comm[64];
	_cleanup_close_ int dir = -1;
	return path_open(host->root, "/run/systemd/system", O_PATH | O_DIRECTORY, &dir) == 0 &&
	       proc_comm(host->proc, 1, comm) == 0 && strcmp(comm, "systemd") == 0;
}

/* EXPECTED: how many units; SIZE_MAX: any number. */
static int ask(const char *const argv[], size_t expected, struct unit_infos *ret, struct buf *why)
{
	_cleanup_buf_ struct buf out = {0}, err = {0};
	int status = 0;
	int r = spawn_read(argv, SHOW_TIMEOUT_MS, &out, &err, &status);
	r = spawn_explain(r, status, "systemctl show", &err, why);
	if (r == 0)
		r = unit_parse_show(&out, ret);
	if (r == 0 && expected != SIZE_MAX && ret->n != expected)
		r = -EBADMSG;
	if (r == -EBADMSG)
		buf_puts(why, "systemctl show says something that cannot be understood");
	return r;
}

static int show(const struct strv *names, size_t first, size_t n, struct unit_infos *ret, struct buf *why)
{
	const char *argv[UNITS_AT_ONCE + 7] = {SYSTEMCTL, "--no-pager", "--property", unit_properties, "show", "--"};
	for (size_t i = 0; i < n; i++)
		argv[6 + i] = names->v[first + i];
	return ask(argv, n, ret, why);
}

int units_show_sockets(struct unit_infos *ret, struct buf *ret_why)
{
	const char *argv[] = {SYSTEMCTL, "--no-pager", "--property", unit_properties, "show", "--", "*.socket", NULL};
	_cleanup_units_ struct unit_infos all = {0};
	int r = ask(argv, SIZE_MAX, &all, ret_why);
	if (r < 0)
		return r;
	*ret = all;
	all = (struct unit_infos){0};
	return 0;
}

static int move_all(struct unit_infos *to, struct unit_infos *from)
{
	struct unit_info *v = reallocarray(to->v, to->n + from->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v + to->n, from->v, from->n * sizeof(*v));
	to->v = v;
	to->n += from->n;
	from->n = 0;
	return 0;
}

int units_show(const struct strv *names, struct unit_infos *ret, struct buf *ret_why)
{
	_cleanup_units_ struct unit_infos all = {0};
	int r = 0;
	for (size_t first = 0; r == 0 && first < names->n; first += UNITS_AT_ONCE) {
		_cleanup_units_ struct unit_infos some = {0};
		size_t left = names->n - first;
		r = show(names, first, left < UNITS_AT_ONCE ? left : UNITS_AT_ONCE, &some, ret_why);
		if (r == 0)
			r = move_all(&all, &some);
	}
	if (r < 0)
		return r;
	*ret = all;
	all = (struct unit_infos){0};
	return 0;
}

int unit_show(const char *name, struct unit_infos *ret, struct buf *ret_why)
{
	_cleanup_strv_ struct strv names = {0};
	int r = strv_add(&names, name);
	return r < 0 ? r : units_show(&names, ret, ret_why);
}

int sysv_script(struct host *host, const char *unit, struct buf *ret_path)
{
	_cleanup_buf_ struct buf path = {0}, real = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	if (!unit_has_type(unit, "service") || strchr(unit, '@'))
		return -ENOENT;
	int r = buf_printf(&path, "/etc/init.d/%.*s", (int)(strrchr(unit, '.') - unit), unit);
	if (r == 0)
		r = path_follow(host->root, path.data, &real);
	if (r == 0)
		r = path_open_regular(host->root, real.data, &fd, &st);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	return st.st_mode & 0111 ? buf_puts(ret_path, path.data) : -ENOENT;
}

int sysv_is_up(struct host *host, const char *script, bool *ret)
{
	_cleanup_buf_ struct buf package = {0};
	int status = 0;
	int r = host_package_of(host, script, &package);
	if (r < 0)
		return r == -ENOENT ? -EPERM : r;
	const char *argv[] = {script, "status", NULL};
	r = spawn_wait(argv, STATUS_TIMEOUT_MS, &status);
	if (r < 0)
		return r;
	/* Linux Standard Base, init script actions: 0 running; 1, 2 dead with remains; 3 not running. */
	if (status < 0 || status > 3)
		return -EOPNOTSUPP;
	*ret = status == 0;
	return 0;
}

static int do_by_script(struct host *host, const char *verb, const char *unit, struct buf *note)
{
	_cleanup_buf_ struct buf script = {0}, what = {0};
	const struct buf silence = {0};
	int status = 0;
	int r = sysv_script(host, unit, &script);
	if (r < 0)
		return buf_puts(note, "there is no such script in /etc/init.d"), r;
	const char *argv[] = {SERVICE, strrchr(script.data, '/') + 1, verb, NULL};
	const char *direct[] = {script.data, verb, NULL};
	/* A daemon keeps what the script had open: its output has no end. */
	r = spawn_wait(argv, DO_TIMEOUT_MS, &status);
	if (r == -ENOENT)
		r = spawn_wait(direct, DO_TIMEOUT_MS, &status);
	buf_printf(&what, "service %s %s", argv[1], verb);
	return spawn_explain(r, status, buf_text(&what), &silence, note);
}

int unit_do(struct host *host, const char *verb, const char *unit, struct buf *ret_note)
{
	if (!host_runs_systemd(host))
		return do_by_script(host, verb, unit, ret_note);
	const char *argv[] = {SYSTEMCTL, "--no-ask-password", verb, "--", unit, NULL};
	_cleanup_buf_ struct buf err = {0}, what = {0};
	int status = 0;
	int r = spawn_read(argv, DO_TIMEOUT_MS, NULL, &err, &status);
	buf_printf(&what, "systemctl %s", verb);
	return spawn_explain(r, status, buf_text(&what), &err, ret_note);
}

int units_reload(struct buf *ret_note)
{
	const char *argv[] = {SYSTEMCTL, "daemon-reload", NULL};
	_cleanup_buf_ struct buf err = {0};
	int status = 0;
	int r = spawn_read(argv, DO_TIMEOUT_MS, NULL, &err, &status);
	return spawn_explain(r, status, "systemctl daemon-reload", &err, ret_note);
}
