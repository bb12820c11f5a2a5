/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Harmless stand-ins for the tests of processes: copies of the test program itself
 * that sleep, pose, hop and restart each other until an absolute deadline.
 */
#ifndef RESPOND_TESTS_PROCESS_STAGE_H
#define RESPOND_TESTS_PROCESS_STAGE_H

#include "core/host.h"

#include <sys/types.h>

#define ACT_SECONDS 300 /* no stand-in lives longer */

struct stage {
	struct host host;
	char dir[64];
};

/* To be called first by main(): plays the part and never returns if the program was
 * started as a stand-in. */
void act_if_asked(int argc, char **argv);

int stage_make(void **state);
int stage_drop(void **state); /* ends all that was started */

/* Starts a copy of this program as DIR/FILE with the given argv[0] (NULL: its path) in
 * the named part, with one argument (may be NULL), and waits until it plays. */
pid_t stage_start(struct stage *stage, const char *file, const char *argv0, const char *part, const char *argument);

char stage_state(struct stage *stage, pid_t pid); /* the letter of proc(5), 0 if it has gone */
void stage_await_state(struct stage *stage, pid_t pid, char state);

/* How many live processes run DIR/FILE. */
size_t stage_count(struct stage *stage, const char *file);

/* Reaps what has ended. */
void stage_reap(void);

#endif
