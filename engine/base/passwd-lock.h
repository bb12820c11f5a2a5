/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lock under which passwd(1), usermod(8) and the like alter /etc/passwd and
 * /etc/shadow: the one of lckpwdf(3), taken without its alarm and its 15 seconds.
 */
#ifndef RESPOND_BASE_PASSWD_LOCK_H
#define RESPOND_BASE_PASSWD_LOCK_H

/* Held until RET_FD is closed. -ETIMEDOUT: somebody else had it all the time. */
int passwd_lock(int root, int timeout_ms, int *ret_fd);

#endif
