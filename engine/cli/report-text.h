/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text that an attacker may have chosen, put into HTML and Markdown as text and nothing else.
 * Control bytes and invalid UTF-8 come out as \xNN here, too, whatever came in.
 */
#ifndef RESPOND_CLI_REPORT_TEXT_H
#define RESPOND_CLI_REPORT_TEXT_H

#include "base/buf.h"

/* Between tags; newlines and tabs stay. */
int html_text(struct buf *out, const char *text);

/* Between the double quotes of an attribute's value. */
int html_attr(struct buf *out, const char *text);

/* As a code span: the only place in Markdown where nothing is markup. One line. "" for "". */
int md_code(struct buf *out, const char *text);

/* As a fenced code block of that language ("" for none), each line behind INDENT. */
int md_block(struct buf *out, const char *language, const char *text, const char *indent);

#endif
