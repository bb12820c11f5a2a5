/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How the parts of a report are made. The first error is kept in the report: its makers go
 * on, and report_new() asks once.
 */
#ifndef RESPOND_CORE_REPORT_PARTS_H
#define RESPOND_CORE_REPORT_PARTS_H

#include "core/report.h"

/* A field of a record as text to be shown: where it is escaped text that was escaped once more
 * for the journal (said), or bytes that were escaped for the journal (shown). malloc'd, ""
 * where there is none. */
char *report_said(struct report *report, const json_t *record, const char *field);
char *report_shown(struct report *report, const json_t *record, const char *field);

char *report_safe(struct report *report, const char *escaped); /* the last net: NULL is "" */
char *report_printf(struct report *report, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* V with room for one more of SIZE bytes, zeroed, behind its *N, which is counted. NULL after
 * an error: V is as it was. */
void *report_more(struct report *report, void *v, size_t *n, size_t size);

/* The step of that name; made where there is none yet, NULL after an error. */
struct report_step *report_step(struct report *report, const char *name);

/* Of an "operator": "login uid 1000, uid 0"; "the command line"; and both,
 * "login uid 1000, uid 0, by the command line". "" where it does not tell. */
char *report_operator(struct report *report, const json_t *operator);
char *report_trigger(struct report *report, const json_t *operator);
char *report_author(struct report *report, const json_t *operator);

void report_events(struct report *report);
void report_items(struct report *report);
void report_tasks(struct report *report, int64_t now);

#endif
