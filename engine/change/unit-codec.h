/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What systemd says of units, and what their files say about being installed: bytes in,
 * values out (systemctl(1) show, systemd.unit(5)).
 */
#ifndef RESPOND_CHANGE_UNIT_CODEC_H
#define RESPOND_CHANGE_UNIT_CODEC_H

#include "base/buf.h"

#include <stdint.h>
#include <sys/types.h>

struct unit_info {
	char *id;         /* its real name, whatever alias it was asked for by */
	struct strv names; /* that and its aliases */
	char *load;       /* loaded, not-found, masked, error, ... */
	char *active;     /* active, inactive, failed, activating, ... */
	char *sub;        /* running, dead, exited, waiting, ... */
	char *file_state; /* enabled, disabled, static, masked, generated, ...; "" without a file */
	char *fragment;   /* its file; "" when that is gone */
	char *source;     /* what it was generated from, e.g. /etc/init.d/NAME; "" */
	char *cgroup;     /* where its processes are; "" */
	char *invocation; /* changes whenever it is started; "" */
	struct strv drop_ins;
	struct strv triggered_by;
	struct strv triggers; /* what a socket, a timer or a path starts */
	struct strv listen;  /* of a socket: "[::]:22 (Stream)", "/run/x (Datagram)" */
	struct strv carried; /* what stops when it does: whatever requires it, is bound to it or part of it */
	uint64_t entered_us; /* when it became active, CLOCK_MONOTONIC; 0: never */
	pid_t main_pid;   /* of a service; 0: none, or systemd does not know it */
	bool transient;   /* has no file that would start it again */
};

struct unit_infos {
	struct unit_info *v;
	size_t n;
};

void unit_info_free(struct unit_info *info);
void unit_infos_free(struct unit_infos *infos);
#define _cleanup_units_ _cleanup_(unit_infos_free)

/* The properties to ask for, as "systemctl show --property" takes them. */
extern const char unit_properties[];

/* What systemctl show prints: a block of NAME=VALUE lines for each unit, blank lines
 * between them. -EBADMSG: a block without a name. */
int unit_parse_show(const struct buf *text, struct unit_infos *ret);

/* Whether it runs, or is about to: what a stop would end. */
bool unit_is_up(const struct unit_info *info);

/* "getty@tty1.service": is an instance, of the template "getty@.service". */
bool unit_is_template(const char *name);
bool unit_is_instance(const char *name);
int unit_template_of(const char *name, struct buf *ret);
bool unit_has_type(const char *name, const char *type); /* type: "service" */

/* Whether it is a socket that listens on this port of TCP, or of UDP. */
bool unit_listens_on(const struct unit_info *info, bool udp, uint16_t port);

/* What [Install] asks for. */
struct unit_install {
	struct strv wanted_by, required_by, upheld_by, alias, also;
	char *default_instance; /* NULL: none */
};

void unit_install_free(struct unit_install *install);

/* Adds what one more file of the unit says, the unit file first, then its drop-ins: an
 * empty assignment forgets what came before, as systemd has it. */
int unit_parse_install(const struct buf *file, struct unit_install *install);

/* TEXT with the specifiers that make sense in [Install] replaced for the unit NAME: %n
 * %N %p %i %j %%. -EOPNOTSUPP: another one. */
int unit_expand(const char *text, const char *name, struct buf *ret);

#endif
