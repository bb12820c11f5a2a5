/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A file that hands a secret over to root, who takes it from there: made where nothing
 * stood, mode 0600, whole or not at all, in a directory that root alone can write to.
 */
#ifndef RESPOND_CHANGE_SECRET_FILE_H
#define RESPOND_CHANGE_SECRET_FILE_H

#include "core/change.h"

#define SECRET_FILE_MAX 4096

/* Whether a file may be made at PATH: -EEXIST, -EPERM (others can write to its directory), ... */
int secret_file_check(struct host *host, const char *path);

/* While planning: change C hands BYTES over in the file PATH. They stay in memory, in
 * c->secret; its data gets "file", and their SHA-256 as "file-sha256". */
int secret_file_note(struct change *c, const char *path, const struct buf *bytes);

/* The path, NULL where the change hands nothing over: then all below do nothing. */
const char *secret_file_of(const struct change *c);

/* For apply, before what needs the secret is done. -ENOKEY: it is lost, for this change was
 * decoded from a journal and had not been made. Otherwise 0 or -errno, and nothing is left. */
int secret_file_make(struct host *host, const struct change *c, struct effect *effect);

/* For revert: takes the file away where it still holds the secret and nothing else. What
 * cannot be taken away is in the note. */
void secret_file_drop(struct host *host, const struct change *c, struct effect *effect);

/* For settle: takes away what a make has left that was cut short. 0 or -errno. */
int secret_file_settle(struct host *host, const struct change *c, struct effect *effect);

#endif
