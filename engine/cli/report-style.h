/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RESPOND_CLI_REPORT_STYLE_H
#define RESPOND_CLI_REPORT_STYLE_H

extern const char report_style[]; /* all of the HTML report's CSS */

#endif
