/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs that are put together record by record, and what their reports must have.
 */
#ifndef RESPOND_TESTS_REPORT_STAGE_H
#define RESPOND_TESTS_REPORT_STAGE_H

#include "report-render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOON 1795608000000 /* 2026-11-25 12:00:00 UTC */
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_HASH "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* An empty run, and one of three steps (files, cron, gone) with its head. */
struct run *begin_bare(const char *id);
struct run *begin(const char *description);
void end(struct run *run, struct report *report);

/* Adds a record, as it is read back, not as it is made, one second later than the one before. */
void add(struct run *run, const char *type, json_t *fields);
void intend_move(struct run *run, unsigned id, const char *step, const char *path, int64_t confirm_by);
void intend_kill(struct run *run, unsigned id, const char *comm, const char *exe);
void result(struct run *run, const char *type, unsigned id, const char *word, const char *note);
json_t *process(int pid, int ppid, const char *comm, const char *exe);

struct report *report_of(const struct run *run); /* at NOON */
char *rendered(const struct report *report, int (*render)(const struct report *report, struct buf *ret)); /* malloc'd */

void assert_has(const char *text, const char *what);
void assert_has_not(const char *text, const char *what);

/* Every tag is one that we write, with attributes that we write, and is closed where it was
 * opened: hostile text neither opened nor closed one. */
void assert_page_is_whole(const char *page);

#endif
