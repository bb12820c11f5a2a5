/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The profiles of sshd.harden: options that are wanted together. A profile only ever
 * tightens: where a host is stricter already (fewer tries, a key *and* a password), its
 * own value stays. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_SSHD_PROFILE_H
#define RESPOND_PLUGINS_SSHD_PROFILE_H

#include "sshd-config-edit.h"

#define SSHD_PROFILES "baseline|strict"

/* What they set, for people and for the program: "strict" sets what "baseline" does, too, with its
 * own values for what both name. */
#define SSHD_BASELINE                                                                                                  \
	"PermitRootLogin no, PasswordAuthentication no, KbdInteractiveAuthentication no, PermitEmptyPasswords no, "    \
	"HostbasedAuthentication no, IgnoreRhosts yes, PermitUserEnvironment no, StrictModes yes, X11Forwarding no, "  \
	"AllowAgentForwarding no, GatewayPorts no, PermitTunnel no, MaxAuthTries 4, LoginGraceTime 60"
#define SSHD_STRICT                                                                                                    \
	"PubkeyAuthentication yes, AuthenticationMethods publickey, DisableForwarding yes, AllowTcpForwarding no, "    \
	"AllowStreamLocalForwarding no, MaxAuthTries 3, LoginGraceTime 30"

/* Appends the options of a profile, one line each, in their order. -EINVAL: no such profile. */
int sshd_profile_options(const char *profile, struct strv *ret);

/* Whether the value ARGS is as strict as what a profile wants with OPTION, or stricter. */
bool sshd_profile_met(const struct sshd_option *option, const struct strv *args);

/* The same of a value as `sshd -T` prints it: words with blanks between. */
bool sshd_profile_met_by(const struct sshd_option *option, const char *value);

#endif
