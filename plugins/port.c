/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * port.close: nobody gets in by a port any more. It is closed in nftables first, so that nobody
 * comes while the rest goes on; then who listens there is ended, with what would start it
 * again. By default that is what can be undone: units are stopped and disabled, processes that
 * no unit owns are stopped (SIGSTOP).
 */
#include "change/nft-ports.h"
#include "change/process-describe.h"
#include "change/process-kill.h"
#include "change/process-stop.h"
#include "change/unit-manager.h"
#include "core/action.h"
#include "port-owners.h"
#include "process-facts.h"
#include "process-reading.h"
#include "unit-job.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

extern const struct action port_close;

static int read_ports(const struct args *args, struct plan *plan, uint16_t ret[CLOSED_MAX], size_t *ret_n)
{
	const struct strv *list = args_list(args, "port");
	if (list->n > CLOSED_MAX)
		return plan_fail(plan, -E2BIG, "%zu ports are more than %d: close them in several steps", list->n, CLOSED_MAX);
	for (size_t i = 0; i < list->n; i++)
		ret[i] = (uint16_t)value_number(list->v[i]);
	*ret_n = list->n;
	return 0;
}

static int plan_units(struct host *host, struct plan *plan, const struct strv *units)
{
	struct unit_job job = {.host = host, .plan = plan, .deed = &unit_disable_deed, .now = true};
	return units->n ? unit_job_plan(&job, units) : 0;
}

static int plan_processes(struct host *host, struct plan *plan, struct processes *list, bool kill)
{
	const struct change_kind *kind = kill ? &process_kill_kind : &process_stop_kind;
	_cleanup_(selector_free) struct selector *selector = NULL;
	_cleanup_processes_ struct processes left = {0};
	int r = reading_drop_planned(plan, !kill, list, &left);
	if (r < 0 || !list->n)
		return r;
	r = reading_selector(list, &selector);
	return r < 0 ? r : processes_plan(host, plan, kind, selector, list, &left);
}

static int plan_port_close(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_port_owners_ struct port_owners owners = {0};
	const char *protocol = args_text(args, "protocol");
	uint16_t ports[CLOSED_MAX];
	struct port_question question = {
		.protocol = protocol && strcmp(protocol, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP,
		.ports = ports,
		.for_good = args_yes(args, "kill"),
	};
	int r = read_ports(args, plan, ports, &question.n);
	if (r < 0)
		return r;
	if (!question.n)
		return plan_fact_number(plan, "count", 0);
	r = nft_ports_plan(host, plan, question.protocol, ports, question.n, args_ms(args, "ttl", 0));
	if (r == 0)
		r = port_owners_find(host, &question, plan, &owners);
	if (r == 0)
		r = process_facts(host, plan, &owners.listening);
	if (r == 0)
		r = plan_units(host, plan, &owners.units);
	return r < 0 ? r : plan_processes(host, plan, &owners.alone, question.for_good);
}

static const struct param params[] = {
	{"port", TYPE_PORT, PARAM_LIST | PARAM_REQUIRED, NULL, NULL, "ports of this host"},
	{"protocol", TYPE_CHOICE, 0, "tcp", "tcp|udp", "of which protocol"},
	{"kill", TYPE_YES_NO, 0, "no", NULL,
	 "do what cannot be undone, too: kill processes that no unit owns, and stop units that nothing starts again"},
	{"ttl", TYPE_DURATION, 0, NULL, NULL, "the kernel opens the port again after this time; default never"},
	{0},
};

static const struct fact_decl facts[] = {
	PROCESS_FACTS,
	{"unit", TYPE_UNIT, "units that are stopped and disabled, by their real names"},
	{0},
};

static const char *const techniques[] = {
	"T1133 External Remote Services", "T1190 Exploit Public-Facing Application", "T1571 Non-Standard Port", NULL,
};

const struct action port_close = {
	.name = "port.close",
	.summary = "close ports of this host, and stop the units or processes that listen there",
	.params = params,
	.facts = facts,
	.plan = plan_port_close,
	.techniques = techniques,
};
