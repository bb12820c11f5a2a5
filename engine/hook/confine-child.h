/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The child's side of confine.h.
 *
 * A frame is a length of 32 bits (event-codec.h) and as many bytes. To the child: 32 bits, the
 * CPU time in milliseconds that it may take for all, and the messages, each with its length.
 * Back, for each message in turn: 32 bits, 0 or a positive errno; and a text: the events, or
 * why there are none.
 */
#ifndef RESPOND_HOOK_CONFINE_CHILD_H
#define RESPOND_HOOK_CONFINE_CHILD_H

#include "hook/source.h"

#include <sys/types.h>

#define FRAME_HEAD 4
#define WHY_MAX 1024

/* The most that a frame to the child, or the answer to one of so many bytes, can have. */
#define FRAME_MAX(source) (64 * 1024 + 2 * (source)->size_max)
#define ANSWER_MAX(bytes) (1024 * 1024 + 4 * (size_t)(bytes))

/* Confines this process, just forked by PARENT, and answers on SOCKET until that is closed: it
 * exits with 0 then, or before its first answer with the errno that kept it from being confined. */
void confined_child(const struct source *source, int socket, pid_t parent) __attribute__((noreturn));

#endif
