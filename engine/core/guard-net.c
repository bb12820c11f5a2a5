/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which addresses are never cut off.
 *
 * Every protected address or network, whatever it is protected for, is one entry of a
 * sorted list. An address is refused when it overlaps an entry in either direction, so
 * no prefix gets around a rule. A question takes a binary search for each length of
 * prefix in the list: a million addresses may be asked for.
 */
#include "core/guard-rules.h"
#include "base/fd.h"
#include "base/route.h"
#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
	struct netaddr net;
	unsigned order; /* entries of earlier rules are named first */
	const char *rule;
	char *what; /* "this host's default gateway" */
};

struct net_facts {
	struct entry *v;
	size_t n, cap;
	bool lengths4[33], lengths6[129]; /* the lengths of prefix that occur */
	unsigned order;
};

static const struct {
	const char *net;
	const char *rule;
	const char *what;
} fixed_nets[] = {
	{"127.0.0.0/8", "net.loopback", "loopback: the host talks to itself there"},
	{"::1", "net.loopback", "loopback: the host talks to itself there"},
	{"0.0.0.0/8", "net.unspecified", "\"this host\", which stands for every address"},
	{"::", "net.unspecified", "\"this host\", which stands for every address"},
	{"224.0.0.0/4", "net.multicast", "multicast"},
	{"ff00::/8", "net.multicast", "multicast, on which IPv6 finds its neighbours"},
	{"255.255.255.255", "net.broadcast", "broadcast"},
	{"169.254.0.0/16", "net.link-local", "link-local: the host configures its network there"},
	{"fe80::/10", "net.link-local", "link-local: IPv6 finds neighbours and routers there"},
};

#define RESOLVER "a name server that this host asks"
#define TIME "a time server that this host asks"
#define DHCP "the server that gave this host its address"

/* Files in which the host's own services are named, as lines of a keyword and
 * addresses; a name that ends in "/" is a directory of such files. */
static const struct {
	const char *file;
	const char *keyword;
	const char *rule;
	const char *what;
} service_files[] = {
	{"/etc/resolv.conf", "nameserver", "net.resolver", RESOLVER},
	{"/run/systemd/resolve/resolv.conf", "nameserver", "net.resolver", RESOLVER},
	{"/run/NetworkManager/no-stub-resolv.conf", "nameserver", "net.resolver", RESOLVER},
	{"/etc/systemd/resolved.conf", "DNS", "net.resolver", RESOLVER},
	{"/etc/systemd/timesyncd.conf", "NTP", "net.time-server", TIME},
	{"/etc/chrony/chrony.conf", "server", "net.time-server", TIME},
	{"/etc/chrony.conf", "server", "net.time-server", TIME},
	{"/etc/ntpsec/ntp.conf", "server", "net.time-server", TIME},
	{"/etc/ntp.conf", "server", "net.time-server", TIME},
	{"/run/systemd/netif/leases/", "SERVER_ADDRESS", "net.dhcp-server", DHCP},
	{"/var/lib/dhcp/", "option dhcp-server-identifier", "net.dhcp-server", DHCP},
};

#define SERVICE_FILE_MAX (1024 * 1024)

void net_facts_free(struct net_facts **facts)
{
	if (!*facts)
		return;
	for (size_t i = 0; i < (*facts)->n; i++)
		free((*facts)->v[i].what);
	free((*facts)->v);
	free(*facts);
	*facts = NULL;
}

static int protect(const struct guard *guard, struct net_facts *f, const struct netaddr *net, const char *rule,
                   const char *what)
{
	if (guard_lifted(guard, rule) || (net->family != AF_INET && net->family != AF_INET6))
		return 0;
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct entry *v = reallocarray(f->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		f->v = v;
		f->cap = cap;
	}
	char *copy = strdup(what);
	if (!copy)
		return -ENOMEM;
	f->v[f->n++] = (struct entry){*net, f->order++, rule, copy};
	(net->family == AF_INET ? f->lengths4 : f->lengths6)[net->prefix] = true;
	return 0;
}

static int add_fixed(struct guard *guard, struct net_facts *f)
{
	for (size_t i = 0; i < sizeof(fixed_nets) / sizeof(fixed_nets[0]); i++) {
		struct netaddr net;
		int r = netaddr_parse(fixed_nets[i].net, &net);
		if (r == 0)
			r = protect(guard, f, &net, fixed_nets[i].rule, fixed_nets[i].what);
		if (r < 0)
			return r;
	}
	return 0;
}

