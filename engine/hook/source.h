/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A detection source: how its messages come in, and how they become events. Adding one is
 * its file in plugins/hooks and a line in sources.c.
 *
 * parse() is pure: it is run in a confined child (hook/confine.h), which has no files, no
 * network and little memory and time, and it is what the fuzzers call.
 */
#ifndef RESPOND_HOOK_SOURCE_H
#define RESPOND_HOOK_SOURCE_H

#include "hook/event.h"

enum source_input {
	INPUT_LINE,        /* one line on standard input, which may stay open behind it */
	INPUT_WHOLE,       /* standard input to its end */
	INPUT_WORDS,       /* the words behind --hook SOURCE, each ended by a NUL; without any: INPUT_WHOLE */
	INPUT_ENVIRONMENT, /* the variables that it names, as NAME=VALUE, each ended by a NUL */
};

struct source_field {
	const char *name;
	enum field_type type;
	const char *help;
};

struct source {
	const char *name;
	const char *summary;
	enum source_input input;
	size_t size_max;                  /* of a message, in bytes; a longer one is refused */
	bool lines;                       /* its messages may follow each other, a line each: --follow, --listen */
	bool lives;                       /* it starts us once and feeds us lines until SIGTERM */
	bool apart;                       /* whoever starts us waits for our end: answer, then act in a process apart */
	const char *const *variables;     /* of INPUT_ENVIRONMENT, NULL-ended */
	const struct source_field *fields; /* ended by a NULL name: those that it adds or vouches for itself */
	bool closed;                      /* there are no others: a rule that names one is wrong */
	const char *party;                /* the field that says on whose behalf: what was done for one, another's
	                                   * event does not take back. NULL: there is none */
	const char *undo_on;              /* what a rule's undo-on is when it gives none, as FIELD = VALUES; NULL: never */

	/* -EINVAL with one sentence for people in RET_WHY: not a message of this source, or of a
	 * version that is not known. A message without events (a heartbeat) is 0 with none. */
	int (*parse)(struct slice message, struct events *ret, struct buf *ret_why);

	/* The line that must be said, and whose answer must be heard, before we act on EVENT;
	 * RET is empty where there is none. NULL: never. */
	int (*greet)(const struct event *event, struct buf *ret);
	/* How the answer comes in: a source of its own, which is in no registry and is parsed in a
	 * confined child of its own. */
	const struct source *answer;
	/* What was answered. 1: go on, 0: somebody has acted already, -EINVAL. */
	int (*answered)(const struct event *answer);
};

#endif
