/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What sshd itself makes of a configuration, said by `sshd -t` and `sshd -T -C`. It
 * reads the very bytes that were loaded (memory files stand for the files that
 * Include lines name), so a planned edit can be judged before it is made, and
 * nothing is written anywhere.
 *
 * sshd answers root only (it wants the host keys) and insists on its directory
 * /run/sshd. Where it cannot be asked, sshd_config_guess() goes by the text of the files.
 */
#ifndef RESPOND_PLUGINS_SSHD_EFFECTIVE_H
#define RESPOND_PLUGINS_SSHD_EFFECTIVE_H

#include "sshd-config.h"

#define SSHD_PROGRAM "/usr/sbin/sshd"

/* A configuration ready to be asked about. */
struct sshd_view {
	const struct sshd_config *config;
	int *fds;
	struct strv paths; /* by file: what sshd opens instead of it */
};

int sshd_view_open(const struct sshd_config *config, struct sshd_view *ret);
void sshd_view_close(struct sshd_view *view);

/* 0: valid. -EINVAL: sshd refuses it; -EOPNOTSUPP: sshd cannot be asked. Both with its
 * own words (escaped, real file names) in RET_WHY. Other -errno. */
int sshd_test(const struct sshd_view *view, struct buf *ret_why);

/* `sshd -T -C`. C may be NULL: the global section. Errors as above. */
int sshd_dump(const struct sshd_view *view, const struct sshd_case *c, struct buf *ret, struct buf *ret_why);

/* The value of a keyword in a dump; of one with several lines, all of them, joined by
 * a comma. -ENOENT. */
int sshd_dump_value(const struct buf *dump, const char *keyword, struct buf *ret);
bool sshd_dump_is(const struct buf *dump, const char *keyword, const char *value);

#endif