struct adding {
	struct guard *guard;
	struct net_facts *facts;
	const char *rule;
	const char *what;
};

static int add_address(void *ctx, const struct netaddr *address)
{
	const struct adding *a = ctx;
	return protect(a->guard, a->facts, address, a->rule, a->what);
}

static int add_broadcasts(struct guard *guard, struct net_facts *f)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return -errno;
	int r = 0;
	for (const struct ifaddrs *i = all; r == 0 && i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_BROADCAST) ||
		    !i->ifa_broadaddr)
			continue;
		struct netaddr address;
		netaddr_from_bytes(AF_INET, &((const struct sockaddr_in *)(const void *)i->ifa_broadaddr)->sin_addr,
		                   &address);
		r = protect(guard, f, &address, "net.broadcast", "the broadcast address of a network of this host");
	}
	freeifaddrs(all);
	return r;
}

static int add_routes(struct guard *guard, struct net_facts *f)
{
	struct adding own = {guard, f, "net.own", "this host's own address"};
	struct adding gateway = {guard, f, "net.gateway", "this host's default gateway"};
	/* Own addresses first: getifaddrs(3) names one of them as the broadcast address of a
	 * network that has none. */
	int r = route_own_addresses(add_address, &own);
	if (r == 0)
		r = add_broadcasts(guard, f);
	return r < 0 ? r : route_gateways(add_address, &gateway);
}

/* "nameserver fe80::1%eth0", "DNS=192.0.2.53#dns.example": what is no address is no
 * business of ours. */
static int add_line(struct guard *guard, struct net_facts *f, size_t which, char *line)
{
	const char *keyword = service_files[which].keyword, *separators = " \t\r=,;";
	line += strspn(line, " \t");
	size_t len = strlen(keyword);
	if (strncmp(line, keyword, len) != 0 || !line[len] || !strchr(separators, line[len]))
		return 0;
	char *save = NULL;
	for (char *word = strtok_r(line + len, separators, &save); word; word = strtok_r(NULL, separators, &save)) {
		struct netaddr address;
		word[strcspn(word, "%#")] = '\0';
		if (netaddr_parse(word, &address) < 0)
			continue;
		int r = protect(guard, f, &address, service_files[which].rule, service_files[which].what);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_service_file(struct guard *guard, struct net_facts *f, size_t which, const char *file)
{
	_cleanup_buf_ struct buf path = {0}, text = {0}, shown = {0};
	int r = path_follow(guard->host->root, file, &path);
	if (r == 0)
		r = path_read(guard->host->root, buf_text(&path), SERVICE_FILE_MAX, &text, NULL);
	if (r == -ENOENT || r == -ENOTDIR || r == -EINVAL)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		host_blind(guard->host, "cannot read %s (%s): %s may go unprotected", guard_text(&shown, file),
		           strerror(-r), service_files[which].what);
		return 0;
	}
	for (struct slice rest = slice_of(&text); rest.len && r == 0;) {
		struct slice whole;
		_cleanup_free_ char *line = slice_dup(take_line(&rest, false, &whole)); /* to a NUL, as the C library reads */
		r = line ? add_line(guard, f, which, line) : -ENOMEM;
	}
	return r;
}

static int add_service_dir(struct guard *guard, struct net_facts *f, size_t which, const char *path)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	if (path_open(guard->host->root, path, O_RDONLY | O_DIRECTORY, &dir) < 0)
		return 0;
	int r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf file = {0};
		if (names.v[i][0] == '.')
			continue;
		r = buf_printf(&file, "%s%s", path, names.v[i]);
		if (r == 0)
			r = add_service_file(guard, f, which, buf_text(&file));
	}
	return r;
}

static int add_services(struct guard *guard, struct net_facts *f)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(service_files) / sizeof(service_files[0]); i++) {
		const char *file = service_files[i].file;
		r = file[strlen(file) - 1] == '/' ? add_service_dir(guard, f, i, file)
		                                  : add_service_file(guard, f, i, file);
	}
	return r;
}

struct session {
	struct guard *guard;
	struct net_facts *facts;
	const struct socket_facts *sockets;
	const char *rule;
	const char *what;
	bool accepted_only; /* leave out connections that were not made to a listening port */
};

