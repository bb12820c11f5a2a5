/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of /proc/modules and /proc/PID/mountinfo: proc(5). Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_KERNEL_CODEC_H
#define RESPOND_PLUGINS_KERNEL_CODEC_H

#include "base/buf.h"

#include <stdint.h>

struct module_line {
	char *name;
	uint64_t size;
	char *used_by; /* "a,b," or "-" */
	char *state;   /* "Live" */
	char *taint;   /* "OE": out of tree, unsigned; "" */
};

struct mount_line {
	char *root;    /* within the filesystem, raw bytes; the kernel's \040 undone */
	char *point;
	char *options;
	char *type;
	char *source;
};

/* One line without its newline; it is altered, and what is returned points into it.
 * -EBADMSG: not such a line. */
int module_decode(char *line, struct module_line *ret);
int mount_decode(char *line, struct mount_line *ret);

#endif
