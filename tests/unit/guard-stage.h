/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the guard's tests share: a root to judge, questions to ask, and stand-ins for
 * services. A stand-in is a copy of the test program itself, put where a program of
 * that name would be.
 */
#ifndef RESPOND_TESTS_GUARD_STAGE_H
#define RESPOND_TESTS_GUARD_STAGE_H

#include "core/guard.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

struct stage {
	struct host host;
	struct config config;
	struct strv allow;
	struct guard *guard;
	char rule[64]; /* of the last answer, "" when it was allowed */
	struct buf why;
};

void stage_open(struct stage *s, const char *root);
void stage_close(struct stage *s);
void stage_again(struct stage *s); /* a new guard, which looks at the host again */

/* 0, or what the guard answered. */
int stage_ask(struct stage *s, const struct subject *subject);
int ask_pid(struct stage *s, pid_t pid);
int ask_address(struct stage *s, const char *text);
int ask_edit(struct stage *s, const char *path);
int ask_remove(struct stage *s, const char *path);

/* The refusal is by this rule, and its sentence is worth reading. */
void assert_refused(struct stage *s, int answer, const char *rule);
void assert_allowed(struct stage *s, int answer);

/* Own mounts and network, once; false (the test is to be skipped) without root. */
bool stage_namespaces(void);

/* Runs a program of the system; the test fails when it does. */
void stage_run(const char *const argv[]);
#define RUN(...) stage_run((const char *const[]){__VA_ARGS__, NULL})

const char *stage_ip(void); /* ip(8), NULL: not installed */

void stage_file(const char *path, const char *content); /* with its directories */

/* Copies this program to PATH and starts it: it waits, or does what MODE says ("listen": at
 * 127.0.0.1, port ARG). It has
 * a session of its own and dies with this program. */
pid_t stage_start(const char *path, const char *mode, const char *arg);
void stage_copy(const char *path);
pid_t stage_exec(const char *path, const char *mode, const char *arg);
void stage_kill(pid_t pid);

/* For main(): does what a stand-in does and never returns, when this program runs as one. */
void stage_main(int argc, char **argv);

#endif