static int add_peer(void *ctx, uint32_t inode)
{
	struct session *s = ctx;
	const struct socket_fact *fact = socket_by_inode(s->sockets, inode);
	if (!fact || !fact->peer.family || (s->accepted_only && !socket_port_listens(s->sockets, fact->local_port)))
		return 0;
	return protect(s->guard, s->facts, &fact->peer, s->rule, s->what);
}

/* A process that has gone, or whose files are out of sight, adds nothing. */
static int add_peers(struct session *s, pid_t pid)
{
	int r = proc_sockets(s->guard->host->proc, pid, add_peer, s);
	if (r == -EACCES || r == -EPERM) {
		host_blind(s->guard->host,
		           "cannot look at the sockets of pid %d (no permission): where its session comes from "
		           "is not known",
		           (int)pid);
		return 0;
	}
	return r == -ENOENT || r == -ESRCH ? 0 : r;
}

/* The environment is whatever somebody made of it: it can only add protection. */
static int add_environment(struct guard *guard, struct net_facts *f)
{
	static const char *const names[] = {"SSH_CONNECTION", "SSH_CLIENT"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = getenv(names[i]);
		struct netaddr address;
		char word[NETADDR_TEXT_LEN];
		size_t len = text ? strcspn(text, " %") : 0;
		if (!len || len >= sizeof(word))
			continue;
		memcpy(word, text, len);
		word[len] = '\0';
		int r = netaddr_parse(word, &address);
		if (r == 0 && netaddr_is_host(&address))
			r = protect(guard, f, &address, "net.operator", "where your own SSH session comes from");
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

/* Whatever started this program, a shell behind sshd or an agent that answers to its
 * manager: the other ends of its connections are how the operator gets here. */
static int add_operator(struct guard *guard, struct net_facts *f)
{
	struct session s = {guard, f, NULL, "net.operator", "where your own session comes from", false};
	const struct pids *ancestors;
	int r = guard_lifted(guard, s.rule) ? 1 : guard_ancestors(guard, &ancestors);
	if (r != 0)
		return r < 0 ? r : 0;
	r = guard_sockets(guard, &s.sockets);
	for (size_t i = 0; r == 0 && i < ancestors->n; i++)
		r = add_peers(&s, ancestors->v[i]);
	return r < 0 ? r : add_environment(guard, f);
}

/* The name is asked for first because it is cheap; only the executable counts. */
static bool is_login(struct guard *guard, pid_t pid)
{
	char comm[64];
	return proc_comm(guard->host->proc, pid, comm) == 0 && strncmp(comm, "sshd", 4) == 0 &&
	       guard_is_login(guard, pid);
}

static int add_logins(struct guard *guard, struct net_facts *f)
{
	struct session s = {guard, f, NULL, "net.ssh-peer", "where an SSH session comes from that is open now", true};
	_cleanup_pids_ struct pids pids = {0};
	if (guard_lifted(guard, s.rule))
		return 0;
	int r = guard_sockets(guard, &s.sockets);
	if (r == 0)
		r = proc_pids(guard->host->proc, &pids);
	for (size_t i = 0; r == 0 && i < pids.n; i++)
		if (is_login(guard, pids.v[i]))
			r = add_peers(&s, pids.v[i]);
	return r;
}

static int add_config(struct guard *guard, struct net_facts *f)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < guard->config->n_addresses; i++)
		r = protect(guard, f, &guard->config->addresses[i], "net.protected", "protected by respond.conf(5)");
	return r;
}

