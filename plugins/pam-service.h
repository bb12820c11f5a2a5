/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether pam_respond.so has a say at a service of PAM, and at sshd.
 */
#ifndef RESPOND_PLUGINS_PAM_SERVICE_H
#define RESPOND_PLUGINS_PAM_SERVICE_H

#include "core/host.h"
#include "core/plan.h"

/* Whether the account stack of SERVICE, with the files that it includes, names MODULE: 1, 0,
 * -ENOENT (there is no such service), other -errno. RET_PASSED (may be NULL): whether a line
 * before that one lets users in by itself. PLAN may be NULL: the host as it is. */
int pam_service_has(struct host *host, const struct plan *plan, const char *service, const char *module,
                    bool *ret_passed);

/* Why what pam.contain does is without effect on logins over ssh, as a sentence (escaped);
 * empty: it is not. */
int pam_inert_at_sshd(struct host *host, struct plan *plan, struct buf *ret_why);

#endif
