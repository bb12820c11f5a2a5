/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether the person who is at work may act: the PAM service "respond" is asked about the
 * account that they logged in to (pam_acct_mgmt(3)), not about root, whom sudo(8) made of
 * them.
 */
#ifndef RESPOND_CLI_AUTHORISE_H
#define RESPOND_CLI_AUTHORISE_H

/* For WHAT ("a run"). EXIT_DONE, or EXIT_REFUSED once it has been said why. What was begun by
 * those who might (recovery, deadlines) is not asked about again. */
int authorise(const char *what);

#endif
