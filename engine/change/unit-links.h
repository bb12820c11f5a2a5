/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The symbolic links that enable, alias or mask a unit (systemd.unit(5)), and those that
 * have a script of init.d started at boot. What is enabled is a matter of links alone,
 * so that it can be told, changed and given back link by link.
 */
#ifndef RESPOND_CHANGE_UNIT_LINKS_H
#define RESPOND_CHANGE_UNIT_LINKS_H

#include "core/host.h"

#include <jansson.h>

struct unit_link {
	char *path;
	char *target; /* as readlink(2) gives it */
};

struct unit_links {
	struct unit_link *v;
	size_t n;
};

void unit_links_free(struct unit_links *links);
int unit_links_add(struct unit_links *links, const char *path, const char *target);
#define _cleanup_links_ _cleanup_(unit_links_free)

#define UNIT_ADMIN_DIR "/etc/systemd/system"
#define UNIT_MASK "/dev/null"

/* Where an administrator's links are, for good and until the next boot; and where those
 * of packages are, which disabling leaves alone. NULL-ended. */
extern const char *const unit_link_dirs[];
extern const char *const unit_vendor_dirs[];

/* The links below DIRS that enable a unit of one of these NAMES, or are an alias of it;
 * for a template those of its instances, too. Masks are none of them. */
int unit_links_find(struct host *host, const char *const *dirs, const struct strv *names, struct unit_links *ret);

/* The links that mask NAME: to /dev/null, in its place in DIRS. */
int unit_masks_find(struct host *host, const char *name, struct unit_links *ret);

/* The links of rc?.d that stop or start the script NAME. */
int sysv_links_find(struct host *host, const char *name, struct unit_links *ret);

/* What stands at PATH: 0 and its target, -ENOENT, -EINVAL (no symbolic link). */
int unit_link_read(struct host *host, const char *path, struct buf *ret_target);

/* The unit file of NAME, or of its template, that systemd would take if nothing was
 * masked. -ENOENT: there is none. */
int unit_file_find(struct host *host, const char *name, struct buf *ret_path);

/* Make and take away the very link; both are content with what is so already. -ESTALE:
 * something else is at its path. Flags of the directory (+i) are put back. */
int unit_link_make(struct host *host, const struct unit_link *link);
int unit_link_remove(struct host *host, const struct unit_link *link);

/* As JSON: [[path, target], ...], bytes escaped; and back. */
json_t *unit_links_json(const struct unit_links *links);
int unit_links_from_json(const json_t *json, struct unit_links *ret);

#endif
