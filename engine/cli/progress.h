/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One line on a terminal's standard error for whatever takes longer than a second,
 * and none where standard error is no terminal.
 */
#ifndef RESPOND_CLI_PROGRESS_H
#define RESPOND_CLI_PROGRESS_H

void progress_start(void);
void progress_phase(const char *what); /* NULL: nothing is under way; copied */
void progress_stop(void);

#endif
