/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What rules are there, what they have done, and what became of an event; for people and for
 * machines.
 */
#ifndef RESPOND_CLI_HOOK_SHOW_H
#define RESPOND_CLI_HOOK_SHOW_H

#include "print.h"

#include "hook/handle.h"

void print_hook_result(const struct printer *p, const struct hook_result *result);
json_t *json_hook_result(const struct hook_result *result);

/* What would become of an event. ROUND may be NULL. */
struct explanation {
	const struct source *source;
	const struct rules *rules;
	const struct event *event;
	const struct decision *decision;
	const struct ledger_key *key; /* NULL: nothing was done with those values yet */
	const struct round *round;    /* NULL: it would not be planned, or */
	const char *why;              /* could not be */
	const char *left_out;         /* as in hook_result */
};

void print_explanation(const struct printer *p, const struct explanation *x, const struct host *host);
json_t *json_explanation(const struct explanation *x, const struct host *host);

/* In hook-list.c. */
void print_hooks(const struct printer *p, const struct rules *rules, const struct source *const *sources,
                 const struct ledger *ledger, int64_t now_ms);
json_t *json_hooks(const struct rules *rules, const struct source *const *sources, const struct ledger *ledger,
                   int64_t now_ms);

#endif
