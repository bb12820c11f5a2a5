/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * session.end: ends login sessions, by whose they are, where they come from, how old they are.
 */
#include "core/action.h"
#include "sessions.h"

#include <errno.h>
#include <string.h>

extern const struct action session_end;

/* A list in a file is for blocking: there are more addresses in it than sessions. */
static int check_addresses(struct plan *plan, const struct strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->v[i], "file:", 5) == 0)
			return plan_fail(plan, -EINVAL, "address: sessions are told by single addresses and prefixes, not by file:");
	return 0;
}

static int plan_end(struct host *host, const struct args *args, struct plan *plan)
{
	const struct session_filter filter = {
		.users = args_has(args, "user") ? args_list(args, "user") : NULL,
		.addresses = args_has(args, "address") ? args_list(args, "address") : NULL,
		.older_ms = args_ms(args, "older-than", 0),
	};
	int r = check_addresses(plan, args_list(args, "address"));
	return r < 0 ? r : sessions_plan_end(host, plan, &filter, true);
}

static const struct param params[] = {
	{"user", TYPE_USER, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "sessions of these accounts, by name, not by uid"},
	{"address", TYPE_ADDRESS, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "sessions from these addresses and prefixes"},
	{"older-than", TYPE_DURATION, PARAM_MATCHER, NULL, NULL, "sessions that have lasted at least so long"},
	{0},
};

static const struct fact_decl facts[] = {
	{"user", TYPE_USER, "whose sessions are ended"},
	{"address", TYPE_ADDRESS, "where they come from"},
	{"pid", TYPE_PID, "the processes that hold them"},
	{"count", TYPE_NUMBER, "how many they are"},
	{0},
};

static const char *const techniques[] = {"T1021.004 Remote Services: SSH", NULL};

const struct action session_end = {
	.name = "session.end",
	.summary = "end login sessions, never the operator's own; evidence is kept, no undo",
	.params = params,
	.facts = facts,
	.plan = plan_end,
	.techniques = techniques,
};
