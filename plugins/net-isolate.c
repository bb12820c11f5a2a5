/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * net.isolate: cuts the host off from everybody but its management.
 */
#include "change/nft-isolate.h"
#include "net-addresses.h"

#include <errno.h>

extern const struct action net_isolate;

static int check_addresses(struct plan *plan, const struct addrs *management)
{
	if (!management->n)
		return plan_fail(plan, -EINVAL, "there is no management address: nobody would get in");
	if (management->n > ISOLATE_MAX)
		return plan_fail(plan, -E2BIG, "%zu management addresses are more than %d: name networks instead",
		                 management->n, ISOLATE_MAX);
	for (size_t i = 0; i < management->n; i++)
		if (!management->v[i].prefix)
			return plan_fail(plan, -EINVAL, "a management address of length /0 is everybody: nothing would be isolated");
	return 0;
}

static int plan_net_isolate(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_addrs_ struct addrs management = {0};
	int r = net_addresses(host, args, "management", plan, &management);
	if (r == 0)
		r = check_addresses(plan, &management);
	return r < 0 ? r : nft_isolate_plan(host, plan, &management);
}

static const struct param params[] = {
	{"management", TYPE_ADDRESS, PARAM_REQUIRED | PARAM_LIST, NULL, NULL,
	 "addresses and prefixes that the host still talks with; file:/absolute/path for a list, one a line"},
	{0},
};

static const struct fact_decl facts[] = {
	{"management", TYPE_ADDRESS, "the management addresses as they were given; a file: stays one"},
	{0},
};

static const char *const techniques[] = {
	"T1021 Remote Services", "T1041 Exfiltration Over C2 Channel", "T1071 Application Layer Protocol", NULL,
};

const struct action net_isolate = {
	.name = "net.isolate",
	.summary = "drop all traffic but that with management addresses",
	.params = params,
	.facts = facts,
	.plan = plan_net_isolate,
	.techniques = techniques,
};
