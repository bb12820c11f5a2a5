/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report of a run (core/report.h) in the forms that it is handed on in.
 */
#ifndef RESPOND_CLI_REPORT_RENDER_H
#define RESPOND_CLI_REPORT_RENDER_H

#include "core/report.h"

/* Markdown, for a ticket or a terminal. */
int report_md(const struct report *report, struct buf *ret);

/* One page that needs nothing else: no script, no image, no font, no address. */
int report_html(const struct report *report, struct buf *ret);

/* For machines. NULL for no memory. */
json_t *report_json(const struct report *report);

/* ---- for the renderers ----------------------------------------------------------- */

/* "12 changes were made and are in force." One paragraph on how it stands. */
int report_standing(const struct report *report, struct buf *ret);

/* What became of a change, with its undo: "done, then undone". */
void report_fate(const struct report_change *change, struct buf *ret);

extern const char report_techniques_note[]; /* what the list of techniques does not say */

const char *report_kept_word(enum report_kept kept); /* "in the vault" */
const char *report_tone_word(enum report_tone tone); /* "good" */

/* "31.0 KiB", "" for what was not recorded. */
void report_size(int64_t size, struct buf *ret);

/* How long something took, for people: "2 h 5 min"; "" for no time. */
void report_span(int64_t ms, struct buf *ret);

#endif
