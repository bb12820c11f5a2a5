/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which services are not ended or kept from starting.
 *
 * The processes that a stop would end are judged one by one, as if they were signalled
 * themselves: that is what protects the sshd that is in use, a database, this program's
 * own session, whatever the unit is called. Names protect what the host needs where its
 * unit is the one that a package brought. A unit that somebody put below /etc under such
 * a name has no more protection than its processes give it.
 */
#include "core/guard-rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

struct essential {
	const char *pattern;
	const char *what;
};

#define LOGIN "lets operators in: without it this host may be lost"
#define NETWORK "brings the network up"

static const struct essential essentials[] = {
	{"ssh.service", LOGIN},
	{"sshd.service", LOGIN},
	{"ssh.socket", LOGIN},
	{"sshd.socket", LOGIN},
	{"ssh@*.service", LOGIN},
	{"sshd@*.service", LOGIN},
	{"dropbear.service", LOGIN},
	{"dropbear.socket", LOGIN},
	{"systemd-user-sessions.service", LOGIN},
	{"systemd-logind.service", "is the login manager"},
	{"dbus.service", "is the message bus"},
	{"dbus.socket", "is the message bus"},
	{"dbus-broker.service", "is the message bus"},
	{"systemd-journald*", "is the journal"},
	{"systemd-udev*", "is the device manager"},
	{"systemd-networkd*", NETWORK},
	{"systemd-resolved.service", "resolves names"},
	{"NetworkManager*.service", NETWORK},
	{"networking.service", NETWORK},
	{"network.service", NETWORK},
	{"ifup@*.service", NETWORK},
	{"wpa_supplicant*.service", NETWORK},
	{"auditd.service", "is the audit daemon: without it the host keeps no audit log"},
	{"respond-recover.service", "keeps the deadlines of this program's runs over a reboot"},
	{"user@*.service", "is a user's own service manager: end the session instead"},
	{"init.scope", "is the service manager"},
	{"system.slice", "holds every service"},
	{"user.slice", "holds every session"},
	{"-.slice", "holds everything"},
};

/* Of these each one is part of how the host is put together. */
static const struct essential essential_types[] = {
	{"*.target", "is a state of the whole host"}, {"*.mount", "is a file system in use"},
	{"*.automount", "is a file system in use"},   {"*.swap", "is swap space in use"},
	{"*.device", "is a device"},
};

static const char *find(const struct essential *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(list[i].pattern, name, 0) == 0)
			return list[i].what;
	return NULL;
}

/* Whether somebody put the file of the unit there beside the packages. 1, 0, -errno. */
static int is_foreign(struct guard *guard, const char *path)
{
	_cleanup_buf_ struct buf owner = {0};
	bool local = path && (strncmp(path, "/etc/systemd/", 13) == 0 || strncmp(path, "/usr/local/", 11) == 0 ||
	                      strncmp(path, "/run/systemd/system/", 20) == 0);
	int r = local ? host_package_of(guard->host, path, &owner) : 0;
	return r == -ENOENT ? 1 : r < 0 ? r : 0;
}

static int check_essential(struct guard *guard, const struct subject *unit, const char *shown, struct refusal *v)
{
	const char *what = find(essential_types, sizeof(essential_types) / sizeof(*essential_types), unit->unit);
	bool by_name = !what;
	if (by_name)
		what = find(essentials, sizeof(essentials) / sizeof(*essentials), unit->unit);
	if (!what)
		return 0;
	int foreign = by_name ? is_foreign(guard, unit->path) : 0;
	if (foreign < 0)
		return guard_unsure(v, foreign, "cannot tell whether the file of %s belongs to a package", shown);
	if (foreign)
		return 0;
	return guard_refuse(guard, v, "unit.essential", "%s %s; take it out of the step", shown, what);
}

static int check_config(struct guard *guard, const struct subject *unit, const char *shown, struct refusal *v)
{
	_cleanup_buf_ struct buf template = {0};
	const char *at = strchr(unit->unit, '@'), *dot = strrchr(unit->unit, '.');
	if (at && dot && dot > at + 1)
		buf_printf(&template, "%.*s%s", (int)(at + 1 - unit->unit), unit->unit, dot);
	if (buf_error(&template))
		return buf_error(&template);
	const struct strv *names = &guard->config->units;
	if (!strv_has(names, unit->unit) && !(template.len && strv_has(names, template.data)))
		return 0;
	return guard_refuse(guard, v, "unit.protected", "%s is protected by respond.conf(5); take it out of the step",
	                    shown);
}

/* Refuses for the first process that may not be ended, by the rule that protects it. */
static int check_processes(struct guard *guard, const struct subject *unit, const char *shown, struct refusal *v)
{
	_cleanup_pids_ struct pids all = {0};
	if (!unit->cgroup || !unit->cgroup[0])
		return 0;
	int r = proc_pids(guard->host->proc, &all);
	if (r < 0)
		return guard_unsure(v, r, "cannot list the processes of %s", shown);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (!proc_in_cgroup(guard->host->proc, all.v[i], unit->cgroup))
			continue;
		_cleanup_buf_ struct buf why = {0};
		struct refusal one = {.why = &why};
		const struct subject process = {.type = SUBJECT_PROCESS, .pid = all.v[i]};
		r = guard_process(guard, &process, &one);
		if (r < 0) {
			v->rule = one.rule;
			buf_reset(v->why);
			buf_printf(v->why, "stopping %s ends its processes: %s", shown, buf_text(&why));
		}
	}
	return r;
}

int guard_unit(struct guard *guard, const struct subject *unit, struct refusal *v)
{
	_cleanup_buf_ struct buf shown = {0};
	if (!unit->unit || !unit->unit[0])
		return guard_unsure(v, -EINVAL, "a change names no unit");
	if (unit->begins)
		return 0;
	guard_text(&shown, unit->unit);
	int r = check_essential(guard, unit, buf_text(&shown), v);
	if (r == 0)
		r = check_config(guard, unit, buf_text(&shown), v);
	return r < 0 ? r : check_processes(guard, unit, buf_text(&shown), v);
}
