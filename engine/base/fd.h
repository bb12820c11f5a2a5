/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files by descriptor. Paths are absolute inside a root directory that the caller
 * names by fd; nothing here follows a symbolic link unless its comment says so.
 */
#ifndef RESPOND_BASE_FD_H
#define RESPOND_BASE_FD_H

#include "base/buf.h"

#include <sys/stat.h>
#include <sys/types.h>

/* Reads from the current offset to the end. -EFBIG when there is more than MAX. */
int fd_read(int fd, size_t max, struct buf *ret);
int fd_write(int fd, const void *bytes, size_t len);

/* Onto the disk: fsync() and fdatasync(). Where a signal interrupts them they are made again;
 * after any other error nobody knows what is on the disk. */
int fd_sync(int fd);
int fd_sync_data(int fd);

/* Whether BYTES more fit into the filesystem that DIR is on: 0, -ENOSPC, -EROFS. */
int fd_check_room(int dir, unsigned long long bytes);

/* Copies the whole file behind FROM to the empty file behind TO. Holes stay holes: a
 * sparse file of a terabyte costs what it occupies. */
int fd_copy(int from, int to);

/* A file name that nobody can guess: ".respond-" and 16 hexadecimal digits. */
#define RANDOM_NAME_LEN 32
int random_name(char ret[RANDOM_NAME_LEN]);

/* openat2(2) below ROOT: no symbolic link anywhere, no magic link, no leaving of
 * ROOT. PATH is absolute ("/etc/passwd") and may be longer than PATH_MAX.
 * FLAGS as for open(2); O_CLOEXEC and O_NOFOLLOW are added. */
int path_open(int root, const char *path, int flags, int *ret_fd);

/* The directory that holds PATH (O_PATH|O_DIRECTORY) and the last name of PATH
 * (a pointer into it). -EINVAL for "/" and paths that end in "/", "." or "..". */
int path_open_parent(int root, const char *path, int *ret_dir, const char **ret_name);

/* Opens a regular file for reading. -EINVAL: not a regular file; a FIFO never blocks,
 * and neither a socket nor a device without a driver is an error of its own.
 * -EWOULDBLOCK: another process has a lease on it (F_SETLEASE in fcntl(2)), and does not let go
 * within a tenth of a second. The kernel ends the lease later (fs.lease-break-time).
 * RET_STAT may be NULL. */
int path_open_regular(int root, const char *path, int *ret_fd, struct stat *ret_stat);

/* The same for one NAME of the directory DIR. */
int name_open_regular(int dir, const char *name, int *ret_fd, struct stat *ret_stat);

/* Reads a regular file whole: path_open_regular(), and -EFBIG. */
int path_read(int root, const char *path, size_t max, struct buf *ret, struct stat *ret_stat);

/* The names in the directory behind DIR (O_PATH will do), sorted by their bytes, without
 * "." and "..". 0 or -errno. */
int dir_names(int dir, struct strv *ret);

/* Whether PATH names a file already as the kernel would: no link, no "." and no "//".
 * 1, 0, or what keeps it from being opened. */
int path_is_real(int root, const char *path);

/* PATH with the host's own symbolic links resolved (/bin/x gives /usr/bin/x), the
 * last component left as it is. A link is followed only when root alone could have
 * made it: link and every directory above it owned by root and not writable by
 * group or others. Other links: -ELOOP. */
int path_resolve(int root, const char *path, struct buf *ret);

/* The same, and the last component is followed too when it is such a link. */
int path_follow(int root, const char *path, struct buf *ret);

/* Whether only root, or the user with this effective uid, could have written what
 * PATH names: the file and every directory above it are owned by one of them and
 * not writable by group or others. 0; -EPERM with the offending path, and why, in
 * RET_WHY; or another -errno. Symbolic links are resolved, and judged the same way. */
int path_trusted(int root, const char *path, struct buf *ret_why);

#endif