static int by_net(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = netaddr_cmp(&x->net, &y->net);
	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static int get_facts(struct guard *guard, const struct net_facts **ret)
{
	static int (*const add[])(struct guard *guard, struct net_facts *f) = {
		add_fixed, add_routes, add_services, add_operator, add_logins, add_config,
	};
	if (!guard->net) {
		struct net_facts *f = calloc(1, sizeof(*f));
		int r = f ? 0 : -ENOMEM;
		for (size_t i = 0; r == 0 && i < sizeof(add) / sizeof(add[0]); i++)
			r = add[i](guard, f);
		if (r < 0) {
			net_facts_free(&f);
			return r;
		}
		if (f->n)
			qsort(f->v, f->n, sizeof(*f->v), by_net);
		guard->net = f;
	}
	*ret = guard->net;
	return 0;
}

/* The first entry that is not below NET in the order of by_net(). */
static size_t lower_bound(const struct net_facts *f, const struct netaddr *net)
{
	size_t low = 0, high = f->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (netaddr_cmp(&f->v[middle].net, net) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The network of LENGTH bits that A lies in. */
static struct netaddr widen(const struct netaddr *a, unsigned length)
{
	struct netaddr net = *a;
	net.prefix = length;
	unsigned whole = length / 8;
	if (length % 8)
		net.bytes[whole++] &= (uint8_t)(0xff << (8 - length % 8));
	memset(net.bytes + whole, 0, sizeof(net.bytes) - whole);
	return net;
}

static void pick(const struct entry **best, const struct entry *e)
{
	if (!*best || e->order < (*best)->order)
		*best = e;
}

/* The entry that A overlaps, the one of the earliest rule; NULL: none. */
static const struct entry *find(const struct net_facts *f, const struct netaddr *a)
{
	const struct entry *best = NULL;
	const bool *lengths = a->family == AF_INET ? f->lengths4 : f->lengths6;
	for (unsigned length = 0; length < a->prefix; length++) {
		if (!lengths[length])
			continue;
		struct netaddr net = widen(a, length);
		for (size_t i = lower_bound(f, &net); i < f->n && netaddr_cmp(&f->v[i].net, &net) == 0; i++)
			pick(&best, &f->v[i]);
	}
	for (size_t i = lower_bound(f, a); i < f->n && netaddr_contains(a, &f->v[i].net); i++)
		pick(&best, &f->v[i]);
	return best;
}

static unsigned floor_of(const struct guard *guard, int family)
{
	return family == AF_INET ? guard->config->min_prefix4 : guard->config->min_prefix6;
}

static int refuse_entry(struct guard *guard, const struct netaddr *a, const char *shown, const struct entry *e,
                        struct refusal *v)
{
	char net[NETADDR_TEXT_LEN];
	netaddr_format(&e->net, net);
	const char *advice = "blocking it may cut the host or you off; name the intruder's own addresses only";
	if (netaddr_cmp(a, &e->net) == 0)
		return guard_refuse(guard, v, e->rule, "%s is %s: %s", shown, e->what, advice);
	const char *how = netaddr_contains(a, &e->net) ? "contains" : "lies in";
	return guard_refuse(guard, v, e->rule, "%s %s %s, which is %s: %s", shown, how, net, e->what, advice);
}

int guard_address(struct guard *guard, const struct netaddr *address, struct refusal *v)
{
	const struct net_facts *f;
	char shown[NETADDR_TEXT_LEN];
	int r = get_facts(guard, &f);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out which addresses this host depends on");
	if (address->family != AF_INET && address->family != AF_INET6)
		return guard_unsure(v, -EAFNOSUPPORT, "an address of an unknown kind");
	const struct entry *e = find(f, address);
	unsigned floor = floor_of(guard, address->family);
	if (!e && address->prefix >= floor)
		return 0;
	netaddr_format(address, shown);
	if (address->prefix < floor)
		r = guard_refuse(guard, v, "net.too-wide",
		                 "%s is wider than /%u, the widest that respond.conf(5) allows: name smaller networks",
		                 shown, floor);
	return r < 0 || !e ? r : refuse_entry(guard, address, shown, e, v);
}

/* Who must be among those that are kept: the operator, and what respond.conf(5) protects. Other
 * sessions need not: an intruder's may be one of them. */
static bool must_be_kept(const struct net_facts *f, const struct entry *e, const struct addrs *kept)
{
	if (strcmp(e->rule, "net.operator") != 0 && strcmp(e->rule, "net.protected") != 0)
		return false;
	const struct entry *first = find(f, &e->net); /* loopback and own addresses come before */
	if (first && (strcmp(first->rule, "net.loopback") == 0 || strcmp(first->rule, "net.own") == 0) &&
	    netaddr_contains(&first->net, &e->net))
		return false;
	return !addrs_find(kept, &e->net);
}

int guard_all_but(struct guard *guard, const struct addrs *kept, struct refusal *v)
{
	const struct net_facts *f;
	int r = get_facts(guard, &f);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out which addresses must not be cut off");
	for (size_t i = 0; r == 0 && i < f->n; i++) {
		char net[NETADDR_TEXT_LEN];
		if (!must_be_kept(f, &f->v[i], kept))
			continue;
		netaddr_format(&f->v[i].net, net);
		r = guard_refuse(guard, v, f->v[i].rule,
		                 "%s is %s, and not among the management addresses: it would be cut off; add it", net,
		                 f->v[i].what);
	}
	return r;
}
