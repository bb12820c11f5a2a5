/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of a log in which sshd says who logged in, or tried to: OpenSSH 9.2, auth.c,
 * auth_log(),
 *
 *     Accepted|Failed METHOD for [invalid user ]USER from ADDRESS port N ssh2[: KEY]
 *
 * as syslog writes them to auth.log ("Nov 25 03:14:15 HOST sshd[123]: ", local time without a
 * year; or RFC 3339), and journalctl -o short-unix ("1764036855.123456 HOST sshd[123]: ").
 * sshd-session (OpenSSH 9.8 and later) is sshd, too. rsyslog's "message repeated N times: [
 * ...]" counts N times.
 *
 * What a client says is USER, if there is no such account, and the text of a certificate in
 * KEY; both may look like the rest of the line. Where a line can be read in more than one way
 * for that, it is told apart, so that nobody gets an address of his choice blamed. Failures of
 * the method "none" are no attempts: clients ask by it what there is. Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_SSHD_LOG_PARSE_H
#define RESPOND_PLUGINS_SSHD_LOG_PARSE_H

#include "base/netaddr.h"

#include <stddef.h>

#define LOGIN_USER_LEN 128
#define LOGIN_FINGERPRINT_LEN 51

struct login {
	int64_t time;     /* seconds since 1970 */
	unsigned times;   /* usually 1 */
	bool accepted;
	bool key;         /* by a key or a ticket: guessing leads nowhere */
	bool invalid;     /* there is no such account */
	bool has_address;
	struct netaddr address;
	char method[32];
	char user[LOGIN_USER_LEN]; /* raw bytes without NUL; cut */
	char fingerprint[LOGIN_FINGERPRINT_LEN]; /* of the key, "" for none */
};

/* NOW, in seconds since 1970, tells which year a line means that has none. 1: a login; 0:
 * something else; -EBADMSG: a login that can be read in more than one way. */
int sshd_log_parse(const char *line, size_t len, int64_t now, struct login *ret);

#endif
