/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What programs that manage packages print, read: apt-get(8) with --simulate, dpkg-query(1),
 * dnf(8) with --assumeno, and rpm(8). Pure, no I/O.
 */
#ifndef RESPOND_CHANGE_PACKAGE_CODEC_H
#define RESPOND_CHANGE_PACKAGE_CODEC_H

#include "base/buf.h"

#include <jansson.h>

enum package_state {
	PACKAGE_ABSENT,    /* not installed, and nothing of it is there */
	PACKAGE_REMOVED,   /* not installed; its configuration files are still there */
	PACKAGE_INSTALLED,
	PACKAGE_HALFWAY,   /* unpacked, not configured, broken */
};

struct package {
	char *name;    /* "fail2ban"; "libc6:i386" where it is of another architecture */
	char *version; /* "" if unknown */
	enum package_state state;
};

struct package_set {
	struct package *v;
	size_t n;
};

int package_set_add(struct package_set *set, const char *name, const char *version, enum package_state state);
struct package *package_set_find(const struct package_set *set, const char *name); /* NULL: not in it */
int package_set_names(const struct package_set *set, struct strv *ret); /* appends them */
void package_set_free(struct package_set *set);
#define _cleanup_packages_ _cleanup_(package_set_free)

/* What would be installed and what would be removed. An upgrade is in both. -EBADMSG: a
 * line that cannot be understood. */
int apt_parse_simulation(const struct buf *text, struct package_set *ret_install, struct package_set *ret_remove);

/* The lines of dpkg-query --show with DPKG_FORMAT. Of the same name once for each
 * architecture: the one that is installed counts. */
#define DPKG_FORMAT "${binary:Package}\\t${Version}\\t${db:Status-Status}\\n"
int dpkg_parse_status(const struct buf *text, struct package_set *ret);

/* The transaction that dnf would make. -ENODATA: it says of none. -EPERM, and what in RET_WHY
 * (escaped): it passes over packages, or is no matter of packages alone (module streams).
 * -EBADMSG: a part of it cannot be understood. */
int dnf_parse_transaction(const struct buf *text, struct package_set *ret_install, struct package_set *ret_remove,
                          struct buf *ret_why);

/* The lines of rpm --query with RPM_FORMAT; RET_ABSENT: how many it says are not installed. */
#define RPM_FORMAT "%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n"
int rpm_parse_query(const struct buf *text, struct package_set *ret, size_t *ret_absent);

/* All that rpm --query --all with RPM_FORMAT, or dpkg-query --show with DPKG_LIST_FORMAT, has said before
 * and after packages were installed: the names and versions that came, and those that went. What is in
 * EXPECTED is not meant. */
#define DPKG_LIST_FORMAT "${binary:Package}\\t${Version}\\n"
int packages_compare(const struct buf *before, const struct buf *after, const struct package_set *expected,
                     struct strv *ret_came, struct strv *ret_went);

/* Who needs what rpm --erase was to remove: the first that it names. */
bool rpm_needed_by(const struct buf *text, struct buf *ret);

/* Whether dpkg --verify, or rpm --verify, says that a configuration file is not as the package brought it. */
bool dpkg_configuration_changed(const struct buf *text);

/* [[name, version, whether configuration files were there before], ...] (NULL: no memory), and
 * back (-EBADMSG, also for none). */
json_t *package_set_json(const struct package_set *set);
int package_set_from_json(const json_t *array, struct package_set *ret);

#endif
