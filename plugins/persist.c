/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * persist.find, persist.remove: the ways by which an intruder's programs are started again,
 * wherever the boot, the clock, a login, a device, the network or the package manager would.
 */
#include "accounts.h"
#include "base/clock.h"
#include "base/escape.h"
#include "foothold.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* The references by kind. */
struct references {
	struct strv paths, nets, hosts;
};

static void references_free(struct references *refs)
{
	strv_free(&refs->paths);
	strv_free(&refs->nets);
	strv_free(&refs->hosts);
}

/* "192.0.2.1:3333", "[2001:db8::1]:3333": what process.kill says of its peers. */
static int take_endpoint(const char *text, struct strv *ret)
{
	struct netaddr a;
	char plain[NETADDR_TEXT_LEN] = "";
	bool bracket = text[0] == '[';
	size_t len = strcspn(text + bracket, bracket ? "]" : ":");
	const char *end = text + bracket + len;
	if (len >= sizeof(plain) || (bracket && end[0] != ']'))
		return -EINVAL;
	const char *port = end + bracket;
	if (port[0] && (port[0] != ':' || !port[1] || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return -EINVAL;
	memcpy(plain, text + bracket, len);
	return netaddr_parse(plain, &a) < 0 ? -EINVAL : strv_add_new(ret, plain);
}

static bool is_host_name(const char *text)
{
	bool letter = false;
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p) && (unsigned char)*p < 0x80)
			return false;
		letter |= isalpha((unsigned char)*p) || (unsigned char)*p >= 0x80;
	}
	const char *dot = strchr(text, '.');
	return letter && dot && dot != text && dot[1];
}

static int take_path_of(const char *text, struct strv *ret, struct buf *ret_why)
{
	_cleanup_strv_ struct strv checked = {0};
	int r = type_check(TYPE_PATH, NULL, text, &checked, ret_why);
	return r < 0 ? r : strv_add_all(ret, &checked);
}

static int take_reference(struct plan *plan, const char *text, struct references *refs)
{
	struct netaddr a;
	_cleanup_buf_ struct buf shown = {0}, why = {0};
	int r = -EINVAL;
	if (strncmp(text, "file:", 5) == 0) { /* net.block takes such lists; they may be of millions */
		r = escape_str(&shown, text);
		return r < 0 ? r : plan_note(plan, "references: the addresses of %s are not searched for", shown.data);
	}
	if (text[0] == '/')
		r = take_path_of(text, &refs->paths, &why);
	else if (netaddr_parse(text, &a) == 0)
		r = a.prefix ? strv_add_new(&refs->nets, text) : -EINVAL;
	else if (take_endpoint(text, &refs->nets) == 0)
		r = 0;
	else if (is_host_name(text))
		r = strv_add_new(&refs->hosts, text);
	if (r != -EINVAL)
		return r;
	escape_str(&shown, text);
	return plan_fail(plan, r, "references: '%s' is no absolute path, address or host name", buf_text(&shown));
}

static int take_references(struct sweep *s, const struct strv *list, struct references *refs)
{
	_cleanup_(references_free) struct references all = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = take_reference(s->plan, list->v[i], &all);
	if (r == 0)
		r = sweep_keep_telling(s, &all.paths, &refs->paths);
	if (r == 0)
		r = strv_add_all(&refs->nets, &all.nets);
	return r < 0 ? r : strv_add_all(&refs->hosts, &all.hosts);
}

static int search_everywhere(struct sweep *s, const struct args *args)
{
	int r = accounts_load(s->host, &s->users);
	if (r == 0)
		r = sweep_places(s, cron_places);
	if (r == 0)
		r = sweep_places(s, persist_places);
	return r < 0 ? r : sweep_repositories(s, args_list(args, "tree"));
}

static int plan_sweep(struct host *host, const struct args *args, struct plan *plan, bool acts)
{
	_cleanup_(references_free) struct references refs = {0};
	_cleanup_(sweep_free) struct sweep s = {
		.host = host,
		.plan = plan,
		.acts = acts,
		.tells = true,
		.search = {
			.texts = args_list(args, "match"),
			.paths = &refs.paths,
			.hosts = &refs.hosts,
			.nets = &refs.nets,
		},
	};
	const char *since = args_text(args, "since");
	if (since)
		s.since = value_time(since, realtime_ms() / 1000);
	int r = sweep_check_texts(plan, s.search.texts);
	if (r == 0)
		r = take_references(&s, args_list(args, "references"), &refs);
	/* Lists that came out empty mean nothing to do: the time narrows what they say, and
	 * says something by itself only where they are not given. */
	bool named = args_has(args, "match") || args_has(args, "references");
	bool nothing = search_is_empty(&s.search) && (named || !since);
	if (r == 0 && !nothing)
		r = search_everywhere(&s, args);
	return r < 0 ? r : sweep_finish(&s);
}

static int plan_find(struct host *host, const struct args *args, struct plan *plan)
{
	return plan_sweep(host, args, plan, false);
}

static int plan_remove(struct host *host, const struct args *args, struct plan *plan)
{
	return plan_sweep(host, args, plan, true);
}

static const struct param params[] = {
	{"references", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "paths, addresses, prefixes and host names: an entry that leads to one of them"},
	{"match", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL,
	 "fixed text: an entry that holds one of them; with references, either is enough"},
	{"since", TYPE_TIME, PARAM_MATCHER, NULL, NULL,
	 "only what was changed since then; alone: all files of their own that were"},
	{"tree", TYPE_PATH, PARAM_LIST, NULL, NULL, "trees in which the hooks of git repositories are searched, too"},
	{0},
};

static const struct fact_decl facts[] = {
	{"file", TYPE_PATH, "the files that hold entries, or are entries as a whole"},
	{"path", TYPE_PATH, "the programs and libraries that the entries lead to, and that no package owns"},
	{"unit", TYPE_UNIT, "the system's units among them, and those that drop-ins are of"},
	{"count", TYPE_NUMBER, "how many entries, and files taken as a whole"},
	{0},
};

static const char *const techniques[] = {
	"T1053 Scheduled Task/Job",
	"T1543.002 Create or Modify System Process: Systemd Service",
	"T1546.004 Event Triggered Execution: Unix Shell Configuration Modification",
	"T1037 Boot or Logon Initialization Scripts",
	"T1574.006 Hijack Execution Flow: Dynamic Linker Hijacking",
	"T1556.003 Modify Authentication Process: Pluggable Authentication Modules",
	"T1547 Boot or Logon Autostart Execution",
	NULL,
};

const struct action persist_find = {
	.name = "persist.find",
	.summary = "find the entries by which programs are started again",
	.params = params,
	.facts = facts,
	.plan = plan_find,
	.looks = true,
};

const struct action persist_remove = {
	.name = "persist.remove",
	.summary = "remove the entries by which programs are started again, and nothing else",
	.params = params,
	.facts = facts,
	.techniques = techniques,
	.plan = plan_remove,
};
