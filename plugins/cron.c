/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cron.remove: the entries by which an intruder comes back with the clock.
 *
 * In a crontab the entry goes and the file stays; a script that run-parts or atd would
 * run goes as a whole. A link is followed only where root alone could have made it.
 */
#include "foothold.h"

#include <errno.h>
#include <string.h>

static int cron_remove_plan(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_strv_ struct strv paths = {0};
	_cleanup_(sweep_free) struct sweep s = {
		.host = host,
		.plan = plan,
		.acts = true,
		.search = {
			.texts = args_list(args, "match"),
			.paths = &paths,
			.users = args_list(args, "users"),
		},
	};
	int r = sweep_check_texts(plan, s.search.texts);
	if (r == 0)
		r = sweep_keep_telling(&s, args_list(args, "references"), &paths);
	/* A list that came out empty, all users or all texts, means nothing to do. */
	bool nobody = args_has(args, "users") && !s.search.users->n;
	bool nothing = search_is_empty(&s.search);
	if (r == 0 && !nobody && !nothing)
		r = users_load(host->root, &s.users);
	if (r == 0 && !nobody && !nothing)
		r = sweep_places(&s, cron_places);
	return r < 0 ? r : sweep_finish(&s);
}

static const struct param params[] = {
	{"match", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "fixed text: an entry whose command holds one of them, or that is one of them as a whole"},
	{"references", TYPE_PATH, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "paths: an entry whose command names one of them; with match, either is enough"},
	{"users", TYPE_USER, PARAM_LIST, NULL, NULL, "only entries that run as one of these users; default all"},
	{0},
};

static const struct fact_decl facts[] = {
	{"path", TYPE_PATH, "crontabs edited and scripts taken away"},
	{"count", TYPE_NUMBER, "how many entries and scripts"},
	{0},
};

static const char *const techniques[] = {"T1053.003 Scheduled Task/Job: Cron", NULL};

const struct action cron_remove = {
	.name = "cron.remove",
	.summary = "remove entries from crontabs, and scripts from cron's directories",
	.params = params,
	.facts = facts,
	.plan = cron_remove_plan,
	.techniques = techniques,
};
