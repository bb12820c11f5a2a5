/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A file that an operator wants written, at a name of his choice: made new, and given up as a
 * whole when writing it fails.
 */
#ifndef RESPOND_BASE_NEW_FILE_H
#define RESPOND_BASE_NEW_FILE_H

struct new_file {
	int dir;
	char *name;
	int fd; /* to read and write, mode 0600 */
};

/* PATH is absolute, below ROOT. The directory must be there; a link on the way to it is
 * followed only where root alone could have made it (-ELOOP), and nothing that has the name
 * already is touched (-EEXIST). */
int new_file_make(int root, const char *path, struct new_file *ret);

/* Makes it durable, and closes it. */
int new_file_finish(struct new_file *file);

/* Removes it, and closes it. */
void new_file_drop(struct new_file *file);

#endif
