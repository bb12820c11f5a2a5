/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Plans, outcomes and rollbacks as text for people: colour and trees on a terminal,
 * plain text when it is piped. Whatever comes in, no control byte goes out.
 */
#ifndef RESPOND_CLI_PRINT_H
#define RESPOND_CLI_PRINT_H

#include "core/rollback.h"
#include "core/round.h"
#include "core/runner.h"
#include "core/service.h"

#include <stdio.h>

struct printer {
	FILE *out;
	bool colour;
	const struct service *const *services; /* those that there are; NULL-ended */
};

/* The whole plan of a round, step by step, with its details. */
void print_round(const struct printer *p, const struct round *round);

/* What could not be seen. */
void print_blind(const struct printer *p, const struct host *host);

/* The last line of a dry run. */
void print_plan_summary(const struct printer *p, const struct round *round, const struct host *host);

void print_outcome(const struct printer *p, const struct change *change, enum outcome outcome, const char *note);
void print_undone(const struct printer *p, const struct change *change, enum undo undo, const char *note);
void print_reloaded(const struct printer *p, const char *service, int error, const char *note);
void print_result(const struct printer *p, const struct run_result *result);
void print_undo_plan(const struct printer *p, const struct undo_plan *plan);
void print_undo_result(const struct printer *p, const struct undo_result *result);

/* "512B", "30.7K", "1.2G". */
#define SIZE_TEXT_LEN 16
void size_text(uint64_t bytes, char ret[SIZE_TEXT_LEN]);

/* One line of an item of evidence: LOST is why it is not kept, or NULL. */
void print_evidence(const struct printer *p, const char *name, int64_t size, bool partial, const char *lost,
                    const char *summary);

/* A time in milliseconds since 1970, as the local clock says it: "2026-11-25 03:14:15". */
void time_format(int64_t ms, char ret[32]);

/* One line (no newline in it) with a mark before it, coloured by the mark. */
void print_change_line(const struct printer *p, const struct change *change, const char *indent);
void print_detail(const struct printer *p, const struct change *change, const char *indent);

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_CYAN };
void print_styled(const struct printer *p, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
