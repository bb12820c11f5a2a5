/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * net.block: cuts addresses off, ends what is connected with them, and, if asked to, has
 * PAM refuse logins from them.
 */
#include "change/nft-elements.h"
#include "change/pam-contain.h"
#include "change/socket-destroy.h"
#include "net-addresses.h"
#include "pam-service.h"

#include <errno.h>
#include <string.h>

extern const struct action net_block;

static int read_directions(const struct args *args, unsigned *ret)
{
	const struct strv *list = args_list(args, "direction");
	int r = 0;
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = direction_parse(list->v[i], ret);
	return r;
}

static int plan_some(struct plan *plan, struct block *like, struct addrs *addrs, bool held)
{
	struct block block = *like;
	struct change *change = NULL;
	if (!addrs->n)
		return 0;
	addrs_sort(addrs);
	block.addrs = *addrs;
	int r = block_plan(plan, &nft_elements_kind, &block, &change);
	if (r == 0)
		change->held = held;
	return r;
}

static int plan_block(struct host *host, struct plan *plan, struct block *block, bool established)
{
	_cleanup_addrs_ struct addrs held = {0}, missing = {0};
	int r = nft_elements_look(host, block, &held, &missing);
	if (r == -EEXIST)
		return plan_fail(plan, r, "a table inet respond is there that this program did not make: rename or delete it");
	if (r < 0)
		return r == -ENOMEM ? r : plan_fail(plan, r, "cannot read the nftables ruleset: %s", strerror(-r));
	r = plan_some(plan, block, &held, true);
	if (r == 0)
		r = plan_some(plan, block, &missing, false);
	return r < 0 || !established ? r : socket_destroy_plan(host, plan, block);
}

/* A service may hear of an address by other ways than packets from it: through a proxy, or
 * from a tunnel's end. */
static int plan_pam(struct host *host, struct plan *plan, const struct block *block)
{
	_cleanup_strv_ struct strv who = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = pam_inert_at_sshd(host, plan, &why);
	if (r == 0 && why.len)
		r = plan_residual(plan, "pam_respond(8) will not refuse them at sshd: %s", why.data);
	for (size_t i = 0; r == 0 && i < block->addrs.n && i <= PAM_CONTAIN_MAX; i++) {
		char text[NETADDR_TEXT_LEN];
		netaddr_format(&block->addrs.v[i], text);
		r = strv_addf(&who, "address %s", text);
	}
	if (r == 0)
		r = pam_contain_plan(host, plan, &who, block->ttl_ms);
	return r == -E2BIG ? plan_fail(plan, r, "pam: that is for %d addresses at most", PAM_CONTAIN_MAX) : r;
}

static int plan_net_block(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_block_ struct block block = {.ttl_ms = args_ms(args, "ttl", 0)};
	const struct strv *ports = args_list(args, "port");
	int r = read_directions(args, &block.group.directions);
	if (r == 0)
		r = net_addresses(host, args, "address", plan, &block.addrs);
	if (r == 0)
		r = plan_fact_number(plan, "count", (long long)block.addrs.n);
	if (r == 0 && block.addrs.n && args_yes(args, "pam"))
		r = plan_pam(host, plan, &block);
	if (r < 0 || !block.addrs.n)
		return r;
	if (!args_has(args, "port"))
		return plan_block(host, plan, &block, args_yes(args, "established"));
	for (size_t i = 0; r == 0 && i < ports->n; i++) {
		block.group.port = (uint16_t)value_number(ports->v[i]);
		r = plan_block(host, plan, &block, args_yes(args, "established"));
	}
	return r;
}

static const struct param params[] = {
	{"address", TYPE_ADDRESS, PARAM_REQUIRED | PARAM_LIST, NULL, NULL,
	 "addresses and prefixes of both families; file:/absolute/path for a list, one a line"},
	{"direction", TYPE_CHOICE, PARAM_LIST, "in, out, forward", "in|out|forward", "which packets are dropped"},
	{"port", TYPE_PORT, PARAM_LIST, NULL, NULL,
	 "only this destination port (ours for what comes in, theirs for what goes out), TCP and UDP; default all"},
	{"ttl", TYPE_DURATION, 0, NULL, NULL, "the kernel ends the block after this time; default never"},
	{"pam", TYPE_YES_NO, 0, "no", NULL, "have pam_respond(8) refuse logins from these addresses, too"},
	{"established", TYPE_YES_NO, 0, "yes", NULL, "end live connections with these addresses, too"},
	{0},
};

static const struct fact_decl facts[] = {
	{"address", TYPE_ADDRESS, "the addresses as they were given; a file: stays one"},
	{"count", TYPE_NUMBER, "how many addresses and prefixes these are, files read"},
	{0},
};

static const char *const techniques[] = {"T1071 Application Layer Protocol", "T1110 Brute Force", NULL};

const struct action net_block = {
	.name = "net.block",
	.summary = "drop all traffic with addresses, and end the connections with them",
	.params = params,
	.facts = facts,
	.plan = plan_net_block,
	.techniques = techniques,
};
