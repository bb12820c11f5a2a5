/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parts of the HTML report. Everything that is not written in these files goes through
 * html_text() or html_attr().
 */
#ifndef RESPOND_CLI_REPORT_HTML_H
#define RESPOND_CLI_REPORT_HTML_H

#include "core/report.h"

/* The text between two pieces of markup; nothing at all where there is no text. */
void html_put(struct buf *out, const char *before, const char *text, const char *after);
void html_badge(struct buf *out, enum report_tone tone, const char *text);

/* A time of the journal, with date and zone or as a time of day. */
void html_moment(struct buf *out, const char *time, bool date);
void html_tasks(struct buf *out, const char *class, const struct report_tasks *tasks);

void html_outcomes(struct buf *out, const struct report *report);
void html_changes(struct buf *out, const struct report *report);
void html_items(struct buf *out, const struct report *report);
void html_rest(struct buf *out, const struct report *report);

#endif
